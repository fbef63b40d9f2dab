// Encrypted tokens: OpenID Connect Core 1.0 sections 3.1.3.7 item 1, 10.2 and
// 16.14, RFC 7516.

package oidc

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/jose"
	"github.com/oidc-client/oidc-client/internal/reason"
)

// ErrEncrypted reports a token in JWE compact serialization (RFC 7516) where
// there is no key to decrypt it with.
var ErrEncrypted = jose.ErrEncrypted

// A DecryptionKey is a client's private key that providers encrypt tokens for.
// Printing one shows no key material.
type DecryptionKey struct{ key jose.DecryptionKey }

// ReadDecryptionKeys reads the private keys of a file: one in PEM (PKCS #1,
// PKCS #8, SEC 1), a JSON Web Key, or a JWK Set (RFC 7517), whose keys that are
// for something else are passed over. RSA of 2048 to 4096 bits (8192 in PEM),
// P-256, P-384 and P-521 will do. A file without such a key is an error, which does not quote
// it.
func ReadDecryptionKeys(data []byte) ([]DecryptionKey, error) {
	read, err := jose.ReadDecryptionKeys(data)
	keys := make([]DecryptionKey, len(read))
	for i, k := range read {
		keys[i] = DecryptionKey{k}
	}
	return keys, err
}

// Fits returns an error that says why the key cannot decrypt what is encrypted
// by alg (RFC 7518 section 4.1), or nil.
func (k DecryptionKey) Fits(alg string) error { return k.key.Fits(alg) }

// String describes the key without its material.
func (k DecryptionKey) String() string { return k.key.String() }

// GoString is String.
func (k DecryptionKey) GoString() string { return k.String() }

// An envelope is a token as it came: what may be around it, and what is in it.
// Exactly one of jwt, plain and err is set, but for the zero value: no token.
type envelope struct {
	jwe   *jose.JWE // nil if it was not encrypted, or its header cannot be read
	jwt   *jose.JWT // nil if it is not a signed JWT
	plain []byte    // what was encrypted without being signed
	err   error     // why it could not be read

	encrypted bool // it came encrypted
	sealed    bool // err is about the encryption: nothing is known of what is in it
}

// open reads a token that may be encrypted, by one of algs, for one of keys.
// It is decrypted once only: what is in it may be signed, but not encrypted
// again.
func open(raw string, algs []string, keys []DecryptionKey) envelope {
	return openWith(jose.Parse, raw, algs, keys)
}

// A parser reads a signed JWT.
type parser func(string) (*jose.JWT, error)

// openWith is open with the parser of the JWT.
func openWith(parse parser, raw string, algs []string, keys []DecryptionKey) envelope {
	jwt, err := parse(raw)
	if !errors.Is(err, jose.ErrEncrypted) {
		return envelope{jwt: jwt, err: err}
	}
	e := envelope{encrypted: true, sealed: true, err: err}
	if len(algs) == 0 {
		return e
	}
	if e.jwe, err = jose.ParseEncrypted(raw); err != nil {
		e.err = err
		return e
	}
	if !slices.Contains(algs, e.jwe.Algorithm) {
		e.err = reason.Errorf(reason.JWEAlgorithm, "alg %.32q was not agreed upon", e.jwe.Algorithm)
		return e
	}
	plain, err := e.jwe.Decrypt(unwrap(keys))
	if err != nil {
		e.err = err
		return e
	}
	e.sealed = false
	return e.unpack(parse, plain)
}

// unpack reads what was encrypted: a signed JWT, or something else, which
// begins like a JSON object if it is claims that were not signed.
func (e envelope) unpack(parse parser, plain []byte) envelope {
	if strings.HasPrefix(strings.TrimSpace(string(plain)), "{") {
		e.plain, e.err = plain, nil
		return e
	}
	e.jwt, e.err = parse(string(plain))
	if errors.Is(e.err, jose.ErrEncrypted) {
		e.jwt, e.err = nil, reason.Errorf(reason.JWENested, "an encrypted token in an encrypted token")
	}
	return e
}

// signedOnly makes an envelope without a signed JWT an error.
func (e envelope) signedOnly() envelope {
	if e.plain != nil {
		e.plain, e.err = nil, reason.Errorf(reason.JWENested, "encrypted, but not signed: anyone can have made it")
	}
	return e
}

func unwrap(keys []DecryptionKey) []jose.DecryptionKey {
	list := make([]jose.DecryptionKey, len(keys))
	for i, k := range keys {
		list[i] = k.key
	}
	return list
}

// header is the JOSE header of the encryption, JSON as received; nil if there
// was none or it cannot be read.
func (e envelope) header() []byte {
	if e.jwe == nil {
		return nil
	}
	return e.jwe.Header.Raw
}

// agreed judges whether a token came encrypted as it was agreed upon. demanded
// says that a plain one is not enough.
func (e envelope) agreed(algs []string, demanded bool) check.Verdict {
	switch {
	case e.encrypted && len(algs) == 0:
		return check.That(false, "encrypted", "not encrypted: that was not agreed upon")
	case e.encrypted && e.jwe != nil:
		return check.That(
			slices.Contains(algs, e.jwe.Algorithm),
			fmt.Sprintf("alg %.32q, enc %.32q", e.jwe.Algorithm, e.jwe.Encryption), "one of "+check.List(algs),
		)
	case e.encrypted:
		return check.Inapplicable("the encrypted token cannot be read")
	case demanded && e.err == nil:
		return check.That(false, "not encrypted", "encrypted by one of "+check.List(algs))
	}
	return check.Verdict{Outcome: check.Pass}
}

// decrypted judges whether an encrypted token could be decrypted.
func (e envelope) decrypted(algs []string) check.Verdict {
	switch {
	case !e.encrypted:
		return check.Inapplicable("not encrypted")
	case e.jwe != nil && !slices.Contains(algs, e.jwe.Algorithm), len(algs) == 0:
		return check.Inapplicable("the encryption was not agreed upon")
	case e.sealed:
		return refused(e.err, "a token that the client's key decrypts")
	}
	return check.Verdict{Outcome: check.Pass}
}

// refused fails for an error, by its reason.
func refused(err error, want string) check.Verdict {
	v := check.That(false, err.Error(), want)
	v.Reason = string(reason.Of(err))
	return v
}
