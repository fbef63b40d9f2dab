// helper git: git-credential(1) and gitcredentials(7).

package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

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

// A gitQuestion is what git says on standard input.
type gitQuestion struct {
	protocol, host string
	username       string   // of the URL, "" if it has none
	refused        string   // the token that the server did not accept
	capabilities   []string // what this git understands beside user names and passwords
	challenges     []string // of the server: its WWW-Authenticate fields
}

func helperGitCommand(p *program) *cobra.Command {
	var o gitOptions
	cmd := &cobra.Command{
		Use:   "git NAME get|store|erase",
		Short: "Give a token to git, as its credential helper",
		Long: `Give a token to git, as its credential helper

The token is given over https only (http on the loopback address), and only to a --host:
git asks for every host that it meets. What git says was refused is renewed.

The token is sent as a password. Where the server asks for Bearer, git 2.46 and later
send it as a Bearer token instead.`,
		Example: `  git config --global credential.https://git.example.com.helper \
    '!oidc-client helper git work --host git.example.com'`,
		Args: counted(needs(2, "the NAME of a session and one of get, store, erase")),
		RunE: func(cmd *cobra.Command, args []string) error { return helpGit(p.run, cmd, &o, args[0], args[1]) },

		ValidArgsFunction: completeSessions(p, "get", "store", "erase"),
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.hosts, "host", nil,
		"host that the token may be given to, with its port unless it is 443 (80 for http) (repeatable)")
	f.StringVar(&o.username, "username", "oauth2", "user name that goes with the token, unless the URL has one")
	f.BoolVar(&o.idToken, "id-token", false, "the ID Token instead of the access token")
	return cmd
}

func helpGit(r *run.Run, cmd *cobra.Command, o *gitOptions, name, operation string) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	if err := o.check(); err != nil {
		return err
	}
	if !slices.Contains([]string{"get", "erase"}, operation) {
		return nil // store has nothing new, and gitcredentials(7) has others ignored
	}
	asked, err := readGitQuestion(ctx, r)
	if err != nil {
		return err
	}
	if !o.mayHave(asked) {
		return nil // another helper may know
	}
	need := session.Need{IDToken: o.idToken}
	if operation == "erase" {
		return gitErase(ctx, r, name, need, asked.refused)
	}
	return gitGet(ctx, r, o, name, need, asked)
}

// check judges the flags: a host that git never asks for would make the helper silent for ever.
func (o *gitOptions) check() error {
	if len(o.hosts) == 0 {
		return failure.Usage("--host is missing: git asks for every host that it meets, and a token is for some")
	}
	for _, host := range o.hosts {
		if gitHost("https", host) == "" || strings.Contains(host, "*") {
			return failure.Usage("--host %s never matches: git asks for a host, and its port if the URL has one", host).
				Try(nearestGitHost(host))
		}
	}
	if strings.ContainsAny(o.username, "\r\n\x00") {
		return failure.Usage("--username holds a line break")
	}
	return nil
}

// nearestGitHost says what was probably meant by a --host that is none.
func nearestGitHost(host string) string {
	for _, address := range []string{host, "https://" + host, "https://[" + host + "]"} {
		if u, err := url.Parse(address); err == nil && gitHost("https", u.Host) != "" &&
			!strings.Contains(u.Host, "*") {
			return "--host " + u.Host
		}
	}
	return "one --host for each host, such as --host git.example.com"
}

// gitHost is a host as it is compared: in lower case, without the port that the protocol has anyway.
// It is "" if it is no host.
func gitHost(protocol, host string) string {
	host = strings.ToLower(host)
	u, err := url.Parse(protocol + "://" + host + "/")
	if err != nil || u.Scheme != protocol || u.Host != host || u.Hostname() == "" || strings.HasSuffix(host, ":") {
		return ""
	}
	return strings.TrimSuffix(host, map[string]string{"https": ":443", "http": ":80"}[protocol])
}

// readGitQuestion reads lines of key=value, to an empty one or the end.
func readGitQuestion(ctx context.Context, r *run.Run) (q gitQuestion, err error) {
	text, err := run.Await(ctx, "git, on standard input", func() ([]byte, error) {
		return io.ReadAll(io.LimitReader(r.Env.Stdin, limit.File))
	})
	if err != nil {
		return q, err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, limit.File)
	for lines.Scan() && lines.Text() != "" {
		key, value, ok := strings.Cut(lines.Text(), "=")
		if !ok {
			return q, malformedGitQuestion("a line is not KEY=VALUE")
		}
		q.take(key, value)
	}
	r.Learn(q.refused)
	switch {
	case q.protocol == "":
		return q, malformedGitQuestion("it has no protocol")
	case q.host == "" && strings.HasPrefix(q.protocol, "http"):
		return q, malformedGitQuestion("it has no host")
	case strings.ContainsFunc(q.username, unicode.IsControl):
		return q, malformedGitQuestion("the user name has a control character")
	}
	return q, nil
}

func malformedGitQuestion(why string) error {
	return failure.Usage("what git asks on standard input cannot be read: %s", why).
		Try("git runs this helper itself; by hand: printf 'protocol=https\\nhost=HOST\\n' | oidc-client helper git ...")
}

// take reads a line of the question. What is not known is ignored, as gitcredentials(7) has it, and
// an empty value of a list takes back what came before.
func (q *gitQuestion) take(key, value string) {
	switch key {
	case "protocol":
		q.protocol = value
	case "host":
		q.host = value
	case "username":
		q.username = value
	case "password", "credential":
		q.refused = value
	case "capability[]":
		q.capabilities = append(q.capabilities, value)
	case "wwwauth[]":
		q.challenges = append(q.challenges, value)
		if value == "" {
			q.challenges = nil
		}
	}
}

// bearer reports whether the token goes into an Authorization header of its own: git can, and the
// server asks for it.
func (q *gitQuestion) bearer() bool {
	challenge := regexp.MustCompile(`(?i)(^|,)\s*Bearer(\s|,|$)`) // of a field with one or several
	asks := slices.ContainsFunc(q.challenges, challenge.MatchString)
	return asks && slices.Contains(q.capabilities, "authtype")
}

// mayHave reports whether the token may go where git wants to send it.
func (o *gitOptions) mayHave(q gitQuestion) bool {
	host := gitHost(q.protocol, q.host)
	if host == "" || !wire.SecureURL(q.protocol+"://"+host+"/") {
		return false
	}
	return slices.ContainsFunc(o.hosts, func(h string) bool { return gitHost(q.protocol, h) == host })
}

func gitGet(
	ctx context.Context, r *run.Run, o *gitOptions, name string, need session.Need, asked gitQuestion,
) error {
	out, err := tokenOf(ctx, r, name, need)
	if err != nil {
		return err
	}
	answer := fmt.Sprintf("username=%s\npassword=%s", cmp.Or(asked.username, o.username), out.Value)
	if asked.bearer() { // no other helper is to store it
		answer = fmt.Sprintf("capability[]=authtype\nauthtype=Bearer\ncredential=%s\nephemeral=1", out.Value)
	}
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
