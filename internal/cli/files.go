// Files that the user names: none is read without end.

package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// readFile reads a whole file that the user named: a key, a certificate, a
// secret.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := readBounded(f)
	var named *fs.PathError
	if err != nil && !errors.As(err, &named) {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return data, err
}

func readBounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit.File+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit.File {
		return nil, fmt.Errorf("more than %d bytes", limit.File)
	}
	return data, nil
}

// readKeyPair reads a certificate and its private key.
func readKeyPair(certFile, keyFile string) (*tls.Certificate, error) {
	cert, err := readFile(certFile)
	if err != nil {
		return nil, err
	}
	key, err := readFile(keyFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	return &pair, err
}

// readRoots reads a file of CA certificates.
func readRoots(path string) (*x509.CertPool, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate (PEM)", path)
	}
	return roots, nil
}
