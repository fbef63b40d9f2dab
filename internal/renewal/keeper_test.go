package renewal

import (
	"context"
	"errors"
	"testing"

	"github.com/oidc-client/oidc-client/internal/session"
)

// keeper is the keeper of a world's store.
func (w *world) keeper() *Keeper {
	return &Keeper{
		Store: w.store, Now: w.renewal().Now, File: func(name string) string { return name + ".json" },
		Renew: func(ctx context.Context, name string, need session.Need) (*Outcome, error) {
			r := w.renewal()
			r.Name, r.Need = name, need
			return r.Run(ctx)
		},
	}
}

// A keeper gives tokens of its sessions, and shows them without what renews them.
func TestKeeper(t *testing.T) {
	everywhere(t, func(w *world) {
		var k session.Keeper = w.keeper()
		token, err := k.Token(t.Context(), "work", session.Need{})
		if err != nil || token.Value != "access-1" || token.Type != "Bearer" || token.Session != "work" ||
			token.Issuer != w.op.URL ||
			token.Expires.IsZero() || token.From != "" {
			t.Fatalf("%+v, %v", token, err)
		}
		v, err := k.Refresh(t.Context(), "work", session.Need{})
		if err != nil || v.Generation != 3 || v.State != session.Fresh {
			t.Fatalf("%+v, %v", v, err)
		}
		if v, err = k.View("work"); err != nil || v.Secret != nil || v.Session.Sealed != nil || v.File != "work.json" ||
			v.InMemory {
			t.Fatalf("%+v, %v", v, err)
		}
		if w.stored().Secret.RefreshToken != "refresh-2" {
			t.Error("a view took the secret away")
		}
		if token, err := k.Token(t.Context(), "none", session.Need{}); token != nil ||
			!errors.Is(err, session.ErrNoSession) {
			t.Errorf("%+v, %v", token, err)
		}
	})
}

// A session whose tokens could not be revoked stays; one that was revoked goes, unless it was made
// anew meanwhile.
func TestKeeperLogsOut(t *testing.T) {
	everywhere(t, func(w *world) {
		k := w.keeper()
		down := errors.New("the provider is down")
		k.Revoke = func(context.Context, *session.Session) error { return down }
		if err := k.Logout(t.Context(), "work"); !errors.Is(err, down) {
			t.Error(err)
		}
		revoked := ""
		k.Revoke = func(_ context.Context, s *session.Session) error {
			revoked = s.Secret.RefreshToken
			again := w.expired()
			again.Serial = session.Any
			return session.Write(w.store, again) // by a login on another machine
		}
		if err := k.Logout(t.Context(), "work"); !errors.Is(err, session.ErrChanged) || revoked != "refresh-0" {
			t.Errorf("%v, revoked %q", err, revoked)
		}
		k.Revoke = func(context.Context, *session.Session) error { return nil }
		if err := k.Logout(t.Context(), "work"); err != nil {
			t.Error(err)
		}
		if _, err := k.View("work"); !errors.Is(err, session.ErrNoSession) {
			t.Error(err)
		}
		s := w.expired()
		if err := k.Put(t.Context(), s); err != nil || s.Serial <= 0 {
			t.Errorf("%v, serial %d", err, s.Serial)
		}
		if err := k.Delete(t.Context(), "work"); err != nil {
			t.Error(err)
		}
	})
}
