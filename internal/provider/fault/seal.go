// Encryption by a fault: as the client is registered for it, or otherwise.

package fault

import (
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/oidc-client/oidc-client/internal/provider"
)

// A sealing is how one token is about to be encrypted.
type sealing struct {
	enc     jose.ContentEncryption
	to      jose.Recipient
	ec      *jose.Recipient // another that could be used: ECDH-ES+A128KW, nil if the client has no such key
	options jose.EncrypterOptions
	text    string
	compact func(string) string // changes the whole
}

// newSealing returns how a client is registered to have a text encrypted. Without a
// registration it is encrypted for the stranger.
func newSealing(e *provider.Encryption, text string) (*sealing, error) {
	s := &sealing{enc: jose.A128CBC_HS256, text: text}
	s.options.WithContentType("JWT")
	if e == nil {
		s.to = jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: &strangersKey().PublicKey}
		return s, nil
	}
	s.enc = jose.ContentEncryption(e.Enc)
	var err error
	if s.to, err = e.Recipient(e.Alg); err != nil {
		return nil, err
	}
	if ec, err := e.Recipient("ECDH-ES+A128KW"); err == nil {
		s.ec = &ec
	}
	return s, nil
}

// seal encrypts. change may change how.
func seal(e *provider.Encryption, text string, change func(*sealing)) (string, error) {
	s, err := newSealing(e, text)
	if err != nil {
		return "", err
	}
	if change != nil {
		change(s)
	}
	compact, err := encrypt(s.enc, s.to, &s.options, s.text)
	if err != nil || s.compact == nil {
		return compact, err
	}
	return s.compact(compact), nil
}

func encrypt(
	enc jose.ContentEncryption, to jose.Recipient, options *jose.EncrypterOptions, text string,
) (string, error) {
	encrypter, err := jose.NewEncrypter(enc, to, options)
	if err != nil {
		return "", err
	}
	sealed, err := encrypter.Encrypt([]byte(text))
	if err != nil {
		return "", err
	}
	return sealed.CompactSerialize()
}

// sealed encrypts the ID Token of a token response, or a UserInfo response, in a way
// of the fault's own.
func (a *answer) sealed(endpoint string, change func(*sealing)) {
	switch {
	case endpoint == "token":
		a.edit(func(m map[string]any) {
			if idToken := text(m["id_token"]); idToken != "" {
				m["id_token"] = a.sealWith("token", a.client, idToken, change)
			}
		})
	case a.ok():
		a.body = []byte(a.sealWith("token", a.client, strings.TrimSpace(string(a.body)), change))
		a.header.Set("Content-Type", "application/jwt")
	}
}

// sealWith encrypts for a client as it is registered for an endpoint, or else for the
// stranger. A fault that cannot be done with the client's keys changes nothing.
func (a *answer) sealWith(endpoint, client, compact string, change func(*sealing)) string {
	sealed, err := seal(a.op.EncryptionFor(endpoint, client), compact, change)
	if err != nil {
		a.op.report(a.request, err)
		return compact
	}
	a.locked = true
	return sealed
}
