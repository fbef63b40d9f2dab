package cli

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/oidc-client/oidc-client/internal/run"
)

const sesame = "open-sesame"

// encryptedStage is a stage with key.pem and client.pem in other forms, whose password is sesame.
func encryptedStage(t *testing.T) *stage {
	t.Helper()
	s := newStage(t, true, time.Now().Truncate(time.Second))
	block, _ := pem.Decode(s.read("key.pem"))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	block, _ = pem.Decode(s.read("client.pem"))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := pkcs12.Modern.Encode(key, leaf, nil, sesame)
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{s.Certificate()}, pkcs12.DefaultPassword)
	if err != nil {
		t.Fatal(err)
	}
	base := "issuer: " + s.URL + "\nclient_id: cli\nca_cert: trust.p12\n"
	for name, text := range map[string][]byte{
		"key.p12": packed, "trust.p12": trusted,
		"both.yaml": []byte(base + "private_key: key.p12\nprivate_key_password: " + sesame + "\n"),
		"tls.yaml": []byte(base + "auth_method: tls_client_auth\ntls_client_certificate: key.p12\n" +
			"tls_client_key_password: " + sesame + "\n"),
		"asks.yaml":    []byte(base + "auth_method: private_key_jwt\nprivate_key: key.p12\ntls_client_certificate: key.p12\n"),
		"mtls.yaml":    []byte(base + "auth_method: tls_client_auth\n"),
		"openssh":      []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nAA==\n-----END OPENSSH PRIVATE KEY-----\n"),
		"bom.pem":      append([]byte("\uFEFF"), s.read("key.pem")...),
		"bom-cert.pem": append([]byte("\uFEFF"), s.read("client.pem")...),
		"old.pem": []byte("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n" +
			"DEK-Info: AES-128-CBC,73447374BB4DC3C33189D4D10809953E\n\nAA==\n-----END EC PRIVATE KEY-----\n"),
		"bom.json": []byte("\uFEFF{}"),
	} {
		if err := os.WriteFile(filepath.Join(s.folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *stage) read(name string) []byte {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.folder, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

// Keys and certificates are read in the forms that people have them in, wherever a file of them is named; what is
// not read is named for what it is, for TLS keys too. A password is never shown.
func TestKeyFiles(t *testing.T) {
	t.Parallel()
	s := encryptedStage(t)
	defer s.Close()
	const (
		profile = "jwt profile --issuer https://op.example --client-id cli --pem-key $DIR/"
		ssh     = "it is a private key of OpenSSH"
		bom     = "byte order mark (BOM)"
	)
	for _, c := range []struct{ line, password, typed, code, says string }{
		{profile + "key.p12", sesame, "", "0", ""},
		{profile + "key.p12", "", sesame, "0", "Password of DIR/key.p12: "},
		{profile + "key.p12", "\uFEFF" + sesame + "\n", "", "0", ""},
		{profile + "key.p12", "", "", "2", "its password is not known: set private_key_password or"},
		{profile + "key.p12", "wrong-password", "", "2", "the password is wrong"},
		{profile + "openssh", "", "", "2", ssh},
		{profile + "old.pem", "", "", "2", "openssl pkcs8 -topk8"},
		{profile + "bom.pem", "", "", "2", bom},
		{profile + "bom.json", "", "", "2", bom},
		{"jwt jwks --pem-key $DIR/key.p12", sesame, "", "0", `"kty": "EC"`},
		{"jwt jwks --pem-key $DIR/key.p12", "", "", "2", "its password is not known: set"},
		{"client-credentials -c $DIR/both.yaml", "", "", "0", "the-access-token"},
		{"client-credentials -c $DIR/tls.yaml", "", "", "0", "the-access-token"},
		{"client-credentials -c $DIR/asks.yaml", "", sesame, "0", "Password of DIR/key.p12: "},
		{"client-credentials -c $DIR/mtls.yaml --pem-cert $DIR/key.p12", sesame, "", "0", "the-access-token"},
		{"client-credentials -c $DIR/mtls.yaml --pem-cert $DIR/client.pem", "", "", "2", "there is no tls_client_key"},
		{"config validate $DIR/tls.yaml", "", "", "0", ""},
		{"config validate $DIR/asks.yaml", "", "", "2", "set private_key_password"},
		{"client-credentials -c $DIR/mtls.yaml --pem-cert $DIR/client.pem --pem-key $DIR/openssh", "", "", "2", ssh},
		{"client-credentials -c $DIR/mtls.yaml --pem-cert $DIR/client.pem --pem-key $DIR/bom.pem", "", "", "2", bom},
		{"client-credentials -c $DIR/mtls.yaml --pem-cert $DIR/bom-cert.pem --pem-key $DIR/key.pem", "", "", "2", bom},
		{
			"client-credentials -c $DIR/mtls.yaml --pem-cert $DIR/client.pem --pem-key $DIR/old.pem", "", "", "2",
			"openssl pkcs8 -topk8",
		},
		{"discover " + s.URL + " --ca-cert $DIR/bom-cert.pem", "", "", "2", bom},
		{"discover " + s.URL + " --ca-cert $DIR/key.pem", "", "", "2", "it holds no certificate"},
		{"provider -p 0 --timeout 9s --tls-cert $DIR/key.p12 --tls-key $DIR/openssh", sesame, "", "2", ssh},
		{"provider -p 0 --timeout 9s --signing-key $DIR/bom.pem", "", "", "2", bom},
	} {
		s.env["OIDC_PRIVATE_KEY_PASSWORD"], s.typed = c.password, c.typed
		got := s.run(c.line, "")
		if !strings.HasPrefix(got, "exit code "+c.code+"\n") || !strings.Contains(got, c.says) {
			t.Errorf("%s, password %q, typed %q: %s", c.line, c.password, c.typed, got)
		}
		if strings.Contains(got, sesame) || c.code == "2" && strings.Contains(got, "tls: ") {
			t.Errorf("%s: %s", c.line, got)
		}
		if n := strings.Count(got, "Password of"); n > 1 {
			t.Errorf("%s: it asks %d times", c.line, n)
		}
	}
}

// The development provider speaks TLS with the certificate of a PKCS #12 file.
func TestProviderWithPKCS12(t *testing.T) {
	t.Parallel()
	s := encryptedStage(t)
	defer s.Close()
	env := quiet()
	env.Password = func(context.Context, string) (string, error) { return sesame, nil }
	o := providerOptions{tlsCert: filepath.Join(s.folder, "key.p12"), clientsCA: filepath.Join(s.folder, "trust.p12")}
	o.tlsKey, o.signingKey = o.tlsCert, o.tlsCert
	options, err := o.gather(t.Context(), run.New(env, run.Options{}, "provider"))
	if err != nil || options.Certificate == nil || options.ClientCAs == nil ||
		!bytes.Contains(options.SigningKey, []byte("PRIVATE KEY")) {
		t.Errorf("%v, %+v", err, options)
	}
}
