// private_key_jwt: OpenID Connect Core 1.0 section 9, RFC 7523 sections 2.2
// and 3.

package oidc

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"maps"
	"time"

	"github.com/oidc-client/oidc-client/internal/reason"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

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

	// SendClientID also sends client_id in the form.
	SendClientID bool
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
		return key.key.Sign(a.Algorithm, a.typ(), claims)
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
		t.Form.Set("client_assertion_type", assertionType)
		t.Form.Set("client_assertion", assertion)
		if a.SendClientID {
			t.Form.Set("client_id", t.ClientID)
		}
		return nil
	}}
}

// claims are those of RFC 7523 section 3. jti is new for every request, so that
// a provider that burns it sees no replay.
func (a Assertion) claims(t *AuthTarget) map[string]any {
	audience, lifetime := a.Audiences[t.Endpoint], a.Lifetime
	if audience == "" {
		audience = a.Audience
	}
	if audience == "" {
		audience = t.Provider.Issuer
		if a.EndpointAudience {
			audience = t.URL
		}
	}
	if lifetime == 0 {
		lifetime = 5 * time.Minute
	}
	return map[string]any{
		"iss": t.ClientID, "sub": t.ClientID, "aud": audience, "jti": rand.Text(),
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
	return key.key.Sign(cmp.Or(a.Algorithm, key.Algorithm()), a.typ(), claims)
}
