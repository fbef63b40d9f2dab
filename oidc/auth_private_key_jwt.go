// private_key_jwt: OpenID Connect Core 1.0 section 9, RFC 7523 sections 2.2
// and 3.

package oidc

import (
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/oidc-client/oidc-client/internal/jose"
	"github.com/oidc-client/oidc-client/internal/reason"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// A SigningKey is a client's private key and the names it goes by. Printing
// one shows no key material.
type SigningKey struct{ key *jose.PrivateKey }

// NewSigningKey is a key that was read or made elsewhere, such as one in
// hardware: RSA of at least 2048 bits, P-256, P-384, P-521, or Ed25519. id is
// its kid, and alg the one algorithm it is for; either may be "". A key that
// is weaker, or of another kind, is an error.
func NewSigningKey(key crypto.Signer, id, alg string) (SigningKey, error) {
	k, err := jose.NewPrivateKey(key, id, alg)
	return SigningKey{k}, err
}

// ReadSigningKey reads a private key: PEM in PKCS #1, PKCS #8 or SEC 1 form, or
// a JSON Web Key (RFC 7517), which may name its kid and alg. A key that is
// encrypted, public, weak or unreadable is an error, which does not quote it.
func ReadSigningKey(data []byte) (SigningKey, error) {
	k, err := jose.ReadPrivateKey(data)
	return SigningKey{k}, err
}

// WithID returns the key under another kid.
func (k SigningKey) WithID(id string) SigningKey {
	if k.key == nil {
		return k
	}
	renamed := *k.key
	renamed.ID = id
	return SigningKey{&renamed}
}

// Algorithm returns the algorithm that the key names, or else the first that
// fits it: RS256, ES256, ES384, ES512 or EdDSA.
func (k SigningKey) Algorithm() string {
	if k.key == nil {
		return ""
	}
	return k.key.Natural()
}

// Fits returns an error that says why the key cannot sign by alg, or nil.
func (k SigningKey) Fits(alg string) error {
	if k.key == nil {
		return errNoKey
	}
	return k.key.Fits(alg)
}

// String describes the key without its material.
func (k SigningKey) String() string {
	if k.key == nil {
		return "no key"
	}
	return k.key.String()
}

// GoString is String.
func (k SigningKey) GoString() string { return k.String() }

var errNoKey = errors.New("oidc: a SigningKey without a key")

// An Assertion says how a client assertion is made. The zero value follows
// the current advice: the audience is the provider's issuer, as one string,
// which no endpoint that a provider names can stand in for (RFC 7523bis).
type Assertion struct {
	Algorithm string        // "" means the key's own
	Audience  string        // "" means the provider's issuer
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
	audience, lifetime := a.Audience, a.Lifetime
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
