// Encrypting ID Tokens, UserInfo and other answers for clients that are registered for it:
// OpenID Connect Core 1.0 section 10.2, RFC 7516. It happens in front of the
// library, last of all.

package provider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// An Encryption says how a client is registered to have a kind of response encrypted.
type Encryption struct {
	Alg, Enc string
	keys     jose.JSONWebKeySet // the client's public ones
}

// encryptionAlgorithms are the key algorithms, and the key each takes.
var encryptionAlgorithms = map[string]string{
	"RSA-OAEP": "RSA", "RSA-OAEP-256": "RSA",
	"ECDH-ES": "EC", "ECDH-ES+A128KW": "EC", "ECDH-ES+A192KW": "EC", "ECDH-ES+A256KW": "EC",
}

// newEncryption reads what a client is registered with; nil if alg is "".
func newEncryption(alg, enc, jwks string) (*Encryption, error) {
	if alg == "" {
		return nil, nil
	}
	if enc == "" {
		enc = "A128CBC-HS256" // OpenID Connect Dynamic Client Registration 1.0 section 2
	}
	e := &Encryption{Alg: alg, Enc: enc}
	if encryptionAlgorithms[alg] == "" {
		return nil, fmt.Errorf("the encryption alg %q is not known", alg)
	}
	if err := json.Unmarshal([]byte(jwks), &e.keys); err != nil {
		return nil, errors.New("encryption needs the client's public keys, jwks, as a JWK Set")
	}
	if _, err := e.Recipient(alg); err != nil {
		return nil, err
	}
	if _, err := e.seal("x"); err != nil {
		return nil, fmt.Errorf("alg %q, enc %q: %w", alg, enc, err)
	}
	return e, nil
}

// Recipient returns the client's key for an algorithm.
func (e *Encryption) Recipient(alg string) (jose.Recipient, error) {
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

// seal encrypts a text for the client.
func (e *Encryption) seal(text string) (string, error) {
	to, err := e.Recipient(e.Alg)
	if err != nil {
		return "", err
	}
	options := (&jose.EncrypterOptions{}).WithContentType("JWT")
	encrypter, err := jose.NewEncrypter(jose.ContentEncryption(e.Enc), to, options)
	if err != nil {
		return "", err
	}
	sealed, err := encrypter.Encrypt([]byte(text))
	if err != nil {
		return "", err
	}
	return sealed.CompactSerialize()
}

// Encrypt encrypts what the client of a response is registered to have encrypted: the
// ID Token in it, or all of it.
func (p *Provider) Encrypt(res *Response, client string) { sealer{p}.encrypt(res, client) }

// A sealer encrypts responses for clients that want that.
type sealer struct{ *Provider }

// encrypted encrypts the responses of a handler.
func (s sealer) encrypted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res := responseOf(next, r)
		s.encrypt(res, s.ClientOf(res))
		res.Send(w)
	})
}

// encrypt does what [Provider.Encrypt] says.
func (s sealer) encrypt(res *Response, client string) {
	endpoint := EndpointName(res.Request.URL.Path)
	if endpoint == "authorization" {
		s.encryptAuthorization(res)
		return
	}
	e := s.EncryptionFor(endpoint, client)
	if e == nil || endpoint == "introspection" && res.Header.Get("Content-Type") != introspectionType {
		return
	}
	switch {
	case endpoint == "token":
		res.Edit(func(m map[string]any) {
			if idToken := text(m["id_token"]); idToken != "" {
				m["id_token"] = s.seal(res.Request, e, idToken)
			}
		})
	case res.OK():
		res.Body = []byte(s.seal(res.Request, e, strings.TrimSpace(string(res.Body))))
		if endpoint == "userinfo" { // which is encrypted as it is if it is not signed
			res.Header.Set("Content-Type", "application/jwt")
		}
	}
}

// encryptAuthorization encrypts the ID Token in an authorization response, and the
// response itself if it is a JWT.
func (s sealer) encryptAuthorization(res *Response) {
	back := res.Authorization()
	if back == nil {
		return
	}
	came := back.Values.Get("response")
	jarm := ParseJWT(came)
	if jarm == nil {
		if sealed := s.sealFor(res.Request, "token", back.Values.Get("id_token")); sealed != "" {
			back.Values.Set("id_token", sealed)
			back.Put(back.Values)
		}
		return
	}
	response := came
	if sealed := s.sealFor(res.Request, "token", text(jarm.Claims["id_token"])); sealed != "" {
		jarm.Claims["id_token"] = sealed
		response = s.sign(jarm)
	}
	if sealed := s.sealFor(res.Request, "authorization", response); sealed != "" {
		response = sealed
	}
	if response != came {
		back.Values.Set("response", response)
		back.Put(back.Values)
	}
}

// sealFor encrypts a JWT as the client that it is for has registered; "" if it
// has not, or if there is no JWT.
func (s sealer) sealFor(r *http.Request, endpoint, compact string) string {
	t := ParseJWT(compact)
	if t == nil {
		return ""
	}
	e := s.EncryptionFor(endpoint, text(t.Claims["aud"]))
	if e == nil {
		return ""
	}
	return s.seal(r, e, compact)
}

// seal encrypts for a client. That it can be done was found out when the client was
// registered.
func (s sealer) seal(r *http.Request, e *Encryption, text string) string {
	sealed, err := e.seal(text)
	if err != nil {
		s.options.report(r.Context(), err)
		return text
	}
	return sealed
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
	mine := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: rsaKey, KeyID: "enc-rsa", Use: "enc"}, {Key: ecKey, KeyID: "enc-ec", Use: "enc"},
	}}
	theirs := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{mine.Keys[0].Public(), mine.Keys[1].Public()}}
	if private, err = json.MarshalIndent(mine, "", "  "); err != nil {
		return nil, nil, err
	}
	public, err = json.Marshal(theirs)
	return private, public, err
}
