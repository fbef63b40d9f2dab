// Interoperability with dex, in Go: test/dex, built into .cache. It is version
// 2.13.0, the newest that the Go module proxy has under a version; that one
// knows the authorization code and its hybrids, the implicit flow, and refresh
// tokens. It has no PKCE, no device flow, no passwords, no token exchange and no
// UserInfo; it wants the scope offline_access for a refresh token, and nothing
// but client_secret_basic or client_secret_post.

package test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A dex is the running provider.
type dex struct {
	Issuer   string
	Metadata metadata

	said *syncBuffer
}

const (
	dexClient, dexSecret = "app", "a-secret of the~app"
	dexUser, dexPassword = "alice@example.com", "the password"
	dexRedirect          = "http://127.0.0.1:5999/callback"
)

var theDex shared[dex]

// startDex is dex with one user and two clients: dexClient, whose one redirect
// URI is dexRedirect, and the client "public", which may come from any port of
// the host localhost.
func startDex(t *testing.T) *dex {
	t.Helper()
	program := built(t, "dex")
	web := built(t, "dex-web")
	d := theDex.get(t, func(t *testing.T) *dex {
		folder, err := filepath.Abs(web)
		check(t, err)
		settings, err := json.Marshal(map[string]any{
			"Web": folder, "Users": map[string]string{dexUser: dexPassword}, "Approve": true,
			"Responses": []string{"code", "id_token", "token"},
			"Clients": []any{
				map[string]any{
					"id": dexClient, "secret": dexSecret, "name": "The app",
					"redirectURIs": []string{dexRedirect},
				},
				map[string]any{"id": "public", "secret": dexSecret, "name": "A public app", "public": true},
			},
		})
		check(t, err)
		d := &dex{}
		d.said = startServer(t, string(settings)+"\n", d, program)
		res, err := http.Get(d.Issuer + "/.well-known/openid-configuration")
		check(t, err)
		defer res.Body.Close()
		check(t, json.NewDecoder(res.Body).Decode(&d.Metadata))
		return d
	})
	saidOnFailure(t, "dex", d.said)
	return d
}

// browser is dex's user.
func (d *dex) browser() *httpBrowser {
	b := newHTTPBrowser(dexUser, nil)
	b.Password = dexPassword
	return b
}

// The login and consent pages of dex with both browsers, and our own refresh of
// what they give.
func TestDex(t *testing.T) {
	t.Parallel()
	d := startDex(t)
	for name, start := range browsers(t, dexUser, dexPassword, d.browser) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := land(t)
			redirect := strings.Replace(l.URL, "127.0.0.1", "localhost", 1)
			query := url.Values{
				"client_id": {"public"}, "response_type": {"code"}, "scope": {"openid email offline_access"},
				"state": {"s"}, "nonce": {"n"}, "redirect_uri": {redirect},
			}
			p, err := start(t).Open(t.Context(), d.Metadata.text("authorization_endpoint")+"?"+query.Encode())
			check(t, err)
			code := p.URL.Query().Get("code")
			if code == "" || p.URL.Query().Get("state") != "s" {
				t.Fatalf("%s: %s", p.URL, p.Body)
			}
			res, err := http.PostForm(d.Metadata.text("token_endpoint"), url.Values{
				"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect},
				"client_id": {"public"}, "client_secret": {dexSecret},
			})
			check(t, err)
			defer res.Body.Close()
			var tokens granted
			check(t, json.NewDecoder(res.Body).Decode(&tokens))
			if claimsOf(t, tokens.IDToken)["email"] != dexUser {
				t.Fatalf("%+v", tokens)
			}
			config := filepath.Join(t.TempDir(), "config.yaml")
			check(t,
				os.WriteFile(config,
					[]byte("issuer: "+d.Issuer+"\nclient_id: public\nauth_method: client_secret_basic\nclient_secret: "+
						dexSecret+"\n"), 0o600))
			code2, stdout, stderr := runProgram([]string{
				"refresh-token", "-c", config, "--refresh-token", "-",
				"--skip-userinfo",
			}, tokens.RefreshToken)
			if code2 != 0 {
				t.Errorf("exit %d\n%s\n%s", code2, stdout, stderr)
			}
		})
	}
}
