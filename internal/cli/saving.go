// --save: tokens of any flow are kept as a session.

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// saveFlags are the flags of commands whose tokens can be kept.
type saveFlags struct {
	name    string
	replace bool
	memory  bool
	user    bool // with replace: whose user is the same
}

func (o *saveFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.name, "save", "", "keep the tokens as the session `NAME`, for token, exec and other tools")
	f.BoolVar(&o.memory, "in-memory", false, "with --save: in the memory of the agent, and nowhere else")
	f.BoolVar(&o.replace, "replace", false, "with --save: also if NAME is another grant's")
}

// A saving keeps what a flow gets as a session.
type saving struct {
	store   session.Store
	session *session.Session
	failed  error // why it could not be kept

	all     session.Store // the store, and any other that is looked into
	replace bool          // whatever has the name
	other   session.Store // which has a session of the name that goes once this one is there; nil if none has
	twin    error         // why it did not go
	instead error         // that it has another name, nil if not
	nowhere error         // that it has none
	rescued error         // that it is in no store, and where it is

	client *oidc.Client // once there is one
}

// beginSaving finds out, before anything is sent, whether tokens can be kept: the store
// can be written, the keyring answers, and no other grant's session is in the way.
func (p *program) beginSaving(ctx context.Context, cfg *config.Config, o *tokenOptions) error {
	if o.save.name == "" {
		if o.save.replace || o.save.memory {
			return usage("--replace and --in-memory go with --save")
		}
		return nil
	}
	if err := session.CheckName(o.save.name); err != nil {
		return usage("--save: %v", err)
	}
	store, err := p.storeFor(ctx, o.save)
	if err != nil {
		return err
	}
	room, err := store.Reserve(o.save.name)
	if err == nil {
		err = room.Discard()
	}
	if err != nil {
		return misconfigured("--save: the session could not be kept, so nothing was sent: %v", err).try("OIDC_SESSIONS names another folder for sessions")
	}
	s := &session.Session{Schema: session.Schema, Name: o.save.name, Grant: grantOf(cfg), Secret: &session.Secret{}}
	if s.Secret.Client, err = json.Marshal(p.sources.kept(o)); err != nil {
		return err
	}
	if len(cfg.Resource) > 0 {
		s.Secret.Params = map[string][]string{"resource": cfg.Resource}
	}
	s.Grant.Own = o.own
	k := &saving{store: store, session: s, replace: o.save.replace && !o.save.user}
	if k.all, err = p.store(); err != nil {
		return err
	}
	if err := k.inTheWay(o.save); err != nil {
		return err
	}
	if err := k.elsewhere(o.save); err != nil {
		return err
	}
	p.saving = k
	return nil
}

// grantOf is what a configuration asks for.
func grantOf(cfg *config.Config) session.Grant {
	return session.Grant{
		Issuer: cfg.Issuer, ClientID: cfg.ClientID, Scopes: cfg.Scopes, Resources: cfg.Resource, Audiences: cfg.Audiences, ACR: cfg.Login.ACRValues,
	}
}

// inTheWay refuses to put one grant's tokens where another's are, unless that is meant.
func (k *saving) inTheWay(o saveFlags) error {
	there, err := k.store.Load(o.name)
	const advice = "--replace puts the new session in its place; another name keeps both"
	switch {
	case errors.Is(err, session.ErrNoSession) || o.replace:
		return nil
	case err != nil:
		return misconfigured("--save: %v", err).try("--replace puts the new session in its place")
	case !there.Grant.Covers(k.session.Grant):
		return misconfigured("--save: session %s is of another grant (%s, client %s, scope %s)", o.name, there.Grant.Issuer, there.Grant.ClientID, strings.Join(there.Grant.Scopes, " ")).try(advice)
	case there.Grant.Own != k.session.Grant.Own:
		whose := map[bool]string{true: "the client's own", false: "a user's"}
		return misconfigured("--save: session %s is %s, and the new one would be %s", o.name, whose[there.Grant.Own], whose[!there.Grant.Own]).try(advice)
	}
	return nil
}

// elsewhere is inTheWay of the store that the session is not asked to be in: of two with one
// name only one would be seen.
func (k *saving) elsewhere(o saveFlags) error {
	both, ok := k.all.(session.Both)
	if !ok {
		return nil
	}
	other, where := both.First, "in the memory of the agent"
	if o.memory {
		other, where = both.Second, "in a file"
	}
	_, err := other.Load(o.name)
	switch {
	case errors.Is(err, session.ErrNoSession):
		return nil
	case err != nil && !errors.As(err, new(*session.BrokenError)):
		return err // whether it has one is not known
	case !o.replace:
		return misconfigured("--save: there is a session %s already, %s", o.name, where).try("--replace puts the new session in its place; another name keeps both")
	}
	k.other = other
	return nil
}

// put keeps an answer as soon as it is there. Its tokens are withheld until they are
// verified.
func (k *saving) put(t *oidc.Tokens, p *program) {
	s := k.session
	s.Secret.DPoPKey = p.bound.key
	s.Grant.Key = k.client.KeyThumbprint()
	renewal.Put(s, t, p.env.Now())
	subject := ""
	if id, err := oidc.DecodeIDToken(t.IssuedIDToken, p.keys...); err == nil {
		subject = id.Subject
	}
	k.nowhere = k.makeWay(subject, p.sent)
	k.write()
}

// makeWay gives the session another name if one is there by now of a user that the tokens are not
// known to be of: those would be lost. sent is the refresh token that they were got by, "" if
// they were not.
func (k *saving) makeWay(subject, sent string) error {
	asked := k.session.Name
	there, err := k.all.Load(asked)
	if k.replace || err != nil || there.Grant.Subject == "" || there.Grant.Subject == subject {
		return nil //nolint:nilerr // what cannot be read is found out when it is written
	}
	if subject == "" && sent != "" && k.all.Open(context.Background(), there) == nil && there.Secret.RefreshToken == sent {
		k.session.Grant.Subject = there.Grant.Subject // the session's own token
		return nil
	}
	const most = 99
	for n := 2; n <= most; n++ {
		name := fmt.Sprint(asked, "-", n)
		taken, err := k.all.Load(name)
		free := errors.Is(err, session.ErrNoSession)
		if err == nil && taken.Grant.Subject == subject && taken.Grant.Covers(k.session.Grant) {
			_, err := k.store.Load(name)
			free = err == nil // from the last time
		}
		if free && session.CheckName(name) == nil {
			k.session.Name = name
			k.instead = &anothersError{asked, name, there.Grant.Subject}
			return nil
		}
	}
	return fmt.Errorf("session %s is of the user %s, and no other name is free", asked, there.Grant.Subject)
}

// An anothersError says that tokens are not where they were asked to be.
type anothersError struct{ asked, kept, subject string }

func (e *anothersError) Error() string {
	return fmt.Sprintf("session %s is of the user %s, which what came is not known to be of: it is kept as session %s", e.asked, e.subject, e.kept)
}

func (k *saving) write() {
	if k.failed = k.nowhere; k.failed != nil {
		return
	}
	k.failed = session.Save(k.store, k.session)
	if k.failed == nil && k.other != nil {
		if err := session.Delete(context.Background(), k.other, k.session.Name); err != nil && !errors.Is(err, session.ErrNoSession) {
			k.twin = err
		}
		k.other = nil
	}
}

// judged says what became of the tokens: err is what came of verifying them.
func (p *program) judged(t *oidc.Tokens, err error) {
	k := p.saving
	if k == nil || t == nil {
		return
	}
	if err != nil {
		k.session.Withheld = p.redactor.Text(message(err))
	} else {
		renewal.Verified(k.session, t, p.run.Checks.Waived()...)
	}
	k.write()
}

// named is a session in a document that is about something else.
func named(name string) map[string]string { return map[string]string{"name": name} }

// tellSaved says where the tokens are.
func (p *program) tellSaved() {
	s := p.saving.session
	p.run.Members.Add("session", named(s.Name))
	p.inform("the tokens are kept as session %s: `oidc-client token %s` prints its access token", s.Name, s.Name)
	if p.keep != nil && p.keep.file != "" && p.keep.written {
		p.warn("%s has the refresh token of session %s too: once one of the two is used, the other is spent, and sending it may end the session at the provider", p.keep.file, s.Name)
	}
	if !s.Renewable {
		p.warn("no refresh token came, so session %s ends with its access token; most providers want the scope offline_access for one (Google: --param access_type=offline --param prompt=consent)", s.Name)
	}
}

// lost says that a session could not be kept, and rescues it.
func (k *saving) lost(p *program) error {
	switch {
	case k == nil:
		return nil
	case k.rescued != nil: // and told before
		return k.rescued
	case k.failed != nil:
		k.rescued = p.rescue(k.session, k.failed)
		return k.rescued
	case k.twin != nil:
		return fmt.Errorf("there are two sessions %s now, one with the agent and one in a file, which could not be forgotten: %w", k.session.Name, k.twin)
	}
	return k.instead
}

// rescue writes a session that cannot be stored to where temporary files are: what is in
// it is nowhere else.
func (p *program) rescue(s *session.Session, cause error) error {
	err := fmt.Errorf("session %s could not be kept: %w", s.Name, cause)
	data, jsonErr := json.Marshal(s)
	file, fileErr := os.CreateTemp("", "oidc-client-session-"+s.Name+"-*.json") // 0600
	if err := errors.Join(jsonErr, fileErr); err != nil {
		return err
	}
	defer file.Close()
	if _, writeErr := file.Write(data); writeErr != nil || file.Sync() != nil {
		return err
	}
	return fmt.Errorf("%w; what came is in %s", err, file.Name())
}
