// Locks between processes that update the same file.

package durable

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Lock waits until no other process holds the lock of path, takes it, and
// returns what gives it back. The lock is a file beside path, .NAME.lock, that
// stays: one that is removed could be locked twice. It ends with its process.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	target, err := resolve(path)
	if err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".lock"), flock.SetPermissions(0o600))
	const again = 20 * time.Millisecond
	locked, err := lock.TryLockContext(ctx, again)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("another process is using it: %w", context.Cause(ctx))
	case err != nil:
		return nil, err
	case !locked:
		return nil, fmt.Errorf("another process is using it")
	}
	return func() { _ = lock.Close() }, nil
}
