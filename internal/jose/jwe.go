// JSON Web Encryption, compact serialization: RFC 7516 sections 5.2 and 7.1,
// RFC 7518 sections 4 and 5.

package jose

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/oidc-client/oidc-client/internal/reason"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// keyAlgorithms are the algorithms that a content key comes by, and the key
// each takes. RSA1_5 and PBES2 are not among them, and never are: the one is an
// oracle, the other lets a token choose how long the reader computes.
var keyAlgorithms = []struct{ name, kty string }{
	{"RSA-OAEP", "RSA"},
	{"RSA-OAEP-256", "RSA"},
	{"ECDH-ES", "EC"},
	{"ECDH-ES+A128KW", "EC"},
	{"ECDH-ES+A192KW", "EC"},
	{"ECDH-ES+A256KW", "EC"},
}

// contentAlgorithms are the algorithms of the content, with the lengths of
// initialization vector and tag, in bytes, and the size of a block, 1 if any
// length will do.
var contentAlgorithms = map[string]struct{ iv, tag, block int }{
	"A128GCM":       {12, 16, 1},
	"A192GCM":       {12, 16, 1},
	"A256GCM":       {12, 16, 1},
	"A128CBC-HS256": {16, 16, 16},
	"A192CBC-HS384": {16, 24, 16},
	"A256CBC-HS512": {16, 32, 16},
}

// EncryptionAlgorithms returns the names of all key algorithms (alg) by which
// tokens can be decrypted.
func EncryptionAlgorithms() []string {
	names := make([]string, len(keyAlgorithms))
	for i, a := range keyAlgorithms {
		names[i] = a.name
	}
	return names
}

// ktyFor is the key type of a key algorithm, "" if it is not known.
func ktyFor(alg string) string {
	for _, a := range keyAlgorithms {
		if a.name == alg {
			return a.kty
		}
	}
	return ""
}

// A JWE is an encrypted token as it was read. Anyone who has the public key
// can have made it: what it holds is to be trusted no more than before.
type JWE struct {
	Header *strictjson.Object

	Algorithm  string // the header's alg
	Encryption string // the header's enc
	KeyID      string // the header's kid, "" if it has none

	curve string // of the ephemeral key (epk), "" if there is none
	token string
}

// ParseEncrypted reads a JWE in compact serialization, as strictly as [Parse]
// reads a JWS. What is compressed is refused: it can unpack to any size. Errors
// have a reason (package reason); the JWE is returned beside one that is about
// more than the header, for its algorithm.
func ParseEncrypted(token string) (*JWE, error) {
	dots, err := countDots(token)
	if err != nil {
		return nil, err
	}
	if dots != 4 {
		return nil, reason.Errorf(reason.JWTParts, "not encrypted: it has %d dots where four belong", dots)
	}
	parts := strings.Split(token, ".")
	e := &JWE{token: token}
	if e.Header, err = object("header", parts[0]); err != nil {
		return nil, err
	}
	members := []headerText{{"alg", &e.Algorithm}, {"enc", &e.Encryption}, {"kid", &e.KeyID}}
	if err := readHeader(e.Header, members, "crit"); err != nil {
		return nil, err
	}
	if e.Header.Has("zip") {
		return nil, reason.Errorf(reason.JWEZip, "header: zip: a compressed token is not read")
	}
	if raw, ok := e.Header.Get("epk"); ok {
		if epk, err := strictjson.Parse(raw); err == nil {
			e.curve, _ = epk.String("crv") // of another type it fits no key
		}
	}
	return e, e.readParts(parts)
}

// readParts looks at what the library takes on trust: the lengths.
func (e *JWE) readParts(parts []string) error {
	var data [5][]byte
	for i, name := range []string{"header", "encrypted key", "initialization vector", "ciphertext", "tag"} {
		var err error
		if data[i], err = decode(parts[i]); err != nil {
			return reason.Errorf(reason.JWTBase64, "%s: %w", name, err)
		}
	}
	if ktyFor(e.Algorithm) == "" {
		return reason.Errorf(reason.JWEAlgorithm, "alg %.32q is not supported for encryption", e.Algorithm)
	}
	content, ok := contentAlgorithms[e.Encryption]
	switch {
	case !ok:
		return reason.Errorf(reason.JWEEnc, "enc %.32q is not supported", e.Encryption)
	case len(data[2]) != content.iv, len(data[4]) != content.tag, len(data[3])%content.block != 0:
		return reason.Errorf(reason.JWEDecrypt, "initialization vector, ciphertext or tag is not as long as %s has it",
			e.Encryption)
	case (e.Algorithm == "ECDH-ES") != (len(data[1]) == 0): // RFC 7518 section 4.6: a key agreed upon is not sent
		return reason.Errorf(reason.JWEDecrypt, "the encrypted key is empty, or not, against %s", e.Algorithm)
	}
	return nil
}

// Decrypt returns what the token holds, decrypted with the one of keys that it
// is for. Every failure of the decryption is the same error, so that nobody
// learns which step it was.
func (e *JWE) Decrypt(keys []DecryptionKey) ([]byte, error) {
	var fit, unfit []string
	for _, k := range keys {
		if why := k.unfit(e); why != "" {
			unfit = append(unfit, fmt.Sprintf("(%s) %s", k, why))
			continue
		}
		if plain, err := e.decrypt(k); err == nil {
			return plain, nil
		}
		fit = append(fit, fmt.Sprintf("(%s)", k))
	}
	switch {
	case len(fit) > 0:
		return nil,
			reason.Errorf(reason.JWEDecrypt, "it cannot be decrypted with the key %s", strings.Join(fit, ", nor "))
	case len(unfit) == 0:
		return nil, reason.Errorf(reason.JWEKey, "there is no key to decrypt it with")
	}
	return nil,
		reason.Errorf(reason.JWEKey, "no key fits alg %s and kid %.64q: %s", e.Algorithm, e.KeyID,
			strings.Join(unfit, "; "))
}

func (e *JWE) decrypt(k DecryptionKey) ([]byte, error) {
	parsed, err := gojose.ParseEncryptedCompact(e.token,
		[]gojose.KeyAlgorithm{gojose.KeyAlgorithm(e.Algorithm)},
		[]gojose.ContentEncryption{gojose.ContentEncryption(e.Encryption)})
	if err != nil {
		return nil, err
	}
	return parsed.Decrypt(k.key)
}

// A DecryptionKey is a private key that tokens are encrypted for.
type DecryptionKey struct {
	ID        string // kid, "" if the key's file does not name one
	Algorithm string // alg, "" if the key's file does not name one

	kty, crv string
	key      any // *rsa.PrivateKey or *ecdsa.PrivateKey
}

// String describes the key without its material.
func (k DecryptionKey) String() string {
	return Key{ID: k.ID, Type: k.kty, Curve: k.crv, Algorithm: k.Algorithm}.String()
}

// GoString is String.
func (k DecryptionKey) GoString() string { return k.String() }

// Fits returns why the key cannot decrypt by alg, or nil.
func (k DecryptionKey) Fits(alg string) error {
	if why := k.unfit(&JWE{Algorithm: alg}); why != "" {
		return reason.Errorf(reason.JWEKey, "%s", why)
	}
	return nil
}

func (k DecryptionKey) unfit(e *JWE) string {
	kty := ktyFor(e.Algorithm)
	switch {
	case kty == "":
		return fmt.Sprintf("alg %.32q is not supported for encryption", e.Algorithm)
	case k.kty != kty:
		return fmt.Sprintf("%s needs a key of type %s, not %s", e.Algorithm, kty, k.kty)
	case k.Algorithm != "" && k.Algorithm != e.Algorithm:
		return fmt.Sprintf("the key is for %s, not %s", safe(k.Algorithm), e.Algorithm)
	case e.curve != "" && kty == "EC" && k.crv != e.curve:
		return fmt.Sprintf("the ephemeral key is of the curve %s, not %s", safe(e.curve), k.crv)
	case e.KeyID != "" && k.ID != "" && k.ID != e.KeyID:
		return "another kid"
	}
	return ""
}

// ReadDecryptionKeys reads the private keys of a file: a PEM key as
// [ReadPrivateKey] does, a JSON Web Key, or a JWK Set. Keys of a set that are
// not for decryption are passed over; that none is left is an error. An RSA key
// may have 4096 bits as a JWK, and 8192 in PEM. Errors never quote the data.
func ReadDecryptionKeys(data []byte) ([]DecryptionKey, error) {
	doc, err := strictjson.Parse(data)
	if err != nil {
		if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
			return nil, fmt.Errorf("not a JSON Web Key: the JSON is not well-formed")
		}
		return readDecryptionPEM(data)
	}
	list := []json.RawMessage{doc.Raw}
	if raw, ok := doc.Get("keys"); ok {
		if list, err = strictjson.Array(raw); err != nil {
			return nil, fmt.Errorf("not a JWK Set")
		}
	}
	var keys []DecryptionKey
	why := "the JWK Set is empty"
	for _, raw := range list {
		key, unfit := readDecryptionJWK(raw)
		if unfit != "" {
			why = unfit
			continue
		}
		keys = append(keys, key)
	}
	if keys == nil {
		return nil, fmt.Errorf("no key that can decrypt: %s", why)
	}
	return keys, nil
}

func readDecryptionPEM(data []byte) ([]DecryptionKey, error) {
	signer, err := ReadPrivateKey(data)
	if err != nil {
		return nil, err
	}
	key, why := newDecryptionKey(signer.signer)
	if why != "" {
		return nil, fmt.Errorf("no key that can decrypt: %s", why)
	}
	return []DecryptionKey{key}, nil
}

// decryptionOps are the values of key_ops that allow a key to decrypt.
var decryptionOps = []string{"decrypt", "unwrapKey", "deriveKey", "deriveBits"}

func readDecryptionJWK(raw []byte) (DecryptionKey, string) {
	doc, err := strictjson.Parse(raw)
	if err != nil {
		return DecryptionKey{}, "it is not well-formed"
	}
	use, useErr := doc.String("use")
	ops, opsErr := doc.Strings("key_ops")
	may := func(op string) bool { return slices.Contains(decryptionOps, op) }
	switch {
	case useErr != nil || use != "" && use != "enc":
		return DecryptionKey{}, "not for encryption (use)"
	case opsErr != nil || doc.Has("key_ops") && !slices.ContainsFunc(ops, may):
		return DecryptionKey{}, "not for decryption (key_ops)"
	}
	var jwk gojose.JSONWebKey
	if jwk.UnmarshalJSON(raw) != nil {
		return DecryptionKey{}, "not a JSON Web Key of a kind that can decrypt"
	}
	key, why := newDecryptionKey(jwk.Key)
	key.ID, key.Algorithm = jwk.KeyID, jwk.Algorithm
	return key, why
}

func newDecryptionKey(key any) (DecryptionKey, string) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return DecryptionKey{kty: "RSA", key: k}, weakness(&k.PublicKey)
	case *ecdsa.PrivateKey:
		return DecryptionKey{kty: "EC", crv: k.Params().Name, key: k}, weakness(&k.PublicKey)
	}
	return DecryptionKey{}, "neither RSA nor EC (P-256, P-384, P-521)"
}
