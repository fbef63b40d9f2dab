// private_key_jwt: OpenID Connect Core 1.0 section 9, RFC 7523 sections 2.2
// and 3.

package oidc

import (
	"cmp"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"maps"
	"time"

	"github.com/oidc-client/oidc-client/internal/reason"
)

// The types of client assertions: RFC 7523 section 2.2, and OAuth SPIFFE Client Authentication
// (draft-ietf-oauth-spiffe-client-auth) section 3.
const (
	jwtBearerAssertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	jwtSPIFFEAssertion = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"
)

// An Assertion says how a client assertion is made. The zero value follows
// the current advice: the audience is the provider's issuer, as one string,
// which no endpoint that a provider names can stand in for (RFC 7523bis).
type Assertion struct {
	Algorithm string // "" means the key's own
	Audience  string // "" means the provider's issuer
	// Audiences are those of single endpoints, by their names, such as "token".
	// They outweigh Audience.
	Audiences map[string]string
	Lifetime  time.Duration // 0 means 5 minutes
	Type      string        // the header typ, "" means JWT

	// EndpointAudience makes the URL that the request goes to the audience,
	// for providers that know no better. It is used only if Audience is "".
	EndpointAudience bool

	// Certificates are the certificate of the key and those that lead to its authority. They
	// are named in the header as CertificateMember says, for providers that know the key by its
	// certificate.
	Certificates []*x509.Certificate
	// CertificateMember is x5t, x5t#S256 or x5c (RFC 7515 section 4.1); "" names no certificate.
	CertificateMember string

	// OmitClientID leaves client_id out of the form. RFC 7521 section 4.2 makes it optional,
	// since the assertion names the client, and some providers require it.
	OmitClientID bool
}

// PrivateKeyJWT sends an assertion signed with key (OpenID Connect Core 1.0
// section 9, RFC 7523 section 2.2). A key that cannot sign by the assertion's
// algorithm is an error of the request, before anything is sent; see
// [SigningKey.Fits].
func PrivateKeyJWT(key SigningKey, a Assertion) ClientAuth {
	if a.Algorithm == "" {
		a.Algorithm = key.Algorithm()
	}
	return a.auth("private_key_jwt", func(claims any) (string, error) {
		if key.key == nil {
			return "", errNoKey
		}
		return key.key.SignCertified(a.Algorithm, a.typ(), a.CertificateMember, a.Certificates, claims)
	})
}

func (a Assertion) typ() string {
	if a.Type == "" {
		return "JWT"
	}
	return a.Type
}

func (a Assertion) auth(method string, sign func(claims any) (string, error)) ClientAuth {
	return ClientAuth{Method: method, Apply: func(t *AuthTarget) error {
		assertion, err := sign(a.claims(t))
		if err != nil {
			return fmt.Errorf("client assertion: %w", err)
		}
		t.assert(jwtBearerAssertion, assertion, a.OmitClientID)
		return nil
	}}
}

// assert adds a client assertion to the form.
func (t *AuthTarget) assert(assertionType, assertion string, omitClientID bool) {
	t.Form.Set("client_assertion_type", assertionType)
	t.Form.Set("client_assertion", assertion)
	if !omitClientID {
		t.Form.Set("client_id", t.ClientID)
	}
}

// AudienceFor returns the audience of the assertion for a request.
func (a Assertion) AudienceFor(t *AuthTarget) string {
	switch {
	case a.Audiences[t.Endpoint] != "":
		return a.Audiences[t.Endpoint]
	case a.Audience != "":
		return a.Audience
	case a.EndpointAudience:
		return t.URL
	}
	return t.Provider.Issuer
}

// claims are those of RFC 7523 section 3. jti is new for every request, so that
// a provider that burns it sees no replay.
func (a Assertion) claims(t *AuthTarget) map[string]any {
	lifetime := a.Lifetime
	if lifetime == 0 {
		lifetime = 5 * time.Minute
	}
	return map[string]any{
		"iss": t.ClientID, "sub": t.ClientID, "aud": a.AudienceFor(t), "jti": rand.Text(),
		"iat": t.Now.Unix(), "exp": t.Now.Add(lifetime).Unix(),
	}
}

// errNoEndpoint says that a provider lacks an endpoint. Nothing was sent.
var errNoEndpoint = reason.Errorf(reason.EndpointMissing, "the provider's metadata has no such endpoint")

// Sign makes a JWT of iss, sub and the Audience, for anything that takes one: as a
// grant ([JWTBearer]), or by hand as a client assertion. more are further claims,
// which outweigh the others.
func (a Assertion) Sign(key SigningKey, issuer, subject string, now time.Time, more map[string]any) (string, error) {
	if key.key == nil {
		return "", errNoKey
	}
	claims := a.claims(&AuthTarget{ClientID: issuer, Provider: &Provider{Issuer: a.Audience}, Now: now})
	claims["sub"] = subject
	maps.Copy(claims, more)
	return key.key.SignCertified(
		cmp.Or(a.Algorithm, key.Algorithm()), a.typ(), a.CertificateMember, a.Certificates, claims)
}
