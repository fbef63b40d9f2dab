// Secrets at rest: AES-256-GCM with a key that is kept elsewhere.

package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// A Sealed is a Secret, encrypted.
type Sealed struct {
	KeyID string `json:"key_id"` // of the key it takes
	Nonce []byte `json:"nonce"`
	Data  []byte `json:"data"`
}

// A Key encrypts secrets. It is 32 bytes.
type Key []byte

// NewKey makes a key.
func NewKey() Key {
	k := make(Key, 32)
	_, _ = rand.Read(k) // never fails
	return k
}

// ID tells keys apart, and tells nothing of the key.
func (k Key) ID() string {
	sum := sha256.Sum256(append([]byte("oidc-client session key id\x00"), k...))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

func (k Key) cipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal encrypts a secret. It only opens again in a session of the same name, issuer
// and client.
func (k Key) seal(s *Session) (*Sealed, error) {
	c, err := k.cipher()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(s.Secret)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, c.NonceSize())
	_, _ = rand.Read(nonce)
	return &Sealed{KeyID: k.ID(), Nonce: nonce, Data: c.Seal(nil, nonce, text, s.bound())}, nil
}

// unseal decrypts the secret of a session.
func (k Key) unseal(s *Session) (*Secret, error) {
	if k.ID() != s.Sealed.KeyID {
		return nil,
			&SealError{fmt.Errorf("session %s was sealed with the key %s, and it has %s: it was made anew since",
				s.Name, s.Sealed.KeyID, k.ID())}
	}
	c, err := k.cipher()
	if err != nil {
		return nil, err
	}
	if len(s.Sealed.Nonce) != c.NonceSize() {
		return nil, errors.New("the nonce is of another length")
	}
	text, err := c.Open(nil, s.Sealed.Nonce, s.Sealed.Data, s.bound())
	if err != nil {
		return nil, fmt.Errorf("the secret of session %s does not decrypt: the file was changed", s.Name)
	}
	var secret Secret
	return &secret, json.Unmarshal(text, &secret)
}

// bound is what a sealed secret is tied to, so that it cannot be moved into another session.
func (s *Session) bound() []byte {
	text, err := json.Marshal([]string{s.Name, s.Grant.Issuer, s.Grant.ClientID})
	if err != nil {
		panic(err) // strings only
	}
	return text
}
