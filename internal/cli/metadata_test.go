package cli

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// onStage runs a command line on a stage that prepare has changed, and returns all that can
// be seen of it.
func onStage(t *testing.T, line string, prepare func(*stage)) string {
	t.Helper()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	prepare(s)
	return s.run(line, "")
}

// expectSeen looks for what a run has to show, and for what it must not, which begins with a "!".
func expectSeen(t *testing.T, name, seen string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		text, not := strings.CutPrefix(want, "!")
		if strings.Contains(seen, text) == not {
			t.Errorf("%s: %q should be seen: %v\n%s", name, text, !not, seen)
		}
	}
}

// write writes a file that a command line can name.
func (s *stage) write(name, text string) {
	if err := os.WriteFile(filepath.Join(s.folder, name), []byte(s.filled(text)), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// clientArgs are the flags of the stage's client.
const clientArgs = " --issuer $OP --client-id cli --client-secret $SECRET"

// Only what a command uses of the metadata can stop it. The rest is judged too, as a warning.
func TestMetadataIsJudgedByUse(t *testing.T) {
	t.Parallel()
	refresh := "refresh-token --refresh-token old --format json" + clientArgs
	without := func(names ...string) func(*stage) {
		return func(s *stage) {
			for _, name := range names {
				delete(s.Metadata, name)
			}
		}
	}
	with := func(name string, value any) func(*stage) { return func(s *stage) { s.Metadata[name] = value } }
	const elsewhere = "http://op.example/x"
	for name, c := range map[string]struct {
		line    string
		prepare func(*stage)
		want    []string
	}{
		"an unused endpoint on http": {
			refresh, with("revocation_endpoint", elsewhere),
			[]string{"exit code 0", `"id": "discovery.unused"`, "revocation_endpoint http://op.example/x", "POST /token"},
		},
		"an endpoint on http that is used": {
			"revoke --token t" + clientArgs, with("revocation_endpoint", elsewhere),
			[]string{"exit code 4", "discovery.endpoint_urls", "!POST"},
		},
		"UserInfo on http, which is fetched": {
			refresh, with("userinfo_endpoint", elsewhere), []string{"exit code 4", "discovery.endpoint_urls", "!POST"},
		},
		"UserInfo on http, which is skipped": {
			refresh + " --skip-userinfo", with("userinfo_endpoint", elsewhere), []string{"exit code 0"},
		},
		"an alias on http, without a certificate": {
			refresh, with("mtls_endpoint_aliases", map[string]any{"token_endpoint": elsewhere}),
			[]string{"exit code 0", "mtls_endpoint_aliases.token_endpoint"},
		},
		"a list that is a string": {
			refresh, with("scopes_supported", "openid"), []string{"exit code 0", "scopes_supported"},
		},
		"a list that is read": {
			refresh, with("token_endpoint_auth_methods_supported", "client_secret_basic"),
			[]string{"exit code 4", "json.type", "!POST"},
		},
		"the same list, not read": {
			refresh + " --auth-method client_secret_basic",
			with("token_endpoint_auth_methods_supported", "client_secret_basic"),
			[]string{"exit code 0"},
		},
		"no authorization_endpoint, and no browser": {
			refresh, without("authorization_endpoint"), []string{"exit code 0", "no RANDOM"},
		},
		"no authorization_endpoint, and a browser": {
			"login" + clientArgs, without("authorization_endpoint"),
			[]string{"exit code 4", "discovery.RANDOM"},
		},
		"no jwks_uri, and nothing to verify": {
			"client-credentials --format json" + clientArgs,
			func(s *stage) { delete(s.Metadata, "jwks_uri"); s.Claims = nil },
			[]string{"exit code 0", "no jwks_uri"},
		},
		"no jwks_uri, and an ID Token is due": {
			refresh, without("jwks_uri"), []string{"exit code 4", "discovery.jwks_uri", "!POST"},
		},
		"no token_endpoint, and none is used": {
			"revoke --token t" + clientArgs, without("token_endpoint"), []string{"exit code 0", "POST /revoke"},
		},
		"discover judges all of it": {
			"discover --issuer $OP", with("revocation_endpoint", elsewhere),
			[]string{"exit code 4", "discovery.endpoint_urls"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectSeen(t, c.line, onStage(t, c.line, c.prepare), c.want...)
		})
	}
}

// plainOAuth leaves of the metadata what an authorization server has that is no OpenID Provider.
func plainOAuth(s *stage) {
	for name := range s.Metadata {
		if name != "issuer" && !strings.HasSuffix(name, "_endpoint") {
			delete(s.Metadata, name)
		}
	}
	s.Metadata["code_challenge_methods_supported"] = []string{"S256"}
	s.Claims = nil
	s.Handle("/auth", s.back("redirect_uri"))
}

// A server that is no OpenID Provider is not asked for openid, wherever its metadata is.
func TestPlainOAuth(t *testing.T) {
	t.Parallel()
	moved := func(s *stage) {
		plainOAuth(s)
		s.Handle("/.well-known/openid-configuration", http.NotFound)
		s.Handle("/.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
			fakeop.JSON(w, s.Metadata)
		})
	}
	bound := func(s *stage) { s.Tokens["token_type"] = "DPoP" }
	config := func(text string) func(*stage) {
		return func(s *stage) {
			s.write("own.yaml", "issuer: $OP\nclient_id: cli\nclient_secret: $SECRET\n"+text)
		}
	}
	for name, c := range map[string]struct {
		line    string
		prepare []func(*stage)
		want    []string
	}{
		"at openid-configuration": {
			"login -p 0" + clientArgs, []func(*stage){plainOAuth}, []string{"exit code 0", "GET /auth", "!scope=", "no UserInfo"},
		},
		"at oauth-authorization-server": {
			"login -p 0" + clientArgs, []func(*stage){moved}, []string{"exit code 0", "GET /auth", "!scope="},
		},
		"scopes that were asked for": {
			"login -p 0 --scope api" + clientArgs, []func(*stage){plainOAuth}, []string{"exit code 0", `scope=["api"]`},
		},
		"a device": {
			"device --timeout 20s" + clientArgs, []func(*stage){plainOAuth}, []string{"exit code 0", "POST /device", "!scope="},
		},
		"a refresh": {
			"refresh-token --refresh-token old" + clientArgs,
			[]func(*stage){plainOAuth},
			[]string{"exit code 0", "no UserInfo", "!GET /userinfo"},
		},
		"discover": {
			"discover --issuer $OP", []func(*stage){plainOAuth}, []string{"exit code 0"},
		},
		"the profile fapi2": {
			"client-credentials --issuer $OP --client-id cli --auth-method private_key_jwt --pem-key $DIR/key.pem --profile fapi2",
			[]func(*stage){plainOAuth, bound},
			[]string{"exit code 0", "POST /token"},
		},
		"the profile fapi2, and the place of RFC 8414": {
			"client-credentials --auth-method private_key_jwt --pem-key $DIR/key.pem -c $DIR/own.yaml",
			[]func(*stage){moved, bound, func(s *stage) {
				s.write("own.yaml", "issuer: $OP\nclient_id: cli\nprofile: fapi2\nexpected_issuer: $OP\n"+
					"alternative_wellknown_endpoint: $OP/.well-known/oauth-authorization-server\n")
			}},
			[]string{"exit code 0", "POST /token", "!openid-configuration"},
		},
		"no scopes, at an OpenID Provider": {
			"login -p 0 -c $DIR/own.yaml",
			[]func(*stage){config("scopes: []\n"), func(s *stage) { s.Claims["nonce"] = nil }},
			[]string{"GET /auth", "!scope="},
		},
		"no scopes, on a device": {
			"device --timeout 20s -c $DIR/own.yaml",
			[]func(*stage){config("scopes: []\n")},
			[]string{"exit code 0", "POST /device", "!scope="},
		},
		"the default, at an OpenID Provider": {
			"login -p 0" + clientArgs, nil, []string{"exit code 0", `scope=["openid"]`, "GET /userinfo"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectSeen(t, c.line, onStage(t, c.line, func(s *stage) {
				for _, prepare := range c.prepare {
					prepare(s)
				}
			}), c.want...)
		})
	}
}

// UserInfo is for tokens with the scope openid: that of the response, or else what was asked for.
func TestUserInfoWithoutOpenID(t *testing.T) {
	t.Parallel()
	refresh := "refresh-token --refresh-token old" + clientArgs
	granted := func(scope string) func(*stage) {
		return func(s *stage) {
			s.Claims = nil
			if scope != "" {
				s.Tokens["scope"] = scope
			}
		}
	}
	const left = "no UserInfo: the scope of the tokens has no openid"
	for name, c := range map[string]struct {
		line    string
		prepare func(*stage)
		want    []string
	}{
		"the response has no openid":    {refresh, granted("profile email"), []string{left, "!GET /userinfo"}},
		"the response has openid":       {refresh, granted("openid email"), []string{"!" + left, "GET /userinfo"}},
		"--scope has no openid":         {refresh + " --scope email", granted(""), []string{left, "!GET /userinfo"}},
		"nothing is said of the scope":  {refresh, granted(""), []string{"!" + left, "GET /userinfo"}},
		"an ID Token counts as openid":  {refresh + " --scope email", func(*stage) {}, []string{"!" + left, "GET /userinfo"}},
		"a login that asks for another": {"login -p 0 --scope email" + clientArgs, granted("email"), []string{left, "!GET /userinfo"}},
		"a client's own token":          {"client-credentials" + clientArgs, granted("api"), []string{"!" + left, "!GET /userinfo"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(c.line, "login") {
				prepare := c.prepare
				c.prepare = func(s *stage) { prepare(s); s.Handle("/auth", s.back("redirect_uri")) }
			}
			expectSeen(t, c.line, onStage(t, c.line, c.prepare), append(c.want, "exit code 0")...)
		})
	}
}

// The configuration of a client that was registered at such a server logs in there.
func TestRegisterAtPlainOAuth(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	s.Handle("/register", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"client_id":"new","client_secret":"s","client_secret_expires_at":0}`)
	})
	expectSeen(t, "register create", s.run("register create --issuer $OP --out $DIR/op.yaml", ""), "exit code 0")
	data, err := os.ReadFile(filepath.Join(s.folder, "op.yaml"))
	if err != nil || !strings.Contains(string(data), `scopes: ["openid"]`) {
		t.Errorf("at an OpenID Provider: %s %v", data, err)
	}
	plainOAuth(s)
	expectSeen(t, "register create", s.run("register create --issuer $OP --out $DIR/new.yaml", ""), "exit code 0")
	data, err = os.ReadFile(filepath.Join(s.folder, "new.yaml"))
	if err != nil || strings.Contains(string(data), "scopes") {
		t.Errorf("at an authorization server: %s %v", data, err)
	}
	expectSeen(t, "login", s.run("login -p 0 -c $DIR/new.yaml", ""), "exit code 0", "GET /auth", "!scope=")
}

// withoutMetadata is a provider as GitHub is: no metadata, tokens as a form unless JSON is
// accepted, and errors with the status 200.
func withoutMetadata(config string) func(*stage) {
	return func(s *stage) {
		s.Claims = nil
		delete(s.Tokens, "expires_in")
		s.Tokens["scope"] = ""
		s.Handle("/.well-known/openid-configuration", http.NotFound)
		s.Handle("/auth", s.back("redirect_uri"))
		pending := true
		s.Handle("/token", func(w http.ResponseWriter, r *http.Request) {
			switch {
			case !strings.Contains(r.Header.Get("Accept"), "application/json"):
				w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
				_, _ = io.WriteString(w, "access_token=the-access-token&token_type=bearer")
			case r.PostForm.Get("client_secret") != stageSecret:
				fakeop.JSON(w, map[string]any{"error": "incorrect_client_credentials", "error_description": "wrong"})
			case r.PostForm.Get("grant_type") == "refresh_token" && r.PostForm.Get("refresh_token") != fakeop.RefreshToken:
				fakeop.JSON(w, map[string]any{"error": "bad_refresh_token", "error_description": "expired"})
			case r.PostForm.Has("device_code") && pending:
				pending = false
				fakeop.JSON(w, map[string]any{"error": "authorization_pending"})
			default:
				s.Answer(w, r)
			}
		})
		s.write("own.yaml", "issuer: $OP\nclient_id: cli\nclient_secret: $SECRET\nauth_method: client_secret_post\n"+config)
	}
}

// A provider that publishes no metadata works with the endpoints of the configuration.
func TestWithoutMetadata(t *testing.T) {
	t.Parallel()
	const (
		token   = "token_endpoint: $OP/token\n"
		all     = token + "authorize_endpoint: $OP/auth\ndevice_authorization_endpoint: $OP/device\n"
		note    = "the provider publishes no metadata: the endpoints of the configuration are used"
		refresh = "refresh-token -c $DIR/own.yaml --refresh-token old-refresh-token"
	)
	for name, c := range map[string]struct {
		line, config string
		want         []string
	}{
		"a login": {
			"login -p 0 -c $DIR/own.yaml", all + "scopes: [user]\n",
			[]string{"exit code 0", note, `"access_token": "the-access-token"`, `scope=["user"]`, "no UserInfo"},
		},
		"a login without scopes": {
			"login -p 0 -c $DIR/own.yaml", all, []string{"exit code 0", note, "GET /auth", "!scope="},
		},
		"a login by profile of flags": {
			"login -p 0 --save work -c $DIR/own.yaml", all, []string{"exit code 0", "!WARN"},
		},
		"a device": {
			"device --timeout 30s -c $DIR/own.yaml", all, []string{"exit code 0", note, `"access_token": "the-access-token"`},
		},
		"a refresh": {refresh, token, []string{"exit code 0", note, "!GET /userinfo"}},
		"a refresh token that is refused, with 200": {
			"refresh-token -c $DIR/own.yaml --refresh-token other", token,
			[]string{"exit code 3", "bad_refresh_token: expired"},
		},
		"wrong credentials, with 200": {
			refresh + " --client-secret other", token, []string{"exit code 3", "refused the refresh token: RANDOM: wrong"},
		},
		"client credentials": {"client-credentials -c $DIR/own.yaml", token, []string{"exit code 0", note}},
		"introspection": {
			"introspect --token t -c $DIR/own.yaml", "introspect_endpoint: $OP/introspect\n", []string{"exit code 0", note},
		},
		"revocation": {
			"revoke --token t -c $DIR/own.yaml", "revocation_endpoint: $OP/revoke\n", []string{"exit code 0", note},
		},
		"UserInfo": {
			"userinfo --token t -c $DIR/own.yaml", "userinfo_endpoint: $OP/userinfo\n", []string{"exit code 0", note},
		},
		"an endpoint that is missing": {
			"device -c $DIR/own.yaml", token,
			[]string{
				"exit code 4", "HTTP status 404 where the metadata should be",
				"set its endpoints in the configuration: RANDOM\n", "!POST",
			},
		},
		"none of the endpoints": {
			refresh, "", []string{"exit code 4", "set its endpoints in the configuration: token_endpoint", "!POST"},
		},
		"openid, and no keys": {
			refresh, token + "scopes: [openid]\n", []string{"exit code 2", "jwks_endpoint is not set", "!POST"},
		},
		"metadata that the configuration names": {
			refresh, token + "alternative_wellknown_endpoint: $OP/nowhere\n", []string{"exit code 4", "!POST"},
		},
		"discover": {"discover -c $DIR/own.yaml", all, []string{"exit code 4"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectSeen(t, c.line, onStage(t, c.line, withoutMetadata(c.config)), c.want...)
		})
	}
}

// A token that does not expire, as far as is known, needs no refresh token.
func TestSaveTokenWithoutExpiry(t *testing.T) {
	t.Parallel()
	prepare := withoutMetadata("token_endpoint: $OP/token\nauthorize_endpoint: $OP/auth\n")
	const line = "login -p 0 --save work -c $DIR/own.yaml"
	for name, c := range map[string]struct {
		expires any
		want    []string
	}{
		"no expires_in": {nil, []string{"does not say when the access token of session work expires", "!offline_access"}},
		"an expires_in": {300, []string{"ends with its access token", "offline_access"}},
	} {
		seen := onStage(t, line, func(s *stage) {
			prepare(s)
			delete(s.Tokens, "refresh_token")
			if c.expires != nil {
				s.Tokens["expires_in"] = c.expires
			}
		})
		expectSeen(t, name, seen, append(c.want, "exit code 0")...)
	}
}

// The ID Tokens of a provider that publishes no metadata are verified with the keys of the
// configuration. One that fails says nothing of its metadata.
func TestWithoutMetadataAndOpenID(t *testing.T) {
	t.Parallel()
	answered := func(status int, header map[string]string, body string) func(*stage) {
		return func(s *stage) {
			s.write("own.yaml", "issuer: $OP\nclient_id: cli\nclient_secret: $SECRET\ntoken_endpoint: $OP/token\n"+
				"token_signing_alg: [ES256]\nauthorize_endpoint: $OP/auth\njwks_endpoint: $OP/jwks\nuserinfo_endpoint: $OP/userinfo\n")
			s.Handle("/.well-known/openid-configuration", fakeop.Says(status, header, body))
		}
	}
	html := map[string]string{"Content-Type": "text/html; charset=utf-8"}
	goesOn := []string{"exit code 0", `scope=["openid"]`, "publishes no metadata", "GET /userinfo"}
	for name, c := range map[string]struct {
		prepare func(*stage)
		want    []string
	}{
		"404":               {answered(http.StatusNotFound, nil, ""), goesOn},
		"401":               {answered(http.StatusUnauthorized, nil, ""), goesOn},
		"a login page":      {answered(http.StatusFound, map[string]string{"Location": "/login"}, ""), goesOn},
		"a page for people": {answered(http.StatusOK, html, "<html></html>"), goesOn},
		"500":               {answered(http.StatusInternalServerError, nil, ""), []string{"exit code 4", "!GET /auth"}},
		"429":               {answered(http.StatusTooManyRequests, nil, ""), []string{"exit code 4", "!GET /auth"}},
		"JSON that is none": {answered(http.StatusOK, nil, `{"issuer":`), []string{"exit code 4", "!GET /auth"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const line = "login -p 0 --timeout 30s -c $DIR/own.yaml"
			expectSeen(t, line, onStage(t, line, c.prepare), c.want...)
		})
	}
}

// A session at such a provider is used and refreshed as anywhere.
func TestSessionWithoutMetadata(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	withoutMetadata("token_endpoint: $OP/token\nauthorize_endpoint: $OP/auth\n")(s)
	for _, c := range []struct {
		line string
		want []string
	}{
		{"login -p 0 --save work -c $DIR/own.yaml", []string{"!WARN"}},
		{"token work", []string{"the-access-token", "!GET /", "!POST /"}},
		{"sessions refresh work", []string{"POST /token", "!publishes no metadata"}},
		{"sessions delete work", []string{"!file DIR/sessions/work.json"}},
	} {
		// The provider takes the refresh token of the login for the one that it issued before.
		s.Tokens["refresh_token"] = fakeop.RefreshToken
		expectSeen(t, c.line, s.run(c.line, ""), append(c.want, "exit code 0")...)
	}
}

// An ID Token that nobody asked for needs keys all the same.
func TestIDTokenWithoutKeys(t *testing.T) {
	t.Parallel()
	seen := onStage(t, "client-credentials"+clientArgs, func(s *stage) { delete(s.Metadata, "jwks_uri") })
	expectSeen(t, "client-credentials", seen, "exit code 5", "the provider's keys are not known. Set jwks_endpoint")
}
