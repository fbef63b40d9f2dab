package cli

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// An issuedCertificate is a certificate and its key.
type issuedCertificate struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// issue makes a certificate. by nil means that it signs itself. change sets what is special about it.
func issue(t *testing.T, name string, by *issuedCertificate, change func(*x509.Certificate)) *issuedCertificate {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if change == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		c.IPAddresses, c.ExtKeyUsage = []net.IP{net.IPv4(127, 0, 0, 1)}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		change(c)
	}
	own := &issuedCertificate{c, fakeop.NewKey()}
	if by == nil {
		by = own
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.Certificate, &own.key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	if own.Certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return own
}

// A certificate that does not verify leads to the link that is missing or wrong.
func TestHintsOfCertificates(t *testing.T) {
	t.Parallel()
	plain := func(*x509.Certificate) {}
	root := issue(t, "Example Root", nil, nil)
	between := issue(t, "Example Issuing CA", root, nil)
	leaf := issue(t, "leaf", between, plain)
	selfSigned := issue(t, "alone", nil, plain)
	for name, test := range map[string]struct {
		chain []*issuedCertificate // that the server sends
		trust *issuedCertificate   // --ca-cert, nil if it is not given
		hint  string
	}{
		"the issuer is not sent": {
			[]*issuedCertificate{leaf},
			root,
			`only its own certificate, and not that of its issuer, "CN=Example Issuing CA"`,
		},
		"the root is not trusted": {
			[]*issuedCertificate{leaf, between}, nil, `lacks the certificate of "CN=Example Root"`,
		},
		"a root is sent, not trusted": {[]*issuedCertificate{leaf, between, root}, nil, `ends at "CN=Example Root"`},
		"in another order":            {[]*issuedCertificate{leaf, root, between}, nil, `ends at "CN=Example Root"`},
		"self-signed":                 {[]*issuedCertificate{selfSigned}, nil, "self-signed"},
		"where the issuer can be got": {[]*issuedCertificate{issue(t, "leaf", between, func(c *x509.Certificate) {
			c.IssuingCertificateURL = []string{"http://ca.example/issuing.crt"}
		})}, root, `at "http://ca.example/issuing.crt"`},
		"expired": {[]*issuedCertificate{issue(t, "leaf", root, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		})}, root, "the server's certificate expired at 20"},
		"not valid yet": {[]*issuedCertificate{issue(t, "leaf", root, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		})}, root, "is this machine's clock right?"},
		"another host": {[]*issuedCertificate{issue(t, "leaf", root, func(c *x509.Certificate) {
			c.IPAddresses, c.DNSNames = nil, []string{"other.example"}
		})}, root, "the certificate is for other.example, not for 127.0.0.1: check issuer"},
		"the name in CN only": {[]*issuedCertificate{issue(t, "op.example", root, func(c *x509.Certificate) {
			c.IPAddresses = nil
		})}, root, `"op.example") in the common name only`},
		"for clients only": {[]*issuedCertificate{issue(t, "leaf", root, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		})}, root, "not for servers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := discoverTLS(t, test.trust, func(c *tls.Config) {
				served := tls.Certificate{PrivateKey: test.chain[0].key}
				for _, one := range test.chain {
					served.Certificate = append(served.Certificate, one.Raw)
				}
				c.Certificates = []tls.Certificate{served}
			})
			if !strings.Contains(said, test.hint) || strings.Count(said, "check the network") > 0 {
				t.Errorf("no advice that says %q: %s", test.hint, said)
			}
		})
	}
	t.Run("a client certificate is missing", func(t *testing.T) {
		t.Parallel()
		own := issue(t, "leaf", root, plain)
		said := discoverTLS(t, root, func(c *tls.Config) {
			c.Certificates = []tls.Certificate{{PrivateKey: own.key, Certificate: [][]byte{own.Raw}}}
			c.ClientAuth = tls.RequireAnyClientCert
		})
		if !strings.Contains(said, "the server wants a client certificate: --pem-cert") {
			t.Error(said)
		}
	})
}

// discoverTLS asks a TLS server for metadata, and returns what is said.
func discoverTLS(t *testing.T, trust *issuedCertificate, configure func(*tls.Config)) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{}
	configure(server.TLS)
	server.StartTLS()
	t.Cleanup(server.Close)
	args := []string{"discover", server.URL}
	if trust != nil {
		file := filepath.Join(t.TempDir(), "ca.pem")
		data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: trust.Raw})
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--ca-cert", file)
	}
	var said strings.Builder
	env := quiet()
	env.Stderr = &said
	if code := Main(t.Context(), env, args); code != 4 {
		t.Errorf("exit code %d", code)
	}
	_, advice, _ := strings.Cut(said.String(), "hint: ")
	return advice
}

// HTTP where TLS belongs, and the other way around, are told apart from a network that fails.
func TestHintsOfSchemes(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now())
	t.Cleanup(s.Close)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	for url, want := range map[string]string{
		strings.Replace(s.URL, "http:", "https:", 1):      "does not speak TLS",
		strings.Replace(secure.URL, "https:", "http:", 1): "the server speaks TLS on this port: use https",
	} {
		if code, _, said := s.main("discover "+url, ""); code != 4 || !strings.Contains(said, want) {
			t.Errorf("%s: exit code %d: %s", url, code, said)
		}
	}
}
