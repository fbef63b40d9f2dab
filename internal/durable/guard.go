// What keeps two processes apart where locks do not.

package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Excludes reports whether the lock of path, which the caller holds, keeps others out: a second
// descriptor does not get it. Some file systems grant every lock, such as NFS without a lock
// manager.
func Excludes(path string) bool {
	target, err := resolve(path)
	if err != nil {
		return true // nothing else is known
	}
	second := flock.New(beside(target, "lock"), flock.SetPermissions(0o600))
	defer second.Close()
	locked, err := second.TryLock()
	return err != nil || !locked
}

// A GuardError says that another process has been in [Guarded] for too long. If it was killed
// there, its guard stays at Path.
type GuardError struct{ Path string }

func (e *GuardError) Error() string {
	return fmt.Sprintf("another process is changing it, or was killed meanwhile; remove %s if no other process runs",
		e.Path)
}

// Guarded calls change while no other process is in such a call for path. It does not rely on
// locks: it makes a file that must not be there yet, .NAME.guard, and removes it afterwards.
func Guarded(path string, change func() error) error {
	target, err := resolve(path)
	if err != nil {
		return err
	}
	guard := beside(target, "guard")
	const patience, pause = 2 * time.Second, 5 * time.Millisecond
	began, holder := time.Now(), time.Time{}
	for ; ; time.Sleep(pause) {
		f, err := os.OpenFile(guard, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			_ = f.Close() // nothing is written to it
			break
		}
		if !errors.Is(err, fs.ErrExist) && !busy(err) {
			return err
		}
		if info, err := os.Lstat(guard); err == nil && !info.ModTime().Equal(holder) {
			began, holder = time.Now(), info.ModTime() // another process's turn
		}
		if time.Since(began) > patience {
			return &GuardError{guard}
		}
	}
	defer func() { _ = removeFile(guard) }() // if it stays, the next process is told so
	return change()
}

// Unguard removes the guard that a process which was killed left behind. The caller holds the
// lock of path, which excludes others. A guard that is older than the lock file stays: its process
// may have another lock file, which was removed, and live.
func Unguard(path string) {
	target, err := resolve(path)
	if err != nil {
		return
	}
	guard, guardErr := os.Lstat(beside(target, "guard"))
	lock, lockErr := os.Lstat(beside(target, "lock"))
	if guardErr == nil && lockErr == nil && !guard.ModTime().Before(lock.ModTime()) {
		_ = os.Remove(beside(target, "guard")) // or else Guarded tells
	}
}

// beside is the name of a file that belongs to another one.
func beside(target, kind string) string {
	return filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+"."+kind)
}
