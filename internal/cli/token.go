// token: a valid token of a session on standard output, and nothing else.

package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/flow"
	"github.com/oidc-client/oidc-client/internal/keep"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// sessionOptions are the flags of token.
type sessionOptions struct {
	loginOptions
	needFlags
	header, login, retry bool
	ofLogin              []string // the flags of a login
	unattended           string   // why nobody can log in, whatever the terminal is; "" if that is not known
}

func tokenCommand(p *program) *cobra.Command {
	var o sessionOptions
	cmd := &cobra.Command{
		Use:   "token [NAME]",
		Short: "Print a valid access token of a session",
		Long: `Print a valid access token of a session

The session is NAME, or OIDC_SESSION, or the only one there is; --save NAME of any
login made it. A token that is fresh is printed without asking anybody. Otherwise
the session is renewed, once for however many processes ask, and its new tokens are
verified. Where only a login helps the command ends with exit code 6, unless --login
allows one and there is a terminal.

--scope, --resource and --audience get a token for just that part of what the
session was granted. The session keeps it beside its own token, which stays.

With -c or --issuer and --client-id the session has to be of that configuration, and
--login makes it if it is not there. --scope and the others belong to it then.

oidc-token, which is installed beside oidc-client, prints the same token and starts
faster: use it where a tool asks for a token each time it runs.`,
		Example: `  oidc-client token work
  curl -H @<(oidc-client token work --header) https://api.example.com/me
  oidc-client token work --id-token --valid-for 10m
  oidc-client token work --scope orders:read --resource https://api.example.com`,
		Args: counted(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return printToken(p.run, cmd, &o, args) },
	}
	o.addLogin(cmd)
	o.addNeed(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.header, "header", false, "print the header that the token is sent in: Authorization: Bearer ...")
	f.BoolVar(&o.retry, "retry", false, "send the refresh token also if it may be spent, or was refused")
	does(cmd, showsRequests, showsRules)
	cmd.ValidArgsFunction = completeSessions(p)
	return cmd
}

// addLogin adds --login, and the flags of the login.
func (o *sessionOptions) addLogin(cmd *cobra.Command) {
	o.addUnsaved(cmd)
	o.ofLogin = flagNames(cmd)
	cmd.Flags().BoolVar(&o.login, "login", false,
		"log in through the browser if only that helps, and there is a terminal")
	doesWith(cmd, "login", fetchesUserInfo)
}

func printToken(r *run.Run, cmd *cobra.Command, o *sessionOptions, args []string) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	run.Plainly(r) // standard output is for the token
	r.Options.Output = false
	out, err := wantedToken(ctx, r, cmd, o, args)
	if err != nil {
		return err
	}
	return showToken(r, out, o)
}

// wantedToken is the token that the flags ask for: of the session that they mean, renewed if need be,
// or of a login.
func wantedToken(
	ctx context.Context, r *run.Run, cmd *cobra.Command, o *sessionOptions, args []string,
) (*session.Token, error) {
	if err := checkLoginFlags(r, cmd, o); err != nil {
		return nil, err
	}
	keeper, name, err := chosenSession(ctx, r, cmd, o, args)
	if err != nil {
		return nil, err
	}
	need, err := o.need()
	if err != nil {
		return nil, err
	}
	need.Retry = o.retry
	if need.Target, err = target(cmd, o); err != nil {
		return nil, err
	}
	out, err := renew(ctx, r, keeper, name, need)
	if needsLogin(err) && o.login {
		out, err = logInAgain(ctx, r, cmd, o, keeper, name, need, err)
	}
	r.Explain()
	return out, err
}

// target is the part of a session's grant that the token is for. Beside a configuration the same
// flags say whose session is meant.
func target(cmd *cobra.Command, o *sessionOptions) (session.Target, error) {
	var t session.Target
	given := givenOf(cmd, scopeFlags)
	if len(given) == 0 || namesConfiguration(cmd, &o.client) {
		return t, nil
	}
	switch {
	case o.idToken && cmd.Flags().Lookup("id-token") != nil:
		return t, failure.Usage("--%s is for an access token, and --id-token asks for the other one", given[0])
	case o.idToken:
		return t, failure.Usage("--%s is for an access token: it goes with --access-token", given[0])
	}
	for _, name := range given {
		values := flagValues(cmd.Flags().Lookup(name))
		switch name {
		case "scope":
			t.Scopes = strings.Fields(strings.Join(values, " "))
		case "resource":
			t.Resources = values
		case "audience":
			t.Audiences = values
		}
	}
	if len(t.Scopes) == 0 && slices.Contains(given, "scope") {
		return t, failure.Usage("--scope is empty")
	}
	for _, resource := range t.Resources {
		if u, err := url.Parse(resource); err != nil || !u.IsAbs() || strings.Contains(resource, "#") {
			return t, failure.Usage("--resource is not an absolute URI without a fragment (RFC 8707 section 2)")
		}
	}
	return t, nil
}

// checkLoginFlags refuses the flags of a login that nothing would go by.
func checkLoginFlags(r *run.Run, cmd *cobra.Command, o *sessionOptions) error {
	configured := namesConfiguration(cmd, &o.client)
	for _, name := range givenOf(cmd, o.ofLogin) {
		targets := slices.Contains(scopeFlags, name)
		switch {
		case name == noCacheFlag: // which a session obeys
		case name == "acr-values" && !configured:
			return failure.Usage("--%s says whose session is meant only beside a configuration (-c, or --issuer and "+
				"--client-id): a session has the tokens that its login asked for", name)
		case targets || name == "acr-values" || o.login ||
			slices.Contains([]string{"config", "issuer", "client-id"}, name):
		case !configured:
			return failure.Usage("--%s is for a login: it goes with --login", name)
		default:
			r.Warn("--%s has no effect without --login", name)
		}
	}
	return nil
}

// chosenSession is the session that is asked for.
func chosenSession(
	ctx context.Context, r *run.Run, cmd *cobra.Command, o *sessionOptions, args []string,
) (session.Keeper, string, error) {
	keeper, err := keeper(r)
	if err != nil {
		return nil, "", err
	}
	if !namesConfiguration(cmd, &o.client) {
		name, err := sessionName(r, keeper, args)
		return keeper, name, err
	}
	cfg, err := loadConfig(ctx, r, cmd, &o.client, "issuer", "client_id")
	if err != nil {
		return nil, "", err
	}
	name, err := sessionOfConfig(r, keeper, cfg, args)
	return keeper, name, err
}

// namesConfiguration reports whether the command line says whose session is meant.
func namesConfiguration(cmd *cobra.Command, c *clientFlags) bool {
	return c.config != "" || cmd.Flags().Changed("issuer") || cmd.Flags().Changed("client-id")
}

// sessionOfConfig is the session of a configuration. One of another grant is never taken for
// it.
func sessionOfConfig(r *run.Run, keeper session.Keeper, cfg *connect.Setup, args []string) (string, error) {
	var named string
	if len(args) > 0 || r.Env.Getenv("OIDC_SESSION") != "" {
		var err error
		if named, err = sessionName(r, keeper, args); err != nil {
			return "", err
		}
	}
	names, err := keeper.Names()
	if err != nil {
		return "", unreadable(err)
	}
	var found []string
	for _, name := range names {
		s, err := keeper.View(name)
		covers := err == nil && s.Grant.Covers(grantOf(cfg))
		switch {
		case covers && (named == "" || named == name):
			found = append(found, name)
		case named == name && err == nil:
			return "", failure.Config("session %s is not of this configuration: %s", name,
				differences(s.Grant, grantOf(cfg))).
				Try("without -c and other flags the session's own configuration is used")
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", failure.Usage("which session? Of this configuration there are %s; name one", run.ShortList(found))
	case named == "":
		return "", &noSessionError{}
	}
	return named, nil
}

// needsLogin reports whether a login is what helps, whether this process found that out or the agent.
func needsLogin(err error) bool {
	f, described := failure.Of(err)
	ended := f.Kind == failure.KindInteraction && strings.HasPrefix(f.Code, "session_") || f.Code == "invalid_grant"
	return described && ended || errors.As(err, new(*noSessionError))
}

// logInAgain makes the session anew, through the browser: by its own configuration, or by
// that of the command line.
func logInAgain(
	ctx context.Context, r *run.Run, cmd *cobra.Command, o *sessionOptions, keeper session.Keeper, name string,
	need session.Need,
	why error,
) (*session.Token, error) {
	if o.unattended == "" && !r.Env.Terminal(r.Env.Stderr) {
		o.unattended = "--login needs a terminal, and standard error is none"
	}
	if o.unattended != "" {
		r.Inform("%s", o.unattended)
		return nil, why // there is nobody to log in
	}
	r.Warn("%s: logging in", run.ErrorText(why))
	cfg, err := loginConfig(ctx, r, cmd, o, keeper, name)
	if err != nil {
		return nil, err
	}
	there, err := keeper.View(name)
	o.save = saveFlags{name: name, replace: true, memory: err == nil && there.InMemory, user: true}
	aside := r.Aside() // what a login shows are tokens
	err = loginOnce(ctx, aside, cfg, o)
	r.Adopt(aside) // the rules are shown where they can be seen
	if err != nil {
		return nil, err
	}
	need.Retry = false // its refresh token is a new one
	return renew(ctx, r, keeper, name, need)
}

// loginOnce logs in through the browser, and keeps what comes.
func loginOnce(ctx context.Context, r *run.Run, cfg *connect.Setup, o *sessionOptions) error {
	t, err := newTokenRequest(ctx, r, cfg, &o.tokenOptions, keep.Plan{}, o.loginUses(cfg))
	if err != nil {
		return err
	}
	journey, err := newLogin(ctx, r, t, &o.loginOptions)
	if err != nil {
		return err
	}
	var settled error
	err = runLogin(ctx, r, journey, func(outcome *flow.Outcome) bool {
		settled = settleLogin(ctx, t, outcome)
		return true
	})
	return errors.Join(err, settled)
}

// loginConfig is what the session is made anew by.
func loginConfig(
	ctx context.Context, r *run.Run, cmd *cobra.Command, o *sessionOptions, keeper session.Keeper, name string,
) (*connect.Setup, error) {
	if _, err := keeper.View(name); err != nil || namesConfiguration(cmd, &o.client) {
		return loadConfig(ctx, r, cmd, &o.client, "issuer", "client_id")
	}
	s, err := unsealed(ctx, r, keeper, name)
	if errors.Is(err, errInMemory) {
		err = failure.Config("session %s is in the memory of the agent, and so is how it logs in", name).
			Try("-c names its configuration")
	}
	if err != nil {
		return nil, err
	}
	return sessionLogin(ctx, r, cmd, o, s)
}

// sessionLogin is what a session logs in by: its own configuration, with the flags of this
// command line.
func sessionLogin(
	ctx context.Context, r *run.Run, cmd *cobra.Command, o *sessionOptions, s *session.Session,
) (*connect.Setup, error) {
	given, err := flagsGiven(ctx, r, cmd)
	if err != nil {
		return nil, err
	}
	for _, name := range scopeFlags { // which say what the token is for, not the login
		delete(given, name)
	}
	cfg, err := connect.FromSession(ctx, r, s, connect.Flags{Given: given, KeyID: o.client.kid})
	if err == nil {
		o.skipIDToken = o.skipIDToken || cfg.Sources.SkipIDToken
	}
	return cfg, err
}

// showToken prints the token.
func showToken(r *run.Run, out *session.Token, o *sessionOptions) error {
	kind := "access_token"
	scheme := out.Type
	if o.idToken {
		kind, scheme = "id_token", "Bearer"
	}
	text := out.Value
	if err := tokenFit(text); err != nil {
		return err
	}
	if o.header {
		if !o.idToken {
			if err := bearer(out); err != nil {
				return err
			}
		}
		text = session.Authorization(out.Value)
	}
	r.Note("session", sessionMember(out.Session))
	r.Print("token", tokenDocument(kind, scheme, out), text)
	return nil
}

// bearer refuses to hand on an access token that does nothing by itself.
func bearer(out *session.Token) error {
	if name := out.Session; !strings.EqualFold(out.Type, "Bearer") {
		return failure.Usage("the access token of session %s is bound to a key (DPoP), which has to be proved for "+
			"each request: `oidc-client resource URL --session %s` does", name, name)
	}
	return nil
}

// tokenFit refuses to hand on what cannot be a token: it could be more than one line.
func tokenFit(token string) error {
	if err := run.CheckToken(token); err != nil {
		return &oidc.ProtocolError{
			Endpoint: "token",
			Err:      fmt.Errorf("what the provider sent cannot be a token: %w", err),
		}
	}
	return nil
}

// tokenDocument is a token as JSON.
func tokenDocument(kind, scheme string, out *session.Token) map[string]any {
	doc := map[string]any{kind: out.Value, "token_type": scheme}
	if !out.Expires.IsZero() {
		doc["expires_at"] = out.Expires.UTC().Format(time.RFC3339)
	}
	if kind == "id_token" && out.Unverified != "" {
		doc["verified"] = false
	}
	return doc
}

// sessionMember is a session in a document that is about something else.
func sessionMember(name string) map[string]string { return map[string]string{"name": name} }
