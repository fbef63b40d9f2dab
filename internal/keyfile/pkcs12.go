// PKCS #12: RFC 7292.

package keyfile

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// IsPKCS12 reports whether data begins as a PKCS #12 file does: a sequence whose first member is the
// version, 3, and whose second is a sequence.
func IsPKCS12(data []byte) bool {
	const indefinite = 0x80 // the length of a sequence in BER, which some programs write
	var outer asn1.RawValue
	if bytes.HasPrefix(data, []byte{0x30, indefinite}) {
		outer.Bytes = data[2:]
	} else if _, err := asn1.Unmarshal(data, &outer); err != nil || outer.Tag != asn1.TagSequence {
		return false
	}
	return bytes.HasPrefix(outer.Bytes, []byte{asn1.TagInteger, 1, 3, 0x30})
}

// decodePKCS12 returns what a PKCS #12 file holds, as PEM: the private key, its certificate, the others.
// Many files have no password, or the one that Java's keytool proposes; those are tried first.
func decodePKCS12(data []byte, password Password) ([]byte, error) {
	for _, usual := range []string{"", pkcs12.DefaultPassword} {
		text, err := unpack(data, usual)
		if !errors.Is(err, pkcs12.ErrIncorrectPassword) && !errors.Is(err, pkcs12.ErrDecryption) {
			return text, unreadable(err)
		}
	}
	secret, err := password()
	if err != nil {
		return nil, err
	}
	text, err := unpack(data, secret)
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, ErrPassword
	}
	return text, unreadable(err)
}

func unreadable(err error) error {
	if err == nil {
		return nil
	}
	const what = "this PKCS #12 file cannot be read (%s); `openssl pkcs12 -in FILE -nodes -out key.pem` converts it"
	return fmt.Errorf(what, strings.TrimPrefix(err.Error(), "pkcs12: "))
}

// unpack returns the key and certificates of a file, or the certificates of one without a key, which
// keytool makes for trust anchors.
func unpack(data []byte, password string) ([]byte, error) {
	key, leaf, chain, err := pkcs12.DecodeChain(data, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, err
	case err != nil:
		trusted, trustErr := pkcs12.DecodeTrustStore(data, password)
		if trustErr != nil {
			return nil, err
		}
		return appendCertificates(nil, trusted...), nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, errors.New("a private key of an unknown kind")
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return appendCertificates(appendCertificates(text, leaf), chain...), nil
}

func appendCertificates(text []byte, certificates ...*x509.Certificate) []byte {
	for _, c := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}
