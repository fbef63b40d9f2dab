// Locks between processes that update the same file.

package durable

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Lock waits until no other process holds the lock of path, takes it, and
// returns what gives it back. waiting is called if it has to wait. The lock is a file beside path, .NAME.lock, that
// stays: one that is removed could be locked twice. It ends with its process.
func Lock(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
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
	locked, err := lock.TryLock()
	if err == nil && !locked {
		waiting()
		const again = 20 * time.Millisecond
		if locked, err = lock.TryLockContext(ctx, again); !locked && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}
	if !locked {
		return nil, err
	}
	if f, err := os.OpenFile(name, os.O_RDWR, 0); err == nil && statErr == nil {
		_ = giveTo(f, file) // the owner of the file comes after us
		_ = f.Close()
	}
	return func() { _ = lock.Close() }, nil
}
