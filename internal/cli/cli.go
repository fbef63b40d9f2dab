// Package cli is the command line: it gathers what was asked for, calls package
// oidc, and shows what came of it. Nothing below it prints, reads the
// environment or exits.
package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
)

// A program is a command line: the world, the flags that every command has, and the run
// of the command, once it began.
type program struct {
	env   *run.Env
	flags run.Options
	run   *run.Run

	reports []string // the values of --report
	args    []string // the command line
}

// newProgram is a command line of which nothing is known yet but how output is wanted.
func newProgram(env *run.Env, flags run.Options) *program {
	return &program{env: env, flags: flags, run: run.New(env, flags, "oidc-client")}
}

// Main runs the command that args name and returns the exit code.
func Main(ctx context.Context, env *run.Env, args []string) int {
	// A flag that cannot be parsed may stand before --format: what the user
	// reads the answer with is known all the same.
	p := newProgram(env, outputIn(args))
	p.args = args
	root := p.root(args)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && p.run.Record.Command == root.Name() {
		p.run.Record.Command = commandName(cmd)
	}
	return p.run.Finish(ctx, err)
}

// outputIn finds --format, --jq and --no-color without parsing the rest.
func outputIn(args []string) run.Options {
	o := run.Options{Format: cmp.Or(valueIn(args, "--format"), "text"), NoColor: slices.Contains(args, "--no-color")}
	if expression := valueIn(args, "--jq"); expression != "" {
		o.Format = "json"
		o.Filter, _ = run.ParseFilter(expression) // what is wrong with it is told when it is parsed
	}
	return o
}

// valueIn finds the value of a flag, "" if there is none.
func valueIn(args []string, flag string) string {
	for i, a := range args {
		if a == "--" {
			break
		}
		if value, ok := strings.CutPrefix(a, flag+"="); ok {
			return value
		}
		if a == flag && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// root returns the program's command with those commands below it that args need.
func (p *program) root(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "oidc-client",
		Short: "OpenID Connect client for the command line",
		Long: `oidc-client gets, renews, verifies and explains the tokens of OpenID Providers.

It verifies what it gets by every rule of the standards, never loses a rotated
refresh token, keeps secrets out of logs, and says why when something fails.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       p.env.Build.Name(),
		Args:          unknownCommand,

		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE:          p.begin,
	}
	root.SetIn(p.env.Stdin)
	root.SetOut(p.env.Stdout)
	root.SetErr(p.env.Stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		p.run.Record.Command = commandName(cmd)
		// What follows "=" or " in " may be a secret.
		text, _, _ := strings.Cut(err.Error(), "=")
		text, _, _ = strings.Cut(text, " in -")
		text, _, _ = strings.Cut(text, ": strconv.") // Go's word for what kind of number
		if flag, unknown := strings.CutPrefix(text, "unknown flag: --"); unknown {
			text += strings.Replace(config.Nearest(flag, flagNames(cmd)), "mean ", "mean --", 1)
		}
		return failure.Usage("%s", text)
	})
	f := root.PersistentFlags()
	f.VarPF((*debugLevel)(&p.flags.Debug), "debug", "d", "debug mode enabled").NoOptDefVal = "true"
	f.BoolVar(&p.flags.ShowSecrets, "show-secrets", false,
		"with -d (a line for each request) or -dd (headers and bodies): show tokens and secrets as they are")
	f.BoolVar(&p.flags.NoColor, "no-color", false, "disable color output")
	f.Bool("skip-userinfo", false, "Skip fetching Userinfo")
	f.BoolVarP(&p.flags.Output, "output", "o", false, "write result files")
	f.StringVar(&p.flags.OutputDir, "output-dir", ".", "`folder` of the result files")
	f.StringVar(&p.flags.Format, "format", "text", "output `format`: text or json")
	f.StringVar(&p.flags.JQ, "jq", "", "filter the JSON document with a jq `expression` (implies --format json)")
	f.VarPF((*explanation)(&p.flags.Explain), "explain", "",
		"show the rules that failed, warned or were waived; --explain=all shows every rule").NoOptDefVal = "true"
	f.DurationVar(&p.flags.Timeout, "timeout", 0,
		"bound of the whole command, such as 30s (the answer to a refresh token that was sent has 5s more)")
	root.InitDefaultHelpFlag() // before the command is found: -h takes no value
	root.SetHelpCommand(helpCommand())
	addCommands(root, p, p.commands(), args)
	addReports(root, &p.reports)
	withoutDocument(printsHelp, root)
	complete(root, "format", func() []string { return []string{"text", "json"} })
	complete(root, "jq", func() []string { return nil })
	if len(args) > 0 && strings.HasPrefix(args[0], "__complete") {
		completeFlags(p, root)
	}
	return root
}

// unknownCommand says which command may have been meant. What was typed is
// only repeated if it looks like a command: it may be a token.
func unknownCommand(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case len(args[0]) > 30:
		return failure.Usage("an unknown command of %d characters", len(args[0]))
	}
	cmd.SuggestionsMinimumDistance = 2 // as of the first word
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return failure.Usage("unknown command %q; did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return failure.Usage("unknown command %q", args[0])
}

// helpCommand is cobra's, but that a topic which is not there is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Help about any command",

		ValidArgsFunction: completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return failure.Usage("there is no help topic %q; besides the commands there are exit-codes, rules, "+
					"reasons and limits", strings.Join(args, " "))
			}
			if cmd.Flags().Changed("jq") && found.Runnable() { // topics have a document
				return noDocumentError(printsHelp)
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// begin makes ready what the options ask for, before the command runs.
func (p *program) begin(cmd *cobra.Command, args []string) error {
	name := commandName(cmd)
	if strings.HasPrefix(cmd.Name(), "__complete") {
		return nil // a command line that is being typed
	}
	format := p.flags.Format
	if !slices.Contains([]string{"text", "json"}, format) {
		p.flags.Format = "text"
	}
	first, _, _ := strings.Cut(name, " ")
	ofSession := slices.Contains([]string{"token", "exec", "helper", "sessions", "agent"}, first)
	var err error
	if p.flags.Cache, err = cacheWanted(cmd, p.env.Getenv); !ofSession {
		err = nil // other commands report it with the rest of their configuration
	}
	wrong := filter(cmd, &p.flags)
	p.flags.Reporting = run.Reporting{Purpose: cmd.Short, Arguments: shownArguments(cmd, p.args)}
	p.run = run.New(p.env, p.flags, name)
	learnParameters(p.run, cmd)
	switch {
	case !slices.Contains([]string{"text", "json"}, format):
		return failure.Usage("--format %q is neither text nor json", format)
	case err != nil:
		return err
	case p.flags.Timeout < 0:
		return failure.Usage("--timeout must not be negative")
	case p.flags.ShowSecrets && p.flags.Debug == 0:
		return failure.Usage("--show-secrets goes with -d or -dd")
	case p.flags.ShowSecrets:
		p.run.Warn("--show-secrets: the requests and answers below hold tokens and secrets that work; show them to " +
			"nobody")
	}
	if err := checkValues(cmd, args); err != nil {
		return err
	}
	if wrong != nil {
		return wrong
	}
	warnIdle(p.run, cmd)
	p.run.Options.Reporting.Files, err = reserveReports(p.reports)
	return err
}

// filter makes ready what --jq asks for, if it is given.
func filter(cmd *cobra.Command, o *run.Options) (err error) {
	o.Filter = nil
	switch {
	case o.JQ == "":
		return nil // if it is given, it is empty, which no flag may be
	case cmd.Flags().Changed("format") && !o.JSON():
		return failure.Usage("--jq filters the JSON document, which --format text does not print")
	}
	o.Format = "json"
	o.Filter, err = run.ParseFilter(o.JQ)
	if why, none := cmd.Annotations[noDocument]; none && err == nil {
		return noDocumentError(why)
	}
	return err
}

func noDocumentError(why string) error {
	return failure.Usage("--jq has no document to filter: %s", why)
}

// counted makes a wrong number of arguments a mistake of the user's, not of ours.
func counted(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return failure.Usage("%w", err)
		}
		return nil
	}
}

// needs wants a number of arguments, and says what they are.
func needs(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("what belongs here is %s", what)
		}
		return nil
	}
}

// checkValues refuses what no flag or argument can be meant to be.
func checkValues(cmd *cobra.Command, args []string) error {
	own := args
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		own = args[:dash] // the rest is another command's
	}
	if slices.Contains(own, "") {
		return failure.Usage("an argument is empty")
	}
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil {
			err = checkValue(f)
		}
	})
	return err
}

func checkValue(f *pflag.Flag) error {
	for _, value := range flagValues(f) {
		switch {
		case value == "": // as a variable of a script that was not set: it must not pass for a flag that was not given
			return failure.Usage("--%s is empty; leave it out if nothing is meant", f.Name)
		case !utf8.ValidString(value) && !takesBytes(f): // JSON cannot hold it, and would change it in silence
			return failure.Usage("--%s is not UTF-8", f.Name)
		}
	}
	return nil
}

// takesBytes reports whether a flag takes what need not be UTF-8: the name of a file, or
// what is judged when it was read.
func takesBytes(f *pflag.Flag) bool {
	kind, help := pflag.UnquoteUsage(f)
	return kind == "file" || kind == "folder" || f.Name == "config" || strings.Contains(help, "@FILE")
}

// flagValues are the values of a flag, which is one unless it may be repeated.
func flagValues(f *pflag.Flag) []string {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return list.GetSlice()
	}
	return []string{f.Value.String()}
}

// complete completes the values of a flag.
func complete(cmd *cobra.Command, flag string, values func() []string) {
	_ = cmd.RegisterFlagCompletionFunc(flag,
		func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return values(), cobra.ShellCompDirectiveNoFileComp
		}) // fails for a flag that is not there, and these are
}

// What commands print that is no JSON document.
const (
	printsHelp   = "the command prints a help text"
	printsScript = "the command prints a script for a shell"
	printsAnswer = "a helper prints what the other tool reads"
	printsOther  = "exec prints what the command prints"
)

// group is a command that only has commands below it.
func group(name, short string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(below...)
	withoutDocument(printsHelp, cmd)
	return cmd
}

// commandName is the name of a command without the program's: "jwt decode".
func commandName(cmd *cobra.Command) string {
	_, name, ok := strings.Cut(cmd.CommandPath(), " ")
	if !ok {
		return cmd.Name()
	}
	return name
}
