// Encrypting ID Tokens, UserInfo and other answers for clients that are registered for it:
// OpenID Connect Core 1.0 section 10.2, RFC 7516. It happens in front of the
// library, after the faults, so that these can change what is inside.

package provider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// An encryption is how a client's tokens are encrypted.
type encryption struct {
	alg, enc string
	keys     jose.JSONWebKeySet // the client's public ones
}

// encryptionAlgorithms are the key algorithms, and the key each takes.
var encryptionAlgorithms = map[string]string{
	"RSA-OAEP": "RSA", "RSA-OAEP-256": "RSA",
	"ECDH-ES": "EC", "ECDH-ES+A128KW": "EC", "ECDH-ES+A192KW": "EC", "ECDH-ES+A256KW": "EC",
}

// newEncryption reads what a client is registered with; nil if alg is "".
func newEncryption(alg, enc, jwks string) (*encryption, error) {
	if alg == "" {
		return nil, nil
	}
	if enc == "" {
		enc = "A128CBC-HS256" // OpenID Connect Dynamic Client Registration 1.0 section 2
	}
	e := &encryption{alg: alg, enc: enc}
	if encryptionAlgorithms[alg] == "" {
		return nil, fmt.Errorf("the encryption alg %q is not known", alg)
	}
	if err := json.Unmarshal([]byte(jwks), &e.keys); err != nil {
		return nil, errors.New("encryption needs the client's public keys, jwks, as a JWK Set")
	}
	if _, err := e.recipient(alg); err != nil {
		return nil, err
	}
	if _, err := e.seal("x", nil); err != nil {
		return nil, fmt.Errorf("alg %q, enc %q: %w", alg, enc, err)
	}
	return e, nil
}

// recipient finds the client's key for an algorithm.
func (e *encryption) recipient(alg string) (jose.Recipient, error) {
	for _, k := range e.keys.Keys {
		public := k.Public()
		kind := ""
		switch public.Key.(type) {
		case *rsa.PublicKey:
			kind = "RSA"
		case *ecdsa.PublicKey:
			kind = "EC"
		}
		if public.Use != "sig" && kind == encryptionAlgorithms[alg] {
			return jose.Recipient{Algorithm: jose.KeyAlgorithm(alg), Key: public.Key, KeyID: public.KeyID}, nil
		}
	}
	return jose.Recipient{}, fmt.Errorf("jwks has no key that %s could encrypt for", alg)
}

// seal encrypts. change may change how.
func (e *encryption) seal(text string, change func(*sealing)) (string, error) {
	s := sealing{enc: jose.ContentEncryption(e.enc), text: text}
	s.options.WithContentType("JWT")
	var err error
	if s.to, err = e.recipient(e.alg); err != nil {
		return "", err
	}
	if ec, err := e.recipient("ECDH-ES+A128KW"); err == nil {
		s.ec = &ec
	}
	if change != nil {
		change(&s)
	}
	encrypter, err := jose.NewEncrypter(s.enc, s.to, &s.options)
	if err != nil {
		return "", err
	}
	sealed, err := encrypter.Encrypt([]byte(s.text))
	if err != nil {
		return "", err
	}
	compact, err := sealed.CompactSerialize()
	if err != nil || s.compact == nil {
		return compact, err
	}
	return s.compact(compact), nil
}

// A sealing is how one token is about to be encrypted.
type sealing struct {
	enc     jose.ContentEncryption
	to      jose.Recipient
	ec      *jose.Recipient // another that could be used: ECDH-ES+A128KW, nil if the client has no such key
	options jose.EncrypterOptions
	text    string
	compact func(string) string // changes the whole
}

// encrypt encrypts what has to be, unless a fault did.
func (a *answer) encrypt(endpoint string) {
	if endpoint == "authorization" || strings.HasPrefix(a.request.URL.Path, "/authorize/") {
		a.sealResponse()
		return
	}
	e := a.op.encryptionFor(endpoint, a.client)
	if e != nil && !a.plain && (endpoint != "introspection" || a.header.Get("Content-Type") == introspectionType) {
		a.sealed(endpoint, e, nil)
	}
}

// sealed encrypts the ID Token, or the UserInfo response. One that is not
// signed is encrypted as it is.
func (a *answer) sealed(endpoint string, e *encryption, change func(*sealing)) {
	seal := func(text string) string {
		if strings.Count(text, ".") == 4 && strings.HasPrefix(text, "eyJ") {
			return text // by a fault
		}
		compact, err := e.seal(text, change)
		if err != nil { // a fault that cannot be done with the client's keys
			a.op.report(a.request.Context(), err)
			return text
		}
		return compact
	}
	switch {
	case endpoint == "token":
		a.edit(func(m map[string]any) {
			if text := text(m["id_token"]); text != "" {
				m["id_token"] = seal(text)
			}
		})
	case a.ok():
		a.body = []byte(seal(strings.TrimSpace(string(a.body))))
		if endpoint == "userinfo" {
			a.header.Set("Content-Type", "application/jwt")
		}
	}
}

// NewDecryptionKeys makes keys for a client to have its tokens encrypted for, RSA
// and EC: the private ones and the public ones, each as a JWK Set.
func NewDecryptionKeys() (private, public []byte, err error) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	mine := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: rsaKey, KeyID: "enc-rsa", Use: "enc"}, {Key: ecKey, KeyID: "enc-ec", Use: "enc"}}}
	theirs := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{mine.Keys[0].Public(), mine.Keys[1].Public()}}
	if private, err = json.MarshalIndent(mine, "", "  "); err != nil {
		return nil, nil, err
	}
	public, err = json.Marshal(theirs)
	return private, public, err
}
