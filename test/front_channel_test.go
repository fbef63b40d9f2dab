package test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/provider"
	"github.com/oidc-client/oidc-client/internal/provider/fault"
)

// The ID Token of a login by response_type=id_token is in the document as it was received, in the session,
// and in the request of the logout.
func TestIDTokenOfTheFrontChannel(t *testing.T) {
	t.Parallel()
	o := fault.Options{Options: providerDefaults(), Record: true}
	o.Auto = true
	address := fixedAddress(t)
	o.Clients = []provider.Client{{
		ID: "app", Secret: faultSecret, PostLogoutURIs: []string{"http://" + address + "/logout/callback"},
	}}
	op, err := fault.Start(o)
	check(t, err)
	t.Cleanup(func() { _ = op.CloseNow() })
	folder := t.TempDir()
	config := filepath.Join(folder, "config.yaml")
	s := &stage{t: t}
	s.write(config, append(op.ConfigFile(o.Clients[0]), "post_logout_redirect_uri: http://"+address+"/logout/callback\n"...))
	environment := map[string]string{
		"BROWSER": "browser", "OIDC_SESSIONS": filepath.Join(folder, "sessions"), "OIDC_KEYRING": "off",
	}
	b := newHTTPBrowser("alice", nil)
	code, stdout, stderr := runWithBrowserIn(t, environment, b, "client", "-c", config, "-p", "0", "--response-type",
		"id_token", "--format", "json", "--save", "work", "-d")
	var doc struct {
		Response map[string]string `json:"authorization_response"`
	}
	if err := json.Unmarshal([]byte(stdout), &doc); code != 0 || err != nil {
		t.Fatalf("exit %d, %v\n%s", code, err, stderr)
	}
	raw := doc.Response["id_token"]
	if strings.Count(raw, ".") != 2 || doc.Response["state"] == "" {
		t.Errorf("%v", doc.Response)
	}
	compareText(t, stderr, []string{
		"authorization response (form_post): POST ", "oidc-client token work --id-token", "end-session --session work",
	}, []string{raw, "prints its access token", "no refresh token came"})
	code, stdout, stderr = runWithBrowserIn(t, environment, b, "token", "work", "--id-token")
	if code != 0 || strings.TrimSpace(stdout) != raw {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	code, _, stderr = runWithBrowserIn(t, environment, b, "token", "work")
	if code != 6 {
		t.Errorf("exit %d", code)
	}
	compareText(t, stderr, []string{
		"it has an ID Token only, and no access token", "oidc-client token work --id-token", "response_type code",
	}, []string{"has expired", "log in again"})
	_, stdout, stderr = runWithBrowserIn(t, environment, b, "sessions", "list")
	compareText(t, stdout+stderr, []string{"fresh  in "}, []string{"ended", "unknown"})
	code, _, stderr = runWithBrowserIn(t, environment, b, "end-session", "--session", "work")
	hint := ""
	for _, request := range op.Recorded() {
		if request.Endpoint == "end_session" {
			hint = request.Value("id_token_hint")
		}
	}
	if code != 0 || hint != raw {
		t.Errorf("exit %d, %q\n%s", code, hint, stderr)
	}
	compareText(t, stderr, []string{"session work is still stored here", "sessions logout work"}, nil)
}
