// helper git: git-credential(1) and gitcredentials(7).

package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// gitOptions are the flags of helper git.
type gitOptions struct {
	hosts    []string
	username string
	idToken  bool
}

func helperGitCommand(p *program) *cobra.Command {
	var o gitOptions
	cmd := &cobra.Command{
		Use:   "git NAME get|store|erase",
		Short: "Give a token to git, as its credential helper",
		Long: `Give a token to git, as its credential helper

The token is given over https only (http on the loopback address), and only to a --host:
git asks for every host that it meets. What git says was refused is renewed.`,
		Example: `  git config --global credential.https://git.example.com.helper \
    '!oidc-client helper git work --host git.example.com'`,
		Args: counted(needs(2, "the NAME of a session and one of get, store, erase")),
		RunE: func(cmd *cobra.Command, args []string) error { return helpGit(p.run, cmd, &o, args[0], args[1]) },

		ValidArgsFunction: completeSessions(p),
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.hosts, "host", nil,
		"host that the token may be given to, with its port if it is none of the standard's (repeatable)")
	f.StringVar(&o.username, "username", "oauth2", "user name that goes with the token")
	f.BoolVar(&o.idToken, "id-token", false, "the ID Token instead of the access token")
	return cmd
}

func helpGit(r *run.Run, cmd *cobra.Command, o *gitOptions, name, operation string) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	if len(o.hosts) == 0 {
		return failure.Usage("--host is missing: git asks for every host that it meets, and a token is for some")
	}
	asked, err := gitAsks(ctx, r)
	if err != nil {
		return err
	}
	if !o.mayHave(asked) {
		return nil // another helper may know
	}
	need := session.Need{IDToken: o.idToken}
	switch operation {
	case "get":
		return gitGet(ctx, r, o, name, need)
	case "erase":
		return gitErase(ctx, r, name, need, asked["password"])
	}
	return nil // what is not known is to be ignored, and store has nothing new
}

// gitAsks reads what git says: lines of key=value, to an empty one or the end.
func gitAsks(ctx context.Context, r *run.Run) (map[string]string, error) {
	text, err := run.Await(ctx, "git, on standard input", func() ([]byte, error) {
		return io.ReadAll(io.LimitReader(r.Env.Stdin, limit.File))
	})
	if err != nil {
		return nil, err
	}
	asked := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, limit.File)
	for lines.Scan() && lines.Text() != "" {
		key, value, _ := strings.Cut(lines.Text(), "=")
		asked[key] = value
	}
	r.Learn(asked["password"])
	return asked, nil
}

// mayHave reports whether the token may go where git wants to send it.
func (o *gitOptions) mayHave(asked map[string]string) bool {
	host := strings.ToLower(asked["host"])
	u, err := url.Parse(asked["protocol"] + "://" + host + "/")
	if err != nil || u.Scheme != asked["protocol"] || u.Host != host || !wire.Secure(u) {
		return false
	}
	return slices.ContainsFunc(o.hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

func gitGet(ctx context.Context, r *run.Run, o *gitOptions, name string, need session.Need) error {
	if strings.ContainsAny(o.username, "\r\n\x00") {
		return failure.Usage("--username holds a line break")
	}
	out, err := tokenOf(ctx, r, name, need)
	if err != nil {
		return err
	}
	answer := fmt.Sprintf("username=%s\npassword=%s", o.username, out.Value)
	if again := askAgain(r, out); !again.IsZero() {
		answer += fmt.Sprintf("\npassword_expiry_utc=%d", again.Unix())
	}
	r.PrintText(answer)
	return nil
}

// gitErase renews a token that the server refused, so that the next time another is given.
func gitErase(ctx context.Context, r *run.Run, name string, need session.Need, refused string) error {
	if refused == "" {
		return nil
	}
	need.Not = refused
	_, err := tokenOf(ctx, r, name, need) // none if it was renewed since
	return err
}
