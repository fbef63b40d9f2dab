//go:build unix

package agent

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// served is the client of an agent that a world serves over a socket.
func served(t *testing.T, w *world) *Client {
	t.Helper()
	l, socket := listening(t)
	server := &http.Server{Handler: w.Handler(func() {})} //nolint:gosec // of a test
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return &Client{Socket: socket}
}

// The client is a keeper of what is in the agent's memory, and has what renews it no more.
func TestClientIsAKeeper(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var k session.Keeper = served(t, w)
	ctx := t.Context()
	s := &session.Session{
		Schema: session.Schema, Name: "mine", Grant: session.Grant{Issuer: "https://op.example", ClientID: "c"},
		Secret: &session.Secret{RefreshToken: "secret-refresh-token"},
	}
	renewal.Put(s, &oidc.Tokens{AccessToken: "token-1", TokenType: "Bearer", ExpiresAt: w.time().Add(time.Hour)},
		w.time())
	renewal.Verified(s, &oidc.Tokens{})
	if err := k.Put(ctx, s); err != nil || s.Serial <= 0 {
		t.Fatalf("%v, serial %d", err, s.Serial)
	}
	stale := s.Copy()
	if err := k.Put(ctx, s); err != nil || s.Serial <= stale.Serial {
		t.Fatalf("%v, serial %d", err, s.Serial)
	}
	if err := k.Put(ctx, stale); !errors.Is(err, session.ErrChanged) {
		t.Errorf("what was changed since: %v", err)
	}
	if names, err := k.Names(); err != nil || !slices.Equal(names, []string{"mine"}) {
		t.Errorf("%v, %v", names, err)
	}
	if v, err := k.View("mine"); err != nil || v.Secret != nil || !v.InMemory || v.Serial != s.Serial {
		t.Errorf("%+v, %v", v, err)
	}
	token, err := k.Token(ctx, "mine", session.Need{})
	if err != nil || token.Value != "token-1" || token.Type != "Bearer" || token.Issuer != "https://op.example" ||
		token.From == "" {
		t.Errorf("%+v, %v", token, err)
	}
	if token, err := k.Token(ctx, "mine", session.Need{Not: "token-1"}); err != nil || token.Value != "token-2" {
		t.Errorf("one that is not the first: %+v, %v", token, err)
	}
	if v, err := k.Refresh(ctx, "mine", session.Need{}); err != nil || v.Generation != 3 {
		t.Errorf("%+v, %v", v, err)
	}
	w.LogOut = func(context.Context, *session.Session) error { return nil }
	if err := k.Logout(ctx, "mine"); err != nil {
		t.Error(err)
	}
	if err := k.Delete(ctx, "mine"); !errors.Is(err, session.ErrNoSession) {
		t.Error(err)
	}
	if _, err := k.Token(ctx, "mine", session.Need{}); !errors.Is(err, session.ErrNoSession) {
		t.Error(err)
	}
}

// What the client needs arrives at the agent, --retry included.
func TestNeedArrives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("work", -time.Hour)
	renew, needs := w.Renew, make(chan session.Need, 1)
	w.Renew = func(ctx context.Context, name string, need session.Need) (*renewal.Outcome, error) {
		needs <- need
		return renew(ctx, name, need)
	}
	want := session.Need{
		Target: session.Target{Scopes: []string{"a", "b"}, Resources: []string{"r", "s"}, Audiences: []string{"x"}},
		For:    time.Minute, Not: "old", Retry: true, NoCache: true,
	}
	_, _ = served(t, w).Token(t.Context(), "work", want)
	got := <-needs
	if !got.Target.Same(want.Target) || got.For != want.For || got.Not != want.Not || !got.Retry || !got.NoCache ||
		got.IDToken {
		t.Errorf("%+v", got)
	}
}

// An agent of an earlier version does not know of tokens for a part of a grant: its token is for all
// of it, and is not taken.
func TestEarlierAgentIgnoresTheTarget(t *testing.T) {
	t.Parallel()
	l, socket := listening(t)
	//nolint:gosec // of a test
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"access_token":"all of it","token_type":"Bearer"}`)
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	c := &Client{Socket: socket}
	if token, err := c.Token(t.Context(), "work", session.Need{}); err != nil || token.Value != "all of it" {
		t.Errorf("%+v, %v", token, err)
	}
	token, err := c.Token(t.Context(), "work", session.Need{Target: session.Target{Scopes: []string{"a"}}})
	if token != nil || err == nil || !strings.Contains(err.Error(), "of an earlier version") {
		t.Errorf("%+v, %v", token, err)
	}
}
