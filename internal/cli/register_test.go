package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// A registered stage is one whose provider has registered a client, in reg.yaml.
func registeredStage(t *testing.T) *stage {
	t.Helper()
	s := newStage(t, false, time.Now())
	t.Cleanup(s.Close)
	s.says("/register", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"client_id":"new","client_secret":"the-secret","client_secret_expires_at":0,
			"registration_access_token":"r","registration_client_uri":"%s/registered"}`, s.URL)
	})
	if seen := s.run("register create --issuer $OP --out $DIR/reg.yaml", ""); !ended(seen, 0) {
		t.Fatal(seen)
	}
	return s
}

// ended reports whether a run that was seen ended with an exit code.
func ended(seen string, code int) bool {
	return strings.HasPrefix(seen, fmt.Sprintf("exit code %d\n", code))
}

// registration is what the file of the registration holds.
func (s *stage) registration() map[string]any {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.folder, "reg.yaml.registration.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	members := map[string]any{}
	if err := json.Unmarshal(data, &members); err != nil {
		s.t.Fatal(err)
	}
	return members
}

// A hash that a provider shows does not take the place of the secret: that is what the client logs in
// with.
func TestHashedSecretIsNotStored(t *testing.T) {
	t.Parallel()
	s := registeredStage(t)
	known := s.registration()
	shown := map[string]any{
		"client_id": known["client_id"], "client_secret": "{bcrypt}$2a$10$N9qo8uLOickgx2ZMRZoMye",
		"client_secret_expires_at": 0, "client_name": "changed",
	}
	defer s.says("/registered", fakeop.Says(http.StatusOK, map[string]string{"Content-Type": "application/json"}, string(mustJSON(t, shown))))()
	seen := s.run("register read --registration $DIR/reg.yaml.registration.json", "")
	if !ended(seen, 0) || !strings.Contains(seen, "what only stands for it; the secret that is known is kept") ||
		strings.Contains(seen, "the old one") {
		t.Error(seen)
	}
	if now := s.registration(); now["client_secret"] != known["client_secret"] || now["client_name"] != "changed" {
		t.Errorf("%v", now)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// An update does not send the secret, unless the user does.
func TestUpdateLeavesTheSecretOut(t *testing.T) {
	t.Parallel()
	s := registeredStage(t)
	secret := s.registration()["client_secret"]
	for changes, want := range map[string]bool{
		`{"client_name":"n"}`: false, `{"client_secret":"` + secret.(string) + `"}`: true,
	} {
		var sent map[string]any
		end := s.says("/registered", func(w http.ResponseWriter, r *http.Request) {
			data, err := io.ReadAll(r.Body)
			if err != nil || json.Unmarshal(data, &sent) != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(mustJSON(t, s.registration()))
		})
		seen := s.run("register update --registration $DIR/reg.yaml.registration.json --metadata "+changes, "")
		end()
		if _, there := sent["client_secret"]; !ended(seen, 0) || there != want || sent["client_id"] == nil {
			t.Errorf("%s: %v\n%s", changes, sent, seen)
		}
	}
}

// Who may not register is told what the provider asks for; and a redirect at a registration is no reason
// to follow it.
func TestRegistrationHints(t *testing.T) {
	t.Parallel()
	s := registeredStage(t)
	refusal := fakeop.Says(http.StatusForbidden, map[string]string{"Content-Type": "application/json"},
		`{"error":"insufficient_scope","error_description":"Policy 'Trusted Hosts' rejected request"}`)
	end := s.says("/register", refusal)
	for flags, want := range map[string]string{
		"":                           "the provider lets only those register who show an initial access token",
		"--initial-access-token tok": "the provider did not accept the initial access token",
	} {
		seen := s.run("register create --issuer $OP --out $DIR/another.yaml "+flags, "")
		if !ended(seen, 3) || !strings.Contains(seen, want) || strings.Contains(seen, "lacks a scope") {
			t.Errorf("%s: %s", flags, seen)
		}
	}
	end()
	defer s.says("/registered", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/login")
		w.WriteHeader(http.StatusFound)
	})()
	seen := s.run("register read --registration $DIR/reg.yaml.registration.json", "")
	if !ended(seen, 4) || !strings.Contains(seen, "does not accept the registration access token") ||
		strings.Contains(seen, "set the issuer") {
		t.Error(seen)
	}
}

// What the client was registered with is in its configuration, by names that hold in any folder; what was
// for the registration alone, or for another client, is not.
func TestRegisteredConfigTakesOver(t *testing.T) {
	t.Parallel()
	s := registeredStage(t)
	provider := `issuer: ` + s.URL + `
client_id: another
client_secret: another-secret
auth_method: client_secret_post
scopes: [email]
private_key: key.pem
waive: [registration.management, discovery.scopes_supported]
no_cache: true
prompt: login
token_endpoint: ` + s.URL + `/token
override_redirect_uri: http://127.0.0.1:7777/cb
http_client_config: {timeout_duration: 7s, extra_headers: {X-Gateway: "$${key}"}}
`
	if err := os.WriteFile(filepath.Join(s.folder, "provider.yaml"), []byte(provider), 0o600); err != nil {
		t.Fatal(err)
	}
	seen := s.run("register create -c $DIR/provider.yaml --out $DIR/taken.yaml", "")
	data, err := os.ReadFile(filepath.Join(s.folder, "taken.yaml"))
	if err != nil || !ended(seen, 0) {
		t.Fatalf("%v\n%s", err, seen)
	}
	text := string(data)
	for _, want := range []string{
		"client_id: \"new\"\n", "client_secret: \"the-secret\"\n", "auth_method: \"client_secret_post\"\n",
		"private_key: \"" + filepath.Join(s.folder, "key.pem") + "\"\n", "waive: [\"discovery.scopes_supported\"]\n",
		"token_endpoint: \"" + s.URL + "/token\"\n", "override_redirect_uri: \"http://127.0.0.1:7777/cb\"\n",
		"timeout_duration: \"7s\"\n", "X-Gateway\": \"$${key}\"}", "\"email\"]\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in it:\n%s", want, text)
		}
	}
	for _, not := range []string{"another", "registration.management", "no_cache", "prompt"} {
		if strings.Contains(text, not) {
			t.Errorf("%q is in it:\n%s", not, text)
		}
	}
	if seen := s.run("config validate $DIR/taken.yaml", ""); !ended(seen, 0) {
		t.Error(seen)
	}
}
