// Package keyfile reads private keys and certificates in the forms that people have them in: PEM,
// encrypted PEM and PKCS #12 (.p12, .pfx). It turns all of them into plain PEM, which every reader
// of keys takes, and names those that it does not read.
package keyfile

import (
	"bytes"
	"encoding/pem"
	"errors"

	"github.com/oidc-client/oidc-client/internal/jose"
)

// A Password returns the password of a file. It is called only if the file needs one.
type Password func() (string, error)

// ErrPassword reports that a password is wrong.
var ErrPassword = errors.New("the password is wrong")

// PrivateKey returns the private key that a file holds, as PEM, with the certificates beside it. A JSON
// Web Key is returned as it is. Errors do not quote the file.
func PrivateKey(data []byte, password Password) ([]byte, error) {
	if IsPKCS12(data) {
		return decodePKCS12(data, password)
	}
	plain, found, err := decryptPEM(data, password)
	if !found && err == nil {
		err = jose.Misread(data)
	}
	return plain, err
}

// Certificates returns the certificates that a file holds, as PEM. The private key of a PKCS #12 file
// comes with them. Errors do not quote the file.
func Certificates(data []byte, password Password) ([]byte, error) {
	if IsPKCS12(data) {
		return decodePKCS12(data, password)
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return data, nil
		}
	}
	if err := jose.Misread(data); err != nil {
		return nil, err
	}
	return nil, errors.New("it holds no certificate, neither in PEM nor in PKCS #12")
}

// HoldsKey reports whether a file of certificates holds a private key, too.
func HoldsKey(data []byte) bool {
	if IsPKCS12(data) {
		return true
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if bytes.HasSuffix([]byte(block.Type), []byte("PRIVATE KEY")) {
			return true
		}
	}
	return false
}
