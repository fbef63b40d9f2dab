package provider

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

func ecKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// certificate makes a certificate for a name, signed by parent, or by itself
// if that is nil.
func certificate(t *testing.T, name string, parent *tls.Certificate) *tls.Certificate {
	t.Helper()
	key := ecKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour),
		NotAfter:  time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: parent == nil,
		BasicConstraintsValid: true,
	}
	issuer, signer := template, crypto.PrivateKey(key)
	if parent != nil {
		issuer, signer = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// Certificates: the right one, one of the same name by a rogue authority, none;
// and one of the client's own making.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ca, rogue := certificate(t, "CA", nil), certificate(t, "CA", nil)
	own, other := certificate(t, "own", nil), certificate(t, "own", nil)
	server := certificate(t, "server", ca)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	o := testOptions()
	o.Certificate, o.ClientCAs = server, roots
	o.Clients = []Client{
		{ID: "pki", AuthMethod: "tls_client_auth", SubjectDN: "CN=pki"},
		{
			ID: "self", AuthMethod: "self_signed_tls_client_auth",
			Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Leaf.Raw})),
		},
	}
	op, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	for name, c := range map[string]struct {
		client string
		shown  *tls.Certificate
		ok     bool
	}{
		"good":                  {"pki", certificate(t, "pki", ca), true},
		"another name":          {"pki", certificate(t, "other", ca), false},
		"a rogue authority":     {"pki", certificate(t, "pki", rogue), false},
		"none":                  {"pki", nil, false},
		"self-signed":           {"self", own, true},
		"self-signed, another":  {"self", other, false},
		"self-signed, at pki":   {"pki", own, false},
		"none for self-signed":  {"self", nil, false},
		"a CA's at self-signed": {"self", certificate(t, "own", ca), false},
	} {
		p := &peer{
			t: t, op: op,
			http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{
				RootCAs: roots, MinVersion: tls.VersionTLS12,
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if c.shown == nil {
						return &tls.Certificate{}, nil
					}
					return c.shown, nil
				},
			}}},
		}
		_, p.metadata = p.get(op.Issuer+"/.well-known/openid-configuration", "")
		aliases, _ := p.metadata["mtls_endpoint_aliases"].(map[string]any)
		p.metadata["token_endpoint"] = aliases["token_endpoint"]
		token, err := op.IssueRefreshToken(c.client, "alice", "")
		if err != nil {
			t.Fatal(err)
		}
		if status, m := p.refresh(c.client, "", token); (status == http.StatusOK) != c.ok {
			t.Errorf("%s: %d, %v", name, status, m)
		}
		p.http.CloseIdleConnections()
	}
}

// Assertions: signed by the client's key or secret, and never twice the same.
func TestAssertions(t *testing.T) {
	t.Parallel()
	key := ecKey(t)
	jwks, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{
		Key: &key.PublicKey, KeyID: "k",
		Algorithm: "ES256",
	}}})
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.Repeat("s", 32)
	p := start(t, func(o *Options) {
		o.Clients = []Client{
			{ID: "key", AuthMethod: "private_key_jwt", JWKS: string(jwks)},
			{ID: "secret", AuthMethod: "client_secret_jwt", Secret: secret},
		}
	})
	for name, c := range map[string]struct {
		client string
		with   jose.SigningKey
		ok     bool
	}{
		"its key": {
			"key", jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, true,
		},
		"another key": {
			"key", jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: ecKey(t), KeyID: "k"}}, false,
		},
		"its secret": {"secret", jose.SigningKey{Algorithm: jose.HS256, Key: []byte(secret)}, true},
		"another secret": {
			"secret", jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("x", 32))}, false,
		},
	} {
		signer, err := jose.NewSigner(c.with, nil)
		if err != nil {
			t.Fatal(err)
		}
		assertion, err := jwt.Signed(signer).Claims(map[string]any{
			"iss": c.client, "sub": c.client, "aud": p.op.Issuer, "jti": rand.Text(), "iat": time.Now().Unix(),
			"exp": time.Now().Add(time.Minute).Unix(),
		}).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		ask := func() int {
			res, _ := p.post("token_endpoint", c.client, "", url.Values{
				"grant_type": {"client_credentials"}, "scope": {"profile"}, "client_assertion": {assertion},
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			})
			return res.StatusCode
		}
		if status := ask(); (status == http.StatusOK) != c.ok {
			t.Errorf("%s: %d", name, status)
		}
		if status := ask(); status == http.StatusOK {
			t.Errorf("%s: an assertion was accepted twice", name)
		}
	}
}

func TestSigningKeyOfTheUsers(t *testing.T) {
	t.Parallel()
	key := ecKey(t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		"JWK": jwk,
	} {
		p := start(t, func(o *Options) {
			o.SigningKey = data
			o.Clients = []Client{{ID: "es", IDTokenSigningAlg: "ES256"}}
		})
		token, err := p.op.IssueRefreshToken("es", "bob", "openid")
		if err != nil {
			t.Fatal(err)
		}
		_, tokens := p.refresh("es", "", token)
		raw, _ := tokens["id_token"].(string)
		parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		var claims jwt.Claims
		if err := parsed.Claims(&key.PublicKey, &claims); err != nil || claims.Subject != "bob" {
			t.Errorf("%s: %v, %v", name, claims, err)
		}
	}
}

// An id_token_hint that is too old still ends the session.
func TestEndSessionWithAnOldHint(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *Options) { o.Auto = true; o.IDTokenLifetime = -time.Minute })
	tokens := p.redeem("public", "", p.authorize(authorization("public")).Get("code"))
	hint, _ := tokens["id_token"].(string)
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet,
		p.endpoint("end_session_endpoint")+"?id_token_hint="+hint, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, body := p.do(r)
	if page, _ := body["body"].(string); res.StatusCode != http.StatusOK || !strings.Contains(page, "logged out") {
		t.Errorf("end session: %d, %v", res.StatusCode, body)
	}
	if res, _ := p.get(p.endpoint("end_session_endpoint")+"?id_token_hint="+hint[:len(hint)-4]+"AAAA",
		""); res.StatusCode == http.StatusOK {
		t.Error("a forged hint was accepted")
	}
}
