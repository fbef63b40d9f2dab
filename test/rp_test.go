// A relying party of raw HTTP, for what is asked of the independent providers
// before our own client is: none of its code is the program's.

package test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A keyPair is a private key with the algorithm that it is for.
type keyPair struct {
	Alg, ID string
	Private crypto.Signer
}

var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// newKeyPair makes a key for an algorithm of signatures or of encryption. All RSA
// keys of a run are the same one: making them takes long.
func newKeyPair(t *testing.T, alg string) keyPair {
	t.Helper()
	var key crypto.Signer
	var err error
	switch {
	case strings.HasPrefix(alg, "RS"), strings.HasPrefix(alg, "PS"):
		key, err = rsaKey()
	case strings.HasPrefix(alg, "E") && alg != "EdDSA" && alg != "Ed25519":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	check(t, err)
	return keyPair{alg, "key-" + strings.ToLower(alg), key}
}

// public is the public key as a JWK. use is sig or enc.
func (k keyPair) public(use string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Use: use}
}

// sign makes a JWT.
func (k keyPair) sign(t *testing.T, header map[string]any, claims map[string]any) string {
	t.Helper()
	alg := k.Alg
	if alg == "Ed25519" {
		alg = "EdDSA" // of the same bytes: the library does not know the newer name
	}
	options := &jose.SignerOptions{}
	for name, value := range header {
		options.WithHeader(jose.HeaderKey(name), value)
	}
	return signJWT(t, jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: k.Private}, options, claims)
}

func signJWT(t *testing.T, key jose.SigningKey, options *jose.SignerOptions, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(key, options)
	check(t, err)
	payload, err := json.Marshal(claims)
	check(t, err)
	signed, err := signer.Sign(payload)
	check(t, err)
	compact, err := signed.CompactSerialize()
	check(t, err)
	return compact
}

// file writes the private key as PEM (PKCS #8) into a folder.
func (k keyPair) file(t *testing.T, folder string) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(k.Private)
	check(t, err)
	path := filepath.Join(folder, k.ID+".pem")
	check(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return path
}

// open decrypts a JWE with a key.
func (k keyPair) open(t *testing.T, compact string) string {
	t.Helper()
	jwe, err := jose.ParseEncryptedCompact(compact,
		[]jose.KeyAlgorithm{jose.RSA_OAEP, jose.RSA_OAEP_256, jose.ECDH_ES, jose.ECDH_ES_A128KW, jose.ECDH_ES_A256KW},
		[]jose.ContentEncryption{jose.A128CBC_HS256, jose.A256CBC_HS512, jose.A128GCM, jose.A256GCM})
	check(t, err)
	plain, err := jwe.Decrypt(k.Private)
	check(t, err)
	return string(plain)
}

// claimsOf are the claims of a JWT, unverified.
func claimsOf(t *testing.T, jwt string) map[string]any {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT of three parts: %.60q", jwt)
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	check(t, err)
	var claims map[string]any
	check(t, json.Unmarshal(data, &claims))
	return claims
}

// A metadata is what a client registers, or a provider publishes.
type metadata map[string]any

func (m metadata) text(name string) string {
	text, _ := m[name].(string)
	return text
}

// A rawClient is a client that has registered at a provider.
type rawClient struct {
	ID, Secret      string
	URI, URIToken   string // of the registration (RFC 7592)
	Registered      metadata
	Signing         keyPair // its signing algorithm is that of the client's assertions and request objects
	RSA, EC         keyPair // what is encrypted for the client
	DPoP            *keyPair
	Certificate     string // "" or the name of the files: tls means tls.pem and tls-key.pem
	provider        *everything
	http            *http.Client
	nonce, verifier string
}

// An answer is what an endpoint says.
type answer struct {
	Status int
	Header http.Header
	Body   string
	JSON   map[string]any
}

func (a answer) text(name string) string {
	text, _ := a.JSON[name].(string)
	return text
}

// again says if the provider wants the request once more, with the nonce that it
// has given (RFC 9449 section 8).
func (rp *rawClient) again(a answer) bool {
	nonce := a.Header.Get("DPoP-Nonce")
	if rp.DPoP == nil || nonce == "" {
		return false
	}
	rp.nonce = nonce
	return a.text("error") == "use_dpop_nonce" || strings.Contains(a.Header.Get("WWW-Authenticate"), "use_dpop_nonce")
}

// once sends a request, with a DPoP proof if the client binds its tokens to a
// key.
func (rp *rawClient) once(t *testing.T, req *http.Request, body, token string) answer {
	t.Helper()
	req = req.Clone(t.Context())
	if body != "" {
		req.Body = io.NopCloser(strings.NewReader(body))
		req.ContentLength = int64(len(body))
	}
	if rp.DPoP != nil {
		req.Header.Set("DPoP", rp.proof(t, req, token))
	}
	res, err := rp.http.Do(req)
	check(t, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	check(t, err)
	a := answer{Status: res.StatusCode, Header: res.Header, Body: string(data)}
	_ = json.Unmarshal(data, &a.JSON)
	return a
}

// proof is a DPoP proof (RFC 9449 section 4.2).
func (rp *rawClient) proof(t *testing.T, req *http.Request, token string) string {
	t.Helper()
	target := *req.URL
	target.RawQuery, target.Fragment = "", ""
	claims := map[string]any{"jti": rand.Text(), "htm": req.Method, "htu": target.String(), "iat": time.Now().Unix()}
	if rp.nonce != "" {
		claims["nonce"] = rp.nonce
	}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = b64(sum[:])
	}
	jwk := jose.JSONWebKey{Key: rp.DPoP.Private.Public()}
	return rp.DPoP.sign(t, map[string]any{"typ": "dpop+jwt", "jwk": jwk}, claims)
}

// post sends a form to an endpoint of the metadata as this client.
func (rp *rawClient) post(t *testing.T, endpoint string, form url.Values) answer {
	t.Helper()
	return rp.postAccepting(t, endpoint, form, "application/json")
}

func (rp *rawClient) postAccepting(t *testing.T, endpoint string, form url.Values, accept string) answer {
	t.Helper()
	send := func() answer { // an assertion can be used once
		own := maps.Clone(form)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, rp.endpoint(endpoint), nil)
		check(t, err)
		rp.authenticate(t, req, own)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Accept", accept)
		return rp.once(t, req, own.Encode(), "")
	}
	a := send()
	if rp.again(a) {
		a = send()
	}
	return a
}

// endpoint is the URL of an endpoint, or its alias for mutual TLS.
func (rp *rawClient) endpoint(name string) string {
	aliases, _ := rp.provider.Metadata["mtls_endpoint_aliases"].(map[string]any)
	if alias, _ := aliases[name].(string); alias != "" && rp.Certificate != "" {
		return alias
	}
	return rp.provider.Metadata.text(name)
}

// authenticate proves who the client is.
func (rp *rawClient) authenticate(t *testing.T, req *http.Request, form url.Values) {
	t.Helper()
	switch rp.Registered.text("token_endpoint_auth_method") {
	case "client_secret_basic":
		req.SetBasicAuth(url.QueryEscape(rp.ID), url.QueryEscape(rp.Secret))
	case "client_secret_post":
		form.Set("client_id", rp.ID)
		form.Set("client_secret", rp.Secret)
	case "client_secret_jwt":
		rp.assert(form, signJWT(t, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(rp.Secret)}, nil, rp.assertion()))
	case "private_key_jwt":
		rp.assert(form, rp.Signing.sign(t, map[string]any{"kid": rp.Signing.ID}, rp.assertion()))
	default: // none, or by certificate
		form.Set("client_id", rp.ID)
	}
}

func (rp *rawClient) assert(form url.Values, assertion string) {
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
}

// assertion are the claims of a client assertion (RFC 7523 section 3).
func (rp *rawClient) assertion() map[string]any {
	now := time.Now().Unix()
	return map[string]any{
		"iss": rp.ID, "sub": rp.ID, "aud": rp.provider.Issuer, "jti": rand.Text(), "iat": now,
		"nbf": now - 1, "exp": now + 60,
	}
}

// A way is how an authorization request is made.
type way struct {
	PAR     bool
	Signed  bool   // in a request object
	Encrypt string // the algorithm that the request object is encrypted with
}

// logIn sends the browser to the authorization endpoint and returns what comes
// back to the redirect URI.
func (rp *rawClient) logIn(t *testing.T, b browser, w way, params url.Values) url.Values {
	t.Helper()
	l := land(t)
	request := rp.request(l, params)
	if w.Signed {
		request = url.Values{"client_id": {rp.ID}, "request": {rp.requestObject(t, w, request)}}
		for _, name := range []string{"scope", "response_type"} { // OpenID Connect Core 1.0 section 6.1
			if !w.PAR {
				request.Set(name, rp.request(l, params).Get(name))
			}
		}
	}
	if w.PAR {
		pushed := rp.post(t, "pushed_authorization_request_endpoint", request)
		if pushed.Status != http.StatusCreated {
			t.Fatalf("PAR: %d %s", pushed.Status, pushed.Body)
		}
		request = url.Values{"client_id": {rp.ID}, "request_uri": {pushed.text("request_uri")}}
	}
	p, err := b.Open(t.Context(), rp.provider.Metadata.text("authorization_endpoint")+"?"+request.Encode())
	check(t, err)
	select {
	case response := <-l.response:
		response.Set("redirect_uri", l.URL)
		return response
	default:
		t.Fatalf("the browser did not come back but ended on %s: %d %s", p.URL, p.Status, p.Body)
		return nil
	}
}

// request are the parameters of an authorization request.
func (rp *rawClient) request(l *landing, params url.Values) url.Values {
	if rp.verifier == "" {
		rp.verifier = rand.Text() + rand.Text()
	}
	sum := sha256.Sum256([]byte(rp.verifier))
	request := url.Values{
		"client_id": {rp.ID}, "redirect_uri": {l.URL}, "response_type": {"code"}, "scope": {"openid"},
		"state": {"the state"},
		"nonce": {"the nonce"}, "code_challenge": {b64(sum[:])}, "code_challenge_method": {"S256"},
	}
	maps.Copy(request, params)
	if request.Get("response_type") == "none" || !strings.Contains(request.Get("response_type"), "code") {
		request.Del("code_challenge")
		request.Del("code_challenge_method")
	}
	return request
}

// requestObject is an authorization request as a JWT (RFC 9101).
func (rp *rawClient) requestObject(t *testing.T, w way, request url.Values) string {
	t.Helper()
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": rp.ID, "aud": rp.provider.Issuer, "iat": now, "nbf": now - 1, "exp": now + 60,
		"jti": rand.Text(),
	}
	for name := range request {
		claims[name] = request.Get(name)
	}
	jwt := rp.Signing.sign(t, map[string]any{"kid": rp.Signing.ID, "typ": "oauth-authz-req+jwt"}, claims)
	if w.Encrypt == "" {
		return jwt
	}
	key := rp.provider.encryptionKey(t, w.Encrypt)
	encrypter, err := jose.NewEncrypter(jose.A128CBC_HS256,
		jose.Recipient{Algorithm: jose.KeyAlgorithm(w.Encrypt), Key: key.Key, KeyID: key.KeyID},
		(&jose.EncrypterOptions{}).WithContentType("oauth-authz-req+jwt"))
	check(t, err)
	jwe, err := encrypter.Encrypt([]byte(jwt))
	check(t, err)
	compact, err := jwe.CompactSerialize()
	check(t, err)
	return compact
}

// redeem exchanges the code of a response.
func (rp *rawClient) redeem(t *testing.T, response url.Values) answer {
	t.Helper()
	return rp.post(t, "token_endpoint", url.Values{
		"grant_type": {"authorization_code"}, "code": {response.Get("code")},
		"redirect_uri": {response.Get("redirect_uri")}, "code_verifier": {rp.verifier},
	})
}

// read asks for something with an access token.
func (rp *rawClient) read(t *testing.T, method, address, token string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	check(t, err)
	scheme := "Bearer "
	if rp.DPoP != nil {
		scheme = "DPoP "
	}
	req.Header.Set("Authorization", scheme+token)
	a := rp.once(t, req, "", token)
	if rp.again(a) {
		a = rp.once(t, req, "", token)
	}
	return a
}

// decrypt decrypts what is encrypted for the client, and returns others as they
// are.
func (rp *rawClient) decrypt(t *testing.T, compact string) string {
	t.Helper()
	if strings.Count(compact, ".") != 4 {
		return compact
	}
	first, _, _ := strings.Cut(compact, ".")
	header, err := base64.RawURLEncoding.DecodeString(first)
	check(t, err)
	if strings.Contains(string(header), `"RSA-`) {
		return rp.RSA.open(t, compact)
	}
	return rp.EC.open(t, compact)
}

// withCertificate is an HTTP client that shows a certificate of a folder.
func withCertificate(t *testing.T, folder, name string, roots *x509.CertPool) *http.Client {
	t.Helper()
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if name != "" {
		pair, err := tls.LoadX509KeyPair(filepath.Join(folder, name+".pem"), filepath.Join(folder, name+"-key.pem"))
		check(t, err)
		// also if it is not of a CA that the server names
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		config.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Timeout: 10 * time.Second, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
