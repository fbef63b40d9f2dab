package renewal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/session"
)

// A token for a part of the grant is asked for by name, with the parameters of the session that it
// does not replace. The session's own refresh names its scope only after that.
func TestRequest(t *testing.T) {
	t.Parallel()
	scoped, both := session.Target{Scopes: []string{"a", "b"}},
		session.Target{Resources: []string{"r1", "r2"}, Audiences: []string{"x"}}
	for name, c := range map[string]struct {
		target session.Target
		change func(*session.Session)
		want   url.Values
	}{
		"its own": {session.Target{}, nil, url.Values{"resource": {"mine"}}},
		"a scope": {scoped, nil, url.Values{"resource": {"mine"}, "scope": {"a b"}}},
		"others":  {both, nil, url.Values{"resource": {"r1", "r2"}, "audience": {"x"}}},
		"its own, narrowed": {
			session.Target{},
			func(s *session.Session) { s.Whole = "a b c" },
			url.Values{"resource": {"mine"}, "scope": {"a b c"}},
		},
		"a scope, narrowed": {
			scoped, func(s *session.Session) { s.Whole = "a b c" }, url.Values{"resource": {"mine"}, "scope": {"a b"}},
		},
	} {
		s := &session.Session{Secret: &session.Secret{RefreshToken: "r", Params: url.Values{"resource": {"mine"}}}}
		if c.change != nil {
			c.change(s)
		}
		g := grant(s, c.target)
		g.Params.Del("refresh_token")
		if g.Type != "refresh_token" || g.Params.Encode() != c.want.Encode() {
			t.Errorf("%s: %s, not %s", name, g.Params.Encode(), c.want.Encode())
		}
		s.Secret.RefreshToken, s.Secret.Again, s.Secret.Params = "", url.Values{"resource": {"mine"}}, nil
		if g := grant(s, c.target); c.change == nil &&
			(g.Type != "client_credentials" || g.Params.Encode() != c.want.Encode()) {
			t.Errorf("%s, the client's own: %s", name, g.Params.Encode())
		}
		if len(s.Secret.Again) != 1 {
			t.Errorf("%s: the session's request has changed: %v", name, s.Secret.Again)
		}
	}
}

// What the provider took away is told by name, where its responses say enough.
func TestNarrowed(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"a b c", "a b c", ""},
		{"a b c", "c b a d", ""},
		{"a b c", "", ""},
		{"a openid offline_access", "a", ""},
		{"a b c", "a", "no longer grants b c"},
		{"a b", "openid", "no longer grants a b"},
	} {
		if got := narrowed(c[0], c[1]); (got == "") != (c[2] == "") || !strings.HasSuffix(got, c[2]) {
			t.Errorf("%s of %s: %q", c[1], c[0], got)
		}
	}
	s := &session.Session{Grant: session.Grant{Scopes: []string{"openid", "a", "offline_access"}}}
	for granted, want := range map[string]string{
		"": "openid a offline_access", "a b": "a b openid offline_access",
		"openid a": "openid a offline_access",
	} {
		if s.Tokens.Scope = granted; wholeScope(s) != want {
			t.Errorf("%q granted: %q", granted, wholeScope(s))
		}
	}
}

// forTarget is a renewal that wants a token for a target.
func (w *world) forTarget(scopes ...string) *Renewal {
	r := w.renewal()
	r.Need.Target = session.Target{Scopes: scopes}
	return r
}

// A token for a part of the grant is kept beside the session's own, which stays; the refresh token
// that came with it is the one that counts from now on.
func TestTokenForATarget(t *testing.T) {
	everywhere(t, func(w *world) {
		w.gets(w.renewal(), "access-1")
		first := w.stored()
		var asked []string
		w.handle("/token", func(rw http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.FormValue("scope"))
			w.op.Answer(rw, r)
		})
		out := w.gets(w.forTarget("read"), "the-access-token")
		if out.Expires.IsZero() || out.Tokens == nil {
			t.Errorf("%+v", out)
		}
		s := w.stored()
		if s.Tokens != first.Tokens || !s.Received.Equal(first.Received) || s.Secret.RefreshToken != fakeop.Rotated ||
			s.Generation != 3 || s.Claim != nil {
			t.Errorf("%+v", s)
		}
		if got := w.gets(w.forTarget("read"), "the-access-token"); got.Tokens != nil || len(asked) != 1 {
			t.Error("a fresh token was asked for again")
		}
		if got := w.gets(w.renewal(), "access-1"); got.Tokens != nil {
			t.Error("the session's own token was asked for again")
		}
		w.at(time.Hour)
		w.gets(w.renewal(), "the-access-token")
		if len(asked) != 2 || asked[0] != "read" || !strings.Contains(asked[1], "openid") && asked[1] != s.Whole {
			t.Errorf("asked for %q", asked)
		}
	})
}

// A token for a target that did not verify is withheld, and the session's own tokens are not.
func TestTargetIsWithheld(t *testing.T) {
	everywhere(t, func(w *world) {
		w.gets(w.renewal(), "access-1")
		w.claim("sub", "somebody else")
		out, err := w.forTarget("read").Run(t.Context())
		if err == nil || out.Token != "" {
			t.Fatalf("got %q", out.Token)
		}
		s := w.stored()
		if access := s.For(session.Target{Scopes: []string{"read"}}); access == nil || access.Withheld == "" ||
			access.Withheld == session.Unverified {
			t.Errorf("%+v", access)
		}
		if s.Withheld != "" || s.Secret.RefreshToken != "refresh-2" || s.Claim != nil {
			t.Errorf("%+v", s)
		}
		w.gets(w.renewal(), "access-1")
	})
}

// The provider that answers a request for the whole scope with less of it is told of, until it
// grants all again.
func TestProviderNarrowsForGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &session.Memory{})
	s := w.expired()
	s.Grant.Scopes, s.Tokens.Scope = []string{"openid", "read", "write"}, "openid read write"
	w.save(s)
	scope := "read"
	w.noClaims()
	w.handle("/token", func(rw http.ResponseWriter, _ *http.Request) {
		fakeop.Says(200, map[string]string{"Content-Type": "application/json"},
			`{"access_token":"a","token_type":"Bearer","expires_in":1,"scope":"`+scope+`"}`)(rw, nil)
	})
	step := func(r *Renewal, narrowed bool) *session.Session {
		t.Helper()
		_, _ = r.Run(t.Context())
		s := w.stored()
		if (s.Narrowed != "") != narrowed {
			t.Errorf("%q", s.Narrowed)
		}
		later := w.now.Load().Add(time.Hour)
		w.now.Store(&later)
		return s
	}
	if s := step(w.forTarget("read"), false); s.Whole != "openid read write" {
		t.Errorf("whole: %q", s.Whole)
	}
	step(w.renewal(), true)
	scope = "openid read write"
	step(w.renewal(), false)
	w.handle("/token",
		fakeop.Says(400, map[string]string{"Content-Type": "application/json"}, `{"error":"invalid_scope"}`))
	if s := step(w.renewal(), true); s.Claim != nil || s.Refused != "" {
		t.Errorf("%+v", s)
	}
}

// Without a refresh token there is no token for a part of the grant; with what must not be used
// none is asked for.
func TestNoTokenForATarget(t *testing.T) {
	everywhere(t, func(w *world) {
		s := w.expired()
		s.Renewable, s.Secret.RefreshToken = false, ""
		w.save(s)
		_, err := w.fails(w.forTarget("read"))
		w.isLogin(err, session.Ended, "no refresh token, which gets a token for scope read")
		s = w.expired()
		s.Generation, s.Withheld = 2, "a wrong iss"
		w.save(s)
		r := w.forTarget("read")
		r.Need.Retry = true
		_, err = w.fails(r)
		w.isLogin(err, session.Withheld, "a wrong iss")
		if w.family.Asked() != 0 {
			t.Errorf("asked %d times", w.family.Asked())
		}
	})
}

// The client's own grant gives a token for a target too.
func TestOwnGrantForATarget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &session.Memory{})
	s := w.expired()
	s.Grant.Subject, s.Grant.Own = "", true
	s.Secret.RefreshToken, s.Secret.Again = "", url.Values{"scope": {"read write"}}
	w.save(s)
	w.noClaims()
	asked := ""
	w.handle("/token", func(rw http.ResponseWriter, r *http.Request) {
		asked = r.FormValue("grant_type") + " " + r.FormValue("scope")
		fakeop.Says(200, map[string]string{"Content-Type": "application/json"},
			`{"access_token":"a","token_type":"Bearer","expires_in":300}`)(rw, r)
	})
	w.gets(w.forTarget("read"), "a")
	if got := w.stored(); asked != "client_credentials read" || got.Whole != "" || !got.Renewable {
		t.Errorf("asked %q, %+v", asked, got)
	}
}
