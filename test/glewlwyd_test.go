// Interoperability with another provider that we did not write: Debian's
// glewlwyd, in C. Its device flow (RFC 8628) gives the refresh tokens.
//
// Where it departs from the standards, the tests show what the program makes
// of that:
//   - A refresh brings no ID Token. That is allowed (OpenID Connect Core 1.0
//     section 12.2); --previous-id-token then says whose UserInfo is due.
//   - A refresh is refused with 400 and an empty body. RFC 6749 section 5.2
//     wants JSON with an error, and 401 for a client that is not known; so
//     this is a protocol error, exit code 4 and not 3.
//   - A wrong client secret is refused likewise, and uses the refresh token up.
//   - The secret in the Authorization header is read as it is. RFC 6749
//     section 2.3.1 wants it form-encoded first; a secret with characters that
//     this changes works with client_secret_post.
//   - UserInfo's 401 comes without WWW-Authenticate (RFC 6750 section 3).

package test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/oidc"
)

// Where Debian's package has what the test needs.
const (
	glewlwydModules = "/usr/lib/glewlwyd"
	glewlwydTables  = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"
)

// A registration is a client that the provider knows.
type registration struct{ id, method, secret string }

const glewlwydRedirect = "http://127.0.0.1/callback"

var (
	basicClient  = registration{"basic", "client_secret_basic", "a-secret.of_the~app"}
	publicClient = registration{"public", "none", ""}
	oddClient    = registration{"odd", "client_secret_basic", "p@ss: word+%/=&?"}
	postClient   = registration{"post", "client_secret_post", "p@ss: word+%/=&?"}
)

// A glewlwyd is a running provider.
type glewlwyd struct {
	API, Issuer string
	Users       map[string]*http.Client // with the cookies of their sessions
}

// startGlewlwyd starts a provider with a database of its own.
func startGlewlwyd(t *testing.T) *glewlwyd {
	t.Helper()
	for _, name := range []string{"glewlwyd", "sqlite3", "sh"} {
		_, err := exec.LookPath(name)
		needed(t, name, err)
	}
	tables, err := os.Open(glewlwydTables)
	needed(t, "glewlwyd's tables", err)
	defer tables.Close()
	folder := t.TempDir()
	db := exec.CommandContext(t.Context(), "sqlite3", "-cmd", "PRAGMA synchronous = OFF", filepath.Join(folder, "db"))
	db.Stdin = tables
	if out, err := db.CombinedOutput(); err != nil {
		t.Fatalf("sqlite3: %v\n%s", err, out)
	}
	for range 3 { // somebody else may take the port that was free
		if g := runGlewlwyd(t, folder); g != nil {
			return g
		}
	}
	t.Fatal("glewlwyd did not start")
	return nil
}

// runGlewlwyd runs the provider until the end of the test, or returns nil if
// it ends at once. It does not look at its standard input; so a shell does,
// and ends it when the pipe is closed, however this process ends.
func runGlewlwyd(t *testing.T, folder string) *glewlwyd {
	t.Helper()
	origin := "http://" + freeAddress(t)
	config := filepath.Join(folder, "glewlwyd.conf")
	check(t, os.WriteFile(config, glewlwydConfig(origin, folder), 0o600))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	cmd := exec.CommandContext(ctx, "sh", "-c", `"$@" & exec >&- 2>&-; read -r _; kill -9 $!; wait`, "sh", "glewlwyd",
		"--config-file", config)
	stdin, err := cmd.StdinPipe()
	check(t, err)
	cmd.Cancel = stdin.Close
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	cmd.Stderr = cmd.Stdout
	check(t, cmd.Start())
	var log bytes.Buffer
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = log.ReadFrom(stdout)
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		<-ended
		_ = cmd.Wait()
		cancel()
		if t.Failed() {
			t.Logf("glewlwyd said:\n%s", log.String())
		}
	})
	if !answers(origin+"/config", ended) {
		return nil
	}
	return &glewlwyd{API: origin + "/api", Issuer: origin + "/api/oidc", Users: map[string]*http.Client{}}
}

// answers waits until there is something at an address, and says if it came
// before the end.
func answers(address string, ended <-chan struct{}) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	client := &http.Client{Timeout: time.Second}
	for {
		select {
		case <-ended:
			return false
		case <-tick.C:
		}
		res, err := client.Get(address)
		if err != nil {
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return true
		}
	}
}

// freeAddress is an address on the loopback interface that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	return l.Addr().String()
}

func glewlwydConfig(origin, folder string) []byte {
	_, port, _ := strings.Cut(strings.TrimPrefix(origin, "http://"), ":")
	module := func(kind string) string { return fmt.Sprintf("%q", filepath.Join(glewlwydModules, kind)) }
	return fmt.Appendf(nil, `port = %s
bind_address = "127.0.0.1"
external_url = %q
api_prefix = "api"
login_url = "login.html"
log_mode = "console"
log_level = "INFO"
session_key = "session"
cookie_secure = 0
admin_scope = "g_admin"
profile_scope = "g_profile"
hash_algorithm = "SHA512"
user_module_path = %s
client_module_path = %s
user_auth_scheme_module_path = %s
plugin_module_path = %s
database = { type = "sqlite3"; path = %q; };
`, port, origin, module("user"), module("client"), module("scheme"), module("plugin"), filepath.Join(folder, "db"))
}

// setUp makes the OpenID Provider, its users and its clients, as an
// administrator would.
func (g *glewlwyd) setUp(t *testing.T) {
	t.Helper()
	admin := g.logIn(t, "admin", "password") // as the package's tables have it
	send(t, admin, http.MethodPost, g.API+"/mod/plugin/", map[string]any{
		"module": "oidc", "name": "oidc", "display_name": "OpenID Connect", "enabled": true, "parameters": g.plugin(t),
	})
	for _, name := range []string{"alice", "bob"} {
		send(t, admin, http.MethodPost, g.API+"/user/", map[string]any{
			"username": name, "password": name + "'s password", "email": name + "@example.com", "enabled": true,
			"scope": []string{"openid"},
		})
		g.Users[name] = g.logIn(t, name, name+"'s password")
	}
	for _, c := range []registration{basicClient, publicClient, oddClient, postClient} {
		send(t, admin, http.MethodPost, g.API+"/client/", map[string]any{
			"client_id": c.id, "client_secret": c.secret, "confidential": c.secret != "", "enabled": true,
			"token_endpoint_auth_method": []string{c.method}, "redirect_uri": []string{glewlwydRedirect},
			"authorization_type": []string{"code", "device_authorization", "refresh_token"},
		})
		for _, user := range g.Users {
			send(t, user, http.MethodPut, g.API+"/auth/grant/"+c.id, map[string]any{"scope": "openid"})
		}
	}
}

// plugin is the configuration of the OpenID Provider.
func (g *glewlwyd) plugin(t *testing.T) map[string]any {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	check(t, err)
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return map[string]any{
		"iss": g.Issuer, "jwt-type": "rsa", "jwt-key-size": "256", "jwks-show": true,
		"key": text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), "cert": text("PUBLIC KEY", public),
		"code-duration": 60, "access-token-duration": 300, "refresh-token-duration": 3600,
		"refresh-token-one-use":  "always",
		"auth-type-code-enabled": true, "auth-type-refresh-enabled": true, "auth-type-device-enabled": true,
		"auth-type-token-enabled": false, "auth-type-implicit-enabled": false, "auth-type-password-enabled": false,
		"auth-type-client-enabled": false,
		"pkce-allowed":             true, "email-claim": "mandatory",
	}
}

// logIn returns a browser with the user's session.
func (g *glewlwyd) logIn(t *testing.T, name, password string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	check(t, err)
	browser := &http.Client{
		Jar: jar, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	send(t, browser, http.MethodPost, g.API+"/auth/", map[string]any{"username": name, "password": password})
	return browser
}

// send calls the provider's own API.
func send(t *testing.T, browser *http.Client, method, address string, body any) {
	t.Helper()
	data, err := json.Marshal(body)
	check(t, err)
	req, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(data))
	check(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := browser.Do(req)
	check(t, err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		t.Fatalf("%s %s: %s %s", method, address, res.Status, text)
	}
}

// visit opens a page and returns where it sends the browser.
func visit(t *testing.T, browser *http.Client, address string) *url.URL {
	t.Helper()
	res, err := browser.Get(address)
	check(t, err)
	defer res.Body.Close()
	to, err := res.Location()
	if err != nil {
		t.Fatalf("%s: %s: %v", address, res.Status, err)
	}
	return to
}

// post sends a form as a client, and reads the answer.
func (c registration) post(t *testing.T, address string, form url.Values, answer any) {
	t.Helper()
	form.Set("client_id", c.id)
	if c.method == "client_secret_post" {
		form.Set("client_secret", c.secret)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	check(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.method == "client_secret_basic" {
		req.SetBasicAuth(c.id, c.secret) // as it is: glewlwyd does not decode it
	}
	res, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	check(t, err)
	defer res.Body.Close()
	check(t, json.NewDecoder(res.Body).Decode(answer))
}

// A granted is what the device flow gives.
type granted struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Error        string
}

// device logs a user in by the device flow (RFC 8628). The user approves
// before the device asks for the first time, so that no interval has to pass.
func (g *glewlwyd) device(t *testing.T, user string, c registration) granted {
	t.Helper()
	var code struct {
		DeviceCode string `json:"device_code"`
		Complete   string `json:"verification_uri_complete"`
	}
	c.post(t, g.Issuer+"/device_authorization", url.Values{"scope": {"openid"}}, &code)
	page := visit(t, g.Users[user], code.Complete+"&g_continue=")
	if page.Query().Get("prompt") != "deviceComplete" {
		t.Fatalf("the user could not approve: %s", page)
	}
	var tokens granted
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {code.DeviceCode}}
	c.post(t, g.Issuer+"/token", form, &tokens)
	if tokens.RefreshToken == "" || tokens.IDToken == "" {
		t.Fatalf("the device was given no tokens: %+v", tokens)
	}
	return tokens
}

// config writes a configuration file for a client. access_token_jwt makes
// glewlwyd's access tokens (RFC 9068) be verified like ID Tokens.
func (g *glewlwyd) config(t *testing.T, c registration, more string) string {
	t.Helper()
	text := fmt.Sprintf("issuer: %s\naccess_token_jwt: true\nclient_id: %s\nauth_method: %s\n%s", g.Issuer, c.id,
		c.method, more)
	if c.secret != "" {
		text += fmt.Sprintf("client_secret: %q\n", c.secret)
	}
	return keep(t, text)
}

// keep writes a file and returns its path.
func keep(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// A report is a document with what only these tests look at.
type report struct {
	document
	AccessToken *struct{ Verified bool } `json:"access_token"`
	Metadata    map[string]any
	Keys        []struct{ Alg, Unusable string }
}

// outcome is what came of a rule.
func (r report) outcome(id string) string {
	for _, c := range r.Checks {
		if c.ID == id {
			return c.Outcome
		}
	}
	return "absent"
}

// runReport runs the real program in this process.
func runReport(t *testing.T, stdin string, args ...string) (code int, r report, stderr string) {
	t.Helper()
	code, stdout, stderr := runProgram(append(args, "--format", "json"), stdin)
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("not JSON: %v\n%s\n%s", err, stdout, stderr)
	}
	return code, r, stderr
}

func renew(t *testing.T, config, token string, more ...string) (int, report, string) {
	t.Helper()
	return runReport(t, token, append([]string{"refresh-token", "-c", config, "--refresh-token", "-"}, more...)...)
}

// refused says that a refresh failed as glewlwyd refuses: with a status and
// nothing else.
func refused(t *testing.T, what string, code int, r report) {
	t.Helper()
	if code != 4 || r.Error == nil || r.Error.Kind != "protocol" || r.Error.HTTPStatus != http.StatusBadRequest ||
		r.Error.Hint == "" {
		t.Errorf("%s: exit %d, %+v", what, code, r.Error)
	}
}

func TestGlewlwyd(t *testing.T) {
	t.Parallel()
	g := startGlewlwyd(t)
	g.setUp(t)
	for name, try := range map[string]func(*testing.T){
		"discover":               g.tryDiscover,
		"refresh":                func(t *testing.T) { g.tryRefresh(t, basicClient) },
		"refresh, public client": func(t *testing.T) { g.tryRefresh(t, publicClient) },
		"no ID Token":            g.tryNoIDToken,
		"wrong secret":           g.tryWrongSecret,
		"odd secret":             g.tryOddSecret,
		"refused access token":   g.tryRefusedAccessToken,
		"login":                  g.tryLogin,
	} {
		t.Run(name, try)
	}
}

func (g *glewlwyd) tryDiscover(t *testing.T) {
	code, r, stderr := runReport(t, "", "discover", g.Issuer)
	if code != 0 || r.Metadata["issuer"] != g.Issuer || len(r.Keys) != 1 || r.Keys[0].Alg != "RS256" ||
		r.Keys[0].Unusable != "" {
		t.Fatalf("exit %d: %+v\n%s", code, r, stderr)
	}
	if endpoint := r.Metadata["device_authorization_endpoint"]; endpoint != g.Issuer+"/device_authorization" {
		t.Errorf("device_authorization_endpoint: %v", endpoint)
	}
}

// Two refreshes after a device's login, each with UserInfo; then the first
// token again, upon which the provider revokes the last one, too.
func (g *glewlwyd) tryRefresh(t *testing.T, c registration) {
	config := g.config(t, c, "")
	login := g.device(t, "alice", c)
	previous := keep(t, login.IDToken)
	tokens := []string{login.RefreshToken}
	for i := range 2 {
		code, r, stderr := renew(t, config, tokens[i], "--previous-id-token", "@"+previous)
		if code != 0 || r.AccessToken == nil || !r.AccessToken.Verified {
			t.Fatalf("exit %d: %+v\n%s", code, r, stderr)
		}
		if r.UserInfo["email"] != "alice@example.com" || r.outcome("userinfo.sub") != "pass" {
			t.Errorf("UserInfo: %v, userinfo.sub: %s", r.UserInfo, r.outcome("userinfo.sub"))
		}
		next, _ := r.TokenResponse["refresh_token"].(string)
		if next == "" || next == tokens[i] {
			t.Fatal("the token was not rotated")
		}
		tokens = append(tokens, next)
		g.tryUserInfo(t, config, r)
	}
	for _, i := range []int{0, 2} {
		code, r, _ := renew(t, config, tokens[i])
		refused(t, fmt.Sprintf("token %d after reuse", i), code, r)
	}
}

// tryUserInfo runs the command userinfo with the access token of a refresh.
func (g *glewlwyd) tryUserInfo(t *testing.T, config string, refreshed report) {
	t.Helper()
	token, _ := refreshed.TokenResponse["access_token"].(string)
	code, r, stderr := runReport(t, token, "userinfo", "-c", config, "--token", "-")
	if code != 0 || r.UserInfo["sub"] == nil || r.UserInfo["sub"] != refreshed.UserInfo["sub"] {
		t.Errorf("userinfo: exit %d: %v\n%s", code, r.UserInfo, stderr)
	}
}

// No refresh brings an ID Token. UserInfo is held against the previous one all
// the same; and who needs an ID Token is told, and keeps the new refresh token.
func (g *glewlwyd) tryNoIDToken(t *testing.T) {
	config, token := g.config(t, basicClient, ""), g.device(t, "alice", basicClient).RefreshToken
	bobs := keep(t, g.device(t, "bob", basicClient).IDToken)
	for _, step := range []struct {
		config string
		more   []string
		code   int
		rule   string
	}{
		{config, []string{"--previous-id-token", "@" + bobs}, 5, "userinfo.sub"},
		{g.config(t, basicClient, "require_id_token: true\n"), nil, 5, "id_token.present"},
		{config, nil, 0, ""},
	} {
		code, r, stderr := renew(t, step.config, token, step.more...)
		next, _ := r.TokenResponse["refresh_token"].(string)
		if code != step.code || r.IDToken != nil || next == "" || r.Error != nil && r.Error.Code != step.rule {
			t.Fatalf("%s: exit %d: %+v\n%s", step.rule, code, r, stderr)
		}
		token = next
	}
}

// The provider rotates the token even so, and keeps the new one to itself: the
// right secret comes too late.
func (g *glewlwyd) tryWrongSecret(t *testing.T) {
	wrong := basicClient
	wrong.secret = "wrong"
	token := g.device(t, "alice", basicClient).RefreshToken
	for _, c := range []registration{wrong, basicClient} {
		code, r, _ := renew(t, g.config(t, c, ""), token)
		refused(t, c.secret, code, r)
	}
}

// A secret that has to be encoded for the Authorization header.
func (g *glewlwyd) tryOddSecret(t *testing.T) {
	code, r, _ := renew(t, g.config(t, oddClient, ""), g.device(t, "alice", oddClient).RefreshToken)
	refused(t, "client_secret_basic", code, r)
	code, r, stderr := renew(t, g.config(t, postClient, ""), g.device(t, "alice", postClient).RefreshToken)
	if code != 0 {
		t.Errorf("client_secret_post: exit %d: %+v\n%s", code, r.Error, stderr)
	}
}

func (g *glewlwyd) tryRefusedAccessToken(t *testing.T) {
	code, r, stderr := runReport(t, "no-token", "userinfo", "--issuer", g.Issuer, "--token", "-")
	if code != 3 || r.Error == nil || r.Error.HTTPStatus != http.StatusUnauthorized {
		t.Errorf("exit %d: %+v\n%s", code, r.Error, stderr)
	}
}

// The library verifies the ID Tokens: of a login by authorization code with
// PKCE, state and nonce, which no command does yet, and of a device's.
func (g *glewlwyd) tryLogin(t *testing.T) {
	op, err := oidc.Discover(t.Context(), g.Issuer)
	check(t, err)
	client := &oidc.Client{Provider: op, ID: basicClient.id, Auth: oidc.ClientSecretBasic(basicClient.secret)}
	login, err := client.Authorize(t.Context(), oidc.AuthorizationRequest{
		RedirectURI: glewlwydRedirect,
		Params:      url.Values{"g_continue": {""}}, // glewlwyd's own: do not ask for the user once more
	})
	check(t, err)
	tokens, err := client.Exchange(t.Context(), login, visit(t, g.Users["alice"], login.URL).Query())
	check(t, err)
	info, err := client.UserInfo(t.Context(), tokens)
	check(t, err)
	if !tokens.IDToken.Verified || info.Subject != tokens.IDToken.Subject {
		t.Errorf("%s\n%s", tokens.IDToken.JSON, info.JSON)
	}
	device := g.device(t, "alice", basicClient)
	again, err := client.VerifyIDToken(t.Context(), device.IDToken, device.AccessToken, oidc.Expectation{})
	check(t, err)
	if !again.Verified || again.Subject != info.Subject {
		t.Errorf("%s", again.JSON)
	}
}
