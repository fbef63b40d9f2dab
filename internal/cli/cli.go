// Package cli is the command line: it gathers what was asked for, calls package
// oidc, and shows what came of it. Nothing below it prints, reads the
// environment or exits.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/oidc-client/oidc-client/internal/cache"
	"github.com/oidc-client/oidc-client/internal/call"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// An Env is the world as the program sees it.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time
	Proxy          func(*http.Request) (*url.URL, error)
	Terminal       func(io.Writer) bool           // whether a writer is a terminal
	Console        func() (io.WriteCloser, error) // opens the terminal of the process; nil means there is none
	Shield         func()                         // called before what must not end with its reader; nil does nothing
	Hold           func() func()                  // keeps signals from ending the program until what it returns is called; nil does nothing
	Build          Build
	Environ        func() []string

	// Become replaces the program by a command: its path, its argv, its environment. It only
	// returns if that cannot be done.
	Become func(program string, argv, environ []string) error

	// Run starts a program of the user's and does not wait for it: the channel tells some
	// day how it ended, and is nil if that is not known.
	Run func([]string) (<-chan error, error)
}

// A Build says what the linker stamped; empty fields are read from the build
// information of the Go toolchain.
type Build struct{ Version, Commit, Date string }

// System is the real world.
func System(b Build) *Env {
	return &Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Now: time.Now, Proxy: http.ProxyFromEnvironment, Build: b, Shield: shield, Hold: hold, Run: start, Environ: os.Environ, Become: become,
		Console: openConsole,
		Terminal: func(w io.Writer) bool {
			f, ok := w.(*os.File)
			return ok && term.IsTerminal(int(f.Fd()))
		},
	}
}

// A program is one run of a command: its options, and the record of what
// happened.
type program struct {
	env     *Env
	options options

	run      *transcript.Run
	redactor *transcript.Redactor
	recorder *transcript.Recorder
	out, err *transcript.Text

	stdoutErr error  // of what was not written by out
	stdinUsed string // the flag that read standard input, "" if none did
	method    string // of client authentication, once it is chosen
	metadata  *oidc.Provider
	cache     *cache.Transport        // of metadata and keys, nil if nothing is kept
	uncached  bool                    // the command looks for itself
	watching  sync.WaitGroup          // over the browser, until the command ends
	keep      *rotation               // the refresh token's file, nil if there is none
	saving    *saving                 // where --save keeps tokens, nil if it is not given
	keeper    *keeper                 // keeps the tokens of the login that is under way, nil if none are
	sources   sources                 // of the configuration
	agent     *agentClient            // nil if there is none, or sessions are not used
	locksFail sync.Once               // that locks do nothing is told
	spent     *session.Session        // whose refresh token this run may have spent for nothing
	bound     binding                 // of the session's tokens
	unwritten error                   // of result files
	unshown   func(cause error) error // says, and does, what is to be when a result could not be shown; nil is nothing
	keys      []oidc.DecryptionKey
	noFile    bool   // no configuration file was read
	explained bool   // the rules were shown
	secretAt  string // where the client secret comes from, "" if there is none
	keyAt     string // where the private key is named, "" if nowhere

	sent string // the refresh token that was sent, "" if none was
	user string // of the session that the command works with, "" if none or nobody

	likeFlag, likeFile string // a flag whose value is no file's contents but the name of a file
}

// options are the flags that every command has.
type options struct {
	debug, noColor, output, explain bool
	showSecrets                     bool
	outputDir, format               string
	timeout                         time.Duration
	cache                           string // whether cached metadata and keys are used, by --no-cache or OIDC_NO_CACHE: true, false, "" if neither says
}

func (o options) json() bool { return o.format == "json" }

// Main runs the command that args name and returns the exit code.
func Main(ctx context.Context, env *Env, args []string) int {
	p := &program{
		env: env, run: &transcript.Run{Command: "oidc-client"}, redactor: transcript.NewRedactor(),
		out: &transcript.Text{W: env.Stdout}, err: &transcript.Text{W: env.Stderr},
	}
	root := p.root()
	root.SetArgs(args)
	// A flag that cannot be parsed may stand before --format: what the user
	// reads the answer with is known all the same.
	p.options.format = formatIn(args)
	cmd, err := root.ExecuteContextC(ctx)
	p.watching.Wait()
	if err != nil && p.run.Command == root.Name() {
		p.run.Command = commandName(cmd)
	}
	return p.finish(ctx, err)
}

// formatIn finds the value of --format without parsing the rest.
func formatIn(args []string) string {
	for i, a := range args {
		if a == "--" {
			break
		}
		if value, ok := strings.CutPrefix(a, "--format="); ok {
			return value
		}
		if a == "--format" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return "text"
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "oidc-client",
		Short: "OpenID Connect client for the command line",
		Long: `oidc-client gets, renews, verifies and explains the tokens of OpenID Providers.

It verifies what it gets by every rule of the standards, never loses a rotated
refresh token, keeps secrets out of logs, and says why when something fails.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       p.env.Build.version(),
		Args:          unknownCommand,

		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE:          p.begin,
	}
	root.SetIn(p.env.Stdin)
	root.SetOut(p.env.Stdout)
	root.SetErr(p.env.Stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		p.run.Command = commandName(cmd)
		// What follows "=" or " in " may be a secret.
		text, _, _ := strings.Cut(err.Error(), "=")
		text, _, _ = strings.Cut(text, " in -")
		text, _, _ = strings.Cut(text, ": strconv.") // Go's word for what kind of number
		return usage("%s", text)
	})
	f := root.PersistentFlags()
	f.BoolVarP(&p.options.debug, "debug", "d", false, "debug mode enabled")
	f.BoolVar(&p.options.showSecrets, "show-secrets", false, "with -d: show tokens and secrets as they are, instead of tags in their places")
	f.BoolVar(&p.options.noColor, "no-color", false, "disable color output")
	f.Bool("skip-userinfo", false, "Skip fetching Userinfo")
	f.BoolVarP(&p.options.output, "output", "o", false, "write result files")
	f.StringVar(&p.options.outputDir, "output-dir", ".", "`folder` of the result files")
	f.StringVar(&p.options.format, "format", "text", "output `format`: text or json")
	f.BoolVar(&p.options.explain, "explain", false, "show every rule that was checked")
	f.DurationVar(&p.options.timeout, "timeout", 0, "bound of the whole command, such as 30s (the answer to a refresh token that was sent has 5s more)")
	root.InitDefaultHelpFlag() // before the command is found: -h takes no value
	root.AddCommand(p.commands()...)
	root.SetHelpCommand(helpCommand())
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args, c.RunE = unknownCommand, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
	complete(root, "format", func() []string { return []string{"text", "json"} })
	return root
}

// commands is the table of commands.
func (p *program) commands() []*cobra.Command {
	return []*cobra.Command{
		p.refreshTokenCommand(),
		p.clientCommand(),
		p.deviceCommand(),
		p.cibaCommand(),
		p.clientCredentialsCommand(),
		p.passwordCommand(),
		p.jwtBearerCommand(),
		p.saml2BearerCommand(),
		p.tokenExchangeCommand(),
		p.userInfoCommand(),
		p.introspectCommand(),
		p.revokeCommand(),
		p.endSessionCommand(),
		p.logoutReceiverCommand(),
		p.resourceCommand(),
		p.tokenCommand(),
		p.execCommand(),
		p.helperCommand(),
		p.sessionsCommand(),
		p.agentCommand(),
		p.discoverCommand(),
		p.registerCommand(),
		p.jwtCommand(),
		p.configCommand(),
		p.providerCommand(),
		p.demoCommand(),
		p.versionCommand(),
		p.documentationCommand(),
		p.exitCodesTopic(),
		p.rulesTopic(),
		p.reasonsTopic(),
		p.limitsTopic(),
	}
}

// unknownCommand says which command may have been meant. What was typed is
// only repeated if it looks like a command: it may be a token.
func unknownCommand(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case len(args[0]) > 30:
		return usage("an unknown command of %d characters", len(args[0]))
	}
	cmd.SuggestionsMinimumDistance = 2 // as of the first word
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usage("unknown command %q; did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return usage("unknown command %q", args[0])
}

// helpCommand is cobra's, but that a topic which is not there is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Help about any command",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usage("there is no help topic %q; besides the commands there are exit-codes, rules, reasons and limits", strings.Join(args, " "))
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// begin makes ready what the options ask for, before the command runs.
func (p *program) begin(cmd *cobra.Command, args []string) error {
	p.run.Command = commandName(cmd)
	if strings.HasPrefix(cmd.Name(), "__complete") {
		return nil // a command line that is being typed
	}
	if !slices.Contains([]string{"text", "json"}, p.options.format) {
		format := p.options.format
		p.options.format = "text"
		return usage("--format %q is neither text nor json", format)
	}
	if err := checkValues(cmd, args); err != nil {
		return err
	}
	first, _, _ := strings.Cut(p.run.Command, " ")
	ofSession := slices.Contains([]string{"token", "exec", "helper", "sessions", "agent"}, first)
	var err error
	if p.options.cache, err = cacheWanted(cmd, p.env.Getenv); err != nil && ofSession {
		return err // other commands report it with the rest of their configuration
	}
	if p.options.timeout < 0 {
		return usage("--timeout must not be negative")
	}
	plain := p.options.noColor || p.env.Getenv("NO_COLOR") != "" || p.env.Getenv("TERM") == "dumb" ||
		runtime.GOOS == "windows" && p.env.Getenv("WT_SESSION") == "" // an old console shows escapes as they are
	p.out.Colour = !plain && p.env.Terminal(p.env.Stdout)
	p.err.Colour = !plain && p.env.Terminal(p.env.Stderr)
	p.recorder = &transcript.Recorder{Redactor: p.redactor, Name: call.Endpoint, Now: p.env.Now, Reveal: p.options.showSecrets}
	if p.options.debug {
		p.recorder.Show = p.err.Exchange
	}
	switch {
	case p.options.showSecrets && !p.options.debug:
		return usage("--show-secrets goes with -d")
	case p.options.showSecrets:
		p.warn("--show-secrets: the requests and answers below hold tokens and secrets that work; show them to nobody")
	}
	p.warnIdle(cmd)
	return nil
}

// counted makes a wrong number of arguments a mistake of the user's, not of ours.
func counted(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usage("%w", err)
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
		return usage("an argument is empty")
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
			return usage("--%s is empty; leave it out if nothing is meant", f.Name)
		case !utf8.ValidString(value) && !takesBytes(f): // JSON cannot hold it, and would change it in silence
			return usage("--%s is not UTF-8", f.Name)
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
	_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values(), cobra.ShellCompDirectiveNoFileComp
	}) // fails for a flag that is not there, and these are
}

// group is a command that only has commands below it.
func group(name, short string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(below...)
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

// bounded applies --timeout to a context.
func (p *program) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if p.options.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, p.options.timeout, &timeoutError{p.options.timeout})
}

// A timeoutError is --timeout's way of saying context.DeadlineExceeded.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string { return fmt.Sprintf("the --timeout of %s ran out", e.after) }

func (e *timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// warn tells people something on standard error.
func (p *program) warn(format string, args ...any) {
	p.err.Line(transcript.LevelWarn, p.redactor.Text(fmt.Sprintf(format, args...)))
}

// inform tells people something on standard error that is no warning.
func (p *program) inform(format string, args ...any) {
	p.err.Line(transcript.LevelInfo, p.redactor.Text(fmt.Sprintf(format, args...)))
}

// finish shows how the command ended and returns the exit code.
func (p *program) finish(ctx context.Context, err error) int {
	if cause := cmp.Or(p.out.Err(), p.stdoutErr); cause != nil {
		err = p.notShown(err, cause)
	}
	var done *doneError
	if errors.As(err, &done) {
		return done.code
	}
	p.redactChecks()
	for _, t := range []*transcript.Token{p.run.IDToken, p.run.AccessToken, p.run.RefreshToken} {
		if t != nil { // nothing counts as verified in a run where a rule was waived
			t.Verified = t.Verified && p.run.Checks.Verified()
		}
	}
	if err != nil {
		p.explain() // also what was found before it
		p.run.Failure = p.failure(ctx, err)
	}
	if p.options.json() && (err != nil || p.result()) {
		if werr := p.run.WriteJSON(p.env.Stdout); werr != nil {
			err = p.notShown(err, fmt.Errorf("writing to standard output: %w", werr))
			p.run.Failure = p.failure(ctx, err)
		}
	}
	if err != nil {
		p.err.Failure(p.run.Failure, p.shown(err))
		return exitCode(p.run.Failure)
	}
	return 0
}

// notShown is how a command ended whose result could not be shown, for a cause. What
// went wrong before outweighs that, but not what became of the result.
func (p *program) notShown(err, cause error) error {
	if p.unshown != nil {
		cause = p.unshown(cause)
		p.unwritten = errors.Join(p.unwritten, cause)
	}
	if err != nil {
		return err
	}
	return cause
}

// result reports whether the command left something to show as JSON: help and
// completion print what they are.
func (p *program) result() bool {
	r := p.run
	return r.Issuer != "" || len(r.Members) > 0 || r.TokenResponse != nil || r.UserInfo != nil
}

// A doneError ends a command that has said all there is to say.
type doneError struct{ code int }

func (e *doneError) Error() string { return fmt.Sprintf("exit code %d", e.code) }
