// Encrypting for a provider: RFC 7516 section 5.1, for request objects (RFC 9101
// section 4).

package jose

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"fmt"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/oidc-client/oidc-client/internal/reason"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// An EncryptionKey is somebody's published key to encrypt for.
type EncryptionKey struct{ key Key }

// String describes the key without its material.
func (k EncryptionKey) String() string { return k.key.String() }

// ReadEncryptionKey returns the first key of a JWK Set to encrypt for by alg
// (RFC 7518 section 4.1). Keys that are for something else, weak or broken are
// passed over. That none is left is an error, which says why of each.
func ReadEncryptionKey(set []byte, alg string) (EncryptionKey, error) {
	doc, err := strictjson.Parse(set)
	if err != nil {
		return EncryptionKey{}, err
	}
	raw, _ := doc.Get("keys")
	list, err := strictjson.Array(raw)
	if err != nil {
		return EncryptionKey{}, fmt.Errorf("keys: %w", err)
	}
	kty, unfit := ktyFor(alg), ""
	for _, data := range list {
		key, why := readEncryptionJWK(data)
		switch {
		case why != "":
		case key.Type != kty:
			why = fmt.Sprintf("%s needs a key of type %s", alg, kty)
		case key.Algorithm != "" && key.Algorithm != alg:
			why = "it is for another alg"
		default:
			return EncryptionKey{key}, nil
		}
		unfit += fmt.Sprintf("; (%s) %s", key, why)
	}
	return EncryptionKey{}, reason.Errorf(reason.JWEKey, "no published key to encrypt for by %s%.500s", alg, unfit)
}

func readEncryptionJWK(data json.RawMessage) (key Key, why string) {
	doc, err := strictjson.Parse(data)
	if err != nil {
		return Key{}, "it is not well-formed"
	}
	for name, value := range map[string]*string{
		"kid": &key.ID, "kty": &key.Type, "crv": &key.Curve, "alg": &key.Algorithm, "use": &key.Use,
	} {
		if *value, err = doc.String(name); err != nil {
			return key, err.Error()
		}
	}
	if key.Use != "enc" { // without use it may be the key that the provider signs with
		return key, "not for encryption (use)"
	}
	return readMaterial(key, doc)
}

// Encrypt encrypts for key by alg and enc. cty is "JWT" if plain is a signed
// token, "" if not.
func Encrypt(plain []byte, key EncryptionKey, alg, enc, cty string) (string, error) {
	switch key.key.public.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
	default:
		return "", fmt.Errorf("a key of type %s is not to encrypt with", safe(key.key.Type))
	}
	if _, ok := contentAlgorithms[enc]; !ok {
		return "", fmt.Errorf("enc %q is not supported", enc)
	}
	options := &gojose.EncrypterOptions{}
	if cty != "" {
		options = options.WithContentType(gojose.ContentType(cty))
	}
	encrypter, err := gojose.NewEncrypter(gojose.ContentEncryption(enc),
		gojose.Recipient{Algorithm: gojose.KeyAlgorithm(alg), Key: key.key.public, KeyID: key.key.ID}, options)
	if err != nil {
		return "", err
	}
	sealed, err := encrypter.Encrypt(plain)
	if err != nil {
		return "", err
	}
	return sealed.CompactSerialize()
}

// ContentAlgorithms returns the names of all algorithms (enc) by which content
// is encrypted.
func ContentAlgorithms() []string {
	return []string{"A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM"}
}
