// helper kubernetes: client-go credential plugins, client.authentication.k8s.io/v1.

package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/internal/execcredential"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
)

// kubernetesOptions are the flags of helper kubernetes.
type kubernetesOptions struct {
	sessionOptions
	accessToken, setup bool
}

func helperKubernetesCommand(p *program) *cobra.Command {
	var o kubernetesOptions
	cmd := &cobra.Command{
		Use:   "kubernetes NAME",
		Short: "Print a token as an ExecCredential, for kubectl",
		Long: `Print a token as an ExecCredential, for kubectl

It is the ID Token, which the API server verifies. In the kubeconfig:

  users:
  - name: me
    user:
      exec:
        apiVersion: client.authentication.k8s.io/v1
        command: oidc-token
        args: [helper, kubernetes, work]
        interactiveMode: Never

--setup prints the kubectl command that writes this, with the flags beside it as args.

--login logs in through the browser if only that helps. kubectl allows it with
interactiveMode: IfAvailable and a terminal. With --issuer and --client-id, or -c, the
session is made by the first login: one kubeconfig serves a team.

oidc-token is installed beside oidc-client. It prints the same and starts faster
while the token is fresh; command: oidc-client works too.`,
		Example: `  oidc-client helper kubernetes work
  oidc-client helper kubernetes work --login --issuer https://op.example.com --client-id kubernetes --setup`,
		Args: counted(needs(1, "the NAME of a session")),
		RunE: func(cmd *cobra.Command, args []string) error { return helpKubernetes(p.run, cmd, &o, args) },

		ValidArgsFunction: completeSessions(p),
	}
	o.addLogin(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.accessToken, "access-token", false, "the access token instead of the ID Token")
	f.BoolVar(&o.setup, "setup", false, "print the kubectl command that puts this helper into the kubeconfig")
	return cmd
}

func helpKubernetes(r *run.Run, cmd *cobra.Command, o *kubernetesOptions, args []string) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	o.idToken = !o.accessToken
	r.Options.Output = false
	if err := speakPlainly(r); err != nil {
		return err
	}
	if o.setup {
		return setUpKubernetes(ctx, r, cmd, o, args[0])
	}
	asked, err := execcredential.Read(r.Env.Getenv(execcredential.InfoVariable))
	if err != nil {
		return failure.Usage("%w", err)
	}
	if asked.Unattended {
		o.unattended = "kubectl allows no login: there is no terminal, or the kubeconfig has interactiveMode: Never, " +
			"where --login needs IfAvailable"
	}
	out, err := wantedToken(ctx, r, cmd, &o.sessionOptions, args)
	if err == nil {
		err = handOut(r, out, o.idToken)
	}
	if err != nil {
		return err
	}
	data, err := execcredential.Marshal(asked.Version, out.Value, askAgain(r, out))
	if err == nil {
		r.PrintText(strings.TrimSuffix(string(data), "\n"))
	}
	return err
}

// setUpKubernetes prints the command that makes kubectl run this command line without --setup.
func setUpKubernetes(
	ctx context.Context, r *run.Run, cmd *cobra.Command, o *kubernetesOptions, name string,
) error {
	if err := session.CheckName(name); err != nil {
		return failure.Usage("%v", err)
	}
	if err := checkLoginFlags(r, cmd, &o.sessionOptions); err != nil {
		return err
	}
	flags, err := flagsAgain(cmd, "setup")
	if err == nil && namesConfiguration(cmd, &o.client) { // what is wrong with it shows here, not in kubectl
		_, err = loadConfig(ctx, r, cmd, &o.client, "issuer", "client_id")
	}
	if err != nil {
		return err
	}
	mode := map[bool]string{true: "IfAvailable", false: "Never"}[o.login]
	line := []string{
		"kubectl", "config", "set-credentials", name, "--exec-api-version=" + execcredential.V1,
		"--exec-interactive-mode=" + mode, "--exec-command=oidc-client",
	}
	for _, arg := range slices.Concat([]string{"helper", "kubernetes", name}, flags) {
		line = append(line, "--exec-arg="+csvField(arg))
	}
	for i, word := range line {
		line[i] = shellWord(word)
	}
	r.PrintText(strings.Join(line, " "))
	r.Inform("the command above adds the user %s to the kubeconfig; `kubectl config set-context --current --user=%s` "+
		"chooses it", name, name)
	keeper, err := keeper(r)
	if err != nil || namesConfiguration(cmd, &o.client) {
		return err
	}
	if _, err := keeper.View(name); errors.Is(err, session.ErrNoSession) {
		r.Warn("there is no session %s yet: `oidc-client login --save %s` makes it, or --login with --issuer and "+
			"--client-id does", name, name)
	}
	return nil
}

// flagsAgain are the flags on the command line but one, for another run from another folder. What
// would put a secret where others can read it is refused.
func flagsAgain(cmd *cobra.Command, but string) ([]string, error) {
	var again []string
	var failed error
	add := func(f *pflag.Flag, value string) {
		kind, help := pflag.UnquoteUsage(f)
		file, at := strings.CutPrefix(value, "@")
		var err error
		switch {
		case kind == "file" || f.Name == "config":
			value, err = filepath.Abs(value)
		case strings.Contains(help, "@FILE") && at:
			value, err = filepath.Abs(file)
			value = "@" + value
		case strings.Contains(help, "@FILE"):
			err = failure.Usage("--%s would be in the kubeconfig, where others read it: give it as @FILE, or leave it "+
				"out and set its environment variable", f.Name)
		}
		if failed == nil {
			failed = err
		}
		again = append(again, "--"+f.Name+"="+value)
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch {
		case f.Name == but:
		case f.Value.Type() == "bool" && f.Value.String() == "true":
			again = append(again, "--"+f.Name)
		default:
			for _, value := range flagValues(f) {
				add(f, value)
			}
		}
	})
	return again, failed
}

// csvField is a word as a field of CSV, as kubectl reads --exec-arg.
func csvField(word string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write([]string{word}) // to a string
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

// shellWord is a word as a shell reads it.
func shellWord(word string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			strings.ContainsRune("-_=./:,@%+", c)
	}
	if word != "" && !strings.ContainsFunc(word, func(c rune) bool { return !plain(c) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
