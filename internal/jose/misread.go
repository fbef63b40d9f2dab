// Files of keys that are not read, by name.

package jose

import (
	"bytes"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"strings"
)

// decryptHint says how a private key is decrypted by hand.
const decryptHint = "`openssl pkey -in FILE -out key.pem` decrypts it"

// isDER reports whether data is one sequence in DER, as keys and certificates are.
func isDER(data []byte) bool {
	var sequence asn1.RawValue
	_, err := asn1.Unmarshal(data, &sequence)
	return err == nil && sequence.Tag == asn1.TagSequence && sequence.IsCompound
}

// errEncryptedBlock names the encryption that OpenSSL used for private keys before PKCS #8.
var errEncryptedBlock = errors.New("the private key is encrypted in OpenSSL's old format (Proc-Type: 4,ENCRYPTED), " +
	"which is not read; " + decryptHint + ", and `openssl pkcs8 -topk8 -in FILE -out key.pem` converts it to a key " +
	"that is read with its password")

// encryptedBlock reports whether a PEM block is encrypted as RFC 1421 has it.
func encryptedBlock(block *pem.Block) bool {
	return strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED")
}

// Misread returns an error that names a file which holds a key or certificate in a form that is not read:
// text in another encoding than UTF-8, or with a byte order mark, a key of OpenSSH or PuTTY, a PEM block
// with the encryption of old OpenSSL, DER. It returns nil for everything else, readable or not.
func Misread(data []byte) error {
	switch text := bytes.TrimSpace(data); {
	case bytes.HasPrefix(data, []byte("\uFEFF")):
		return errors.New("the file begins with a byte order mark (BOM): save it as UTF-8 without one")
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}), bytes.HasPrefix(data, []byte{0xFE, 0xFF}),
		bytes.HasPrefix(data, []byte("-\x00-\x00")), bytes.HasPrefix(data, []byte("{\x00")):
		return errors.New("the file is UTF-16 text, as > of Windows PowerShell writes it: save it as UTF-8")
	case bytes.HasPrefix(text, []byte("PuTTY-User-Key-File-")):
		return errors.New("it is a key of PuTTY, which is not read; PuTTYgen exports it (Conversions, Export OpenSSH " +
			"key), and `ssh-keygen -p -m PKCS8 -f FILE` makes PEM of that")
	case bytes.HasPrefix(text, []byte("ssh-")), bytes.HasPrefix(text, []byte("ecdsa-sha2-")):
		return errors.New("it is a public key of OpenSSH; the private key is needed, in PEM")
	case isDER(data):
		return errors.New("it is DER, which is not read; `openssl pkey -inform DER -in FILE -out key.pem` makes PEM " +
			"of a key, `openssl x509 -inform DER -in FILE -out cert.pem` of a certificate")
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "OPENSSH PRIVATE KEY":
			return errors.New("it is a private key of OpenSSH, which is not read; `ssh-keygen -p -m PKCS8 -f FILE` " +
				"turns FILE into PEM (RSA and ECDSA keys; work on a copy)")
		case encryptedBlock(block):
			return errEncryptedBlock
		}
	}
	return nil
}
