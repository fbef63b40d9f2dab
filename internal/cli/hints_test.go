package cli

import (
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
			"client-credentials -c $DIR/config.yaml --profile fapi2 --pem-key $DIR/key.pem --auth-method private_key_jwt",
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
			[]string{"not signed with client_secret", "Keycloak", "RS256"},
			[]string{"publishes now"},
		},
		"a MAC that was not asked for": {
			token("id_token", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"), refreshLine,
			[]string{"shared secret", "Choose an asymmetric algorithm"},
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
		`{"error":"invalid_grant"}`))
	_, _, said = s.main("sessions refresh work --retry", "")
	if !strings.Contains(said, "--save work") {
		t.Errorf("a session that was ended is not named: %s", said)
	}
}
