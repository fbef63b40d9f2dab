// completion: scripts for shells, which complete oidc-token too, and what completes arguments and the
// values of flags.

package cli

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// A completionScript writes the script of a shell. It covers oidc-token, and works in any
// configuration of the shell, once its changes are made.
type completionScript struct {
	write   func(root *cobra.Command, w io.Writer, descriptions bool) error
	changes []change
}

// A change of a script replaces a text in it, or, if that is "", stands at its end.
type change struct{ from, to string }

// completionScripts are the scripts by the names of shells. oidc-token asks
// oidc-client for what can follow, as its command token.
func completionScripts() map[string]completionScript {
	return map[string]completionScript{
		"bash": {(*cobra.Command).GenBashCompletionV2, []change{
			{"-F __start_oidc-client oidc-client\n", "-F __start_oidc-client oidc-client oidc-token\n"},
			{bashWordsOfPackage, bashWords},
		}},
		"zsh": {
			func(root *cobra.Command, w io.Writer, descriptions bool) error {
				if descriptions {
					return root.GenZshCompletion(w)
				}
				return root.GenZshCompletionNoDesc(w)
			},
			[]change{{"compdef oidc-client\ncompdef _oidc-client oidc-client\n", zshBeginning}},
		},
		"fish": {
			(*cobra.Command).GenFishCompletion,
			[]change{{"", fishEnd}},
		},
		"powershell": {
			func(root *cobra.Command, w io.Writer, descriptions bool) error {
				if descriptions {
					return root.GenPowerShellCompletionWithDesc(w)
				}
				return root.GenPowerShellCompletion(w)
			},
			[]change{{"-CommandName 'oidc-client' ", "-CommandName 'oidc-client', 'oidc-token' "}},
		},
	}
}

// bashWordsOfPackage takes the words of the command line from a function of the package
// bash-completion, which many systems do not have.
const bashWordsOfPackage = `    _get_comp_words_by_ref "$@" cur prev words cword
`

// bashWords does without that package where it is missing. It joins what bash has split at = and :, which
// are in most URLs, and cuts the last word where the cursor is.
const bashWords = `    if declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
        _get_comp_words_by_ref "$@" cur prev words cword
        return
    fi

    local i word rest line=${COMP_LINE:0:COMP_POINT}
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        rest=${line#"${line%%[![:space:]]*}"}
        [[ $rest == "$word"* ]] || word=$rest
        if ((i > 0)) && [[ $rest == "$line" && ($word == [=:]* || ${COMP_WORDS[i-1]} == *[=:]) ]]; then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
        line=${rest#"$word"}
    done
    cword=$((${#words[@]} - 1))
    cur=${words[cword]}
    prev=
    ((cword == 0)) || prev=${words[cword-1]}
`

// zshBeginning registers the completion, or says what it needs: without compinit zsh completes nothing.
const zshBeginning = `compdef oidc-client oidc-token
if (( $+functions[compdef] )); then
    compdef _oidc-client oidc-client oidc-token
else
    print -ru2 "oidc-client: completion needs zsh's completion system; add to .zshrc, before this script:" \
        "autoload -Uz compinit && compinit"
fi
`

// addCompletion adds the command completion.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	cmd, _, err := root.Find([]string{"completion"})
	if err != nil {
		return
	}
	cmd.Args, cmd.RunE = unknownCommand, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	withoutDocument(printsHelp, cmd)
	withoutDocument(printsScript, cmd.Commands()...)
	scripts := completionScripts()
	for _, shell := range cmd.Commands() {
		script := scripts[shell.Name()]
		shell.RunE = func(cmd *cobra.Command, _ []string) error {
			terse, _ := cmd.Flags().GetBool("no-descriptions") // every shell has it
			var text bytes.Buffer
			if err := script.write(cmd.Root(), &text, !terse); err != nil {
				return err
			}
			_, err := io.WriteString(cmd.OutOrStdout(), script.change(text.String()))
			return err
		}
	}
}

// fishEnd registers oidc-token as the script has registered oidc-client. If it wrapped oidc-client, fish
// would ask that one, without the command token.
const fishEnd = `
complete -c oidc-token -e
complete -c oidc-token -n '__oidc_client_clear_perform_completion_once_result'
complete -c oidc-token -n 'not __oidc_client_requires_order_preservation && __oidc_client_prepare_completions' \
    -f -a '$__oidc_client_comp_results'
complete -k -c oidc-token -n '__oidc_client_requires_order_preservation && __oidc_client_prepare_completions' \
    -f -a '$__oidc_client_comp_results'
`

// change makes the changes of a script.
func (s completionScript) change(text string) string {
	for _, c := range s.changes {
		if c.from == "" {
			text += c.to
		} else {
			text = strings.ReplaceAll(text, c.from, c.to)
		}
	}
	return text
}

// completeFlags completes the values of flags that mean the same in every command.
func completeFlags(p *program, cmd *cobra.Command) {
	sessions := func() []string { return sessionNames(p) }
	fixed := func(values ...string) func() []string { return func() []string { return values } }
	for flag, values := range map[string]func() []string{
		"session": sessions, "save": sessions,
		"prompt":     fixed("none", "login", "consent", "select_account", "create"),
		"use":        fixed("sig", "enc"),
		"key-format": fixed("pem", "jwk"),
		"fapi2":      fixed("security", "message-signing"),
		"grant-type": fixed("authorization_code", "refresh_token", "client_credentials",
			"urn:ietf:params:oauth:grant-type:device_code", "urn:openid:params:grant-type:ciba"),
	} {
		if cmd.LocalNonPersistentFlags().Lookup(flag) != nil {
			complete(cmd, flag, values)
		}
	}
	for _, below := range cmd.Commands() {
		completeFlags(p, below)
	}
}

// sessionNames are the names of the sessions that there are.
func sessionNames(p *program) []string {
	store, err := openStore(p.run)
	if err != nil {
		return nil
	}
	names, _ := store.Names() // what cannot be read is not offered
	return names
}

// completeSessions completes the name of a session, and then one of some words.
func completeSessions(p *program, then ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		switch len(args) {
		case 0:
			return sessionNames(p), cobra.ShellCompDirectiveNoFileComp
		case 1:
			return then, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeAll completes any number of words, each once.
func completeAll(words func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		rest := slices.DeleteFunc(words(), func(word string) bool { return slices.Contains(args, word) })
		return rest, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeTopics completes the commands and topics that there is help about.
func completeTopics(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var topics []string
	if about, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
		for _, below := range about.Commands() {
			if below.IsAvailableCommand() || below.IsAdditionalHelpTopicCommand() {
				topics = append(topics, below.Name()+"\t"+below.Short)
			}
		}
	}
	return topics, cobra.ShellCompDirectiveNoFileComp
}
