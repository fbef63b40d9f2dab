package oidc

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // x5t is made of it
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/jose"
)

func target() *AuthTarget {
	return &AuthTarget{
		Provider: &Provider{Issuer: "https://op.example"}, ClientID: "odd:id", URL: "https://op.example/token",
		Form: url.Values{}, Header: http.Header{}, Now: noon,
	}
}

func apply(t *testing.T, a ClientAuth) *AuthTarget {
	t.Helper()
	to := target()
	if err := a.apply(to); err != nil {
		t.Fatal(err)
	}
	return to
}

// V30: RFC 6749 section 2.3.1 form-urlencodes before it joins.
func TestClientSecrets(t *testing.T) {
	t.Parallel()
	const secret = "p@ss: word+%/=&?é"
	basic := apply(t, ClientSecretBasic(secret))
	r := &http.Request{Header: basic.Header}
	id, password, ok := r.BasicAuth()
	decoded, err := url.QueryUnescape(password)
	if !ok || err != nil || id != "odd%3Aid" || decoded != secret || len(basic.Form) != 0 {
		t.Errorf("basic: %q, %q, form %v", id, password, basic.Form)
	}
	post := apply(t, ClientSecretPost(secret))
	if post.Form.Get("client_id") != "odd:id" || post.Form.Get("client_secret") != secret || len(post.Header) != 0 {
		t.Errorf("post: %v", post.Form)
	}
	for name, a := range map[string]ClientAuth{
		"none": {}, "tls_client_auth": TLSClientAuth(), "self_signed_tls_client_auth": SelfSignedTLSClientAuth(),
	} {
		to := apply(t, a)
		if to.Form.Encode() != "client_id=odd%3Aid" || len(to.Header) != 0 ||
			a.MutualTLS != strings.Contains(a.Method, "tls") {
			t.Errorf("%s: %v", name, to.Form)
		}
	}
}

// Q09, V101: the claims of an assertion, and that no two are the same.
func TestAssertions(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaSigner, _ := NewSigningKey(rsaKey, "kid", "")
	ecSigner, _ := NewSigningKey(ecKey, "", "")
	edSigner, _ := NewSigningKey(edKey, "", "")
	secret := strings.Repeat("s", 64)
	for _, c := range []struct {
		auth ClientAuth
		key  jose.Key
		alg  string
		aud  string
		omit bool // client_id
		life time.Duration
	}{
		{
			PrivateKeyJWT(rsaSigner, Assertion{}), jose.PublicKey(rsaSigner.key), "RS256", "https://op.example", false,
			5 * time.Minute,
		},
		{
			PrivateKeyJWT(rsaSigner, Assertion{Algorithm: "PS512", OmitClientID: true}), jose.PublicKey(rsaSigner.key),
			"PS512", "https://op.example", true, 5 * time.Minute,
		},
		{
			PrivateKeyJWT(ecSigner, Assertion{EndpointAudience: true}), jose.PublicKey(ecSigner.key), "ES512",
			"https://op.example/token", false, 5 * time.Minute,
		},
		{
			PrivateKeyJWT(edSigner, Assertion{Audience: "urn:a", EndpointAudience: true, Lifetime: time.Second}),
			jose.PublicKey(edSigner.key), "EdDSA", "urn:a", false, time.Second,
		},
		{
			ClientSecretJWT(secret, Assertion{}), jose.SecretKey(secret), "HS256", "https://op.example", false,
			5 * time.Minute,
		},
		{
			ClientSecretJWT(secret, Assertion{Algorithm: "HS512"}), jose.SecretKey(secret), "HS512",
			"https://op.example", false, 5 * time.Minute,
		},
	} {
		to := apply(t, c.auth)
		jwt, err := jose.Parse(to.Form.Get("client_assertion"))
		if err != nil {
			t.Fatal(err)
		}
		claims := string(jwt.Claims.Raw)
		if jwt.Verify(c.key) != nil || jwt.Algorithm != c.alg || to.Form.Has("client_id") == c.omit ||
			to.Form.Get("client_assertion_type") != jwtBearerAssertion {
			t.Errorf("%s: header %s, form %v", c.alg, jwt.Header.Raw, to.Form)
		}
		for _, want := range []string{
			`"iss":"odd:id"`, `"sub":"odd:id"`, fmt.Sprintf(`"aud":%q`, c.aud),
			fmt.Sprintf(`"iat":%d`, noon.Unix()), fmt.Sprintf(`"exp":%d`, noon.Add(c.life).Unix()), `"jti":"`,
		} {
			if !strings.Contains(claims, want) {
				t.Errorf("%s: no %s in %s", c.alg, want, claims)
			}
		}
		if again := apply(t, c.auth); again.Form.Get("client_assertion") == to.Form.Get("client_assertion") {
			t.Errorf("%s: an assertion was used twice", c.alg)
		}
	}
	for name, auth := range map[string]ClientAuth{
		"a short secret":          ClientSecretJWT("short", Assertion{}),
		"a secret as RS256":       ClientSecretJWT(secret, Assertion{Algorithm: "RS256"}),
		"an RSA key as ES256":     PrivateKeyJWT(rsaSigner, Assertion{Algorithm: "ES256"}),
		"a P-521 key as ES256":    PrivateKeyJWT(ecSigner, Assertion{Algorithm: "ES256"}),
		"an algorithm of nobody":  PrivateKeyJWT(rsaSigner, Assertion{Algorithm: "none"}),
		"a private key as HS256":  PrivateKeyJWT(rsaSigner, Assertion{Algorithm: "HS256"}),
		"an Ed25519 key as RS256": PrivateKeyJWT(edSigner, Assertion{Algorithm: "RS256"}),
	} {
		if err := auth.apply(target()); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

// The header names the certificate of the key as it is asked to.
func TestAssertionCertificate(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: noon.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	signer, _ := NewSigningKey(key, "kid", "")
	one, two := sha1.Sum(der), sha256.Sum256(der) //nolint:gosec // what x5t is
	for member, want := range map[string]string{
		"x5t":      `"` + base64.RawURLEncoding.EncodeToString(one[:]) + `"`,
		"x5t#S256": `"` + base64.RawURLEncoding.EncodeToString(two[:]) + `"`,
		"x5c":      `["` + base64.StdEncoding.EncodeToString(der) + `"]`,
	} {
		a := Assertion{CertificateMember: member, Certificates: []*x509.Certificate{cert}}
		jwt, err := jose.Parse(apply(t, PrivateKeyJWT(signer, a)).Form.Get("client_assertion"))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := jwt.Header.Get(member)
		if string(got) != want || jwt.KeyID != "kid" || jwt.Verify(jose.PublicKey(signer.key)) != nil {
			t.Errorf("%s: %s in %s", member, want, jwt.Header.Raw)
		}
	}
	for name, a := range map[string]Assertion{
		"no certificate":     {CertificateMember: "x5t"},
		"an unknown member":  {CertificateMember: "x5u", Certificates: []*x509.Certificate{cert}},
		"not that algorithm": {CertificateMember: "x5t", Certificates: []*x509.Certificate{cert}, Algorithm: "RS256"},
	} {
		if err := PrivateKeyJWT(signer, a).apply(target()); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

// What others issued is sent as it is, under the type that belongs to it.
func TestIssuedAssertions(t *testing.T) {
	t.Parallel()
	n := 0
	get := func(to *AuthTarget) (string, error) {
		n++
		if to.Context() == nil || to.URL != "https://op.example/token" {
			t.Errorf("asked for %+v", to)
		}
		return fmt.Sprint("assertion ", n), nil
	}
	for _, c := range []struct {
		auth   ClientAuth
		method string
		form   url.Values
	}{
		{ClientAssertion(IssuedAssertion{Get: get}), "client_assertion", url.Values{
			"client_assertion":      {"assertion 1"},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_id": {"odd:id"},
		}},
		{SPIFFEJWT(IssuedAssertion{Get: get, OmitClientID: true}), "spiffe_jwt", url.Values{
			"client_assertion":      {"assertion 2"},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"},
		}},
	} {
		if to := apply(t, c.auth); c.auth.Method != c.method || !maps.EqualFunc(to.Form, c.form, slices.Equal) {
			t.Errorf("%s: %v", c.auth.Method, to.Form)
		}
	}
	expired := errors.New("expired")
	to := target()
	err := ClientAssertion(IssuedAssertion{Get: func(*AuthTarget) (string, error) { return "x", expired }}).apply(to)
	if !errors.Is(err, expired) || len(to.Form) > 0 {
		t.Errorf("%v: %v", err, to.Form)
	}
}

// V36: challenges as servers write them.
func TestChallenges(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]map[string]string{
		`Bearer`:                       {},
		`Bearer error="invalid_token"`: {"error": "invalid_token"},
		`BEARER Error=invalid_token , scope = "a b"`: {
			"error": "invalid_token", "scope": "a b",
		},
		`Basic realm="a, b", Bearer error="x"`: {"error": "x"},
		`Negotiate abc==, Bearer error="x"`:    {"error": "x"},
		`Negotiate abc, Bearer error="x"`:      {"error": "x"},
		`DPoP algs="ES256", Bearer realm="r", error="x", error_description="say \"hi\\\""`: {
			"realm": "r", "error": "x", "error_description": `say "hi\"`,
		},
		`Bearer error="unterminated`: {},
	} {
		c, found := findChallenge([]string{header}, "Bearer")
		if !found || fmt.Sprint(c.params) != fmt.Sprint(want) {
			t.Errorf("%s: %v, %v", header, c.params, found)
		}
	}
	for _, header := range []string{"", ",", "Basic realm=\"Bearer\"", "=", `"Bearer"`} {
		if _, found := findChallenge([]string{header}, "Bearer"); found {
			t.Errorf("%q: found", header)
		}
	}
}

// Whatever header comes first, a challenge is of tokens and values, and that of another header
// is found whole, whatever its value is.
func FuzzChallenge(f *testing.F) {
	f.Add(`Basic realm="a, b", Bearer error="x\"", scope=a`, "x")
	f.Add(`Negotiate a=== , , = "`, `"\`)
	f.Add(`Bearer max_age=-1, max_age="99999999999", resource_metadata="http://x"`, "a, b=c")
	f.Add(`DPoP error="use_dpop_nonce`, "\x1b[31m\u202e")
	f.Fuzz(func(t *testing.T, header, value string) {
		isToken := func(word string) bool { return word != "" && (&scanner{rest: word}).token() == word }
		for _, c := range parseChallenges(header) {
			if !isToken(c.scheme) {
				t.Errorf("the scheme %q", c.scheme)
			}
			for name := range c.params {
				if !isToken(name) || name != strings.ToLower(name) {
					t.Errorf("the parameter %q", name)
				}
			}
		}
		own := `Bearer error="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `", max_age="5"`
		c, found := findChallenge([]string{header, own}, "bearer")
		if _, before := findChallenge([]string{header}, "bearer"); !found ||
			!before && (c.params["error"] != value || c.params["max_age"] != "5") {
			t.Errorf("%q after %q: %v, %q", own, header, found, c.params)
		}
		answer := response{status: http.StatusUnauthorized, header: http.Header{"Www-Authenticate": {header}}}
		if c := answer.resourceChallenge(); c != nil && c.MaxAge != nil && *c.MaxAge < 0 {
			t.Errorf("%q: max_age %s", header, *c.MaxAge)
		}
	})
}

func FuzzIDToken(f *testing.F) {
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIiwiZXhwIjoxZTE5fQ.AA")
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := DecodeIDToken(raw)
		if err == nil && !token.Expiry.IsZero() && token.Expiry.Year() > 9999 {
			t.Fatalf("exp overflowed: %v", token.Expiry)
		}
	})
}
