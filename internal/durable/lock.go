// Locks between processes that update the same file.

package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Lock waits until no other process holds the lock of path, takes it, and
// returns what gives it back. waiting is called each time that it is found taken; once it
// returns true the wait is over, without a lock and without an error. The lock is a file
// beside path, .NAME.lock, that stays: one that is removed could be locked twice. It ends
// with its process.
func Lock(ctx context.Context, path string, waiting func() (enough bool)) (unlock func(), err error) {
	target, err := resolve(path)
	if err != nil {
		return nil, err
	}
	mode := fs.FileMode(0o600)
	file, statErr := os.Stat(target)
	if statErr == nil {
		mode = file.Mode().Perm() // whoever may use the file may lock it
	}
	name := filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".lock")
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file, which a lock is", name) // opening a pipe would wait
	}
	lock := flock.New(name, flock.SetPermissions(mode))
	if locked, err := take(ctx, lock, waiting); !locked {
		return nil, errors.Join(err, lock.Close())
	}
	if f, err := os.OpenFile(name, os.O_RDWR, 0); err == nil && statErr == nil {
		_ = giveTo(f, file) // the owner of the file comes after us
		_ = f.Close()
	}
	return func() { _ = lock.Close() }, nil
}

// take locks, as [Lock] does.
func take(ctx context.Context, lock *flock.Flock, waiting func() bool) (bool, error) {
	for {
		locked, err := lock.TryLock()
		if locked || err != nil || waiting() {
			return locked, err
		}
		// Those who wait together do not ask together.
		again := time.NewTimer(5*time.Millisecond + rand.N(10*time.Millisecond)) //nolint:gosec // no secret
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return false, context.Cause(ctx)
		}
	}
}
