// npm oidc-provider with everything on (interop/everything.mjs), and with the
// rules of FAPI 2.0: started once for all tests; each test registers clients of
// its own.

package test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// An everything is the running provider.
type everything struct {
	Issuer, MTLS string
	Metadata     metadata
	Folder       string // of ca.pem, and of the certificates tls, other and self-signed with NAME-key.pem
	Roots        *x509.CertPool
	InitialToken string // that who registers has to show

	said *syncBuffer
}

// The provider forgets clients as soon as it knows a thousand things: so there are two
// of the first kind.
var theEverything, theSecond, theFAPI shared[everything]

// startEverything is the provider that can do everything.
func startEverything(t *testing.T) *everything {
	t.Helper()
	return getEverything(t, &theEverything)
}

// startSecond is another one, for a test of a thousand things.
func startSecond(t *testing.T) *everything {
	t.Helper()
	return getEverything(t, &theSecond)
}

func getEverything(t *testing.T, one *shared[everything]) *everything {
	t.Helper()
	nodeProgram(t, "oidc-provider")
	s := one.get(t, func(t *testing.T) *everything { return newEverything(t, "") })
	saidOnFailure(t, "oidc-provider", s.said)
	return s
}

// startFAPI is the provider that asks what FAPI 2.0 asks for. Who registers has
// to show an initial access token.
func startFAPI(t *testing.T) *everything {
	t.Helper()
	nodeProgram(t, "oidc-provider")
	s := theFAPI.get(t, func(t *testing.T) *everything {
		return newEverything(t, "the-initial-access-token", "FAPI=2.0")
	})
	saidOnFailure(t, "oidc-provider (FAPI 2.0)", s.said)
	return s
}

// newEverything starts a provider with settings of its own. AUTO=1 logs users in
// without a page.
func newEverything(t *testing.T, initialToken string, settings ...string) *everything {
	t.Helper()
	files := &npmProvider{t: t, folder: sharedFolder(t), http: &http.Client{}}
	for _, setting := range files.certificates() {
		if strings.HasPrefix(setting, "TLS_") {
			settings = append(settings, setting)
		}
	}
	if initialToken != "" {
		settings = append(settings, "INITIAL_TOKEN="+initialToken)
	}
	s := &everything{
		Folder: files.folder, Roots: files.http.Transport.(*http.Transport).TLSClientConfig.RootCAs,
		InitialToken: initialToken,
	}
	// it calls listeners of the tests, which have certificates of this CA
	argv := append([]string{
		"env", "NODE_EXTRA_CA_CERTS=" + s.file("ca.pem"), nodeProgram(t, "oidc-provider"),
		"interop/everything.mjs",
	}, settings...)
	s.said = startServer(t, "", s, argv...)
	s.get(t, "/.well-known/openid-configuration", &s.Metadata)
	return s
}

func (s *everything) file(name string) string { return filepath.Join(s.Folder, name) }

// get reads JSON of the provider's.
func (s *everything) get(t *testing.T, path string, into any) {
	t.Helper()
	res, err := withCertificate(t, s.Folder, "", s.Roots).Get(s.Issuer + path)
	check(t, err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", path, res.Status)
	}
	check(t, json.NewDecoder(res.Body).Decode(into))
}

// A received is a request that the provider has seen.
type received struct {
	Listener, Method, Path, Query, Body string // Listener is main or mtls
	Headers                             map[string]string
	Certificate                         string // the common name
	Status                              int
	Error                               string // why it was refused: more than the response says
}

// form are the parameters of the query and of the body.
func (r received) form() url.Values {
	form, _ := url.ParseQuery(r.Query)
	body, _ := url.ParseQuery(r.Body)
	maps.Copy(form, body)
	return form
}

// received are the requests of a client, for one path or for all.
func (s *everything) received(t *testing.T, client, path string) []received {
	t.Helper()
	query := url.Values{"client": {client}}
	if path != "" {
		query.Set("path", path)
	}
	var list []received
	s.get(t, "/_test/requests?"+query.Encode(), &list)
	return list
}

// decide says yes or no for the user of a CIBA request. (alice says yes by
// herself, "deny" no, and "later" yes when she was polled for; but with the
// binding_message "wait" only decide does.)
func (s *everything) decide(t *testing.T, authReqID string, allow bool) {
	t.Helper()
	body := fmt.Sprintf(`{"auth_req_id":%q,"allow":%v}`, authReqID, allow)
	res, err := withCertificate(t, s.Folder, "", s.Roots).Post(s.Issuer+"/_test/ciba", "application/json",
		strings.NewReader(body))
	check(t, err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s", res.Status)
	}
}

// browser is a browser of a user: alice, bob, or "deny", who refuses what the
// consent page asks.
func (s *everything) browser(user string) *httpBrowser { return newHTTPBrowser(user, s.Roots) }

// encryptionKey is the provider's key for an algorithm.
func (s *everything) encryptionKey(t *testing.T, alg string) jose.JSONWebKey {
	t.Helper()
	var set jose.JSONWebKeySet
	s.get(t, "/jwks", &set)
	for _, key := range set.Keys {
		if key.Use == "enc" && strings.HasPrefix(alg, "RSA") == strings.Contains(key.KeyID, "rsa") {
			return key
		}
	}
	t.Fatalf("the provider has no key for %s", alg)
	return jose.JSONWebKey{}
}

const (
	grantDevice   = "urn:ietf:params:oauth:grant-type:device_code"
	grantCIBA     = "urn:openid:params:grant-type:ciba"
	grantJWT      = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// register registers a client (RFC 7591) and returns it with its keys. It is a
// native one, so that the port of its loopback redirect URIs is free, and may use
// every grant but CIBA. Whatever is in more replaces that.
//
// A method that wants a certificate uses that of the file tls or self-signed. The
// signing key is for token_endpoint_auth_signing_alg, or else ES256.
func (s *everything) register(t *testing.T, more metadata) *rawClient {
	t.Helper()
	asked := metadata{
		"client_name": strings.NewReplacer("/", "-", " ", "-").Replace(t.Name()), "application_type": "native",
		"redirect_uris":             []string{"http://127.0.0.1/callback", "http://127.0.0.1/auth/callback"},
		"post_logout_redirect_uris": []string{"http://127.0.0.1/callback", "http://127.0.0.1/logout/callback"},
		"grant_types": []string{
			"authorization_code", "refresh_token", "client_credentials", "password",
			grantDevice, grantJWT, grantExchange,
		},
		"response_types": []string{"code"}, "token_endpoint_auth_method": "none",
		"id_token_signed_response_alg": "ES256",
		"authorization_details_types":  []string{"payment"},
	}
	maps.Copy(asked, more)
	alg := asked.text("token_endpoint_auth_signing_alg")
	if alg == "" || strings.HasPrefix(alg, "HS") {
		alg = "ES256"
	}
	rp := &rawClient{
		provider: s, Registered: asked, Signing: newKeyPair(t, alg), RSA: newKeyPair(t, "RSA-OAEP"),
		EC: newKeyPair(t, "ECDH-ES"),
	}
	rp.RSA.ID, rp.EC.ID = "enc-rsa", "enc-ec"
	rp.prepare(t, asked)
	rp.http = withCertificate(t, s.Folder, rp.Certificate, s.Roots)
	rp.register(t, asked)
	return rp
}

// prepare adds to a registration what belongs to the client's keys.
func (rp *rawClient) prepare(t *testing.T, asked metadata) {
	t.Helper()
	keys := []any{rp.Signing.public("sig"), rp.RSA.public("enc"), rp.EC.public("enc")}
	switch asked["token_endpoint_auth_method"] {
	case "tls_client_auth":
		rp.Certificate = "tls"
		asked["tls_client_auth_subject_dn"] = "CN=tls-client,O=Test"
	case "self_signed_tls_client_auth":
		rp.Certificate = "self-signed"
		keys = append(keys, rp.certificateKey(t))
	}
	if asked["tls_client_certificate_bound_access_tokens"] == true && rp.Certificate == "" {
		rp.Certificate = "tls"
	}
	if asked["dpop_bound_access_tokens"] == true {
		key := newKeyPair(t, "ES256")
		rp.DPoP = &key
	}
	if asked["jwks"] == nil && asked["jwks_uri"] == nil {
		asked["jwks"] = map[string]any{"keys": keys}
	}
}

// certificateKey is the JWK of a certificate (RFC 8705 section 2.2.2).
func (rp *rawClient) certificateKey(t *testing.T) map[string]any {
	t.Helper()
	data, err := os.ReadFile(rp.provider.file(rp.Certificate + ".pem"))
	check(t, err)
	block, _ := pem.Decode(data)
	certificate, err := x509.ParseCertificate(block.Bytes)
	check(t, err)
	key := jose.JSONWebKey{Key: certificate.PublicKey, KeyID: rp.Certificate, Use: "sig"}
	encoded, err := key.MarshalJSON()
	check(t, err)
	var jwk map[string]any
	check(t, json.Unmarshal(encoded, &jwk))
	jwk["x5c"] = []string{base64.StdEncoding.EncodeToString(block.Bytes)}
	return jwk
}

func (rp *rawClient) register(t *testing.T, asked metadata) {
	t.Helper()
	a := rp.manage(t, http.MethodPost, rp.provider.Metadata.text("registration_endpoint"), rp.provider.InitialToken,
		asked)
	if a.Status != http.StatusCreated {
		t.Fatalf("registration: %d %s", a.Status, a.Body)
	}
	rp.Registered = a.JSON
	rp.ID, rp.Secret = a.text("client_id"), a.text("client_secret")
	rp.URI, rp.URIToken = a.text("registration_client_uri"), a.text("registration_access_token")
}

// manage sends a registration (RFC 7591, RFC 7592).
func (rp *rawClient) manage(t *testing.T, method, address, token string, body metadata) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	check(t, err)
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	var data []byte
	if body != nil {
		data, err = json.Marshal(body)
		check(t, err)
	}
	plain := *rp
	plain.DPoP = nil
	return plain.once(t, req, string(data), "")
}

// config is a configuration file of our own client for the registration, in a
// folder with its keys.
func (rp *rawClient) config(t *testing.T, more string) string {
	t.Helper()
	folder := t.TempDir()
	method := rp.Registered.text("token_endpoint_auth_method")
	text := fmt.Sprintf("issuer: %s\nca_cert: %s\nclient_id: %s\nauth_method: %s\n", rp.provider.Issuer,
		rp.provider.file("ca.pem"), rp.ID, method)
	if rp.Secret != "" {
		text += fmt.Sprintf("client_secret: %q\n", rp.Secret)
	}
	if method == "private_key_jwt" || rp.Registered["request_object_signing_alg"] != nil {
		text += fmt.Sprintf("private_key: %s\njwt_signing_alg: %s\n", rp.Signing.file(t, folder), rp.Signing.Alg)
	}
	if rp.Certificate != "" {
		text += fmt.Sprintf("tls_client_certificate: %s\ntls_client_key: %s\n", rp.provider.file(rp.Certificate+".pem"),
			rp.provider.file(rp.Certificate+"-key.pem"))
	}
	if alg := rp.Registered.text("id_token_signed_response_alg"); alg != "" {
		text += fmt.Sprintf("token_signing_alg: [%s]\n", alg)
	}
	path := filepath.Join(folder, "config.yaml")
	check(t, os.WriteFile(path, []byte(text+more), 0o600))
	return path
}
