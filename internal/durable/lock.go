// Locks between processes that update the same file.

package durable

import (
	"context"
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
	if info, err := os.Stat(target); err == nil {
		mode = info.Mode().Perm() // whoever may use the file may lock it
	}
	lock := flock.New(filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".lock"), flock.SetPermissions(mode))
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
	return func() { _ = lock.Close() }, nil
}
