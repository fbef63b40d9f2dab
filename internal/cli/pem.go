// Certificates and keys that flags name, in PEM.

package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"github.com/oidc-client/oidc-client/internal/run"
)

// readKeyPair reads a certificate and its private key.
func readKeyPair(ctx context.Context, certFile, keyFile string) (*tls.Certificate, error) {
	cert, err := run.ReadFile(ctx, certFile)
	if err != nil {
		return nil, err
	}
	key, err := run.ReadFile(ctx, keyFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	return &pair, err
}

// readRoots reads a file of CA certificates.
func readRoots(ctx context.Context, path string) (*x509.CertPool, error) {
	data, err := run.ReadFile(ctx, path)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate (PEM)", path)
	}
	return roots, nil
}
