// Encrypted private keys in PEM: PKCS #8 (RFC 5958 section 3) by PBES2 (RFC 8018 section 6.2).

package keyfile

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // HMAC-SHA1 is the default of PBKDF2, and HMAC is not broken by collisions
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"hash"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// errEncryption reports an encryption that is not read.
var errEncryption = errors.New("the private key is encrypted in a way that is not read (only PBES2 with PBKDF2 and " +
	"AES-CBC is); `openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out key.pem` converts it")

// decryptPEM returns a PEM file with its first private key decrypted, if it is encrypted. found reports whether
// there is a private key that can be read.
func decryptPEM(data []byte, password Password) (plain []byte, found bool, err error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
			return data, block.Headers["Proc-Type"] == "", nil
		case "ENCRYPTED PRIVATE KEY":
			der, err := decryptKey(block.Bytes, password)
			if err != nil {
				return nil, false, err
			}
			key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
			return append(append(plain, key...), rest...), true, nil
		}
		plain = append(plain, pem.EncodeToMemory(block)...)
	}
	return data, false, nil
}

// An encryptedKey is EncryptedPrivateKeyInfo.
type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

// A pbes2 is PBES2-params, with what its two algorithms have to be.
type pbes2 struct {
	Derivation struct {
		Algorithm asn1.ObjectIdentifier
		PBKDF2    struct {
			Salt       []byte
			Iterations int
			Length     int                      `asn1:"optional"`
			PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
		}
	}
	Encryption struct {
		Algorithm asn1.ObjectIdentifier
		IV        []byte
	}
}

// keySize returns the length of the AES key that an encryption scheme uses, 0 if it is not AES-CBC.
func keySize(scheme asn1.ObjectIdentifier) int {
	return map[string]int{
		"2.16.840.1.101.3.4.1.2": 16, "2.16.840.1.101.3.4.1.22": 24, "2.16.840.1.101.3.4.1.42": 32,
	}[scheme.String()]
}

// hashOf returns the hash function of a pseudorandom function of PBKDF2, nil if it is not known.
func hashOf(prf asn1.ObjectIdentifier) func() hash.Hash {
	return map[string]func() hash.Hash{
		"": sha1.New, "1.2.840.113549.2.7": sha1.New, "1.2.840.113549.2.8": sha256.New224,
		"1.2.840.113549.2.9": sha256.New, "1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New,
	}[prf.String()]
}

// decryptKey returns the PKCS #8 key that is encrypted in der.
func decryptKey(der []byte, password Password) ([]byte, error) {
	var key encryptedKey
	var params pbes2
	if rest, err := asn1.Unmarshal(der, &key); err != nil || len(rest) > 0 {
		return nil, errors.New("unreadable ENCRYPTED PRIVATE KEY")
	}
	const pbes2ID, pbkdf2ID = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12"
	rest, err := asn1.Unmarshal(key.Algorithm.Parameters.FullBytes, &params)
	size, prf := keySize(params.Encryption.Algorithm), hashOf(params.Derivation.PBKDF2.PRF.Algorithm)
	switch {
	case err != nil, len(rest) > 0, key.Algorithm.Algorithm.String() != pbes2ID,
		params.Derivation.Algorithm.String() != pbkdf2ID, size == 0, prf == nil,
		len(params.Encryption.IV) != aes.BlockSize, len(key.Data) == 0, len(key.Data)%aes.BlockSize != 0:
		return nil, errEncryption
	case params.Derivation.PBKDF2.Iterations < 1, params.Derivation.PBKDF2.Iterations > limit.KeyIterations:
		return nil, errors.New("the private key is encrypted with a number of iterations (PBKDF2) that is not read")
	}
	secret, err := password()
	if err != nil {
		return nil, err
	}
	derived, err := pbkdf2.Key(prf, secret, params.Derivation.PBKDF2.Salt, params.Derivation.PBKDF2.Iterations, size)
	if err != nil {
		return nil, errEncryption
	}
	return decryptCBC(derived, params.Encryption.IV, key.Data)
}

// decryptCBC decrypts a PKCS #8 key. Only a right password leaves the right padding and a key.
func decryptCBC(key, iv, data []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	padding := int(plain[len(plain)-1])
	if padding == 0 || padding > aes.BlockSize {
		return nil, ErrPassword
	}
	plain = plain[:len(plain)-padding]
	if _, err := x509.ParsePKCS8PrivateKey(plain); err != nil {
		return nil, ErrPassword
	}
	return plain, nil
}
