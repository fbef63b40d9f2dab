// Keys that the client makes, and the forms they are kept and published in: RFC
// 7517, RFC 7638, PKCS #8.

package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"

	gojose "github.com/go-jose/go-jose/v4"
)

// rsaBits is the size of the RSA keys that are made.
const rsaBits = 3072

// Generate makes a key for an algorithm of signatures or encryption: RSA of 3072
// bits, or one of the curve that the algorithm is for, P-256 if any will do. Its kid
// is its thumbprint (RFC 7638).
func Generate(alg string) (*PrivateKey, error) {
	a, ok := lookup(alg)
	switch kty := ktyFor(alg); {
	case kty == "EC":
		a.crv = "P-256"
	case kty == "" && (!ok || a.kty == "oct"):
		return nil, fmt.Errorf("there is no key to make for alg %q", alg)
	}
	signer, err := generate(a)
	if err != nil {
		return nil, err
	}
	key, err := NewPrivateKey(signer, "", alg)
	if err != nil {
		return nil, err
	}
	key.ID = key.Thumbprint()
	return key, nil
}

func generate(a algorithm) (crypto.Signer, error) {
	switch a.crv {
	case "P-256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "P-384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "P-521":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "Ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return rsa.GenerateKey(rand.Reader, rsaBits)
}

// Thumbprint is the key's SHA-256 thumbprint (RFC 7638), base64url encoded.
func (k *PrivateKey) Thumbprint() string { return PublicKey(k).Thumbprint() }

// Thumbprint is the SHA-256 thumbprint of a public key (RFC 7638), base64url encoded.
func (k Key) Thumbprint() string {
	sum, err := (&gojose.JSONWebKey{Key: k.public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "" // of no key that can be read
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// PublicJWK is the public half as a JSON Web Key, with kid and alg if they are
// known, and use if it is not "".
func (k *PrivateKey) PublicJWK(use string) (json.RawMessage, error) {
	return (&gojose.JSONWebKey{Key: k.public(), KeyID: k.ID, Algorithm: k.Algorithm, Use: use}).MarshalJSON()
}

// bareJWK is the public half with its key parameters only.
func (k *PrivateKey) bareJWK() gojose.JSONWebKey { return gojose.JSONWebKey{Key: k.public()} }

// JWK is the private key as a JSON Web Key. The key has to be one in memory.
func (k *PrivateKey) JWK(use string) (json.RawMessage, error) {
	return (&gojose.JSONWebKey{Key: k.signer, KeyID: k.ID, Algorithm: k.Algorithm, Use: use}).MarshalJSON()
}

// PEM is the private key in PKCS #8 form. The key has to be one in memory.
func (k *PrivateKey) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
