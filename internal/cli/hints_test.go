package cli

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// A hinted is a command that fails, and what the advice about it has to say.
type hinted struct {
	arrange func(*stage)
	line    string
	hint    []string // what the advice must say
	not     []string // what it must not say
}

const refreshLine = "refresh-token -c $DIR/config.yaml --refresh-token old-refresh-token"

// runHinted runs commands on a stage each, and compares the advice.
func runHinted(t *testing.T, tests map[string]hinted) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, false, time.Now())
			t.Cleanup(s.Close)
			if test.arrange != nil {
				test.arrange(s)
			}
			code, _, said := s.main(test.line, "")
			_, advice, _ := strings.Cut(said, "hint: ")
			if code == 0 {
				t.Errorf("exit code 0: %s", said)
			}
			for _, text := range test.hint {
				if !strings.Contains(advice, text) {
					t.Errorf("no advice that says %q: %s", text, said)
				}
			}
			for _, text := range test.not {
				if strings.Contains(advice, text) {
					t.Errorf("advice that says %q: %s", text, said)
				}
			}
		})
	}
}

// A rule that can be waived says so with the flag, unless the profile forbids it.
func TestHintsOfRules(t *testing.T) {
	t.Parallel()
	claim := func(name string, value any) func(*stage) {
		return func(s *stage) { s.Claims[name] = value }
	}
	token := func(name string, value any) func(*stage) {
		return func(s *stage) { s.Tokens[name] = value }
	}
	unsigned := "eyJhbGciOiJub25lIn0.e30."
	runHinted(t, map[string]hinted{
		"one rule": {
			claim("aud", "other"), refreshLine,
			[]string{"--waive id_token.aud accepts this"},
			nil,
		},
		"two rules": {
			func(s *stage) { s.Claims["aud"], s.Claims["iss"] = "other", "https://op.example" }, refreshLine,
			[]string{"--waive id_token.iss --waive id_token.aud accepts this"},
			nil,
		},
		"one that cannot be waived among them": {
			token("id_token", unsigned), refreshLine, []string{"not signed"}, []string{"--waive"},
		},
		"metadata": {
			func(s *stage) { s.Metadata["issuer"] = "https://op.example" }, refreshLine,
			[]string{"set issuer", "--waive discovery.issuer accepts this"},
			nil,
		},
		"a profile": {
			func(s *stage) { s.Claims["aud"], s.Tokens["token_type"] = "other", "DPoP" },
			"client-credentials -c $DIR/config.yaml --profile fapi2 --pem-key $DIR/key.pem " +
				"--auth-method private_key_jwt",
			[]string{"check client_id"},
			[]string{"--waive"},
		},
		"no token_type": {
			func(s *stage) { delete(s.Tokens, "token_type") }, refreshLine,
			[]string{"has to say of what type", "--waive token_response.token_type"},
			[]string{"dpop"},
		},
		"another token_type": {
			token("token_type", "mac"), refreshLine,
			[]string{"a type that this client does not know"},
			[]string{"dpop"},
		},
		"a token_type of DPoP": {token("token_type", "DPoP"), refreshLine, []string{"--dpop"}, nil},
		"a MAC by another key": {
			token("id_token", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"), refreshLine + " --config $DIR/mac.yaml",
			[]string{"not made with client_secret", "Keycloak", "RS256"},
			[]string{"publishes now"},
		},
		"a MAC that was not asked for": {
			token("id_token", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"), refreshLine,
			[]string{"not made with client_secret", "choose RS256 or ES256"},
			nil,
		},
	})
}

// A session has no --waive, and no earlier ID Token that a flag names.
func TestHintsOfSessions(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now())
	t.Cleanup(s.Close)
	if code, _, said := s.main("login -c $DIR/config.yaml -p 0 --save work", ""); code != 0 {
		t.Fatal(said)
	}
	s.Lock()
	s.Claims["sub"], s.UserInfo["sub"] = "another", "another"
	delete(s.Claims, "nonce")
	s.Unlock()
	_, _, said := s.main("sessions refresh work", "")
	if !strings.Contains(said, "refresh.sub") || strings.Contains(said, "previous-id-token") ||
		!strings.Contains(said, "a login with --waive refresh.sub") {
		t.Error(said)
	}
	s.Lock()
	s.Claims["sub"], s.UserInfo["sub"] = "u", "u"
	s.Unlock()
	s.says("/token", fakeop.Says(http.StatusBadRequest, map[string]string{"Content-Type": "application/json"},
		`{"error":"invalid_grant","error_description":"AADSTS65001: The user or administrator has not consented"}`))
	_, _, said = s.main("sessions refresh work --retry", "")
	if !strings.Contains(said, "--save work") || !strings.Contains(said, "--prompt consent") {
		t.Errorf("a session that was ended is not named: %s", said)
	}
}

// Advice belongs to what was sent, and to where it went.
func TestHintsOfRequests(t *testing.T) {
	t.Parallel()
	says := func(path string, status int, header map[string]string, body string) func(*stage) {
		return func(s *stage) { s.says(path, fakeop.Says(status, header, body)) }
	}
	inJSON := map[string]string{"Content-Type": "application/json"}
	metadata := "/.well-known/openid-configuration"
	sts := func(code, message string) func(*stage) {
		return says("/sts", http.StatusBadRequest, nil,
			"<ErrorResponse><Error><Code>"+code+"</Code><Message>"+message+"</Message></Error></ErrorResponse>")
	}
	const aws = "helper aws work --role-arn arn:aws:iam::1:role/r --sts-endpoint $OP/sts"
	tests := map[string]hinted{
		"metadata elsewhere": {
			says(metadata, http.StatusMovedPermanently, map[string]string{"Location": "https://op.example/x"}, ""),
			refreshLine,
			[]string{"alternative_wellknown_endpoint", "expected_issuer"},
			nil,
		},
		"a login page for a client": {
			says("/device", http.StatusFound, map[string]string{"Location": "http://127.0.0.1/login"}, ""),
			"device -c $DIR/config.yaml",
			[]string{"leads to a login page", "check client_id, auth_method, and the secret or key"},
			[]string{"set the issuer or the endpoint to the address"},
		},
		"a login page for a token": {
			says("/userinfo", http.StatusFound, map[string]string{"Location": "/accounts/login/?next=/userinfo"}, ""),
			"userinfo -c $DIR/config.yaml --token t",
			[]string{"did not accept the access token", "DPoP"},
			[]string{"set the issuer or the endpoint to the address"},
		},
		"a login page for a registration": {
			says("/register", http.StatusFound, map[string]string{"Location": "/signin.jsp"}, ""),
			"register create --issuer $OP",
			[]string{"leads to a login page", "--initial-access-token"},
			[]string{"set the issuer or the endpoint to the address"},
		},
		"a login page for the metadata": {
			says(metadata, http.StatusFound, map[string]string{"Location": "https://gateway.example/login?x=y"}, ""),
			refreshLine,
			[]string{"leads to a login page", "check issuer"},
			[]string{"alternative_wellknown_endpoint"},
		},
		"another address, which has a login": {
			says("/token", http.StatusFound, map[string]string{"Location": "https://login.example/token"}, ""),
			refreshLine,
			[]string{"set the issuer or the endpoint to the address"},
			[]string{"login page"},
		},
		"metadata nowhere": {
			says(metadata, http.StatusNotFound, nil, ""),
			refreshLine,
			[]string{"check issuer, also its path"},
			nil,
		},
		"a nonce, without a proof": {
			says("/token", http.StatusBadRequest, inJSON, `{"error":"use_dpop_nonce"}`), refreshLine,
			[]string{"add --dpop"},
			[]string{"a moment ago"},
		},
		"a nonce, with a proof": {
			says("/token", http.StatusBadRequest,
				map[string]string{"Content-Type": "application/json", "DPoP-Nonce": "n"},
				`{"error":"use_dpop_nonce"}`), refreshLine + " --dpop",
			[]string{"a moment ago"},
			[]string{"add --dpop"},
		},
		"a grant of its own": {
			says("/token", http.StatusBadRequest, inJSON, `{"error":"invalid_grant"}`),
			"token-request -c $DIR/config.yaml --grant urn:example:grant -p ticket=t",
			[]string{"did not accept the grant"},
			[]string{"refresh token"},
		},
		"the client at another endpoint": {
			says("/introspect", http.StatusUnauthorized, nil, ""), "introspect -c $DIR/config.yaml --token t",
			[]string{"check client_id, auth_method, and the secret or key", `"client_secret_basic" was used`},
			nil,
		},
		"a resource without metadata": {
			says("/api", http.StatusNotFound, nil, ""), "resource $OP/api --metadata",
			[]string{"publishes no metadata"},
			[]string{"the provider has to fix it"},
		},
		"keys that are not public": {
			says("/jwks", http.StatusUnauthorized, nil, ""), refreshLine,
			[]string{"the standards do not allow"},
			[]string{"credentials"},
		},
		"a key, not the secret": {
			says("/token", http.StatusUnauthorized, inJSON, `{"error":"invalid_client"}`),
			"client-credentials -c $DIR/config.yaml --auth-method private_key_jwt --pem-key $DIR/key.pem",
			[]string{"private_key is from --pem-key"},
			[]string{"client_secret is from"},
		},
		"no signed introspection": {
			nil, "introspect -c $DIR/config.yaml --token t --signed",
			[]string{"--signed", "lists no introspection_signing_alg_values_supported"},
			nil,
		},
		"a token that is bound to a certificate": {
			says("/userinfo", http.StatusUnauthorized, map[string]string{"WWW-Authenticate": "Bearer"}, ""),
			"userinfo -c $DIR/config.yaml --token $BOUND",
			[]string{"bound to a client certificate", "--pem-cert"},
			[]string{"openid"},
		},
		"registration is closed": {
			says("/register", http.StatusUnauthorized, nil, ""), "register create --issuer $OP",
			[]string{"--initial-access-token"},
			[]string{"client_secret"},
		},
		"a login that nobody ends": {
			says("/auth", http.StatusBadRequest, nil, "Invalid parameter: redirect_uri"),
			"login -c $DIR/config.yaml -p 0 --timeout 300ms",
			[]string{"check client_id, and register http://127.0.0.1:", "/auth/callback as redirect URI"},
			nil,
		},
		"an access token as ID Token": {
			nil, "jwt verify --token $ACCESS -c $DIR/config.yaml",
			[]string{"--as access_token"},
			[]string{"check client_id", "--waive"},
		},
		"AWS knows no such provider": {
			sts("InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://op.example"), aws,
			[]string{"an identity provider in IAM"},
			nil,
		},
		"AWS wants another audience": {
			sts("InvalidIdentityToken", "Incorrect token audience"), aws, []string{"client_id of the session"}, nil,
		},
		"AWS says no": {
			sts("AccessDenied", "Not authorized"), aws, []string{"trust policy"}, []string{"declined"},
		},
		"AWS says expired": {
			sts("ExpiredTokenException", "Token expired"), aws, []string{"sessions refresh"}, nil,
		},
		"AWS, for too long": {
			sts("ValidationError", "The requested DurationSeconds exceeds"), aws, []string{"--duration"}, nil,
		},
		"AWS, another parameter": {sts("ValidationError", "1 validation error"), aws, []string{"--role-arn"}, nil},
		"AWS is not there": {
			nil, "helper aws work --role-arn arn:aws:iam::1:role/r --sts-endpoint http://127.0.0.1:1",
			[]string{"--region (AWS_REGION) and --sts-endpoint"},
			[]string{"issuer"},
		},
	}
	for name, test := range tests {
		arrange := test.arrange
		test.arrange = func(s *stage) {
			if strings.HasPrefix(test.line, "helper aws") {
				if code, _, said := s.main("login -c $DIR/config.yaml -p 0 --save work", ""); code != 0 {
					t.Error(said)
				}
			}
			if arrange != nil {
				arrange(s)
			}
		}
		tests[name] = test
	}
	access := fakeop.Sign(fakeop.NewKey(), "k1",
		map[string]any{"iss": "https://op.example", "aud": "account", "typ": "Bearer"})
	bound := fakeop.Sign(fakeop.NewKey(), "k1", map[string]any{"cnf": map[string]any{"x5t#S256": "A"}})
	for name, test := range tests {
		test.line = strings.NewReplacer("$ACCESS", access, "$BOUND", bound).Replace(test.line)
		tests[name] = test
	}
	runHinted(t, tests)
}

// A token that is not active, and names others than the client, is told to.
func TestIntrospectionOfAnotherAudience(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now())
	t.Cleanup(s.Close)
	s.says("/introspect", fakeop.Says(http.StatusOK, map[string]string{"Content-Type": "application/json"},
		`{"active":false}`))
	for name, test := range map[string]struct {
		claims map[string]any
		says   string
	}{
		"another audience": {map[string]any{"iss": s.URL, "aud": "account"}, `has the aud "account", not "cli"`},
		"no audience":      {map[string]any{"iss": s.URL}, "has no aud"},
		"this client":      {map[string]any{"iss": s.URL, "aud": fakeop.ClientID}, ""},
	} {
		code, _, said := s.main("introspect -c $DIR/config.yaml --token "+fakeop.Sign(s.Key, s.KID, test.claims), "")
		if code != 0 || !strings.Contains(said, test.says) || strings.Contains(said, "It is a JWT") != (test.says != "") {
			t.Errorf("%s: exit code %d: %s", name, code, said)
		}
	}
	if _, _, said := s.main("introspect -c $DIR/config.yaml --token opaque", ""); strings.Contains(said, "aud") {
		t.Error(said)
	}
}

// Who ends the wait for a login is told, too, what may have kept the browser from coming back.
func TestHintOfAnInterruptedLogin(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now())
	t.Cleanup(s.Close)
	ctx, cancel := context.WithCancel(t.Context())
	var said bytes.Buffer
	env := quiet()
	env.Stderr = &watcher{to: &said, said: func(text string) {
		if strings.Contains(text, "Go to ") {
			cancel()
		}
	}}
	code := Main(ctx, env, []string{
		"login", "--issuer", s.URL, "--client-id", "cli", "-p", "0", "--no-browser",
	})
	if code != 130 || !strings.Contains(said.String(), "/auth/callback as redirect URI") {
		t.Errorf("exit code %d: %s", code, said.String())
	}
}
