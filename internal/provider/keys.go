// The provider's private keys: generated at the start, handed over, or read.

package provider

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

// Keys are a provider's private keys. Generating them costs more than all else
// that a provider does at its start, so tests that start many providers generate
// one set and share it ([Options.Keys]).
type Keys struct {
	rsa        *rsa.PrivateKey
	ec         *ecdsa.PrivateKey
	ed         ed25519.PrivateKey
	encryption *ecdsa.PrivateKey // request objects are encrypted for it
}

// NewKeys generates keys.
func NewKeys() (*Keys, error) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return keysWith(rsaKey)
}

// keysWith generates all keys but the RSA one.
func keysWith(rsaKey *rsa.PrivateKey) (*Keys, error) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	encryption, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return &Keys{rsa: rsaKey, ec: ec, ed: ed, encryption: encryption}, nil
}

// keySet returns one key for each signature algorithm, and those that request
// objects are encrypted for. The signing key of the options, if there is one,
// comes first for its algorithm; an RSA key replaces the generated one.
func (o Options) keySet() (goidc.JSONWebKeySet, error) {
	if o.SigningKey == nil {
		keys, err := o.keys(nil)
		if err != nil {
			return goidc.JSONWebKeySet{}, err
		}
		return goidc.JSONWebKeySet{Keys: keys.set()}, nil
	}
	own, err := readSigningKey(o.SigningKey)
	if err != nil {
		return goidc.JSONWebKeySet{}, err
	}
	rsaKey, isRSA := own.Key.(*rsa.PrivateKey)
	keys, err := o.keys(rsaKey)
	if err != nil {
		return goidc.JSONWebKeySet{}, err
	}
	set := keys.set()
	if isRSA {
		set = set[1:] // own is the key for RS256
	}
	return goidc.JSONWebKeySet{Keys: append([]goidc.JSONWebKey{own}, set...)}, nil
}

// keys returns the keys of the options, or generates them. rsaKey, unless nil,
// takes the place of the RSA key.
func (o Options) keys(rsaKey *rsa.PrivateKey) (*Keys, error) {
	switch {
	case o.Keys != nil && rsaKey != nil:
		keys := *o.Keys
		keys.rsa = rsaKey
		return &keys, nil
	case o.Keys != nil:
		return o.Keys, nil
	case rsaKey != nil:
		return keysWith(rsaKey)
	}
	return NewKeys()
}

// set names each key for what it is used for. The RSA key signs by two algorithms
// and also decrypts request objects (RFC 9101 section 6.1): a second one would
// double the time to start, and this provider guards nothing.
func (k *Keys) set() []goidc.JSONWebKey {
	set := []goidc.JSONWebKey{
		signingKey(goidc.RS256, k.rsa), signingKey(goidc.ES256, k.ec),
		signingKey(edDSA, k.ed), signingKey(goidc.PS256, k.rsa),
	}
	for _, key := range []goidc.JSONWebKey{signingKey("rsa-enc", k.rsa), signingKey("ec-enc", k.encryption)} {
		key.Use, key.Algorithm = "enc", "" // one key for all the algorithms of its type
		set = append(set, key)
	}
	return set
}

// signingKey names a key by its thumbprint (RFC 7638) and algorithm. The
// library finds keys by alg to sign and by kid to verify, so both must be set.
func signingKey(alg goidc.SignatureAlgorithm, key crypto.Signer) goidc.JSONWebKey {
	jwk := goidc.JSONWebKey{Key: key, Algorithm: string(alg), Use: "sig"}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err == nil {
		jwk.KeyID = fmt.Sprintf("%x-%s", thumbprint[:4], strings.ToLower(string(alg)))
	}
	return jwk
}

// readSigningKey reads a private key in PKCS #8 PEM or JWK form.
func readSigningKey(data []byte) (goidc.JSONWebKey, error) {
	var jwk goidc.JSONWebKey
	if json.Unmarshal(data, &jwk) == nil {
		if signer, ok := jwk.Key.(crypto.Signer); ok {
			named := signingKey(algorithmOf(signer), signer)
			if jwk.KeyID != "" {
				named.KeyID = jwk.KeyID
			}
			return named, nil
		}
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return jwk, errors.New("the signing key is neither PEM nor a private JWK")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return jwk, errors.New("the signing key is not in PKCS #8 form (BEGIN PRIVATE KEY)")
	}
	signer, ok := key.(crypto.Signer)
	if !ok || algorithmOf(signer) == "" {
		return jwk, errors.New("the signing key is not RSA, P-256 or Ed25519")
	}
	return signingKey(algorithmOf(signer), signer), nil
}

func algorithmOf(key crypto.Signer) goidc.SignatureAlgorithm {
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		return goidc.RS256
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			return goidc.ES256
		}
	case ed25519.PublicKey:
		return edDSA
	}
	return ""
}
