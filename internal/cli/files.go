// Files that the user names: none is read, or waited for, without end.

package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/limit"
)

// readFile reads a whole file that the user named: a key, a certificate, a
// secret.
func readFile(ctx context.Context, path string) ([]byte, error) {
	return read(ctx, path, func() ([]byte, error) { return readNamed(path) })
}

// read gives up reading when ctx ends: nobody may ever type anything, and a
// file may be a pipe that nobody opens to write, which holds up the opening, too.
func read(ctx context.Context, what string, from func() ([]byte, error)) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := from()
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		return nil, &waitError{what, context.Cause(ctx)}
	}
}

func readNamed(path string) ([]byte, error) {
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

// writeNew writes a file that must not exist, unless force replaces it. Of two runs that write the
// same file one fails.
func writeNew(file string, data []byte, force bool) error {
	if force {
		return durable.WriteFile(file, data)
	}
	err := durable.Create(file, data)
	if errors.Is(err, fs.ErrExist) {
		return usage("%s is there already; --force replaces it", file)
	}
	return err
}

// nowhere reports whether w discards what is written to it: a standard output that is closed or
// the null device. Go opens the null device in the place of one that is closed.
func nowhere(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err != nil || isNull(f, info)
}

// readKeyPair reads a certificate and its private key.
func readKeyPair(ctx context.Context, certFile, keyFile string) (*tls.Certificate, error) {
	cert, err := readFile(ctx, certFile)
	if err != nil {
		return nil, err
	}
	key, err := readFile(ctx, keyFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	return &pair, err
}

// readRoots reads a file of CA certificates.
func readRoots(ctx context.Context, path string) (*x509.CertPool, error) {
	data, err := readFile(ctx, path)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate (PEM)", path)
	}
	return roots, nil
}
