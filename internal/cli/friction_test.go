package cli

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/jose"
)

// answersWith has the token endpoint issue tokens that are signed with a secret; only the access token, if
// the ID Token is to be good.
func (s *stage) answersWith(alg, secret string, good bool) (end func()) {
	s.t.Helper()
	s.Lock()
	token, err := jose.SignWithSecret(alg, secret, "", s.Claims)
	s.Unlock()
	if err != nil {
		s.t.Fatal(err)
	}
	id := token
	if good {
		id = s.filled("$ID")
	}
	body, err := json.Marshal(map[string]any{
		"access_token": token, "token_type": "Bearer", "id_token": id, "expires_in": 300,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.says("/token", fakeop.Says(http.StatusOK, map[string]string{"Content-Type": "application/json"}, string(body)))
}

// A token that is signed with a key of the provider's own is named as such: no setting of the client verifies it.
func TestSecretOfTheProvider(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	base := "issuer: " + s.URL + "\nclient_id: cli\nskip_userinfo_call: true\n"
	for name, text := range map[string]string{
		"secret.yaml": base + "client_secret: " + stageSecret + "\n",
		"access.yaml": base + "client_secret: " + stageSecret + "\naccess_token_jwt: true\n",
		"public.yaml": base,
	} {
		if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	realm := strings.Repeat("a key of the realm ", 4)
	const own = "the token was not made with client_secret: Keycloak and others sign HS256 with a key of their own"
	for _, c := range []struct{ alg, secret, config, says, not string }{
		{"HS256", realm, "secret.yaml", own, "add this one"},
		{"HS256", realm, "secret.yaml", "choose RS256 or ES256 for this client", "publishes now"},
		{"HS512", realm, "secret.yaml", "HS512 is verified with a client_secret of at least 64 bytes", "publishes now"},
		{"HS256", realm, "public.yaml", "HS256 is verified with a client_secret of at least 32 bytes", "publishes now"},
		{"HS256", realm, "access.yaml", "leave access_token_jwt out", "publishes now"},
		{"HS256", stageSecret, "secret.yaml", "if the provider signs with client_secret", "a key of their own"},
	} {
		end := s.answersWith(c.alg, c.secret, c.config == "access.yaml")
		got := s.run("refresh-token -c $DIR/"+c.config+" --refresh-token old-refresh-token", "")
		end()
		if !strings.HasPrefix(got, "exit code 5\n") || !strings.Contains(got, c.says) || strings.Contains(got, c.not) {
			t.Errorf("%s, %s: want %q, not %q: %s", c.alg, c.config, c.says, c.not, got)
		}
	}
}

// A secret whose end is not named is a registration all the same, and how to accept it is said.
func TestRegistrationWithoutExpiry(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	const rule = "registration.client_secret_expires_at"
	body := `{"client_id":"new","client_secret":"a-secret","redirect_uris":["http://127.0.0.1:5556/auth/callback"]}`
	answer := fakeop.Says(http.StatusCreated, map[string]string{"Content-Type": "application/json"}, body)
	defer s.says("/register", answer)()
	line := "register create --issuer $OP --out $DIR/new.yaml --force"
	if got := s.run(line, ""); !strings.Contains(got, "accepts a provider that does not say when the secret expires") {
		t.Errorf("no way on: %s", got)
	}
	if got := s.run(line+" --waive "+rule, ""); !strings.HasPrefix(got, "exit code 0\n") {
		t.Errorf("waived: %s", got)
	}
}

// Keys for encryption are called that: nothing is wrong with them.
func TestDiscoverNamesEncryptionKeys(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	const keys = `{"keys":[{"kty":"EC","crv":"P-256","use":"enc","kid":"e","x":"a","y":"b"},{"kty":"EC","kid":"odd"}]}`
	end := s.says("/jwks", fakeop.Says(http.StatusOK, map[string]string{"Content-Type": "application/json"}, keys))
	defer end()
	got := s.run("discover $OP", "")
	if !strings.Contains(got, "kid=e EC P-256 use=enc  for encryption\n") ||
		!strings.Contains(got, "kid=odd EC  unusable: ") {
		t.Error(got)
	}
}

// A provider that repeats the nonce in refreshed ID Tokens does so every time: a session warns of it once.
func TestRepeatedNonceWarnsOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	s.Lock()
	s.Claims["nonce"] = "n"
	s.Unlock()
	makeSession(s)
	const warning = "refresh.nonce_absent is not kept"
	for i, want := range []bool{true, false, false} {
		s.age(2 * time.Hour)
		got := s.run("token work --explain", "")
		if !strings.HasPrefix(got, "exit code 0\n") || strings.Contains(got, "[WARN]  oidc-client: "+warning) != want {
			t.Errorf("refresh %d: warned is not %v: %s", i+1, want, got)
		}
	}
}
