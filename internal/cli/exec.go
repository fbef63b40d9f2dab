// exec: a command that is run with a token of a session.

package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
)

// execOptions are the flags of exec.
type execOptions struct {
	needFlags
	variable string
	file     bool
}

func execCommand(p *program) *cobra.Command {
	var o execOptions
	cmd := &cobra.Command{
		Use:   "exec [NAME] -- COMMAND [ARGUMENT...]",
		Short: "Run a command with a token of a session in its environment",
		Long: `Run a command with a token of a session in its environment

The token is in OIDC_TOKEN, or in the variable that --env names; it is in no argv.
With --file the variable, then OIDC_TOKEN_FILE, names a file instead, which only you
can read, and which is kept fresh for as long as the command runs.

The command gets no other OIDC_* variable that holds a secret, such as OIDC_CLIENT_SECRET.

The exit code is the command's: 127 if there is none of that name, 126 if it cannot be
run, 128 and the number of the signal that ended it.`,
		Example: `  oidc-client exec work -- sh -c 'curl -H "Authorization: Bearer $OIDC_TOKEN" https://api.example.com'
  oidc-client exec work --id-token --env VAULT_JWT -- vault-login
  oidc-client exec work --file --env AWS_WEB_IDENTITY_TOKEN_FILE --id-token -- aws s3 ls`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return execute(p.run, cmd, &o, args) },

		ValidArgsFunction: completeSessions(p),
	}
	o.addNeed(cmd)
	addNoCache(cmd)
	does(cmd, showsRequests, showsRules)
	withoutDocument(printsOther, cmd)
	f := cmd.Flags()
	f.StringVar(&o.variable, "env", "", "`name` of the variable (default OIDC_TOKEN, or OIDC_TOKEN_FILE)")
	f.BoolVar(&o.file, "file", false, "the variable names a file that has the token, and is kept fresh")
	return cmd
}

func execute(r *run.Run, cmd *cobra.Command, o *execOptions, args []string) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	dash := cmd.ArgsLenAtDash()
	switch {
	case dash < 0 || dash > 1 || len(args) == dash:
		return failure.Usage("what to run stands behind --: exec NAME -- COMMAND [ARGUMENT...]")
	case r.Options.JSON():
		return failure.Usage("exec prints what the command prints, and no document")
	case strings.ContainsAny(o.variable, "=\x00"):
		return failure.Usage("--env is the name of a variable, without =")
	}
	run.Plainly(r) // standard output is the command's
	command := args[dash:]
	program, err := findProgram(r, command[0])
	if err != nil {
		return err
	}
	keeper, err := keeper(r)
	if err != nil {
		return err
	}
	name, err := sessionName(r, keeper, args[:dash])
	if err != nil {
		return err
	}
	need, err := o.need()
	if err != nil {
		return err
	}
	out, err := renew(ctx, r, keeper, name, need)
	r.Explain()
	if err != nil {
		return err
	}
	if err := tokenFit(out.Value); err != nil {
		return err
	}
	if o.file {
		return execWithFile(cmd.Context(), r, keeper, need, out, o, program, command)
	}
	return r.Env.Become(program, command, commandEnvironment(r.Env.Environ(), o.name(), out.Value))
}

// name is the variable that the command looks at.
func (o *execOptions) name() string {
	switch {
	case o.variable != "":
		return o.variable
	case o.file:
		return "OIDC_TOKEN_FILE"
	}
	return "OIDC_TOKEN"
}

// commandEnvironment returns the environment of a command: the program's own with one variable
// more, or with another value of it, and without the secrets that the program takes from there.
func commandEnvironment(environ []string, name, value string) []string {
	var all []string
	for _, pair := range environ {
		if other, _, _ := strings.Cut(pair, "="); other != name && !holdsSecret(other) {
			all = append(all, pair)
		}
	}
	return append(all, name+"="+value)
}

// holdsSecret reports whether an environment variable of the program holds a secret, and not a
// setting or the name of a file.
func holdsSecret(variable string) bool {
	for _, p := range config.Parameters() {
		if p.Env() == variable {
			return p.Secret
		}
	}
	return strings.HasPrefix(variable, "OIDC_") && !strings.HasSuffix(variable, "_FILE") &&
		slices.ContainsFunc([]string{"SECRET", "TOKEN", "PASSWORD", "ASSERTION", "CODE"}, func(word string) bool {
			return strings.Contains(variable, word)
		})
}

// The exit codes of a command that could not be run, as shells and env(1) have them.
const (
	cannotRun = 126
	notFound  = 127
)

// findProgram looks for a command, before any token is asked for.
func findProgram(r *run.Run, command string) (string, error) {
	path, err := exec.LookPath(command)
	if err == nil {
		return path, nil
	}
	code := cannotRun
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		code = notFound
	}
	r.Console().Failure(&failure.Failure{Kind: failure.KindUsage, Message: r.Redactor.Text(err.Error())}, nil)
	return "", &run.Done{Code: code}
}

// execWithFile runs a command beside a file that has the token, and keeps it fresh.
func execWithFile(ctx context.Context, r *run.Run, keeper session.Keeper, need session.Need, out *session.Token,
	o *execOptions, program string, argv []string,
) error {
	folder, err := os.MkdirTemp(r.Env.Getenv("XDG_RUNTIME_DIR"), "oidc-client-") // 0700
	if err != nil {
		return failure.Config("the file for the token: %v", err)
	}
	defer func() { _ = os.RemoveAll(folder) }() // what stays behind is a token that ends
	kept := &keptFile{path: filepath.Join(folder, "token"), run: r, keeper: keeper, need: need}
	if err := kept.write(out); err != nil {
		return failure.Config("the file for the token: %v", err)
	}
	cmd := exec.Command(program, argv[1:]...) //nolint:gosec,noctx // the user's own command, which ends by itself
	cmd.Args[0] = argv[0]
	cmd.Env = commandEnvironment(r.Env.Environ(), o.name(), kept.path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r.Env.Stdin, r.Env.Stdout, r.Env.Stderr
	code, err := supervise(ctx, r, cmd, kept.keep)
	if err != nil {
		return failure.Config("%s: %v", argv[0], err)
	}
	return &run.Done{Code: code}
}

// supervise runs a command with something beside it, and returns its exit code. Signals are
// the command's: this process outlives it.
func supervise(ctx context.Context, r *run.Run, cmd *exec.Cmd, beside func(context.Context)) (int, error) {
	forward, stop := run.Forward()
	defer stop()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		beside(ctx)
	}()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended is in its state
	}()
	for {
		select {
		case signal := <-forward:
			typed := signal == os.Interrupt || signal == syscall.SIGQUIT
			if !typed || !r.Env.Terminal(r.Env.Stderr) { // at a terminal it got that itself
				_ = cmd.Process.Signal(signal) // it may just have ended
			}
		case <-ended:
			cancel()
			<-done
			return run.ExitStatus(cmd.ProcessState), nil
		}
	}
}
