// Using sessions: which one is meant, and a token of it.

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/keep"
	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// names lists sessions.
type names interface{ Names() ([]string, error) }

// sessionName is the session that is meant: by argument, by OIDC_SESSION, or the only one
// there is.
func sessionName(r *run.Run, store names, args []string) (string, error) {
	name := r.Env.Getenv("OIDC_SESSION")
	if len(args) > 0 {
		name = args[0]
	}
	if name != "" {
		if err := session.CheckName(name); err != nil {
			return "", failure.Usage("%v", err)
		}
		return name, nil
	}
	names, err := store.Names()
	if err != nil {
		return "", unreadable(err)
	}
	switch len(names) {
	case 0:
		return "", &noSessionError{}
	case 1:
		return names[0], nil
	}
	return "", failure.Usage("which session? There are %s; name one, or set OIDC_SESSION", run.ShortList(names))
}

// A noSessionError says that there is no session to take a token from. Only a login
// helps.
type noSessionError struct {
	name  string // "" if none was named
	there []string
}

func (e *noSessionError) Error() string {
	switch {
	case e.name == "":
		return "there is no session"
	case len(e.there) == 0:
		return "there is no session " + e.name
	}
	return fmt.Sprintf("there is no session %s; there are %s%s", e.name, run.ShortList(e.there),
		config.Nearest(e.name, e.there))
}

// unreadable is the error of a store that cannot be used.
func unreadable(err error) error {
	if errors.Is(err, session.ErrUnreachable) {
		return err
	}
	return failure.Config("the sessions cannot be read: %v", err).Try("OIDC_SESSIONS names another folder for sessions")
}

// sessionError makes an error of the store one of the command.
func sessionError(store names, name string, err error) error {
	var broken *session.BrokenError
	var denied *fs.PathError
	switch {
	case errors.As(err, new(*renewal.LostError)):
		return err // whatever kept it from being stored, something was sent
	case errors.Is(err, session.ErrNoSession):
		names, _ := store.Names() // only to tell
		return &noSessionError{name, names}
	case errors.As(err, new(*session.LaterError)):
		return failure.Config("session %s: %v", name, err).Try("use that version of oidc-client, or a later one; " +
			"a login with --save " + name + " --replace puts a new session in its place")
	case errors.As(err, &broken):
		return failure.Config("session %s: %v", name,
			err).Try("a login with --save " + name + " --replace puts a new one in its place")
	case errors.As(err, &denied):
		return failure.Config("session %s: %v", name, err).Try("the folder of sessions has to be writable: " +
			"what is new is written there before anything is sent; OIDC_SESSIONS names another")
	}
	return err
}

// renew returns a token of a session, renewed if need be.
func renew(
	ctx context.Context, r *run.Run, keeper session.Keeper, name string, need session.Need,
) (*session.Token, error) {
	r.Shield()
	need.NoCache = r.Options.NoCache()
	token, err := keeper.Token(ctx, name, need)
	if token == nil {
		return &session.Token{Session: name}, sessionError(keeper, name, err)
	}
	r.Learn(token.Value)
	r.Issuer(token.Issuer)
	if token.Behind != nil {
		r.Warn("the token of session %s could not be renewed, and ends %s: %v", name, untilText(r, token.Expires),
			token.Behind)
	}
	if kind := map[bool]string{true: "id_token", false: "access_token"}[need.IDToken]; token.From != "" {
		r.Debug("the %s is from %s", kind, token.From)
	}
	caveats(r, token, need)
	return token, sessionError(keeper, name, err)
}

// caveats warns of what is not known about a token that is handed out.
func caveats(r *run.Run, t *session.Token, need session.Need) {
	if t.Narrowed != "" {
		r.Warn("session %s: %s; only a login gets it back", t.Session, t.Narrowed)
	}
	if t.Value == "" {
		return
	}
	if t.Unverified != "" && need.IDToken {
		r.Warn("the ID Token of session %s is not verified: %s", t.Session, t.Unverified)
	}
	if need.For > 0 && t.Expires.IsZero() {
		r.Warn("the provider does not say how long the tokens of session %s last: whether this one is valid for %s "+
			"is not known", t.Session, need.For)
	}
}

// renewHere renews a session in this process.
func renewHere(
	ctx context.Context, r *run.Run, store session.Store, name string, need session.Need,
) (*renewal.Outcome, error) {
	one := renewal.Renewal{
		Store: store, Name: name, Need: need, Now: r.Env.Now,
		Hold: r.Hold, Redact: r.Redactor.Text,
		Connect: func(ctx context.Context, s *session.Session) (*oidc.Client, error) {
			return sessionClient(ctx, r, s, &connect.KeyNeed{})
		},
		Received: func(t *oidc.Tokens) { learnTokens(r, t) },
		Rescue:   func(s *session.Session, cause error) (func(), error) { return keep.Elsewhere(r.Env, s, cause) },
		Waiting:  func() { r.Debug("another process is renewing session %s: waiting for what it gets", name) },
	}
	out, err := one.Run(ctx)
	if s := out.Session; s != nil && err != nil && s.Claim.Mine() {
		r.Advise("spent token", func(_ error, f *failure.Failure) {
			run.Advise(f, "the refresh token of session "+s.Name+" may be spent now: "+s.Advice(session.Spent))
		})
	}
	if t := out.Tokens; t != nil {
		foundInSession(r, out.Session, t)
	}
	if out.Unstored != nil {
		r.Warn("session %s: %v", name, out.Unstored)
	}
	return out, err
}

// foundInSession reports what the rules found about the new tokens of a session. A provider that repeats the
// nonce does so on every refresh, so that the first one is enough to warn of it.
func foundInSession(r *run.Run, s *session.Session, t *oidc.Tokens) {
	const first = 2 // the login was the session's first response
	if s != nil && s.Generation > first {
		r.FoundAgain(t.Checks, "refresh.nonce_absent")
		return
	}
	r.Found(t.Checks)
}

// learnTokens makes sure that new tokens are not shown anywhere else.
func learnTokens(r *run.Run, t *oidc.Tokens) {
	r.Learn(t.AccessToken, t.RefreshToken, t.IssuedIDToken)
	r.Recorder.Release()
}

// sessionClient makes a client of a session and finds its provider. need is as for
// [connect.Setup.Client].
func sessionClient(ctx context.Context, r *run.Run, s *session.Session, need *connect.KeyNeed) (*oidc.Client, error) {
	cfg, err := connect.FromSession(ctx, r, s, connect.Flags{})
	if err != nil {
		return nil, err
	}
	uses := []string{"revocation_endpoint"} // where no key has to be proved, the session ends
	if need != nil {
		uses = []string{"token_endpoint"}
		if connect.WantsOpenID(cfg.Config) && !s.Grant.Own {
			uses = append(uses, connect.VerifyingUses(cfg.Config)...)
		}
	}
	client, err := cfg.Client(ctx, r, cfg.Issuer, need, uses...)
	if err != nil {
		return nil, err
	}
	client.Policy.InsecureSkipVerification = cfg.Sources.SkipIDToken
	return client.Client, nil
}

// ofSession is the access token of a session, renewed if need be, and the configuration that
// it is used with.
func ofSession(ctx context.Context, r *run.Run, name string) (string, *connect.Setup, error) {
	keeper, err := keeper(r)
	if err != nil {
		return "", nil, err
	}
	if name, err = sessionName(r, keeper, []string{name}); err != nil {
		return "", nil, err
	}
	token, err := renew(ctx, r, keeper, name, session.Need{})
	if err == nil {
		err = tokenFit(token.Value)
	}
	if err != nil {
		return "", nil, err
	}
	s, cfg, err := opened(ctx, r, keeper, name, name)
	if err == nil && s.Grant.Issuer != token.Issuer {
		err = failure.Config("session %s was made anew meanwhile, at %s", name, s.Grant.Issuer)
	}
	return token.Value, cfg, err
}

// opened is a session as it is, and the configuration that it is used with. words are the
// arguments of the command token that print what is wanted of it.
func opened(
	ctx context.Context, r *run.Run, keeper session.Keeper, name, words string,
) (*session.Session, *connect.Setup, error) {
	s, err := unsealed(ctx, r, keeper, name)
	if errors.Is(err, errInMemory) {
		err = failure.Config("session %s is in the memory of the agent, and so is its configuration", name).
			Try("give the token and -c: --token - reads what `oidc-client token " + words + "` prints")
	}
	if err != nil {
		return nil, nil, sessionError(keeper, name, err)
	}
	cfg, err := connect.FromSession(ctx, r, s, connect.Flags{})
	return s, cfg, err
}

var errInMemory = errors.New("what renews this session is with the agent, and never leaves it")

// unsealed is a session with what renews it, which has to be in a file.
func unsealed(ctx context.Context, r *run.Run, keeper session.Keeper, name string) (*session.Session, error) {
	view, err := keeper.View(name)
	if err == nil && view.InMemory {
		err = errInMemory
	}
	if err != nil {
		return nil, err
	}
	files, err := sessionFiles(r)
	if err != nil {
		return nil, err
	}
	s, err := files.Load(name)
	if err != nil {
		return nil, err
	}
	return s, files.Open(ctx, s)
}

// sessionOnly refuses what does not go with --session.
func sessionOnly(cmd *cobra.Command, token string) error {
	given := settings(cmd)
	if token != "" {
		given = append(given, "token")
	}
	given = slices.DeleteFunc(given, func(name string) bool { return name == noCacheFlag })
	if len(given) > 0 {
		return failure.Usage("--session has its own token and configuration: --%s does not go with it",
			strings.Join(given, " and --"))
	}
	return nil
}

// needFlags are the flags that say which token is needed.
type needFlags struct {
	idToken  bool
	validFor time.Duration
}

func (o *needFlags) addNeed(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.idToken, "id-token", false, "the ID Token instead of the access token")
	f.DurationVar(&o.validFor, "valid-for", 0,
		"refresh unless the token is valid for at least this long (default a fifth of its lifetime, 30s at most)")
}

func (o *needFlags) need() (session.Need, error) {
	if o.validFor < 0 {
		return session.Need{}, failure.Usage("--valid-for must not be negative")
	}
	return session.Need{IDToken: o.idToken, For: o.validFor}, nil
}
