// Keeping the tokens of one login, or of one refresh, as a session.

package keep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// A Session is where --save keeps tokens.
type Session struct {
	Store   session.Store
	All     session.Store   // Store, and any other that has sessions
	Other   session.Store   // has a session of the name that goes once this one is there; nil if none has
	Blank   session.Session // what each session begins as
	Replace bool            // whatever has the name
}

// A sessionKeeper keeps the tokens of one login, or of one refresh, as a session. Nothing of it outlives
// the login: the next one has a keeper of its own.
type sessionKeeper struct {
	*Session
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
func (k *Session) begin(env *run.Env) *sessionKeeper {
	blank := k.Blank
	secret := *blank.Secret
	blank.Secret = &secret
	one := &sessionKeeper{
		Session:       k,
		session:       &blank,
		keepElsewhere: func(s *session.Session, cause error) *fallbackError { return keepSession(env, s, cause) },
	}
	if room, err := k.Store.Reserve(blank.Name); err == nil {
		one.room = room
	}
	return one
}

// end gives the room back that no session was written to.
func (k *sessionKeeper) end() {
	if k != nil && k.room != nil {
		_ = k.room.Discard() // a temporary file that stays behind holds nothing
		k.room = nil
	}
}

// put stores a response as soon as it is there. Its tokens are withheld until they are verified.
func (k *sessionKeeper) put(r response) {
	k.response = r
	k.session.Secret.DPoPKey, k.session.Grant.Key = r.jwk, r.key
	k.session.Grant.Subject = r.subject // so that no other user's tokens take its place meanwhile
	renewal.Put(k.session, r.tokens, r.now)
	k.save()
}

// judged stores what became of the tokens: why they must not be used, "" if they may. waived are the
// rules that were waived about anything else than the tokens.
func (k *sessionKeeper) judged(t *oidc.Tokens, withheld string, waived ...string) {
	if withheld != "" {
		k.session.Withheld = withheld
	} else {
		renewal.Verified(k.session, t, waived...)
	}
	k.save()
}

// save stores the session. One that was not stored when its tokens came is, if possible, now.
func (k *sessionKeeper) save() {
	err := k.place()
	if err == nil {
		err = session.SaveTokens(k.Store, k.takeRoom(), k.session)
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
func (k *sessionKeeper) takeRoom() session.Reservation {
	if k.session.Name != k.Blank.Name {
		k.end()
	}
	room := k.room
	k.room = nil
	return room
}

// forgetOther forgets the session of the same name in the other store.
func (k *sessionKeeper) forgetOther() {
	if k.Other == nil || k.renamed != nil {
		return
	}
	err := session.Delete(context.Background(), k.Other, k.session.Name)
	if err != nil && !errors.Is(err, session.ErrNoSession) {
		k.double = err
	}
}

// place gives the session another name if one is there by now of a user that the tokens are not
// known to be of: those would be lost.
func (k *sessionKeeper) place() error {
	if k.stored || k.Replace {
		return nil
	}
	asked, subject := k.Blank.Name, k.response.subject
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
func (k *sessionKeeper) occupant(name string) (*session.Session, error) {
	there, err := k.All.Load(name)
	if err != nil && !errors.Is(err, session.ErrNoSession) {
		there, err = k.Store.Load(name)
	}
	return there, err
}

// isOwnToken reports whether the refresh token that was sent is the one of a session.
func (k *sessionKeeper) isOwnToken(s *session.Session) bool {
	if k.response.sent == "" || k.All.Open(context.Background(), s) != nil {
		return false
	}
	return s.Secret.RefreshToken == k.response.sent
}

// freeName is another name for a session of a user, "" if none is free. The one that it was given
// the last time is free again.
func (k *sessionKeeper) freeName(asked, subject string) string {
	const most = 99
	for n := 2; n <= most; n++ {
		name := fmt.Sprint(asked, "-", n)
		taken, err := k.All.Load(name)
		free := errors.Is(err, session.ErrNoSession)
		if err == nil && taken.Grant.Subject == subject && taken.Grant.Covers(k.session.Grant) {
			_, err := k.Store.Load(name)
			free = err == nil
		}
		if free && session.CheckName(name) == nil {
			return name
		}
	}
	return ""
}

// Failure implements [failure.Described].
func (e *anothersError) Failure() failure.Failure {
	return failure.Failure{
		Kind: failure.KindInteraction, Code: "session_of_another",
		Hint: "log in as " + e.subject + ", or with --replace; `oidc-client sessions delete " + e.kept +
			"` forgets what came, `sessions logout` revokes it, too",
	}
}

// An anothersError says that tokens are not where they were asked to be.
type anothersError struct{ asked, kept, subject string }

func (e *anothersError) Error() string {
	return fmt.Sprintf(
		"session %s belongs to the user %s, and the new tokens may belong to another; they are stored as session %s",
		e.asked, e.subject, e.kept)
}

// problem says what went wrong with keeping the tokens, nil if nothing did. There is none where no
// tokens are to be kept, and the keeper is nil.
func (k *sessionKeeper) problem() error {
	switch {
	case k == nil:
		return nil
	case k.lost != nil:
		return k.lost
	case k.unjudged != nil:
		const text = "session %s was stored before its tokens were verified, and the result could not be stored, " +
			"so they stay withheld: %w"
		return fmt.Errorf(text, k.session.Name, k.unjudged)
	case k.double != nil:
		const text = "there are two sessions %s now, one with the agent and one in a file, " +
			"since the old one could not be deleted: %w"
		return fmt.Errorf(text, k.session.Name, k.double)
	}
	return k.renamed
}
