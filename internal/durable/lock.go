// Locks between processes that update the same file.

package durable

import (
	"context"
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
	lock := flock.New(filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".lock"), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err == nil && !locked {
		waiting()
		const again = 20 * time.Millisecond
		if _, err = lock.TryLockContext(ctx, again); err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	return func() { _ = lock.Close() }, nil
}
