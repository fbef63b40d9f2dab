package keyfile_test

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/oidc-client/oidc-client/internal/jose"
	"github.com/oidc-client/oidc-client/internal/keyfile"
)

// The files of testdata were made by openssl 3.0, keytool 17 and ssh-keygen 9.2. Their password is sesame.
func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sesame is the password, and counts how often it is asked for.
func sesame(asked *int) keyfile.Password {
	return func() (string, error) { *asked++; return "sesame", nil }
}

func none() (string, error) { return "", errors.New("nobody knows the password") }

// Whatever a private key is encrypted in, what comes out is the same key, which signs.
func TestPrivateKey(t *testing.T) {
	t.Parallel()
	want, err := jose.ReadPrivateKey(read(t, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for name, passwords := range map[string]int{
		"key.pem": 0, "aes256-sha256.pem": 1, "aes128-sha1.pem": 1, "aes192-sha512.pem": 1, "aes256-sha384.pem": 1,
		"modern.p12": 1, "legacy.p12": 1, "empty.p12": 0,
	} {
		asked := 0
		text, err := keyfile.PrivateKey(read(t, name), sesame(&asked))
		if err != nil || asked != passwords {
			t.Errorf("%s: %v, asked for %d passwords", name, err, asked)
			continue
		}
		key, err := jose.ReadPrivateKey(text)
		if err != nil || key.Thumbprint() != want.Thumbprint() {
			t.Errorf("%s: %v, key %v", name, err, key)
		}
		if passwords == 0 {
			continue
		}
		wrong := func() (string, error) { return "open", nil }
		if _, err := keyfile.PrivateKey(read(t, name), wrong); !errors.Is(err, keyfile.ErrPassword) {
			t.Errorf("%s, wrong password: %v", name, err)
		}
		if _, err := keyfile.PrivateKey(read(t, name), none); err == nil || !strings.Contains(err.Error(), "nobody") {
			t.Errorf("%s, no password: %v", name, err)
		}
	}
	password := func() (string, error) { return "sésame", nil }
	if _, err := keyfile.PrivateKey(read(t, "umlaut.pem"), password); err != nil {
		t.Errorf("a password that is not ASCII: %v", err)
	}
}

// The key and the certificates of a PKCS #12 file belong together, in the order that TLS wants them in.
func TestPKCS12(t *testing.T) {
	t.Parallel()
	for name, certificates := range map[string]int{"modern.p12": 2, "legacy.p12": 1, "empty.p12": 1, "trust.p12": 1} {
		asked := 0
		text, err := keyfile.Certificates(read(t, name), sesame(&asked))
		if err != nil || bytes.Count(text, []byte("BEGIN CERTIFICATE")) != certificates {
			t.Errorf("%s: %v: %s", name, err, text)
		}
		if name == "trust.p12" { // the certificates of authorities, without a key
			continue
		}
		pair, err := tls.X509KeyPair(text, text)
		if err != nil || pair.Leaf.Subject.CommonName != "keyfile" || !keyfile.HoldsKey(read(t, name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if text, err := keyfile.Certificates(read(t, "cert.pem"), none); err != nil ||
		!bytes.Equal(text, read(t, "cert.pem")) || keyfile.HoldsKey(text) {
		t.Errorf("PEM: %v: %s", err, text)
	}
	both := slices.Concat(read(t, "cert.pem"), read(t, "old.pem")) // whose key is not asked for
	if text, err := keyfile.Certificates(both, none); err != nil || !keyfile.HoldsKey(text) {
		t.Errorf("PEM with a key: %v: %s", err, text)
	}
}

// A file that is not read is named for what it is, with the command that converts it.
func TestMisread(t *testing.T) {
	t.Parallel()
	var wide []byte
	for _, unit := range utf16.Encode([]rune("\uFEFF" + string(read(t, "key.pem")))) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"OpenSSH":            {read(t, "openssh"), "ssh-keygen -p -m PKCS8"},
		"OpenSSH, public":    {read(t, "openssh.pub"), "it is a public key of OpenSSH"},
		"PuTTY":              {[]byte("PuTTY-User-Key-File-3: ssh-ed25519\n"), "a key of PuTTY"},
		"BOM":                {append([]byte("\uFEFF"), read(t, "key.pem")...), "byte order mark (BOM)"},
		"BOM before JSON":    {[]byte("\uFEFF{}"), "byte order mark (BOM)"},
		"UTF-16":             {wide, "UTF-16"},
		"UTF-16 without BOM": {wide[2:], "UTF-16"},
		"DER":                {read(t, "key.der"), "it is DER"},
		"old encryption":     {read(t, "old.pem"), "openssl pkcs8 -topk8"},
		"DES":                {read(t, "des3.pem"), "openssl pkcs8 -topk8 -v2 aes-256-cbc"},
		"scrypt":             {read(t, "scrypt.pem"), "openssl pkcs8 -topk8 -v2 aes-256-cbc"},
		"PBES1":              {read(t, "pbes1.pem"), "openssl pkcs8 -topk8 -v2 aes-256-cbc"},
		"PKCS #12 in BER":    {[]byte{0x30, 0x80, 2, 1, 3, 0x30, 0x80, 0, 0, 0, 0}, "openssl pkcs12 -in FILE"},
		"no key":             {read(t, "nokey.p12"), "openssl pkcs12 -in FILE"},
	} {
		asked := 0
		_, err := keyfile.PrivateKey(c.data, sesame(&asked))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := keyfile.Certificates(c.data, sesame(&asked)); err == nil {
			t.Errorf("%s passes for certificates", name)
		}
	}
	for name, data := range map[string][]byte{"JWK": []byte(`{"kty":"EC"}`), "empty": nil, "text": []byte("key")} {
		if text, err := keyfile.PrivateKey(data, none); err != nil || !bytes.Equal(text, data) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzPrivateKey shows that no file makes the reader fail, or say that there is a key where there is none.
func FuzzPrivateKey(f *testing.F) {
	for _, name := range []string{"aes256-sha256.pem", "empty.p12", "modern.p12", "trust.p12", "old.pem", "openssh"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		if block, _ := pem.Decode(data); block != nil {
			f.Add(block.Bytes)
		}
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		if keyfile.IsPKCS12(data) && (bytes.Contains(data, []byte{2, 3}) || bytes.Contains(data, []byte{2, 4})) {
			return // integers of three bytes or more: numbers of iterations that take seconds
		}
		password := func() (string, error) { return pkcs12.DefaultPassword, nil }
		_, _ = keyfile.PrivateKey(data, password)
		_, _ = keyfile.Certificates(data, password)
	})
}
