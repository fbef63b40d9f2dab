// JSON Web Keys: RFC 7517.

package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/reason"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// A Key verifies signatures.
type Key struct {
	ID        string // kid
	Type      string // kty
	Curve     string // crv
	Algorithm string // alg, "" if the key does not say
	Use       string // use, "" if the key does not say

	public any // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey or []byte
}

// String describes the key without its material: `kid "a", RSA, RS256`.
func (k Key) String() string {
	text := "no kid"
	if k.ID != "" {
		text = fmt.Sprintf("kid %.64q", k.ID)
	}
	text += ", " + safe(k.Type)
	if k.Curve != "" {
		text += " " + safe(k.Curve)
	}
	if k.Algorithm != "" {
		text += ", " + safe(k.Algorithm)
	}
	if k.Use != "" {
		text += ", use " + safe(k.Use)
	}
	return text
}

// safe shows a short name of the other side's as it is, anything else quoted.
func safe(s string) string {
	for _, r := range s {
		if r <= ' ' || r > '~' || len(s) > 32 {
			return fmt.Sprintf("%.32q", s)
		}
	}
	if s == "" {
		return "no kty"
	}
	return s
}

// SecretKey is a shared secret as a key for the MAC algorithms.
func SecretKey(secret string) Key { return Key{Type: "oct", public: []byte(secret)} }

// PublicKey is the key that verifies what private signs.
func PublicKey(private *PrivateKey) Key {
	return Key{ID: private.ID, Type: private.kty, Curve: private.crv, public: private.public()}
}

// fits reports whether the key is for an algorithm.
func (k Key) fits(a algorithm) bool {
	return k.Type == a.kty && (a.crv == "" || k.Curve == a.crv) &&
		(k.Algorithm == "" || sameAlgorithm(k.Algorithm, a.name)) &&
		(a.kty != "oct" || len(k.public.([]byte)) >= a.hash.Size())
}

// unfit says why the key is not for an algorithm, "" if it is.
func (k Key) unfit(a algorithm) string {
	switch {
	case k.Type != a.kty:
		return fmt.Sprintf("%s needs a key of type %s, not %s", a.name, a.kty, safe(k.Type))
	case a.crv != "" && k.Curve != a.crv:
		return fmt.Sprintf("%s needs the curve %s, not %s", a.name, a.crv, safe(k.Curve))
	case k.Algorithm != "" && !sameAlgorithm(k.Algorithm, a.name):
		return fmt.Sprintf("the key is for %s, not %s", safe(k.Algorithm), a.name)
	case a.kty == "oct" && len(k.public.([]byte)) < a.hash.Size():
		return fmt.Sprintf("%s needs a secret of at least %d bytes", a.name, a.hash.Size())
	}
	return ""
}

// sameAlgorithm compares two names. EdDSA on Ed25519 and Ed25519 are the same
// algorithm under an old and a new name (RFC 9864).
func sameAlgorithm(a, b string) bool {
	modern := func(name string) string {
		if name == "EdDSA" {
			return "Ed25519"
		}
		return name
	}
	return modern(a) == modern(b)
}

// A SkippedKey is a key that is not used, and why.
type SkippedKey struct {
	Key    Key
	Reason string
}

// A KeySet is the usable keys of a JWK Set and those that were passed over.
type KeySet struct {
	Keys    []Key
	Skipped []SkippedKey
}

// ReadKeySet reads a JWK Set. A key that is unknown, broken, weak, private or
// not for signatures is skipped, as RFC 7517 section 5 asks; only a document
// that is no JWK Set at all is an error. Two keys of the same kid, kty and alg
// are both skipped, since nothing tells which is meant.
func ReadKeySet(data []byte) (*KeySet, error) {
	doc, err := strictjson.Parse(data)
	if err != nil {
		return nil, err
	}
	raw, ok := doc.Get("keys")
	if !ok {
		return nil, reason.Errorf(reason.ResponseKeySet, "no member keys")
	}
	list, err := strictjson.Array(raw)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	set := &KeySet{}
	for i, item := range list {
		key, why := Key{}, fmt.Sprintf("the set has more than %d keys", limit.KeyCount)
		if i < limit.KeyCount {
			key, why = readKey(item)
		}
		if why != "" {
			set.Skipped = append(set.Skipped, SkippedKey{key, why})
			continue
		}
		set.Keys = append(set.Keys, key)
	}
	set.skipDuplicates()
	return set, nil
}

func (s *KeySet) skipDuplicates() {
	type name struct{ kid, kty, alg string }
	count := map[name]int{}
	of := func(k Key) name { return name{k.ID, k.Type, k.Algorithm} }
	for _, k := range s.Keys {
		count[of(k)]++
	}
	s.Keys = slices.DeleteFunc(s.Keys, func(k Key) bool {
		twice := k.ID != "" && count[of(k)] > 1
		if twice {
			s.Skipped = append(s.Skipped, SkippedKey{k, "several keys have this kid, kty and alg"})
		}
		return twice
	})
}

// privateMembers are those that only private keys have (RFC 7518 sections 6.2.2 and 6.3.2).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth"}

// readKey reads one key, or says why it is not usable to verify signatures.
func readKey(data json.RawMessage) (key Key, why string) {
	doc, err := strictjson.Parse(data)
	if err != nil {
		return Key{}, err.Error()
	}
	for name, value := range map[string]*string{
		"kid": &key.ID, "kty": &key.Type, "crv": &key.Curve, "alg": &key.Algorithm, "use": &key.Use,
	} {
		if *value, err = doc.String(name); err != nil {
			return key, err.Error()
		}
	}
	ops, err := doc.Strings("key_ops")
	switch {
	case err != nil:
		return key, err.Error()
	case key.Type == "oct":
		return key, "a symmetric key does not belong in a published set"
	case !slices.Contains([]string{"RSA", "EC", "OKP"}, key.Type):
		return key, "unknown kty"
	case slices.ContainsFunc(privateMembers, doc.Has):
		return key, "a private key does not belong in a published set"
	case key.Use == "enc":
		return key, "for encryption, not for signatures (use)"
	case key.Use != "" && key.Use != "sig":
		return key, "not for signatures (use)"
	case doc.Has("key_ops") && !slices.Contains(ops, "verify"):
		return key, "not for verifying signatures (key_ops)"
	}
	if key.Algorithm != "" {
		a, ok := lookup(key.Algorithm)
		if !ok || a.kty != key.Type {
			return key, "alg is not a signature algorithm of this kty"
		}
	}
	return readMaterial(key, doc)
}

func readMaterial(key Key, doc *strictjson.Object) (Key, string) {
	if key.Type == "RSA" {
		public, err := readRSA(doc)
		if err != nil {
			return key, fmt.Sprintf("unreadable: %v", err)
		}
		key.public = public
		return key, weakness(public)
	}
	data := withoutCertificates(doc)
	var jwk gojose.JSONWebKey
	if err := jwk.UnmarshalJSON(data); err != nil {
		return key, fmt.Sprintf("unreadable: %.80q", strings.TrimPrefix(err.Error(), "go-jose/go-jose: "))
	}
	key.public = jwk.Key
	return key, weakness(jwk.Key)
}

// readRSA reads modulus and exponent (RFC 7518 section 6.3.1). The library reads
// RSA keys of at most 4096 bits.
func readRSA(doc *strictjson.Object) (*rsa.PublicKey, error) {
	var numbers [2]*big.Int
	for i, name := range []string{"n", "e"} {
		text, err := doc.String(name)
		if err != nil {
			return nil, err
		}
		data, err := decode(text)
		if err != nil || len(data) == 0 {
			return nil, fmt.Errorf("%s is not a number in base64url", name)
		}
		numbers[i] = new(big.Int).SetBytes(data)
	}
	if numbers[1].BitLen() > 31 {
		return nil, errors.New("the exponent is larger than 2^31")
	}
	return &rsa.PublicKey{N: numbers[0], E: int(numbers[1].Int64())}, nil
}

// withoutCertificates returns the key with its key parameters only. x5c and
// its like would be parsed by the library, and a broken certificate beside a
// good key is no reason to lose the key.
func withoutCertificates(doc *strictjson.Object) []byte {
	kept := map[string]json.RawMessage{}
	for _, name := range []string{"kty", "crv", "x", "y"} {
		if raw, ok := doc.Get(name); ok {
			kept[name] = raw
		}
	}
	data, _ := json.Marshal(kept) // raw messages of a parsed document
	return data
}

// weakness says why key material is not to be relied on, "" if it is sound.
func weakness(public any) string {
	switch k := public.(type) {
	case *rsa.PublicKey:
		bits := k.N.BitLen()
		switch {
		case bits < limit.RSABitsLeast:
			return fmt.Sprintf("weak: an RSA modulus of %d bits, fewer than %d", bits, limit.RSABitsLeast)
		case bits > limit.RSABitsMost:
			return fmt.Sprintf("an RSA modulus of %d bits, more than %d", bits, limit.RSABitsMost)
		case k.E < 3 || k.E%2 == 0 || new(big.Int).And(k.N, big.NewInt(1)).Sign() == 0:
			return "weak: not an RSA key (exponent below 3, or an even number)"
		case fromROCA(k.N):
			return "weak: made by a library whose keys can be factored (ROCA, CVE-2017-15361)"
		}
	case *ecdsa.PublicKey:
		if _, err := k.ECDH(); err != nil {
			return "not a point on its curve"
		}
	case ed25519.PublicKey:
		if len(k) != ed25519.PublicKeySize || smallOrder(k) {
			return "not an Ed25519 key"
		}
	default:
		return "unknown kind of key"
	}
	return ""
}

// Candidates returns the keys of the set that fit a token: by kid, if the
// token has one, and by kty, crv, alg and use.
func (s *KeySet) Candidates(t *JWT) []Key {
	a, known := lookup(t.Algorithm)
	if !known {
		return nil
	}
	var fit []Key
	for _, k := range s.Keys {
		if (t.KeyID == "" || k.ID == t.KeyID) && k.fits(a) {
			fit = append(fit, k)
		}
	}
	return fit
}

// Others returns the keys of the set that do not fit a token, and why of each, the
// skipped ones included.
func (s *KeySet) Others(t *JWT) []SkippedKey {
	a, known := lookup(t.Algorithm)
	var unfit []SkippedKey
	for _, k := range s.Keys {
		why := ""
		switch {
		case !known:
			why = fmt.Sprintf("alg %.32q is not supported", t.Algorithm)
		case t.KeyID != "" && k.ID == "":
			why = "no kid"
		case t.KeyID != "" && k.ID != t.KeyID:
			why = "another kid"
		default:
			why = k.unfit(a)
		}
		if why != "" {
			unfit = append(unfit, SkippedKey{k, why})
		}
	}
	return append(unfit, s.Skipped...)
}

// HasKeyID reports whether a key of the set, usable or not, has the kid.
func (s *KeySet) HasKeyID(kid string) bool {
	return slices.ContainsFunc(s.Keys, func(k Key) bool { return k.ID == kid }) ||
		slices.ContainsFunc(s.Skipped, func(k SkippedKey) bool { return k.Key.ID == kid })
}
