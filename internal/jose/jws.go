// JSON Web Signature, compact serialization: RFC 7515 sections 5.2 and 7.1.

package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/reason"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// ErrEncrypted reports a token in JWE compact serialization (RFC 7516).
var ErrEncrypted = reason.Errorf(reason.JWEKey, "the token is encrypted (a JWE of five parts)")

// A JWT is a token as it was read. Nothing in it is to be trusted before
// Verify.
type JWT struct {
	Header *strictjson.Object
	Claims *strictjson.Object

	Algorithm string   // the header's alg
	KeyID     string   // the header's kid, "" if it has none
	Type      string   // the header's typ, "" if it has none
	Repeated  []string // claims that are there twice with the same value, see [ParseRepeating]

	input     string // what is signed
	signature []byte
}

// Parse reads a JWT in JWS compact serialization. It refuses what RFC 8725
// warns of before any key is looked at: more or fewer than three parts,
// base64 with padding, line breaks or stray bits, duplicate members, and a
// header that demands an extension (crit, b64). Errors have a reason (package
// reason); [ErrEncrypted] reports a JWE.
func Parse(token string) (*JWT, error) {
	t, payload, err := ParseSigned(token)
	if err != nil {
		return nil, err
	}
	if t.Claims, err = members("payload", payload); err != nil {
		return nil, err
	}
	return t, nil
}

// ParseRepeating is Parse for a token whose claims may be repeated with the identical value.
func ParseRepeating(token string) (*JWT, error) {
	t, payload, err := ParseSigned(token)
	if err != nil {
		return nil, err
	}
	if t.Claims, t.Repeated, err = strictjson.ParseRepeating(payload); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	return t, nil
}

// ParseSigned is Parse for a JWS whose payload need not be claims, and returns
// it.
func ParseSigned(token string) (*JWT, []byte, error) {
	dots, err := countDots(token)
	switch {
	case err != nil:
		return nil, nil, err
	case dots == 4:
		return nil, nil, ErrEncrypted
	case dots != 2:
		return nil, nil, reason.Errorf(reason.JWTParts, "not a JWT: it has %d dots where two belong", dots)
	}
	dot := strings.LastIndexByte(token, '.')
	t := &JWT{input: token[:dot]}
	header, encoded, _ := strings.Cut(t.input, ".")
	if t.Header, err = object("header", header); err != nil {
		return nil, nil, err
	}
	payload, err := decode(encoded)
	if err != nil {
		return nil, nil, reason.Errorf(reason.JWTBase64, "payload: %w", err)
	}
	if t.signature, err = decode(token[dot+1:]); err != nil {
		return nil, nil, reason.Errorf(reason.JWTBase64, "signature: %w", err)
	}
	return t, payload, t.readHeader()
}

func (t *JWT) readHeader() error {
	return readHeader(t.Header, []headerText{{"alg", &t.Algorithm}, {"kid", &t.KeyID}, {"typ", &t.Type}}, "crit", "b64")
}

// A headerText is a member of a header that is a string, and where it goes.
type headerText struct {
	name string
	to   *string
}

// readHeader reads the strings of a header, of which alg is the first, and refuses extensions. RFC 7515
// section 4.1.11: one that is not understood makes the token invalid. None is,
// and b64 (RFC 7797) only hides behind crit.
func readHeader(header *strictjson.Object, members []headerText, extensions ...string) error {
	var err error
	for _, m := range members {
		if *m.to, err = header.String(m.name); err != nil {
			return reason.Errorf(reason.JWTHeader, "header: %s", err.Error())
		}
	}
	if *members[0].to == "" {
		return reason.Errorf(reason.JWTHeader, "header: no alg")
	}
	for _, m := range header.Members {
		if slices.Contains(extensions, m.Name) { // also if it is null
			return reason.Errorf(reason.JWTCrit, "header: %s demands an extension that is not supported", m.Name)
		}
	}
	return nil
}

// countDots counts the dots of a token that is short enough to be looked at.
func countDots(token string) (int, error) {
	if len(token) > limit.Token {
		return 0, reason.Errorf(reason.JWTSize, "a token of %d bytes, more than %d", len(token), limit.Token)
	}
	if strings.HasPrefix(token, "{") {
		return 0, reason.Errorf(reason.JWTParts, "in JSON serialization, not the compact one")
	}
	return strings.Count(token, "."), nil
}

// Verify checks the signature with key, by the algorithm of the header, which
// must be one the key is for.
func (t *JWT) Verify(key Key) error {
	a, ok := lookup(t.Algorithm)
	if !ok {
		return reason.Errorf(reason.SignatureAlgorithm, "alg %.32q is not supported", t.Algorithm)
	}
	if why := key.unfit(a); why != "" {
		return reason.Errorf(reason.SignatureKey, "%s", why)
	}
	if !a.verify(key.public, []byte(t.input), t.signature) {
		return reason.Errorf(reason.SignatureMismatch, "the signature does not match")
	}
	return nil
}

// OwnKey returns the public key that a JWT carries in its header (jwk), as DPoP proofs do
// (RFC 9449 section 4.2). Whoever made the JWT made the key, too, so that its signature
// says nothing about who that is.
func (t *JWT) OwnKey() (Key, error) {
	raw, ok := t.Header.Get("jwk")
	if !ok {
		return Key{}, reason.Errorf(reason.SignatureNoKey, "header: no jwk")
	}
	key, why := readKey(raw)
	if why != "" {
		return Key{}, reason.Errorf(reason.SignatureKey, "header: jwk: %s", why)
	}
	return key, nil
}

// verify reports whether signature is public's over input. The type of the
// key was matched with the algorithm before.
func (a algorithm) verify(public any, input, signature []byte) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		digest := a.digest(input)
		if a.rsaPSS { // RFC 7518 section 3.5: the salt is as long as the hash.
			options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return rsa.VerifyPSS(key, a.hash, digest, signature, options) == nil
		}
		return rsa.VerifyPKCS1v15(key, a.hash, digest, signature) == nil
	case *ecdsa.PublicKey:
		size := (key.Curve.Params().BitSize + 7) / 8
		if len(signature) != 2*size { // RFC 7518 section 3.4
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		return ecdsa.Verify(key, a.digest(input), r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(key, input, signature)
	case []byte:
		mac := hmac.New(a.hash.New, key)
		mac.Write(input)
		return hmac.Equal(mac.Sum(nil), signature)
	}
	return false
}

func (a algorithm) digest(input []byte) []byte {
	h := a.hash.New()
	h.Write(input)
	return h.Sum(nil)
}

func object(part, encoded string) (*strictjson.Object, error) {
	data, err := decode(encoded)
	if err != nil {
		return nil, reason.Errorf(reason.JWTBase64, "%s: %w", part, err)
	}
	return members(part, data)
}

func members(part string, data []byte) (*strictjson.Object, error) {
	o, err := strictjson.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", part, err)
	}
	return o, nil
}

var strictBase64 = base64.RawURLEncoding.Strict()

// decode reads base64url as RFC 7515 section 2 defines it. Go's decoder skips
// line breaks even when strict.
func decode(s string) ([]byte, error) {
	if strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\r') >= 0 {
		return nil, errors.New("line break in base64url")
	}
	data, err := strictBase64.DecodeString(s)
	if err != nil {
		return nil, errors.New("not base64url")
	}
	return data, nil
}
