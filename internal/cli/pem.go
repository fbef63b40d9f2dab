// Certificates and keys that flags name, in PEM or PKCS #12.

package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/keyfile"
	"github.com/oidc-client/oidc-client/internal/run"
)

// readKey reads a private key, as PEM or a JSON Web Key.
func readKey(ctx context.Context, r *run.Run, path string) ([]byte, error) {
	data, err := r.Input.ReadFile(ctx, path)
	if err != nil {
		return nil, err
	}
	return readAs(ctx, r, path, data, keyfile.PrivateKey)
}

// readAs reads the content of a file in one of the ways of package keyfile.
func readAs(
	ctx context.Context, r *run.Run, path string, data []byte, as func([]byte, keyfile.Password) ([]byte, error),
) ([]byte, error) {
	text, err := as(data, func() (string, error) {
		password, err := r.Input.Password(ctx, connect.PasswordVariable, path)
		if errors.Is(err, run.ErrNoTerminal) {
			return "", errors.New("it is encrypted, and its password is not known: set " + connect.PasswordVariable)
		}
		return password, err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

// readKeyPair reads a certificate and its private key.
func readKeyPair(ctx context.Context, r *run.Run, certFile, keyFile string) (*tls.Certificate, error) {
	data, err := r.Input.ReadFile(ctx, certFile)
	if err != nil {
		return nil, err
	}
	cert, err := readAs(ctx, r, certFile, data, keyfile.Certificates)
	if err != nil {
		return nil, err
	}
	key := cert
	switch {
	case keyFile != certFile:
		key, err = readKey(ctx, r, keyFile)
	case !keyfile.IsPKCS12(data):
		key, err = readAs(ctx, r, keyFile, data, keyfile.PrivateKey)
	}
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	return &pair, err
}

// readRoots reads a file of CA certificates.
func readRoots(ctx context.Context, r *run.Run, path string) (*x509.CertPool, error) {
	data, err := r.Input.ReadFile(ctx, path)
	if err != nil {
		return nil, err
	}
	if data, err = readAs(ctx, r, path, data, keyfile.Certificates); err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s: its certificates cannot be read", path)
	}
	return roots, nil
}
