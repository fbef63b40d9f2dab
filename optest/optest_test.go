package optest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/oidc"
	"github.com/oidc-client/oidc-client/optest"
)

// failure returns what a test fails with that does something, "" if it does not fail.
func failure(do func(t optest.TB)) (message string) {
	t := newT()
	defer t.end()
	defer func() {
		if r := recover(); r != nil {
			message = fmt.Sprint(r)
		}
	}()
	do(t)
	return ""
}

// clientOf returns a client of a provider, which its first registered client is.
func clientOf(t *testing.T, op *optest.Provider) *oidc.Client {
	t.Helper()
	discovery := &oidc.Discovery{HTTP: op.HTTPClient()}
	metadata, err := discovery.Provider(t.Context(), op.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	client := &oidc.Client{Provider: metadata, ID: op.Clients[0].ID, HTTP: op.HTTPClient()}
	if op.Clients[0].Secret != "" {
		client.Auth = oidc.ClientSecretBasic(op.Clients[0].Secret)
	}
	return client
}

// logIn logs a user in. change may change the authorization request.
func logIn(
	t *testing.T, op *optest.Provider, client *oidc.Client, change func(*oidc.AuthorizationRequest),
) (*oidc.Tokens, error) {
	t.Helper()
	request := oidc.AuthorizationRequest{
		RedirectURI: "http://127.0.0.1:7777/auth/callback", Scope: []string{"openid", "profile", "email"},
	}
	if change != nil {
		change(&request)
	}
	login, err := client.Authorize(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return client.Exchange(t.Context(), login, op.LogIn(login.URL))
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	op := optest.Start(t)
	if !strings.HasPrefix(op.Issuer, "http://127.0.0.1:") || len(op.Clients) != 1 || len(op.Users) != 2 {
		t.Fatalf("%+v", op)
	}
	tokens, err := logIn(t, op, clientOf(t, op), nil)
	if err != nil || tokens.IDToken.Subject != "alice" {
		t.Fatalf("%+v, %v", tokens, err)
	}
}

func TestUsersAndClients(t *testing.T) {
	t.Parallel()
	op := optest.Start(t,
		optest.User{Name: "carol", Subject: "u-17", Email: "carol@example.com", ACR: "2", AMR: []string{"otp"}},
		optest.User{Name: "dave"},
		optest.Client{ID: "one", Secret: "s e:c%r+et", Metadata: map[string]any{
			"id_token_signed_response_alg": "ES256",
		}},
		optest.Client{ID: "two"})
	client := clientOf(t, op)
	tokens, err := logIn(t, op, client, nil)
	if err != nil {
		t.Fatal(err)
	}
	if id := tokens.IDToken; id.Subject != "u-17" || !strings.Contains(string(id.Header), `"ES256"`) {
		t.Errorf("%+v", id)
	}
	info, err := client.UserInfo(t.Context(), tokens)
	if err != nil || !strings.Contains(string(info.JSON), `"email":"carol@example.com"`) {
		t.Errorf("%+v, %v", info, err)
	}
	tokens, err = logIn(t, op, client, func(r *oidc.AuthorizationRequest) {
		r.Params = url.Values{"login_hint": {"dave"}}
	})
	if err != nil || tokens.IDToken.Subject != "dave" {
		t.Errorf("%+v, %v", tokens, err)
	}
	if op.RefreshToken("two", "dave") == "" {
		t.Error("there is no refresh token for the second client")
	}
}

// A redirect URI of the loopback address that names a port is that port's, by http and by
// https, as web applications register them.
func TestRedirectURIs(t *testing.T) {
	t.Parallel()
	clients := []optest.Option{
		optest.Client{ID: "any", RedirectURIs: []string{"http://127.0.0.1/cb"}},
		optest.Client{ID: "http", RedirectURIs: []string{"http://127.0.0.1:8080/cb"}},
		optest.Client{ID: "https", RedirectURIs: []string{"https://127.0.0.1:8443/cb", "https://app.example/cb"}},
	}
	for _, c := range []struct {
		client, uri string
		ok          bool
	}{
		{"any", "http://127.0.0.1:1234/cb", true},
		{"any", "http://127.0.0.1/cb", true},
		{"any", "http://127.0.0.1:1234/other", false},
		{"any", "https://127.0.0.1:1234/cb", false},
		{"http", "http://127.0.0.1:8080/cb", true},
		{"http", "http://127.0.0.1:8081/cb", false},
		{"https", "https://127.0.0.1:8443/cb", true},
		{"https", "https://app.example/cb", true},
		{"https", "https://127.0.0.1/cb", false},
	} {
		message := failure(func(t optest.TB) {
			op := optest.Start(t, clients...)
			query := url.Values{
				"client_id": {c.client}, "redirect_uri": {c.uri}, "response_type": {"code"}, "scope": {"openid"},
				"code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"},
			}
			if op.LogIn(op.Issuer+"/authorize?"+query.Encode()).Get("code") == "" {
				t.Fatalf("no code")
			}
		})
		if (message == "") != c.ok {
			t.Errorf("%s, %s: %q", c.client, c.uri, message)
		}
	}
}

// A JWK Set is given as it is in a registration: as an object.
func TestKeysOfAClient(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := oidc.NewSigningKey(private, "k", "ES256")
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicJWK("sig")
	if err != nil {
		t.Fatal(err)
	}
	op := optest.Start(t, optest.Client{ID: "signer", Metadata: map[string]any{
		"token_endpoint_auth_method": "private_key_jwt", "jwks": map[string]any{"keys": []any{public}},
	}})
	client := clientOf(t, op)
	client.Auth = oidc.PrivateKeyJWT(key, oidc.Assertion{})
	if _, err := logIn(t, op, client, nil); err != nil {
		t.Fatal(err)
	}
	if sent := op.Requests("token"); len(sent) != 1 || sent[0].Value("client_assertion") == "" {
		t.Errorf("%+v", sent)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	faults := optest.Faults()
	if len(faults) < 900 {
		t.Errorf("%d faults", len(faults))
	}
	for _, f := range faults {
		if f.Name == "" || f.Text == "" || f.Endpoint == "" || f.Command == "" || f.Level == "" || f.Source == "" {
			t.Errorf("%+v", f)
		}
	}
	op := optest.Start(t, optest.Fault("login-id-token-aud-wrong"), optest.Fault("metadata-no-pkce"))
	if _, err := logIn(t, op, clientOf(t, op), nil); oidc.Reason(err) != "id_token.aud" {
		t.Errorf("%v", err)
	}
	if findings := op.Judge(); len(findings) != 2 || findings[0].Verdict != optest.Correct {
		t.Errorf("%+v", findings)
	}
	op.Misbehave()
	if _, err := logIn(t, op, clientOf(t, op), nil); err != nil {
		t.Errorf("without faults: %v", err)
	}
	for fault, want := range map[optest.Fault]optest.Verdict{
		"login-id-token-aud-wrong": optest.Wrong, "login-id-token-azp-wrong": optest.Discouraged,
		"authorization-token-unasked": optest.Correct,
	} {
		op.Misbehave(fault)
		accept(t, op)
		if f := op.Judge()[0]; f.Verdict != want || f.Source == "" {
			t.Errorf("one who accepts %s: %+v", fault, f)
		}
	}
	op.Misbehave("userinfo-sub-wrong")
	if findings := op.Judge(); len(findings) != 1 || findings[0].Verdict != optest.Unknown || findings[0].Why == "" {
		t.Errorf("%+v", findings)
	}
	got := fmt.Sprint(optest.Unknown, optest.Correct, optest.Wrong, optest.Discouraged)
	if got != "unknown correct wrong discouraged" {
		t.Error(got)
	}
}

// accept logs in without PKCE, as a relying party that verifies nothing.
func accept(t *testing.T, op *optest.Provider) {
	t.Helper()
	client := op.Clients[0]
	const callback = "http://127.0.0.1:7777/auth/callback"
	challenge := sha256.Sum256([]byte(strings.Repeat("v", 43)))
	back := op.LogIn(op.Issuer + "/authorize?" + url.Values{
		"client_id": {client.ID}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {callback},
		"state": {"s"}, "nonce": {"n"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
	}.Encode())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, op.Issuer+"/token",
		strings.NewReader(url.Values{
			"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "redirect_uri": {callback},
			"code_verifier": {strings.Repeat("v", 43)},
		}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client.ID, client.Secret)
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	answered(t, op, r, &tokens)
	if r, err = http.NewRequestWithContext(t.Context(), http.MethodGet, op.Issuer+"/userinfo", nil); err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	answered(t, op, r, &struct{}{})
}

// answered reads the JSON that a request is answered with.
func answered(t *testing.T, op *optest.Provider, r *http.Request, to any) {
	t.Helper()
	res, err := op.HTTPClient().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(to); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", r.URL.Path, res.StatusCode, err)
	}
}

// Silent logins can fail, and PKCE can be left out.
func TestSettingsForOthers(t *testing.T) {
	t.Parallel()
	op := optest.Start(t, optest.Settings{NoSilentLogin: true, PKCEOptional: true})
	request := url.Values{
		"client_id": {op.Clients[0].ID}, "response_type": {"code"}, "scope": {"openid"},
		"redirect_uri": {"http://127.0.0.1:7777/auth/callback"}, "prompt": {"none"},
	}
	if back := op.LogIn(op.Issuer + "/authorize?" + request.Encode()); back.Get("error") != "login_required" {
		t.Errorf("%v", back)
	}
	request.Del("prompt")
	if back := op.LogIn(op.Issuer + "/authorize?" + request.Encode()); back.Get("code") == "" {
		t.Errorf("%v", back)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	op := optest.Start(t)
	if _, err := logIn(t, op, clientOf(t, op), nil); err != nil {
		t.Fatal(err)
	}
	var endpoints []string
	for _, r := range op.Requests() {
		endpoints = append(endpoints, r.Endpoint)
	}
	slices.Sort(endpoints) // the keys are fetched beside the tokens
	if want := []string{"authorization", "discovery", "jwks", "token"}; !slices.Equal(endpoints, want) {
		t.Errorf("%q, want %q", endpoints, want)
	}
	some := op.Requests("authorization", "token")
	if len(some) != 2 || some[0].Value("code_challenge_method") != "S256" || some[1].Value("code_verifier") == "" {
		t.Errorf("%+v", some)
	}
}

func TestResponseModes(t *testing.T) {
	t.Parallel()
	op := optest.Start(t)
	client := clientOf(t, op)
	for _, mode := range []string{"query", "fragment", "form_post", "jwt"} {
		if _, err := logIn(t, op, client, func(r *oidc.AuthorizationRequest) { r.ResponseMode = mode }); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	op := optest.Start(t, optest.Settings{TLS: true, IDTokenLifetime: 2 * time.Minute, JWTAccessTokens: true})
	if !strings.HasPrefix(op.Issuer, "https://127.0.0.1:") {
		t.Error(op.Issuer)
	}
	tokens, err := logIn(t, op, clientOf(t, op), nil)
	if err != nil {
		t.Fatal(err)
	}
	lifetime := tokens.IDToken.Expiry.Sub(tokens.IDToken.IssuedAt)
	if lifetime != 2*time.Minute || strings.Count(tokens.AccessToken, ".") != 2 {
		t.Errorf("%+v", tokens)
	}
	if _, err := http.Get(op.Issuer); err == nil {
		t.Error("everybody trusts the certificate")
	}
}

func TestLoginForm(t *testing.T) {
	t.Parallel()
	said := failure(func(t optest.TB) {
		op := optest.Start(t, optest.Settings{LoginForm: true})
		op.LogIn(op.Issuer + "/authorize?" + url.Values{
			"client_id": {op.Clients[0].ID}, "response_type": {"code"}, "scope": {"openid"},
			"redirect_uri":   {"http://127.0.0.1:1/auth/callback"},
			"code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"},
		}.Encode())
	})
	if !strings.Contains(said, "did not send the browser back") || !strings.Contains(said, "<form") {
		t.Error(said)
	}
}

func TestLogOut(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got <- r.PostFormValue("logout_token")
	}))
	t.Cleanup(app.Close)
	op := optest.Start(t, optest.Client{ID: "app", Secret: "secret", Metadata: map[string]any{
		"backchannel_logout_uri": app.URL,
	}})
	if err := op.LogOut("app", "alice"); err != nil {
		t.Fatal(err)
	}
	if token := <-got; strings.Count(token, ".") != 2 {
		t.Errorf("%q is not a logout token", token)
	}
	if op.LogOut("app", "nobody") == nil {
		t.Error("nobody was logged out")
	}
}

// Options that make no sense fail the test, and say why.
func TestNonsense(t *testing.T) {
	t.Parallel()
	for want, options := range map[string][]optest.Option{
		`optest: there is no fault "no-such-fault"`: {optest.Fault("no-such-fault")},
		`optest: two clients are called "a"`:        {optest.Client{ID: "a"}, optest.Client{ID: "a"}},
		`optest: client "a": line 1: field redirect_uri not found`: {optest.Client{ID: "a", Metadata: map[string]any{
			"redirect_uri": "x",
		}}},
		`optest: a user without a name`: {optest.User{}},
		`optest: client "a": private_key_jwt needs`: {optest.Client{ID: "a", Metadata: map[string]any{
			"token_endpoint_auth_method": "private_key_jwt",
		}}},
	} {
		said := failure(func(t optest.TB) { optest.Start(t, options...) })
		if !strings.HasPrefix(said, want) {
			t.Errorf("%q, want %q", said, want)
		}
	}
	for name, do := range map[string]func(*optest.Provider){
		"a fault":         func(op *optest.Provider) { op.Misbehave("no-such-fault") },
		"a refresh token": func(op *optest.Provider) { op.RefreshToken("app", "nobody") },
		"a login":         func(op *optest.Provider) { op.LogIn(op.Issuer + "/authorize") },
		"a URL":           func(op *optest.Provider) { op.LogIn(":") },
		"no provider":     func(op *optest.Provider) { op.LogIn("http://127.0.0.1:1/authorize") },
	} {
		if failure(func(t optest.TB) { do(optest.Start(t)) }) == "" {
			t.Errorf("%s: the test does not fail", name)
		}
	}
}

// The provider stops when the test ends, also while it does not respond to somebody.
func TestStopsWithTheTest(t *testing.T) {
	t.Parallel()
	over := newT()
	op := optest.Start(over, optest.Fault("discovery-hang"))
	done := make(chan error, 1)
	go func() {
		res, err := http.Get(op.Issuer + "/.well-known/openid-configuration")
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		done <- err
	}()
	for end := time.Now().Add(10 * time.Second); len(op.Requests("discovery")) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the request never came")
		}
	}
	over.end()
	if <-done == nil {
		t.Error("there was a response")
	}
	if _, err := http.Get(op.Issuer); err == nil {
		t.Error("it is still there")
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		t := newT()
		optest.Start(t)
		t.end()
	}
}
