// Package jose reads and writes signed JSON Web Tokens, strictly.
//
// It follows JWS (RFC 7515), JWK (RFC 7517), JWA (RFC 7518), EdDSA (RFC 8037,
// RFC 9864) and the advice of RFC 8725. Keys are read and tokens are signed by
// go-jose, which only this package imports. Signatures are verified with the
// standard library's crypto packages, because the library is laxer than a
// relying party may be: about the salt of RSASSA-PSS, base64, key sizes and
// key uses.
package jose

import (
	"crypto"
	_ "crypto/sha256" // the hashes of the table below
	_ "crypto/sha512"
	"slices"
)

// An algorithm is a JWS signature algorithm: the key it takes and its hash.
type algorithm struct {
	name   string
	kty    string      // the key type it is for
	crv    string      // the curve it is for, if any
	hash   crypto.Hash // of the signature, and of at_hash and c_hash
	rsaPSS bool
}

// algorithms are all the algorithms this package knows. "none" is not one.
var algorithms = []algorithm{
	{name: "RS256", kty: "RSA", hash: crypto.SHA256},
	{name: "RS384", kty: "RSA", hash: crypto.SHA384},
	{name: "RS512", kty: "RSA", hash: crypto.SHA512},
	{name: "PS256", kty: "RSA", hash: crypto.SHA256, rsaPSS: true},
	{name: "PS384", kty: "RSA", hash: crypto.SHA384, rsaPSS: true},
	{name: "PS512", kty: "RSA", hash: crypto.SHA512, rsaPSS: true},
	{name: "ES256", kty: "EC", crv: "P-256", hash: crypto.SHA256},
	{name: "ES384", kty: "EC", crv: "P-384", hash: crypto.SHA384},
	{name: "ES512", kty: "EC", crv: "P-521", hash: crypto.SHA512},
	{name: "EdDSA", kty: "OKP", crv: "Ed25519", hash: crypto.SHA512},
	{name: "Ed25519", kty: "OKP", crv: "Ed25519", hash: crypto.SHA512},
	{name: "HS256", kty: "oct", hash: crypto.SHA256},
	{name: "HS384", kty: "oct", hash: crypto.SHA384},
	{name: "HS512", kty: "oct", hash: crypto.SHA512},
}

func lookup(name string) (algorithm, bool) {
	i := slices.IndexFunc(algorithms, func(a algorithm) bool { return a.name == name })
	if i < 0 {
		return algorithm{}, false
	}
	return algorithms[i], true
}

// Algorithms returns the names of all signature algorithms that can be
// verified.
func Algorithms() []string {
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = a.name
	}
	return names
}

// Supported reports whether signatures by alg can be verified.
func Supported(alg string) bool {
	_, ok := lookup(alg)
	return ok
}

// IsMAC reports whether alg is keyed with a shared secret: HS256, HS384 or
// HS512.
func IsMAC(alg string) bool {
	a, ok := lookup(alg)
	return ok && a.kty == "oct"
}

// HashOf returns the hash function that belongs to a signature algorithm, the
// one of at_hash (OpenID Connect Core 1.0 section 3.1.3.6).
func HashOf(alg string) (crypto.Hash, bool) {
	a, ok := lookup(alg)
	return a.hash, ok
}
