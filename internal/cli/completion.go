// completion: scripts for shells, which complete oidc-token too.

package cli

import (
	"bytes"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// A completionScript writes the script of a shell. It covers oidc-token once
// covers replaces own, or, if own is "", stands at its end.
type completionScript struct {
	write       func(root *cobra.Command, w io.Writer, descriptions bool) error
	own, covers string
}

// completionScripts are the scripts by the names of shells. oidc-token asks
// oidc-client for what can follow, as its command token.
func completionScripts() map[string]completionScript {
	return map[string]completionScript{
		"bash": {
			(*cobra.Command).GenBashCompletionV2,
			"-F __start_oidc-client oidc-client\n", "-F __start_oidc-client oidc-client oidc-token\n",
		},
		"zsh": {
			func(root *cobra.Command, w io.Writer, descriptions bool) error {
				if descriptions {
					return root.GenZshCompletion(w)
				}
				return root.GenZshCompletionNoDesc(w)
			},
			"compdef oidc-client\ncompdef _oidc-client oidc-client\n",
			"compdef oidc-client oidc-token\ncompdef _oidc-client oidc-client oidc-token\n",
		},
		"fish": {
			(*cobra.Command).GenFishCompletion,
			"", "\ncomplete -c oidc-token -e\ncomplete -c oidc-token -w oidc-client\n",
		},
		"powershell": {
			func(root *cobra.Command, w io.Writer, descriptions bool) error {
				if descriptions {
					return root.GenPowerShellCompletionWithDesc(w)
				}
				return root.GenPowerShellCompletion(w)
			},
			"-CommandName 'oidc-client' ", "-CommandName 'oidc-client', 'oidc-token' ",
		},
	}
}

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
			_, err := io.WriteString(cmd.OutOrStdout(), script.cover(text.String()))
			return err
		}
	}
}

// cover makes a script complete oidc-token.
func (s completionScript) cover(text string) string {
	if s.own == "" {
		return text + s.covers
	}
	return strings.ReplaceAll(text, s.own, s.covers)
}
