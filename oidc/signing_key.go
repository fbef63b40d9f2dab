// The client's private keys: RFC 7517, and the PEM forms of PKCS #1, PKCS #8 and
// SEC 1.

package oidc

import (
	"crypto"
	"encoding/json"
	"errors"
	"slices"

	"github.com/oidc-client/oidc-client/internal/jose"
)

// A SigningKey is a client's private key and the names it goes by. Printing
// one shows no key material.
type SigningKey struct{ key *jose.PrivateKey }

// NewSigningKey returns the key of a private key that was read or made elsewhere, such as one in
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

// Public returns the public half, nil for no key.
func (k SigningKey) Public() crypto.PublicKey {
	if k.key == nil {
		return nil
	}
	return k.key.Public()
}

// String describes the key without its material.
func (k SigningKey) String() string {
	if k.key == nil {
		return "no key"
	}
	return k.key.String()
}

// GoString returns the same as String, so that %#v shows no key material either.
func (k SigningKey) GoString() string { return k.String() }

var errNoKey = errors.New("oidc: a SigningKey without a key")

// GenerateKey makes a key that signs by alg: RSA of 3072 bits, P-256, P-384, P-521
// or Ed25519; or one that providers encrypt tokens for by alg, RSA or P-256 (see
// [ReadDecryptionKeys]). Its kid is its thumbprint (RFC 7638).
func GenerateKey(alg string) (SigningKey, error) {
	k, err := jose.Generate(alg)
	return SigningKey{k}, err
}

// PublicJWK returns the public half as a JSON Web Key, of the use "sig" or "enc", or of
// none if it is "".
func (k SigningKey) PublicJWK(use string) (json.RawMessage, error) {
	if k.key == nil {
		return nil, errNoKey
	}
	return k.key.PublicJWK(use)
}

// PrivateJWK returns the key itself as a JSON Web Key. A key that is not in memory, such
// as one in hardware, is an error.
func (k SigningKey) PrivateJWK(use string) (json.RawMessage, error) {
	if k.key == nil {
		return nil, errNoKey
	}
	return k.key.JWK(use)
}

// PEM returns the key itself in PKCS #8 form.
func (k SigningKey) PEM() ([]byte, error) {
	if k.key == nil {
		return nil, errNoKey
	}
	return k.key.PEM()
}

// Thumbprint returns the key's SHA-256 thumbprint (RFC 7638), base64url encoded; "" for
// no key.
func (k SigningKey) Thumbprint() string {
	if k.key == nil {
		return ""
	}
	return k.key.Thumbprint()
}

// SignatureAlgorithms returns the algorithms that a key pair signs with: all that can be
// verified, but those of shared secrets (RFC 7518 section 3.1, RFC 9864).
func SignatureAlgorithms() []string {
	return slices.DeleteFunc(jose.Algorithms(), jose.IsMAC)
}

// EncryptionAlgorithms returns the algorithms that tokens can be encrypted with for a
// client (RFC 7518 section 4.1).
func EncryptionAlgorithms() []string { return jose.EncryptionAlgorithms() }
