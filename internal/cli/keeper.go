// Keeping the tokens of one login, or of one refresh, as a session.

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// A keeper keeps the tokens of one login, or of one refresh, as a session. Nothing of it outlives
// the login: the next one has a keeper of its own.
type keeper struct {
	*saving
	session       *session.Session
	room          session.Reservation // for the session, nil if there is none any more
	keepElsewhere func(s *session.Session, cause error) *fallbackError

	response response
	stored   bool           // the session is in the store, or what renews it
	lost     *fallbackError // that it is not, and where it is instead; nil if it is
	part     error          // why only what renews it is, nil if all of it is
	unjudged error          // why the store does not know that it was verified, nil if it does
	renamed  error          // that it has another name than was asked for, nil if not
	double   error          // that there is another session of its name, nil if not
}

// A response is one of the token endpoint, and what it takes to make a session of it.
type response struct {
	tokens  *oidc.Tokens
	subject string // of the ID Token, which is not verified yet; "" if nobody is named
	sent    string // the refresh token that it was got with, "" if there was none
	key     string // the thumbprint of the key that the tokens are bound to, "" if there is none
	jwk     []byte // the key itself, if it is kept nowhere else
	now     time.Time
}

// begin makes the keeper of one login, before anything of it is sent. Room that cannot be had is no
// error here: the store could be written when the command began.
func (k *saving) begin(env *run.Env) *keeper {
	blank := k.blank
	secret := *blank.Secret
	blank.Secret = &secret
	one := &keeper{saving: k, session: &blank, keepElsewhere: func(s *session.Session, cause error) *fallbackError { return keepSession(env, s, cause) }}
	if room, err := k.store.Reserve(blank.Name); err == nil {
		one.room = room
	}
	return one
}

// end gives the room back that no session was written to.
func (k *keeper) end() {
	if k != nil && k.room != nil {
		_ = k.room.Discard() // a temporary file that stays behind holds nothing
		k.room = nil
	}
}

// put stores a response as soon as it is there. Its tokens are withheld until they are verified.
func (k *keeper) put(r response) {
	k.response = r
	k.session.Secret.DPoPKey, k.session.Grant.Key = r.jwk, r.key
	k.session.Grant.Subject = r.subject // so that no other user's tokens take its place meanwhile
	renewal.Put(k.session, r.tokens, r.now)
	k.save()
}

// judged stores what became of the tokens: why they must not be used, "" if they may. waived are the
// rules that were waived about anything else than the tokens.
func (k *keeper) judged(t *oidc.Tokens, withheld string, waived ...string) {
	if withheld != "" {
		k.session.Withheld = withheld
	} else {
		renewal.Verified(k.session, t, waived...)
	}
	k.save()
}

// save stores the session. One that was not stored when its tokens came is, if possible, now.
func (k *keeper) save() {
	err := k.place()
	if err == nil {
		err = session.SaveTokens(k.store, k.takeRoom(), k.session)
	}
	if k.part = nil; errors.As(err, new(*session.PartError)) {
		k.part, err = err, nil
	}
	switch {
	case err == nil:
		if k.lost != nil {
			k.lost.undo()
		}
		k.stored, k.lost, k.unjudged = true, nil, nil
		k.forgetOther()
	case k.stored: // as it came
		k.unjudged = err
	case k.lost == nil:
		k.lost = k.keepElsewhere(k.session, err)
	}
}

// takeRoom returns the room for the session. It is for one of the name that was asked for.
func (k *keeper) takeRoom() session.Reservation {
	if k.session.Name != k.blank.Name {
		k.end()
	}
	room := k.room
	k.room = nil
	return room
}

// forgetOther forgets the session of the same name in the other store.
func (k *keeper) forgetOther() {
	if k.other == nil || k.renamed != nil {
		return
	}
	err := session.Delete(context.Background(), k.other, k.session.Name)
	if err != nil && !errors.Is(err, session.ErrNoSession) {
		k.double = err
	}
}

// place gives the session another name if one is there by now of a user that the tokens are not
// known to be of: those would be lost.
func (k *keeper) place() error {
	if k.stored || k.replace {
		return nil
	}
	asked, subject := k.blank.Name, k.response.subject
	k.session.Name, k.renamed = asked, nil
	there, err := k.occupant(asked)
	if err != nil || there.Grant.Subject == "" || there.Grant.Subject == subject {
		return nil //nolint:nilerr // what cannot be read is found out when it is written
	}
	if subject == "" && k.isOwnToken(there) {
		k.session.Grant.Subject = there.Grant.Subject
		return nil
	}
	name := k.freeName(asked, subject)
	if name == "" {
		return fmt.Errorf("session %s belongs to the user %s, and no other name is free", asked, there.Grant.Subject)
	}
	k.session.Name = name
	k.renamed = &anothersError{asked, name, there.Grant.Subject}
	return nil
}

// occupant is the session of a name, in whatever store; in the one that is written to, if the others
// cannot be asked.
func (k *keeper) occupant(name string) (*session.Session, error) {
	there, err := k.all.Load(name)
	if err != nil && !errors.Is(err, session.ErrNoSession) {
		there, err = k.store.Load(name)
	}
	return there, err
}

// isOwnToken reports whether the refresh token that was sent is the one of a session.
func (k *keeper) isOwnToken(s *session.Session) bool {
	if k.response.sent == "" || k.all.Open(context.Background(), s) != nil {
		return false
	}
	return s.Secret.RefreshToken == k.response.sent
}

// freeName is another name for a session of a user, "" if none is free. The one that it was given
// the last time is free again.
func (k *keeper) freeName(asked, subject string) string {
	const most = 99
	for n := 2; n <= most; n++ {
		name := fmt.Sprint(asked, "-", n)
		taken, err := k.all.Load(name)
		free := errors.Is(err, session.ErrNoSession)
		if err == nil && taken.Grant.Subject == subject && taken.Grant.Covers(k.session.Grant) {
			_, err := k.store.Load(name)
			free = err == nil
		}
		if free && session.CheckName(name) == nil {
			return name
		}
	}
	return ""
}

// An anothersError says that tokens are not where they were asked to be.
type anothersError struct{ asked, kept, subject string }

func (e *anothersError) Error() string {
	return fmt.Sprintf("session %s belongs to the user %s, and the new tokens may belong to another; they are stored as session %s",
		e.asked, e.subject, e.kept)
}

// problem says what went wrong with keeping the tokens, nil if nothing did. There is none where no
// tokens are to be kept, and the keeper is nil.
func (k *keeper) problem() error {
	switch {
	case k == nil:
		return nil
	case k.lost != nil:
		return k.lost
	case k.unjudged != nil:
		const text = "session %s was stored before its tokens were verified, and the result could not be, so they stay withheld: %w"
		return fmt.Errorf(text, k.session.Name, k.unjudged)
	case k.double != nil:
		const text = "there are two sessions %s now, one with the agent and one in a file, since the old one could not be deleted: %w"
		return fmt.Errorf(text, k.session.Name, k.double)
	}
	return k.renamed
}

// beginKeeping makes ready to keep the tokens of a login, or of a refresh, that is about to be sent.
func (p *program) beginKeeping() {
	if p.saving != nil {
		p.keeper = p.saving.begin(p.Env)
	}
}

// keepTokens keeps a response as a session, if it is to be.
func (p *program) keepTokens(client *oidc.Client, t *oidc.Tokens) {
	if p.keeper == nil {
		return
	}
	r := response{tokens: t, sent: p.sent, key: client.KeyThumbprint(), jwk: p.bound.key, now: p.Env.Now()}
	if id, err := oidc.DecodeIDToken(t.IssuedIDToken, client.Policy.DecryptionKeys...); err == nil {
		r.subject = id.Subject
	}
	p.keeper.put(r)
}

// judgeKept says what became of the tokens that are kept: err is what came of verifying them.
func (p *program) judgeKept(client *oidc.Client, t *oidc.Tokens, err error) {
	k := p.keeper
	if k == nil || t == nil {
		return
	}
	withheld := ""
	if err != nil {
		withheld = p.Message(err)
	}
	k.judged(t, withheld, append(client.Provider.Checks.Waived(), p.Record.Checks.Waived()...)...)
}

// named is a session in a document that is about something else.
func named(name string) map[string]string { return map[string]string{"name": name} }

// tellSaved says where the tokens are.
func (p *program) tellSaved() {
	s := p.keeper.session
	p.Note("session", named(s.Name))
	p.Inform("the tokens are kept as session %s: `oidc-client token %s` prints its access token", s.Name, s.Name)
	if p.keeper.part != nil {
		p.Warn("session %s: %v", s.Name, p.keeper.part)
	}
	if p.keep != nil && p.keep.file != "" && p.keep.written {
		p.Warn("%s has the refresh token of session %s too: "+
			"once one of the two is used, the other is spent, and sending it may end the session at the provider", p.keep.file, s.Name)
	}
	if !s.Renewable {
		p.Warn("no refresh token came, so session %s ends with its access token; most providers want the scope offline_access for one "+
			"(Google: --param access_type=offline --param prompt=consent)", s.Name)
	}
}
