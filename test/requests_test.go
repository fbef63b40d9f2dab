// What a provider checks of our requests: rows Q01 to Q17 of the catalogue, asserted
// on the provider's side.

package test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/cli"
	"github.com/oidc-client/oidc-client/internal/provider"
	"github.com/oidc-client/oidc-client/internal/provider/fault"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

const appSecret = "a secret of the app that is long enough"

// A scene is the embedded provider, which keeps what it is asked, and a folder for a
// client of it.
type scene struct {
	t      *testing.T
	op     *fault.Provider
	folder string
	keys   map[string]oidc.SigningKey // by algorithm, whose public halves the client signer has
}

func newScene(t *testing.T, change ...func(*fault.Options)) *scene {
	t.Helper()
	s := &scene{t: t, folder: t.TempDir(), keys: map[string]oidc.SigningKey{}}
	var jwks []string
	for _, alg := range []string{"ES256", "PS256", "EdDSA"} {
		key, err := oidc.GenerateKey(alg)
		check(t, err)
		pem, err := key.PEM()
		check(t, err)
		s.write(alg+".pem", pem)
		jwk, err := key.PublicJWK("sig")
		check(t, err)
		s.keys[alg], jwks = key, append(jwks, string(jwk))
	}
	o := fault.Options{Options: providerDefaults()}
	o.Auto, o.Record, o.PollInterval, o.ApproveAfter = true, true, time.Second, time.Millisecond
	o.Clients = []provider.Client{
		{ID: "app", Secret: appSecret},
		{ID: "signer", AuthMethod: "private_key_jwt", JWKS: `{"keys":[` + strings.Join(jwks, ",") + `]}`},
		{
			ID: "ciba-signer", AuthMethod: "private_key_jwt", JWKS: `{"keys":[` + strings.Join(jwks, ",") + `]}`,
			CIBASigningAlg: "ES256",
		},
		{ID: "public"},
	}
	for _, c := range change {
		c(&o)
	}
	op, err := fault.Start(o)
	check(t, err)
	t.Cleanup(func() { _ = op.Close() })
	s.op = op
	return s
}

func (s *scene) write(name string, data []byte) {
	s.t.Helper()
	check(s.t, os.WriteFile(filepath.Join(s.folder, name), data, 0o600))
}

// config writes a configuration file of a client, and returns its name.
func (s *scene) config(id string, lines ...string) string {
	s.t.Helper()
	text := fmt.Sprintf("issuer: %s\nclient_id: %s\n", s.op.Issuer, id)
	switch id {
	case "app":
		text += "client_secret: " + appSecret + "\n"
	case "signer", "ciba-signer":
		text += "private_key: ES256.pem\nprivate_key_id: " + s.keys["ES256"].Thumbprint() + "\n"
	}
	name := filepath.Join(s.folder, "config.yaml")
	check(s.t, os.WriteFile(name, []byte(text+strings.Join(lines, "\n")+"\n"), 0o600))
	return name
}

// run runs the program, with a browser that follows redirects, submits what a
// response by form_post holds, and opens what device shows.
func (s *scene) run(args ...string) (int, string, string) {
	s.t.Helper()
	var out, errs bytes.Buffer
	env := &run.Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Now: time.Now,
		Getenv: func(name string) string {
			return map[string]string{
				"BROWSER": "browser", "OIDC_SESSIONS": filepath.Join(s.folder, "sessions"),
				"OIDC_KEYRING": "off",
			}[name]
		},
		Terminal: func(io.Writer) bool { return false },
		Start: func(argv []string) (<-chan error, error) {
			browser := newHTTPBrowser("alice", nil)
			browser.Password = "alice"
			// what comes of it shows in the program
			go func() { _, _ = browser.Open(context.Background(), argv[len(argv)-1]) }()
			return nil, nil
		},
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	code := cli.Main(ctx, env, append(args, "--timeout", "20s"))
	return code, out.String(), errs.String()
}

// ok runs the program, which has to end with 0, and returns what the provider was
// asked meanwhile.
func (s *scene) ok(args ...string) []fault.Recorded {
	s.t.Helper()
	before := len(s.op.Recorded())
	if code, out, errs := s.run(args...); code != 0 {
		s.t.Fatalf("%v: exit %d\n%s\n%s", args, code, errs, out)
	}
	return s.op.Recorded()[before:]
}

// at are the requests to an endpoint.
func at(requests []fault.Recorded, endpoint string) []fault.Recorded {
	return slices.DeleteFunc(slices.Clone(requests), func(r fault.Recorded) bool { return r.Endpoint != endpoint })
}

// only is the one request to an endpoint.
func (s *scene) only(requests []fault.Recorded, endpoint string) fault.Recorded {
	s.t.Helper()
	found := at(requests, endpoint)
	if len(found) != 1 {
		var names []string
		for _, r := range requests {
			names = append(names, r.Endpoint)
		}
		s.t.Fatalf("%d requests to %s among %v", len(found), endpoint, names)
	}
	return found[0]
}

// jwtParts reads a JWT without verifying it.
func jwtParts(t *testing.T, jwt string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %q", jwt)
	}
	for i, to := range []*map[string]any{&header, &claims} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		check(t, err)
		check(t, json.Unmarshal(data, to))
	}
	return header, claims
}

// Q01 to Q08: a login, and what is never in it.
func TestAuthorizationRequests(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	seen := map[string]bool{}
	for _, responseType := range []string{
		"code", "code id_token", "code token", "code id_token token", "id_token",
		"id_token token",
	} {
		requests := s.ok("client", "-c", s.config("app", "response_type: "+responseType), "-p", "0")
		r := s.only(requests, "authorization")
		if !slices.Contains(strings.Fields(r.Value("scope")), "openid") { // Q01, C03
			t.Errorf("Q01: scope %q", r.Value("scope"))
		}
		if r.Value("response_type") != responseType || r.Value("client_id") != "app" { // Q02, Q03
			t.Errorf("Q02, Q03: %v", r.Query)
		}
		redirect, err := url.Parse(r.Value("redirect_uri"))
		// Q04, V51
		if err != nil || redirect.Scheme != "http" || redirect.Hostname() != "127.0.0.1" || redirect.Fragment != "" ||
			redirect.Path != "/auth/callback" {
			t.Errorf("Q04: %s", r.Value("redirect_uri"))
		}
		if r.Query.Has("request") || r.Query.Has("request_uri") { // Q05
			t.Errorf("Q05: %v", r.Query)
		}
		for name, values := range r.Query { // V31
			if len(values) != 1 {
				t.Errorf("V31: %s comes %d times", name, len(values))
			}
		}
		for _, once := range []string{"state", "nonce", "code_challenge"} { // Q07, Q08, C15
			if v := r.Value(once); len(v) < 22 || seen[v] {
				t.Errorf("%s %q is short, or was used before", once, v)
			} else {
				seen[v] = true
			}
		}
		if strings.Contains(responseType, "token") && r.Value("response_mode") != "form_post" {
			t.Errorf("tokens by %q", r.Value("response_mode"))
		}
		if strings.Contains(responseType, "code") {
			s.redemption(r, s.only(requests, "token"))
		}
	}
	// Q06: never together, unless both are asked for, to see what the provider makes of it.
	if code, _, errs := s.run("client", "-c", s.config("app"), "-p", "0", "--prompt", "none", "--max-age",
		"0"); code != 0 {
		t.Errorf("Q06: exit %d, %s", code, errs)
	}
}

// redemption compares a token request with the authorization request before it.
func (s *scene) redemption(authorization, token fault.Recorded) {
	s.t.Helper()
	verifier := token.Value("code_verifier")
	sum := sha256.Sum256([]byte(verifier))
	if len(verifier) < 43 || len(verifier) > 128 || authorization.Value("code_challenge_method") != "S256" ||
		authorization.Value("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) { // Q07, V60, V61
		s.t.Errorf("Q07: verifier %q of challenge %q", verifier, authorization.Value("code_challenge"))
	}
	// Q04
	if token.Value("redirect_uri") != authorization.Value("redirect_uri") ||
		token.Value("grant_type") != "authorization_code" {
		s.t.Errorf("Q04: %v", token.Form)
	}
}

// Q09: client assertions, at every endpoint, each new.
func TestClientAssertions(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	config := s.config("signer", "use_par: true")
	requests := s.ok("client", "-c", config, "-p", "0")
	access := filepath.Join(s.folder, "access")
	check(t, os.WriteFile(access, []byte("unknown"), 0o600))
	requests = append(requests, s.ok("introspect", "-c", config, "--token", "@"+access)...)
	requests = append(requests, s.ok("revoke", "-c", config, "--token", "@"+access)...)
	requests = append(requests, s.ok("ciba", "-c", config, "--login-hint", "alice")...)
	requests = append(requests, s.ok("device", "-c", config, "--open")...)
	seen, endpoints := map[any]bool{}, map[string]bool{}
	for _, r := range requests {
		assertion := r.Value("client_assertion")
		if assertion == "" {
			continue
		}
		endpoints[r.Endpoint] = true
		_, claims := jwtParts(t, assertion)
		exp, _ := claims["exp"].(float64)
		iat, _ := claims["iat"].(float64)
		if claims["iss"] != "signer" || claims["sub"] != "signer" || claims["aud"] != s.op.Issuer ||
			seen[claims["jti"]] || claims["jti"] == "" ||
			iat == 0 || exp-iat > 600 ||
			r.Value("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			t.Errorf("Q09, V101: at %s: %v", r.Endpoint, claims)
		}
		seen[claims["jti"]] = true
		if id := r.Value("client_id"); id != "signer" { // Q03
			t.Errorf("Q03: client_id %q at %s", id, r.Endpoint)
		}
	}
	for _, endpoint := range []string{
		"pushed_authorization_request", "token", "introspection", "revocation",
		"backchannel_authentication", "device_authorization",
	} {
		if !endpoints[endpoint] {
			t.Errorf("no client assertion at %s", endpoint)
		}
	}
}

// Q10, R11, V63, V66 to V68, V70: DPoP proofs, with the nonces of both servers.
func TestDPoPProofs(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(o *fault.Options) { o.DPoPNonces = true })
	config := s.config("public", "dpop_key: dpop.json", "scopes: [openid, offline_access]")
	requests := s.ok("client", "-c", config, "-p", "0", "--par", "-o", "--output-dir", s.folder)
	var response map[string]any
	data, err := os.ReadFile(filepath.Join(s.folder, "access_token_resp.json"))
	check(t, err)
	check(t, json.Unmarshal(data, &response))
	s.write("refresh", []byte(response["refresh_token"].(string)))
	requests = append(requests,
		s.ok("refresh-token", "-c", config, "--refresh-token", "@"+filepath.Join(s.folder, "refresh"))...)
	jtis, keys, nonces := map[any]bool{}, map[string]bool{}, map[string]map[any]bool{}
	for _, r := range requests {
		proof := r.Header.Get("Dpop")
		if r.Endpoint == "discovery" || r.Endpoint == "jwks" || r.Endpoint == "authorization" {
			if proof != "" {
				t.Errorf("a proof at %s", r.Endpoint)
			}
			continue
		}
		header, claims := jwtParts(t, proof)
		jwk, err := json.Marshal(header["jwk"])
		check(t, err)
		keys[string(jwk)] = true
		resource := r.Endpoint == "userinfo"
		_, ath := claims["ath"]
		if header["typ"] != "dpop+jwt" || header["kid"] != nil || header["jwk"].(map[string]any)["d"] != nil ||
			claims["htm"] != r.Method ||
			claims["htu"] != s.op.Issuer+r.Path || ath != resource || jtis[claims["jti"]] {
			t.Errorf("Q10: at %s: %v, %v", r.Endpoint, header, claims)
		}
		jtis[claims["jti"]] = true
		if nonce := claims["nonce"]; nonce != nil {
			server := map[bool]string{true: "resource", false: "authorization server"}[resource]
			if nonces[server] == nil {
				nonces[server] = map[any]bool{}
			}
			nonces[server][nonce] = true
		}
		if resource && !strings.HasPrefix(r.Header.Get("Authorization"), "DPoP ") { // V65
			t.Errorf("V65: %s", r.Header.Get("Authorization"))
		}
	}
	if len(keys) != 1 { // R11: the refresh too
		t.Errorf("%d keys", len(keys))
	}
	for nonce := range nonces["resource"] {
		if nonces["authorization server"][nonce] { // V68
			t.Errorf("V68: a nonce went to both")
		}
	}
	// One question for want of a nonce at each server of each run, and none twice.
	for endpoint, want := range map[string]int{"pushed_authorization_request": 2, "token": 3, "userinfo": 4} {
		if got := len(at(requests, endpoint)); got != want {
			t.Errorf("V66, V67: %d requests to %s, want %d", got, endpoint, want)
		}
	}
	authorization := s.only(requests, "authorization")
	// V70
	if authorization.Query.Has("dpop_jkt") || at(requests, "pushed_authorization_request")[0].Value("dpop_jkt") == "" {
		t.Errorf("V70: %v", authorization.Query)
	}
}

// Q11, Q12, V74, V76 to V78: pushed and signed requests.
func TestPushedAndSignedRequests(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	config := s.config("signer", "use_par: true", "use_request_parameter: true", "max_age: 300",
		"oidc_claims_param: '{\"id_token\":{\"email\":null}}'", "resource: [https://api.example.com]")
	requests := s.ok("client", "-c", config, "-p", "0")
	pushed := s.only(requests, "pushed_authorization_request")
	authorization := s.only(requests, "authorization")
	var names []string
	for name := range authorization.Query {
		names = append(names, name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"client_id", "request_uri"}) || pushed.Form.Has("request_uri") { // Q11
		t.Errorf("Q11: %v, pushed %v", names, pushed.Form)
	}
	if pushed.Form.Has("scope") || pushed.Form.Has("state") {
		t.Errorf("parameters beside the request object: %v", pushed.Form)
	}
	header, claims := jwtParts(t, pushed.Value("request"))
	_, sub := claims["sub"]
	exp, _ := claims["exp"].(float64)
	if header["typ"] != "oauth-authz-req+jwt" || claims["iss"] != "signer" || claims["client_id"] != "signer" ||
		claims["aud"] != s.op.Issuer || sub ||
		claims["request"] != nil || claims["request_uri"] != nil || claims["max_age"] != float64(300) || exp == 0 ||
		claims["nbf"] == nil || claims["jti"] == nil {
		t.Errorf("Q12: %v, %v", header, claims)
	}
	// Q14, V91
	if _, isObject := claims["claims"].(map[string]any); !isObject || claims["resource"] != "https://api.example.com" {
		t.Errorf("Q14: %v", claims)
	}
	for _, lifetime := range []string{
		"jwt_request_token_duration: 1m", "legacy_request_jwt_header_type: true",
		"strict_oidc_rfc6749_param: true",
	} {
		requests := s.ok("client", "-c", s.config("signer", "use_request_parameter: true", lifetime), "-p", "0")
		r := s.only(requests, "authorization")
		header, claims := jwtParts(t, r.Value("request"))
		switch {
		case strings.HasPrefix(lifetime, "jwt") && claims["exp"].(float64)-claims["iat"].(float64) != 60,
			strings.HasPrefix(lifetime, "legacy") && header["typ"] != "JWT",
			strings.HasPrefix(lifetime, "strict") != r.Query.Has("response_type"):
			t.Errorf("%s: %v, %v, %v", lifetime, header, claims, r.Query)
		}
	}
}

// Q13: encrypted request objects name the key, and Q16, Q17 elsewhere: the TLS of
// requests is asserted in internal/httpclient, the size of keys in internal/jose.
func TestEncryptedRequestObjects(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, alg := range []string{"RSA-OAEP-256", "ECDH-ES"} {
		config := s.config("signer", "use_request_parameter: true", "request_object_encryption_alg: "+alg)
		requests := s.ok("client", "-c", config, "-p", "0", "--par")
		sealed := s.only(requests, "pushed_authorization_request").Value("request")
		head, _, _ := strings.Cut(sealed, ".")
		data, err := base64.RawURLEncoding.DecodeString(head)
		check(t, err)
		var header map[string]any
		check(t, json.Unmarshal(data, &header))
		if strings.Count(sealed, ".") != 4 || header["alg"] != alg || header["kid"] == nil || header["cty"] != "JWT" ||
			header["zip"] != nil {
			t.Errorf("Q13: %v", header)
		}
	}
}

// Q15: what is registered hangs together.
func TestRegistrationRequests(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(o *fault.Options) { o.Registration = true })
	config := s.config("signer", "auth_method: private_key_jwt")
	requests := s.ok("register", "create", "-c", config, "--client-name", "A tool", "--scope", "openid")
	r := s.only(requests, "registration")
	var metadata map[string]any
	check(t, json.Unmarshal(r.Body, &metadata))
	grants, _ := metadata["grant_types"].([]any)
	types, _ := metadata["response_types"].([]any)
	_, both := metadata["jwks_uri"]
	jwks, _ := metadata["jwks"].(map[string]any)
	if !slices.Contains(grants, any("authorization_code")) || !slices.Equal(types, []any{"code"}) || both ||
		len(jwks["keys"].([]any)) != 1 || metadata["token_endpoint_auth_method"] != "private_key_jwt" {
		t.Errorf("Q15: %v", metadata)
	}
	if strings.Contains(string(r.Body), `"d"`) {
		t.Error("a private key was registered")
	}
}

// K rows of requests: exactly one hint, a form, no second question too soon.
func TestBackchannelRequests(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	requests := s.ok("ciba", "-c", s.config("ciba-signer", "use_request_parameter: true"), "--login-hint", "alice",
		"--binding-message", "W4SCT")
	r := s.only(requests, "backchannel_authentication")
	header, claims := jwtParts(t, r.Value("request"))
	if header["typ"] != "oauth-authz-req+jwt" { // RFC 9101 section 10.8, RFC 8725 section 3.11
		t.Errorf("the signed request has the typ %v", header["typ"])
	}
	if claims["login_hint"] != "alice" || claims["binding_message"] != "W4SCT" || claims["aud"] != s.op.Issuer ||
		claims["iss"] != "ciba-signer" || r.Form.Has("login_hint") {
		t.Errorf("signed request: %v, %v", claims, r.Form)
	}
	requests = s.ok("ciba", "-c", s.config("app"), "--login-hint", "alice")
	if r := s.only(requests, "backchannel_authentication"); r.Method != http.MethodPost ||
		r.Value("login_hint") != "alice" || r.Form.Has("id_token_hint") {
		t.Errorf("plain request: %v", r.Form)
	}
	for _, hints := range [][]string{{}, {"--login-hint", "alice", "--id-token-hint", "x"}} {
		if code, _, errs := s.run(append([]string{"ciba", "-c", s.config("app")}, hints...)...); code != 2 {
			t.Errorf("%v: exit %d, %s", hints, code, errs)
		}
	}
}
