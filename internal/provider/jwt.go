// JWTs, taken apart and signed: the library signs most of the provider's tokens, and
// this is for those that are completed afterwards, or that it does not know.

package provider

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

// A JWT is a signed token, taken apart. Parsing verifies nothing.
type JWT struct{ Header, Claims map[string]any }

// ParseJWT takes a JWT apart. It returns nil if the text is none.
func ParseJWT(compact string) *JWT {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return nil
	}
	t := &JWT{}
	for i, to := range []*map[string]any{&t.Header, &t.Claims} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return nil
		}
		var ok bool
		if *to, ok = DecodeObject(data); !ok {
			return nil
		}
	}
	return t
}

// Key returns the provider's key for a signature algorithm, the first one if it has
// none.
func (p *Provider) Key(alg string) *goidc.JSONWebKey {
	i := slices.IndexFunc(p.keys.Keys, func(k goidc.JSONWebKey) bool { return k.Algorithm == alg })
	return &p.keys.Keys[max(i, 0)]
}

// sign signs a JWT with the provider's key for the algorithm in its header.
func (p *Provider) sign(t *JWT) string {
	input := encodeBase64(EncodeJSON(t.Header)) + "." + encodeBase64(EncodeJSON(t.Claims))
	alg := text(t.Header["alg"])
	return input + "." + encodeBase64(Signature(alg, p.Key(alg).Key, []byte(input)))
}

// newJWT returns a signed JWT of a type, with the provider's key for an algorithm.
func (p *Provider) newJWT(alg, typ string, claims map[string]any) string {
	return p.sign(&JWT{Header: map[string]any{"alg": alg, "kid": p.Key(alg).KeyID, "typ": typ}, Claims: claims})
}

// Signature signs by RS256, PS256, ES256 or EdDSA: the key says which, and alg which
// of the two for RSA. The signature is empty for a key of another type.
func Signature(alg string, key any, input []byte) []byte {
	digest := sha256.Sum256(input)
	var signature []byte
	var err error
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if alg == "PS256" {
			options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			signature, err = rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], options)
		} else {
			signature, err = rsa.SignPKCS1v15(nil, k, crypto.SHA256, digest[:])
		}
	case *ecdsa.PrivateKey:
		r, s, signErr := ecdsa.Sign(rand.Reader, k, digest[:])
		if err = signErr; err == nil {
			signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
	case ed25519.PrivateKey:
		signature = ed25519.Sign(k, input)
	}
	if err != nil {
		return nil
	}
	return signature
}

func encodeBase64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
