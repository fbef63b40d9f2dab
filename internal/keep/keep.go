// Package keep decides what becomes of the tokens of a response: a token file, a
// session and the result files get them before anything else can fail, and standard
// output last. Tokens that cannot be stored where they belong are kept elsewhere, and
// the user is told where: a new refresh token is the only one that works.
//
// A command makes a [Plan] before it sends anything, and a [Keeper] for each response
// ([Plan.Begin]): [Keeper.Receive] when the response comes, [Keeper.Judge] when it was
// verified, [Keeper.Lost] for what could not be stored.
package keep

import (
	"errors"
	"fmt"
	"time"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// A Plan says where the tokens of a command are kept. It is the same for each response.
type Plan struct {
	Sent    string   // the refresh token that the command sends, "" if it sends none
	File    *File    // the file of that token, nil if it is in none
	Session *Session // the session that is asked for, nil if none is
}

// Begin makes the keeper of one response. It is called before the request is sent.
func (p Plan) Begin(r *run.Run) *Keeper {
	k := &Keeper{plan: p, run: r}
	if p.Session != nil {
		k.session = p.Session.begin(r.Env)
	}
	return k
}

// A Keeper keeps the tokens of one response. Nothing of it outlives the response: the
// next one has a keeper of its own.
type Keeper struct {
	plan      Plan
	run       *run.Run
	session   *sessionKeeper // nil if no session is to have the tokens
	unwritten error          // why standard output or a result file does not have the response
}

// Receive stores a response and shows it, as soon as it is there. client is who asked.
func (k *Keeper) Receive(client *connect.Client, t *oidc.Tokens) {
	k.run.Learn(t.AccessToken, t.RefreshToken, t.IssuedIDToken)
	if k.plan.File != nil {
		k.plan.File.put(k.run.Env, t.RefreshToken)
	}
	if k.session != nil {
		k.session.put(k.response(client, t))
	}
	if t.Raw == nil { // an ID Token alone, which the authorization response had
		return
	}
	k.unwritten = k.run.Write(run.TokenResponseFile, t.Raw)
	k.run.Recorder.Release()
	k.show(client, t)
}

// response is what a session is made of.
func (k *Keeper) response(client *connect.Client, t *oidc.Tokens) response {
	r := response{tokens: t, sent: k.plan.Sent, key: client.KeyThumbprint(), jwk: client.Key, now: k.run.Env.Now()}
	if id, err := oidc.DecodeIDToken(t.IssuedIDToken, client.Policy.DecryptionKeys...); err == nil {
		r.subject = id.Subject
	}
	return r
}

// show shows the response. A refresh token that only standard output was to have is
// kept elsewhere if it cannot be shown.
func (k *Keeper) show(client *connect.Client, t *oidc.Tokens) {
	stored := k.fileHasIt() || k.Stored() || k.run.Options.Output && k.unwritten == nil
	keep := func(cause error) error {
		versions := [][]byte{t.Raw, []byte(t.RefreshToken)}
		f := fallback{"the token response", "oidc-client-tokens-*.json", versions, t.RefreshToken}
		return keepElsewhere(k.run.Env, f, fmt.Errorf("the new refresh token could not be shown: %w", cause))
	}
	only := t.RefreshToken != "" && !stored
	if only && k.run.Options.JSON() {
		k.run.IfUnshown(keep)
	}
	if only {
		run.IfFilteredOut(k.run, t.RefreshToken, func() {
			k.run.Warn("the new refresh token is stored nowhere, and --jq filtered it out; --save NAME or -o stores it")
		})
	}
	var id *transcript.Token
	if decoded, err := oidc.DecodeIDToken(t.IssuedIDToken, client.Policy.DecryptionKeys...); err == nil {
		id = run.IDToken(decoded)
	}
	if k.Stored() {
		run.Quiet(k.run)
	}
	k.run.Show(transcript.TokenResponse{Raw: t.Raw, Expires: t.ExpiresAt, IDToken: id}.Result(k.run.Env.Now()))
	if id != nil {
		k.run.Note("id_token", id) // shown once it was verified
	}
	if err := k.run.Unshown(); err != nil && only {
		k.unwritten = errors.Join(k.unwritten, keep(err))
	}
}

// Judge says what became of the tokens: err is what came of verifying them. The session
// is complete then.
func (k *Keeper) Judge(client *connect.Client, t *oidc.Tokens, err error) {
	if k == nil || k.session == nil {
		return
	}
	if t != nil && k.session.response.tokens != nil {
		withheld := ""
		if err != nil {
			withheld = k.run.Message(err)
		}
		waived := append(client.Provider.Checks.Waived(), k.run.Record.Checks.Waived()...)
		k.session.judged(t, withheld, waived...)
	}
	k.session.end()
}

// Lost says that the new refresh token, or the response, could not be stored where it
// belongs. It is nil if all was.
func (k *Keeper) Lost() error {
	if k == nil {
		return nil
	}
	err := errors.Join(k.session.problem(), k.unwritten)
	if k.plan.File != nil {
		err = errors.Join(k.plan.File.failed, err)
	}
	return err
}

// Stored reports whether a session has the tokens.
func (k *Keeper) Stored() bool { return k != nil && k.session != nil && k.session.stored }

func (k *Keeper) fileHasIt() bool { return k.plan.File != nil && k.plan.File.written }

// Tell says where the tokens are.
func (k *Keeper) Tell() {
	if !k.Stored() {
		return
	}
	s, r := k.session.session, k.run
	r.Note("session", map[string]string{"name": s.Name})
	if s.Tokens.AccessToken == "" {
		r.Inform("the ID Token is stored as session %s: `oidc-client token %s --id-token` prints it, and `oidc-client "+
			"end-session --session %s` logs out with it", s.Name, s.Name, s.Name)
		return
	}
	r.Record.Summary = k.summary(s)
	if k.session.part != nil {
		r.Warn("session %s: %v", s.Name, k.session.part)
	}
	if k.fileHasIt() {
		r.Warn("%s has the refresh token of session %s too: once one of the two is used, the other is spent, "+
			"and sending it may end the session at the provider", k.plan.File.name, s.Name)
	}
	switch {
	case s.Renewable:
	case s.Tokens.Expires.IsZero(): // as GitHub's OAuth apps have it
		r.Inform("no refresh token came, and the provider does not say when the access token of session %s expires: "+
			"log in again once it is refused", s.Name)
	default:
		r.Warn("no refresh token came, so session %s ends with its access token; most providers want the scope "+
			"offline_access for one (Google: --param access_type=offline --param prompt=consent)", s.Name)
	}
}

// summary is the session in a line: who logged in, its name, how long its access token is valid.
func (k *Keeper) summary(s *session.Session) string {
	text := "session " + s.Name
	if user := k.user(); user != "" {
		text = "logged in as " + k.run.Redactor.Text(user) + "; " + text
	}
	if s.Tokens.Expires.IsZero() {
		return text
	}
	until := s.Tokens.Expires.Local()
	format := "15:04:05"
	if y, m, d := k.run.Env.Now().Local().Date(); until.Before(time.Date(y, m, d, 0, 0, 0, 0, time.Local)) ||
		!until.Before(time.Date(y, m, d+1, 0, 0, 0, 0, time.Local)) {
		format = time.DateTime
	}
	return text + "; access token valid until " + until.Format(format)
}

// user is the name that the user goes by in the ID Token, or else its sub; "" if there is none.
func (k *Keeper) user() string {
	result, _ := k.run.Record.Get("id_token")
	token, ok := result.Value.(*transcript.Token)
	if !ok {
		return ""
	}
	claims, err := strictjson.Parse(token.Claims)
	if err != nil {
		return ""
	}
	for _, name := range []string{"preferred_username", "sub"} {
		if text, err := claims.String(name); err == nil && text != "" {
			return text
		}
	}
	return ""
}

// Advise completes how an error is reported by where the tokens are.
func (k *Keeper) Advise(_ error, f *failure.Failure) {
	if k == nil {
		return
	}
	run.Mention(f, k.Lost())
	run.Advise(f, k.hint())
	if k.plan.File != nil {
		run.Advise(f, k.plan.File.outcome)
	}
}

// hint reminds that a rotated refresh token was received all the same.
func (k *Keeper) hint() string {
	switch {
	case k.plan.Sent == "" || k.rotated() == "":
		return ""
	case k.fileHasIt():
		return "the new refresh token, which replaces the one that was sent, is in " + k.plan.File.name
	case k.run.Unshown() != nil:
		return "--refresh-token @FILE keeps the new refresh token in FILE"
	}
	return "the new refresh token of the token response replaces the one that was sent: keep it"
}

// rotated is the refresh token of the recorded response, "" if none came.
func (k *Keeper) rotated() string {
	result, _ := k.run.Record.Get("token_response")
	data, err := strictjson.Encode(result.Value)
	if err != nil {
		return ""
	}
	doc, err := strictjson.Parse(data)
	if err != nil {
		return ""
	}
	token, _ := doc.String("refresh_token") // of another type it is none
	return token
}
