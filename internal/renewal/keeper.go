// The keeper of sessions that this process can open.

package renewal

import (
	"context"
	"fmt"
	"time"

	"github.com/oidc-client/oidc-client/internal/session"
)

// A Keeper is the [session.Keeper] of a store: this process renews its sessions.
type Keeper struct {
	Store session.Store
	Now   func() time.Time

	// File is where the store has a session, "" or nil if in no file.
	File func(name string) string

	// Renew gets a token of a session, as [Renewal.Run] does.
	Renew func(ctx context.Context, name string, need session.Need) (*Outcome, error)

	// Revoke revokes the tokens of a session, whose secret is open.
	Revoke func(ctx context.Context, s *session.Session) error
}

// Names implements [session.Keeper].
func (k *Keeper) Names() ([]string, error) { return k.Store.Names() }

// View implements [session.Keeper].
func (k *Keeper) View(name string) (*session.View, error) {
	s, err := k.Store.Load(name)
	if err != nil {
		return nil, err
	}
	return k.view(s), nil
}

func (k *Keeper) view(s *session.Session) *session.View {
	shown := s.Copy()
	shown.Secret, shown.Sealed = nil, nil
	v := &session.View{Session: shown, State: session.StateOf(k.Store, s, k.Now()), Sealed: s.Sealed != nil}
	if k.File != nil {
		v.File = k.File(s.Name)
	}
	return v
}

// Token implements [session.Keeper].
func (k *Keeper) Token(ctx context.Context, name string, need session.Need) (*session.Token, error) {
	out, err := k.Renew(ctx, name, need)
	return out.Given(), err
}

// Given is the token that is needed, for whoever asked. It is nil if there is no session.
func (o *Outcome) Given() *session.Token {
	if o == nil || o.Session == nil {
		return nil
	}
	s := o.Session
	t := &session.Token{
		Session: s.Name, Issuer: s.Grant.Issuer,
		Value: o.Token, Type: o.TokenType, Received: s.Received, Expires: o.Expires,
		Unverified: s.Unverified, Behind: o.Behind,
	}
	if o.Tokens != nil {
		t.Narrowed = s.Narrowed
	}
	return t
}

// Refresh implements [session.Keeper].
func (k *Keeper) Refresh(ctx context.Context, name string, need session.Need) (*session.View, error) {
	s, err := k.Store.Load(name)
	if err != nil {
		return nil, err
	}
	need.Not, need.Target = s.Tokens.AccessToken, session.Target{}
	out, err := k.Renew(ctx, name, need)
	if err != nil {
		return nil, err
	}
	return k.view(out.Session), nil
}

// Logout implements [session.Keeper].
func (k *Keeper) Logout(ctx context.Context, name string) error {
	unlock, err := session.Hold(ctx, k.Store, name) // nobody renews what is about to go
	if err != nil {
		return err
	}
	defer unlock()
	s, err := k.Store.Load(name)
	if err == nil {
		err = k.Store.Open(ctx, s)
	}
	if err == nil {
		err = k.Revoke(ctx, s)
	}
	if err != nil {
		return err
	}
	if err := k.Store.Delete(name, s.Serial); err != nil {
		return fmt.Errorf("its tokens are revoked, and session %s could not be forgotten: %w", name, err)
	}
	return nil
}

// Put implements [session.Keeper].
func (k *Keeper) Put(_ context.Context, s *session.Session) error { return session.Save(k.Store, s) }

// Delete implements [session.Keeper].
func (k *Keeper) Delete(ctx context.Context, name string) error {
	return session.Delete(ctx, k.Store, name)
}
