package provider

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// A peer is a client of the provider, by hand: it shares nothing with package
// oidc.
type peer struct {
	t        *testing.T
	op       *Provider
	metadata map[string]any
	http     *http.Client
}

// testKeys are the keys of all providers of these tests.
var testKeys = sync.OnceValue(func() *Keys {
	keys, err := NewKeys()
	if err != nil {
		panic(err)
	}
	return keys
})

// testOptions are the defaults, with keys that exist already.
func testOptions() Options {
	o := Defaults()
	o.Keys = testKeys()
	return o
}

func start(t *testing.T, change func(*Options)) *peer {
	t.Helper()
	o := testOptions()
	o.Clients = []Client{
		{ID: "confidential", Secret: "s e:c%r+et"},
		{ID: "public"},
		{ID: "post", Secret: "secret", AuthMethod: "client_secret_post"},
		{ID: "par", RequirePAR: true},
	}
	if change != nil {
		change(&o)
	}
	op, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := op.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &peer{t: t, op: op, http: &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	_, p.metadata = p.get(op.Issuer+"/.well-known/openid-configuration", "")
	return p
}

func (p *peer) endpoint(name string) string {
	p.t.Helper()
	s, ok := p.metadata[name].(string)
	if !ok {
		p.t.Fatalf("no %s in the metadata", name)
	}
	return s
}

func (p *peer) do(r *http.Request) (*http.Response, map[string]any) {
	p.t.Helper()
	res, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	m := map[string]any{}
	if json.Unmarshal(body, &m) != nil {
		m["body"] = string(body)
	}
	return res, m
}

func (p *peer) get(rawURL, token string) (*http.Response, map[string]any) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, rawURL, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return p.do(r)
}

// post sends a form, as the client called id, whose secret is in the header.
func (p *peer) post(endpoint, id, secret string, form url.Values,
	change ...func(*http.Request),
) (*http.Response, map[string]any) {
	p.t.Helper()
	if secret == "" {
		form.Set("client_id", id)
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, p.endpoint(endpoint),
		strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if secret != "" {
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	}
	for _, c := range change {
		c(r)
	}
	return p.do(r)
}

const verifier = "a-verifier-of-at-least-43-characters-0123456789"

func authorization(id string) url.Values {
	challenge := sha256.Sum256([]byte(verifier))
	return url.Values{
		"response_type": {"code"}, "client_id": {id}, "redirect_uri": {"http://127.0.0.1:7777/auth/callback"},
		"scope": {"openid profile email offline_access"}, "state": {"st"}, "nonce": {"no"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
}

// authorize sends the user to the provider and returns what comes back.
func (p *peer) authorize(query url.Values) url.Values {
	p.t.Helper()
	res, body := p.get(p.endpoint("authorization_endpoint")+"?"+query.Encode(), "")
	return p.callback(res, body)
}

func (p *peer) callback(res *http.Response, body map[string]any) url.Values {
	p.t.Helper()
	location, err := res.Location()
	if err != nil || location.Host != "127.0.0.1:7777" {
		p.t.Fatalf("no redirect back: %d, %v", res.StatusCode, body)
	}
	return location.Query()
}

func (p *peer) redeem(id, secret, code string) map[string]any {
	p.t.Helper()
	res, tokens := p.post("token_endpoint", id, secret, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier},
		"redirect_uri": {"http://127.0.0.1:7777/auth/callback"},
	})
	if res.StatusCode != http.StatusOK {
		p.t.Fatalf("redeeming the code: %d, %v", res.StatusCode, tokens)
	}
	return tokens
}

func (p *peer) refresh(id, secret, token string) (int, map[string]any) {
	p.t.Helper()
	res, m := p.post("token_endpoint", id, secret,
		url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
	return res.StatusCode, m
}

// claims verifies an ID Token with the published keys.
func (p *peer) claims(tokens map[string]any, alg jose.SignatureAlgorithm) map[string]any {
	p.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, p.endpoint("jwks_uri"), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	var keys jose.JSONWebKeySet
	if err := json.NewDecoder(res.Body).Decode(&keys); err != nil {
		p.t.Fatal(err)
	}
	raw, _ := tokens["id_token"].(string)
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{alg})
	if err != nil {
		p.t.Fatal(err)
	}
	claims := map[string]any{}
	if err := token.Claims(keys, &claims); err != nil {
		p.t.Fatal(err)
	}
	return claims
}

func auto(o *Options) { o.Auto = true }

func TestCodeFlowAndUserInfo(t *testing.T) {
	t.Parallel()
	p := start(t, auto)
	back := p.authorize(authorization("confidential"))
	if back.Get("state") != "st" || back.Get("iss") != p.op.Issuer {
		t.Errorf("response: %v", back)
	}
	tokens := p.redeem("confidential", "s e:c%r+et", back.Get("code"))
	claims := p.claims(tokens, jose.RS256)
	if claims["nonce"] != "no" || claims["sub"] != "alice" || claims["acr"] != "2" || claims["auth_time"] == nil {
		t.Errorf("claims: %v", claims)
	}
	access, _ := tokens["access_token"].(string)
	if _, info := p.get(p.endpoint("userinfo_endpoint"), access); info["sub"] != "alice" ||
		info["name"] != "Alice Adams" || info["email"] != "alice@example.com" {
		t.Errorf("UserInfo: %v", info)
	}
	refresh, _ := tokens["refresh_token"].(string)
	res, _ := p.get(p.endpoint("userinfo_endpoint"), refresh)
	if res.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Bearer ") {
		t.Errorf("UserInfo with a refresh token: %d, %q", res.StatusCode, res.Header.Get("WWW-Authenticate"))
	}
}

// A claim that the user has no value for is left out.
func TestClaimsWithoutValue(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *Options) { o.Auto, o.Users = true, []User{{Name: "dave"}} })
	tokens := p.redeem("public", "", p.authorize(authorization("public")).Get("code"))
	_, info := p.get(p.endpoint("userinfo_endpoint"), text(tokens["access_token"]))
	if want := (map[string]any{"sub": "dave", "preferred_username": "dave"}); !maps.Equal(info, want) {
		t.Errorf("%v, want %v", info, want)
	}
}

func TestRotationAndReuse(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	first, err := p.op.IssueRefreshToken("public", "alice", "")
	if err != nil {
		t.Fatal(err)
	}
	status, tokens := p.refresh("public", "", first)
	second, _ := tokens["refresh_token"].(string)
	if status != http.StatusOK || second == "" || second == first {
		t.Fatalf("refresh: %d, %v", status, tokens)
	}
	claims := p.claims(tokens, jose.RS256)
	if _, there := claims["nonce"]; there || claims["auth_time"] == nil || claims["sub"] != "alice" {
		t.Errorf("refreshed claims: %v", claims)
	}
	if status, m := p.refresh("public", "", first); status != http.StatusBadRequest || m["error"] != "invalid_grant" {
		t.Errorf("reuse: %d, %v", status, m)
	}
	if status, m := p.refresh("public", "", second); status != http.StatusBadRequest || m["error"] != "invalid_grant" {
		t.Errorf("the newest token after reuse: %d, %v", status, m)
	}
	access, _ := tokens["access_token"].(string)
	if res, _ := p.get(p.endpoint("userinfo_endpoint"), access); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("the access token after reuse: %d", res.StatusCode)
	}
}

// Of several refreshes at the same time with one token at most one wins, and
// then the family dies: H29.
func TestParallelRefresh(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	token, err := p.op.IssueRefreshToken("public", "alice", "")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	won := make([]string, 8)
	for i := range won {
		wg.Go(func() {
			if status, m := p.refresh("public", "", token); status == http.StatusOK {
				won[i], _ = m["refresh_token"].(string)
			}
		})
	}
	wg.Wait()
	winners := slices.DeleteFunc(won, func(s string) bool { return s == "" })
	if len(winners) > 1 {
		t.Fatalf("%d of the refreshes won", len(winners))
	}
	for _, w := range winners {
		if status, _ := p.refresh("public", "", w); status == http.StatusOK {
			t.Error("the family outlived reuse")
		}
	}
}

func TestLoginPage(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	res, body := p.get(p.endpoint("authorization_endpoint")+"?"+authorization("public").Encode(), "")
	page, _ := body["body"].(string)
	if res.StatusCode != http.StatusOK || !strings.Contains(page, "Log in to public") ||
		res.Header.Get("Content-Security-Policy") == "" {
		t.Fatalf("login page: %d, %s", res.StatusCode, page)
	}
	_, action, _ := strings.Cut(page, `action="`)
	action, _, _ = strings.Cut(action, `"`)
	submit := func(form url.Values) (*http.Response, map[string]any) {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, p.op.Issuer+action,
			strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return p.do(r)
	}
	_, body = submit(url.Values{"username": {`"><script>`}, "password": {"wrong"}})
	if page, _ := body["body"].(string); !strings.Contains(page, "Wrong user name") ||
		strings.Contains(page, "<script>") {
		t.Errorf("after a wrong password: %s", page)
	}
	back := p.callback(submit(url.Values{"username": {"bob"}, "password": {"bob"}}))
	if claims := p.claims(p.redeem("public", "", back.Get("code")), jose.RS256); claims["sub"] != "bob" {
		t.Errorf("claims: %v", claims)
	}
	res, _ = submit(url.Values{"username": {"bob"}, "password": {"bob"}})
	if again, err := res.Location(); err == nil && again.Query().Has("code") {
		t.Error("one login gave two codes")
	}
}

func TestClientCredentialsIntrospectionRevocation(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	const id, secret = "confidential", "s e:c%r+et"
	_, tokens := p.post("token_endpoint", id, secret,
		url.Values{"grant_type": {"client_credentials"}, "scope": {"profile"}})
	access, _ := tokens["access_token"].(string)
	if _, m := p.post("introspection_endpoint", id, secret, url.Values{"token": {access}}); m["active"] != true ||
		m["client_id"] != id {
		t.Errorf("introspection: %v", m)
	}
	if res, _ := p.post("revocation_endpoint", id, secret,
		url.Values{"token": {access}}); res.StatusCode != http.StatusOK {
		t.Errorf("revocation: %d", res.StatusCode)
	}
	if _, m := p.post("introspection_endpoint", id, secret, url.Values{"token": {access}}); m["active"] != false {
		t.Errorf("introspection after revocation: %v", m)
	}
	if res, m := p.post("token_endpoint", id, "wrong",
		url.Values{"grant_type": {"client_credentials"}}); res.StatusCode != http.StatusUnauthorized ||
		m["error"] != "invalid_client" {
		t.Errorf("wrong secret: %d, %v", res.StatusCode, m)
	}
}

func TestPushedAuthorizationRequest(t *testing.T) {
	t.Parallel()
	p := start(t, auto)
	res, pushed := p.post("pushed_authorization_request_endpoint", "par", "", authorization("par"))
	uri, _ := pushed["request_uri"].(string)
	if res.StatusCode != http.StatusCreated || uri == "" {
		t.Fatalf("PAR: %d, %v", res.StatusCode, pushed)
	}
	back := p.authorize(url.Values{"client_id": {"par"}, "request_uri": {uri}})
	if p.redeem("par", "", back.Get("code"))["id_token"] == nil {
		t.Error("no ID Token")
	}
}

func TestDeviceAuthorization(t *testing.T) {
	t.Parallel()
	p := start(t, auto)
	_, device := p.post("device_authorization_endpoint", "public", "", url.Values{"scope": {"openid"}})
	complete, _ := device["verification_uri_complete"].(string)
	code, _ := device["device_code"].(string)
	poll := func() map[string]any {
		_, m := p.post("token_endpoint", "public", "",
			url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {code}})
		return m
	}
	if m := poll(); m["error"] != "authorization_pending" {
		t.Errorf("first poll: %v", m)
	}
	if m := poll(); m["error"] != "slow_down" {
		t.Errorf("a poll too soon: %v", m)
	}
	if res, body := p.get(complete, ""); res.StatusCode != http.StatusOK {
		t.Errorf("device page: %d, %v", res.StatusCode, body)
	}
	p.op.store.mu.Lock()
	p.op.store.polled = map[string]time.Time{} // as if the interval had passed
	p.op.store.mu.Unlock()
	if m := poll(); m["access_token"] == nil {
		t.Errorf("poll after the login: %v", m)
	}
}

func TestEndSession(t *testing.T) {
	t.Parallel()
	p := start(t, auto)
	tokens := p.redeem("public", "", p.authorize(authorization("public")).Get("code"))
	hint, _ := tokens["id_token"].(string)
	res, body := p.get(p.endpoint("end_session_endpoint")+"?id_token_hint="+hint, "")
	if page, _ := body["body"].(string); res.StatusCode != http.StatusOK || !strings.Contains(page, "logged out") {
		t.Errorf("end session: %d, %v", res.StatusCode, body)
	}
}

func TestDPoP(t *testing.T) {
	t.Parallel()
	p := start(t, auto)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key},
		(&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	proof, err := jwt.Signed(signer).Claims(map[string]any{
		"jti": rand.Text(), "htm": "POST", "htu": p.endpoint("token_endpoint"), "iat": time.Now().Unix(),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	_, tokens := p.post("token_endpoint", "public", "", url.Values{
		"grant_type": {"authorization_code"}, "code": {p.authorize(authorization("public")).Get("code")},
		"code_verifier": {verifier}, "redirect_uri": {"http://127.0.0.1:7777/auth/callback"},
	}, func(r *http.Request) { r.Header.Set("DPoP", proof) })
	if tokens["token_type"] != "DPoP" {
		t.Errorf("tokens: %v", tokens)
	}
}

func TestSigningAlgorithms(t *testing.T) {
	t.Parallel()
	algs := []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA, jose.PS256}
	p := start(t, func(o *Options) {
		for _, alg := range algs {
			o.Clients = append(o.Clients, Client{ID: string(alg), IDTokenSigningAlg: string(alg)})
		}
	})
	for _, alg := range algs {
		token, err := p.op.IssueRefreshToken(string(alg), "bob", "openid")
		if err != nil {
			t.Fatal(err)
		}
		_, tokens := p.refresh(string(alg), "", token)
		if claims := p.claims(tokens, alg); claims["sub"] != "bob" {
			t.Errorf("%s: %v", alg, claims)
		}
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"user without a name":       {Users: []User{{}}},
		"client without an id":      {Clients: []Client{{}}},
		"two clients with one id":   {Clients: []Client{{ID: "a"}, {ID: "a"}}},
		"unknown method":            {Clients: []Client{{ID: "a", AuthMethod: "magic"}}},
		"secret method, no secret":  {Clients: []Client{{ID: "a", AuthMethod: "client_secret_post"}}},
		"private_key_jwt, no keys":  {Clients: []Client{{ID: "a", AuthMethod: "private_key_jwt"}}},
		"mutual TLS without TLS":    {Clients: []Client{{ID: "a", AuthMethod: "tls_client_auth", SubjectDN: "CN=a"}}},
		"unknown signing algorithm": {Clients: []Client{{ID: "a", IDTokenSigningAlg: "none"}}},
		"signing key is no key":     {SigningKey: []byte("x")},
	} {
		op, err := Start(o)
		if err == nil {
			t.Errorf("%s: started", name)
			_ = op.Close()
		}
	}
}
