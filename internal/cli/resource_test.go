package cli

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// A resource without a challenge, such as one that takes POST only, is asked for its metadata at
// the well-known place.
func TestResourceMetadataWithoutChallenge(t *testing.T) {
	t.Parallel()
	answering := func(status int) func(*stage) {
		return func(s *stage) { s.Handle("/resource", fakeop.Says(status, nil, "")) }
	}
	nothing := func(s *stage) { s.Handle("/.well-known/oauth-protected-resource/resource", http.NotFound) }
	for name, c := range map[string]struct {
		line    string
		prepare []func(*stage)
		want    []string
	}{
		"405": {
			"resource $OP/resource --metadata",
			[]func(*stage){answering(http.StatusMethodNotAllowed)},
			[]string{"exit code 0", "authorization_servers"},
		},
		"404": {
			"resource $OP/resource --metadata",
			[]func(*stage){answering(http.StatusNotFound)},
			[]string{"exit code 0", "authorization_servers"},
		},
		"401 without a challenge": {
			"resource $OP/resource --metadata",
			[]func(*stage){answering(http.StatusUnauthorized)},
			[]string{"exit code 0", "authorization_servers"},
		},
		"without --metadata": {
			"resource $OP/resource",
			[]func(*stage){answering(http.StatusMethodNotAllowed)},
			[]string{"exit code 0", "authorization_servers", "HTTP status 405, and without a challenge"},
		},
		"with a token": {
			"resource $OP/resource --metadata --token t",
			[]func(*stage){answering(http.StatusMethodNotAllowed)},
			[]string{"exit code 4", "HTTP status 405", "authorization_servers"},
		},
		"no metadata either": {
			"resource $OP/resource",
			[]func(*stage){answering(http.StatusMethodNotAllowed), nothing},
			[]string{"exit code 4", "HTTP status 405"},
		},
		"the wrong metadata": {
			"resource $OP/resource", []func(*stage){
				answering(http.StatusNotFound), func(s *stage) {
					s.Handle("/.well-known/oauth-protected-resource/resource",
						fakeop.Says(http.StatusOK, nil, `{"resource":"https://other.example"}`))
				},
			}, []string{"exit code 4"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := onStage(t, c.line, func(s *stage) {
				for _, prepare := range c.prepare {
					prepare(s)
				}
			})
			expectSeen(t, c.line, seen, append(c.want, "GET /.well-known/RANDOM/resource")...)
		})
	}
}

// wanting is a resource that wants one scope after the other, of the logins that the provider saw.
func wanting(s *stage, scopes ...string) {
	var granted []string
	login := s.Handlers["/auth"]
	s.Handle("/auth", func(w http.ResponseWriter, r *http.Request) {
		s.Lock()
		granted = strings.Fields(r.URL.Query().Get("scope"))
		s.Unlock()
		login(w, r)
	})
	s.Handle("/resource", func(w http.ResponseWriter, _ *http.Request) {
		s.Lock()
		defer s.Unlock()
		for _, scope := range scopes {
			if !slices.Contains(granted, scope) {
				w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer error="insufficient_scope", scope=%q`, scope))
				w.WriteHeader(http.StatusForbidden)
				return
			}
		}
		fakeop.JSON(w, map[string]any{"ok": true})
	})
}

// --step-up logs in again with all scopes that the resource asked for so far, while they grow, and
// at most three times.
func TestStepUpByScope(t *testing.T) {
	t.Parallel()
	line := "resource $OP/resource --token t --step-up -p 0" + clientArgs
	for name, c := range map[string]struct {
		line    string
		prepare func(*stage)
		logins  int
		want    []string
	}{
		"one scope": {
			line, func(s *stage) { wanting(s, "write") }, 1, []string{"exit code 0", `scope=["openid write"]`},
		},
		"one after the other": {
			line + " --scope openid --scope email", func(s *stage) { wanting(s, "a", "b", "c") }, 3,
			[]string{
				"exit code 0", `scope=["openid email a"]`, `scope=["openid email a b"]`, `scope=["openid email a b c"]`,
			},
		},
		"more than three times": {
			line, func(s *stage) { wanting(s, "a", "b", "c", "d") }, 3, []string{"exit code 3", "insufficient_scope"},
		},
		"the same scope again": {
			line, func(s *stage) {
				s.Handle("/resource", fakeop.Says(http.StatusForbidden,
					map[string]string{"WWW-Authenticate": `Bearer error="insufficient_scope", scope="write"`}, ""))
			}, 1, []string{"exit code 3", "insufficient_scope"},
		},
		"no scope is named": {
			line, func(s *stage) {
				s.Handle("/resource", fakeop.Says(http.StatusForbidden,
					map[string]string{"WWW-Authenticate": `Bearer error="insufficient_scope"`}, ""))
			}, 0, []string{"exit code 3", "insufficient_scope"},
		},
		"without --step-up": {
			strings.Replace(line, "--step-up -p 0", "", 1), func(s *stage) { wanting(s, "write") }, 0,
			[]string{"exit code 3", "insufficient_scope", "write"},
		},
		"a server that is no OpenID Provider": {
			line, func(s *stage) { plainOAuth(s); wanting(s, "write") }, 1, []string{"exit code 0", `scope=["write"]`},
		},
		"another acr each time": {
			line, func(s *stage) {
				level := 0
				s.Handle("/resource", func(w http.ResponseWriter, _ *http.Request) {
					s.Lock()
					defer s.Unlock()
					level++
					s.Claims["acr"] = fmt.Sprint(level)
					w.Header().Set("WWW-Authenticate",
						fmt.Sprintf(`Bearer error="insufficient_user_authentication", acr_values="%d"`, level))
					w.WriteHeader(http.StatusUnauthorized)
				})
			}, 3, []string{"exit code 3", "a stronger or fresher login"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := onStage(t, c.line, c.prepare)
			expectSeen(t, c.line, seen, c.want...)
			if logins := strings.Count(seen, "GET /auth "); logins != c.logins {
				t.Errorf("%d logins, not %d\n%s", logins, c.logins, seen)
			}
		})
	}
}

// The scopes of a session are asked for again beside those of the resource. What the session asked
// for already is not asked for again.
func TestStepUpOfSession(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string][]string{
		"write": {"exit code 0", `scope=["openid email write"]`},
		"email": {"exit code 3", "insufficient_scope", "!GET /auth"},
	} {
		s := newStage(t, false, time.Now().Truncate(time.Second))
		s.run("login -p 0 --save work --scope openid --scope email"+clientArgs, "")
		wanting(s, scope)
		const line = "resource $OP/resource --session work --step-up -p 0"
		expectSeen(t, scope, s.run(line, ""), want...)
		s.Close()
	}
}

// A refusal is explained by what is at hand: the token, the response and the resource's metadata.
func TestWhyResourceRefuses(t *testing.T) {
	t.Parallel()
	now := time.Now().Unix()
	access := func(change map[string]any) map[string]any {
		claims := map[string]any{
			"iss": "https://op.example", "aud": "$OP/resource", "sub": "u", "client_id": "cli", "scope": "read",
			"exp": now + 600,
		}
		maps.Copy(claims, change)
		return claims
	}
	const bare = "Bearer error=\"invalid_token\""
	for name, c := range map[string]struct {
		claims    map[string]any
		challenge string
		flags     string
		want      []string
	}{
		"an ID Token": {
			map[string]any{"iss": "https://op.example", "aud": "cli", "sub": "u", "nonce": "n", "exp": now + 600},
			bare, "",
			[]string{"the token is an ID Token", "send the access token", "!expired", "!malformed"},
		},
		"an ID Token, by the client's name": {
			map[string]any{"iss": "https://op.example", "aud": "cli", "sub": "u", "exp": now + 600},
			bare, clientArgs,
			[]string{"the token is an ID Token"},
		},
		"an ID Token that has expired": {
			map[string]any{"aud": "cli", "at_hash": "x", "exp": now - 600},
			bare, "",
			[]string{"the token is an ID Token", "expired at"},
		},
		"a refresh token":    {map[string]any{"typ": "Refresh", "scope": "read"}, bare, "", []string{"the token is a refresh token"}},
		"a client assertion": {map[string]any{"iss": "cli", "sub": "cli"}, bare, "", []string{"the token is a client assertion"}},
		"a Logout Token":     {map[string]any{"events": map[string]any{}}, bare, "", []string{"a Logout Token"}},
		"expired": {
			access(map[string]any{"exp": now - 300}), bare, "", []string{"the token expired at", "before the resource responded", "!malformed"},
		},
		"not valid yet": {access(map[string]any{"nbf": now + 300}), bare, "", []string{"is valid from"}},
		"another issuer": {
			access(map[string]any{"iss": "https://other.example"}), bare, "",
			[]string{`of the issuer "https://other.example", and the resource takes tokens of "https://op.example"`},
		},
		"another audience": {
			access(map[string]any{"aud": "https://api.example"}), bare, "",
			[]string{`the token is for "https://api.example", and the resource is "http://127.0.0.1:PORT/resource"`},
		},
		"a resource above": {access(map[string]any{"aud": "$OP/"}), bare, "", []string{"explains nothing", "!is for"}},
		"a scope is missing": {
			access(nil), `Bearer error="insufficient_scope", scope="read write"`, "",
			[]string{`the token lacks the scope "write" (it has "read")`},
		},
		"scopes in a list": {
			access(map[string]any{"scope": nil, "scp": []string{"read"}}),
			`Bearer error="insufficient_scope", scope="read write"`, "",
			[]string{`the token lacks the scope "write"`},
		},
		"bound to a certificate": {
			access(map[string]any{"cnf": map[string]any{"x5t#S256": "x"}}), bare, "",
			[]string{"bound to a client certificate", "--pem-cert"},
		},
		"a resource that wants DPoP": {
			access(nil), `DPoP error="invalid_token", algs="ES256"`, "", []string{"log in with --dpop"},
		},
		"sent as DPoP, and not bound": {
			access(nil), `DPoP error="invalid_token", algs="ES256"`, " --dpop-key $DIR/key.pem",
			[]string{"the token is not bound to a key"},
		},
		"nothing to be found": {access(nil), bare, "", []string{"explains nothing", "introspect"}},
		"without any challenge": {
			access(map[string]any{"exp": now - 300}), "", "", []string{"the token expired at"},
		},
		"two schemes": {
			access(nil), `Bearer error="insufficient_scope", scope="write", DPoP algs="ES256"`, "",
			[]string{"insufficient_scope", `lacks the scope "write"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := onStage(t, "resource $OP/resource --token @$DIR/token"+c.flags, func(s *stage) {
				for claim, value := range c.claims {
					if text, ok := value.(string); ok {
						c.claims[claim] = s.filled(text)
					}
				}
				s.write("token", fakeop.Sign(s.Key, s.KID, c.claims))
				header := map[string]string{}
				if c.challenge != "" {
					header["WWW-Authenticate"] = c.challenge
				}
				s.Handle("/resource", fakeop.Says(http.StatusUnauthorized, header, ""))
			})
			expectSeen(t, name, seen, append(c.want, "exit code 3")...)
		})
	}
}

// The times of a token are compared with the clock of the resource, not with this machine's.
func TestWhyGoesByTheResourcesClock(t *testing.T) {
	t.Parallel()
	now := time.Now()
	refused := func(s *stage) {
		s.write("token", fakeop.Sign(s.Key, s.KID, map[string]any{"scope": "read", "exp": now.Unix() + 600}))
		s.Handle("/resource", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", now.Add(time.Hour).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusUnauthorized)
		})
	}
	seen := onStage(t, "resource $OP/resource --token @$DIR/token", refused)
	expectSeen(t, "a clock ahead", seen, "the token expired at", "50m0s before the resource responded")
}

// An opaque token explains nothing, and the way on is said.
func TestWhyOfOpaqueToken(t *testing.T) {
	t.Parallel()
	seen := onStage(t, "resource $OP/resource --token opaque", func(s *stage) {
		s.Handle("/resource", fakeop.Says(http.StatusUnauthorized,
			map[string]string{"WWW-Authenticate": `Bearer error="invalid_token"`}, ""))
	})
	expectSeen(t, "an opaque token", seen, "exit code 3", "the token is no JWT", "introspect")
}

// UserInfo is a resource as well.
func TestWhyUserInfoRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		claims map[string]any
		want   string
	}{
		"an ID Token":    {map[string]any{"nonce": "n", "aud": "cli"}, "the token is an ID Token"},
		"without openid": {map[string]any{"scope": "email"}, `the token lacks the scope "openid"`},
		"another issuer": {map[string]any{"scope": "openid", "iss": "https://other.example"}, "of the issuer"},
		"a certificate":  {map[string]any{"scope": "openid", "cnf": map[string]any{"x5t#S256": "x"}}, "client certificate"},
	} {
		seen := onStage(t, "userinfo --token @$DIR/token"+clientArgs, func(s *stage) {
			s.write("token", fakeop.Sign(s.Key, s.KID, c.claims))
			s.Handle("/userinfo", fakeop.Says(http.StatusUnauthorized, nil, ""))
		})
		expectSeen(t, name, seen, "exit code 3", c.want)
	}
}
