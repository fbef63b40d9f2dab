// Files that the user names: none is read, or waited for, without end.

package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/limit"
)

// ReadFile reads a whole file that the user named: a key, a certificate, a
// secret. It may be a pipe.
func ReadFile(ctx context.Context, path string) ([]byte, error) {
	return Await(ctx, path, func() ([]byte, error) { return readNamed(path) })
}

// Await gives up reading when ctx ends: nobody may ever type anything, and a
// file may be a pipe that nobody opens to write, which holds up the opening,
// too. The error is a [*failure.WaitError] then.
func Await(ctx context.Context, what string, read func() ([]byte, error)) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := read()
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		return nil, &failure.WaitError{For: what, Cause: context.Cause(ctx)}
	}
}

func readNamed(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := ReadBounded(f)
	var named *fs.PathError
	if err != nil && !errors.As(err, &named) {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return data, err
}

// ReadBounded reads all of r, up to [limit.File] bytes.
func ReadBounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit.File+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit.File {
		return nil, fmt.Errorf("more than %d bytes", limit.File)
	}
	return data, nil
}

// WriteNew writes a file that must not exist, unless force replaces it. Of two
// runs that write the same file one fails.
func WriteNew(file string, data []byte, force bool) error {
	if force {
		return durable.WriteFile(file, data)
	}
	err := durable.Create(file, data)
	if errors.Is(err, fs.ErrExist) {
		return failure.Usage("%s is there already; --force replaces it", file)
	}
	return err
}

// Nowhere reports whether w discards what is written to it: a standard output
// that is closed or the null device. Go opens the null device in the place of
// one that is closed.
func Nowhere(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err != nil || isNull(f, info)
}

// The result files of -o, named as the ancestor names them.
const (
	TokenResponseFile = "access_token_resp.json"
	IDTokenFile       = "id_token.json"
	UserInfoFile      = "userinfo.json"
	AccessTokenFile   = "access_token.json"
	RefreshTokenFile  = "refresh_token.json"
	IntrospectionFile = "introspect.json"
)

// Write writes a result file, if -o asks for it.
func (r *Run) Write(name string, data []byte) error {
	if !r.Options.Output || data == nil {
		return nil
	}
	if err := durable.WriteFile(filepath.Join(r.Options.OutputDir, name), data); err != nil {
		return fmt.Errorf("result file: %w", err)
	}
	return nil
}

// CanWrite makes sure that result files can be written, if -o asks for them.
func (r *Run) CanWrite(names ...string) error {
	if !r.Options.Output {
		return nil
	}
	for _, name := range names {
		probe, err := durable.ReserveNew(filepath.Join(r.Options.OutputDir, name))
		if err == nil {
			err = probe.Discard()
		}
		if err != nil {
			return failure.Config("--output-dir: a result could not be written, so nothing was sent: %v", err).
				Try("--output-dir has to be a folder that can be written to")
		}
	}
	return nil
}
