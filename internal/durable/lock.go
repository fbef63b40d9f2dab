// Locks between processes that update the same file.

package durable

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	held, err := Hold(ctx, path, waiting)
	if held == nil {
		return nil, err
	}
	return held.Release, nil
}

// A Held is a lock that this process holds. Its file also keeps a note for the next process
// that takes the lock; unlike the lock, the note outlives its process.
type Held struct {
	name string
	lock *flock.Flock
}

// Hold takes the lock of path as [Lock] does. The Held is nil if the wait ended without the lock.
func Hold(ctx context.Context, path string, waiting func() (enough bool)) (*Held, error) {
	target, err := resolve(path)
	if err != nil {
		return nil, err
	}
	mode := fs.FileMode(0o600)
	file, statErr := os.Stat(target)
	if statErr == nil && file.Mode().IsRegular() {
		mode |= file.Mode().Perm() // whoever may use the file may lock it; its owner also leaves notes
	}
	name := filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".lock")
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file, which a lock is", name) // opening a pipe would wait
	}
	lock := flock.New(name, flock.SetPermissions(mode))
	if locked, err := take(ctx, lock, waiting); !locked {
		return nil, errors.Join(err, lock.Close())
	}
	if info, err := lock.Stat(); err == nil && info.Mode().Perm() != mode {
		_ = os.Chmod(name, mode) // the umask took bits away, or the file's mode was changed since
	}
	if f, err := os.OpenFile(name, os.O_RDWR, 0); err == nil {
		if statErr == nil {
			_ = giveTo(f, file) // the owner of the file comes after us
		}
		_ = f.Close()
	}
	return &Held{name, lock}, nil
}

// Release gives the lock back. The note stays.
func (h *Held) Release() { _ = h.lock.Close() }

// Name is the path of the lock file.
func (h *Held) Name() string { return h.name }

// noteAt is where the note begins: Windows locks the first byte of the file, also against
// other handles of this process.
const noteAt = 1

// Note returns the note, "" if there is none.
func (h *Held) Note() (string, error) {
	const most = 64 << 10
	f, err := h.open(os.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, noteAt, most))
	return string(data), err
}

// Writable returns why a note cannot be written, nil if nothing is known to be in the way.
func (h *Held) Writable() error {
	f, err := h.open(os.O_RDWR)
	if err != nil {
		return err
	}
	return f.Close()
}

// SetNote replaces the note; "" clears it. When it returns nil the note survives a crash of the
// machine; that it was cleared may not. If it fails, the note may be neither the old nor the new one.
func (h *Held) SetNote(text string) error {
	f, err := h.open(os.O_RDWR)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(text), noteAt)
	if err == nil {
		err = f.Truncate(noteAt + int64(len(text)))
	}
	if text == "" {
		return errors.Join(err, f.Close()) // to wait for the disk would only save a user from an outdated note
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		syncFolder(filepath.Dir(h.name)) // the lock file may be new
	}
	return err
}

// open opens the lock file, provided that it still is the one that is locked. The next process
// would look for the note in the one that replaced it.
func (h *Held) open(flag int) (*os.File, error) {
	f, err := os.OpenFile(h.name, flag, 0)
	if err != nil {
		return nil, err
	}
	locked, lockErr := h.lock.Stat()
	found, err := f.Stat()
	if err = errors.Join(lockErr, err); err == nil && !os.SameFile(locked, found) {
		err = fmt.Errorf("%s was replaced while this process held it", h.name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
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
