package durable

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func hold(t *testing.T, path string) *Held {
	t.Helper()
	held, err := Hold(t.Context(), path, func() bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	return held
}

func noted(t *testing.T, h *Held, want string) {
	t.Helper()
	if text, err := h.Note(); text != want || err != nil {
		t.Errorf("the note is %q, %v, not %q", text, err, want)
	}
}

// A note outlives the lock, and its text is replaced as a whole.
func TestNote(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, "secret", 0o640)
	first := hold(t, file)
	noted(t, first, "")
	if err := first.Writable(); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"a long note\n", "short\n"} {
		if err := first.SetNote(text); err != nil {
			t.Fatal(err)
		}
		noted(t, first, text)
	}
	if enough, err := Hold(t.Context(), file, func() bool { return true }); enough != nil || err != nil {
		t.Errorf("the lock is not held: %v, %v", enough, err)
	}
	first.Release()

	second := hold(t, file)
	defer second.Release()
	noted(t, second, "short\n")
	if err := second.SetNote(""); err != nil {
		t.Fatal(err)
	}
	noted(t, second, "")
	holds(t, file, "secret", 0o640)
	if want := filepath.Join(filepath.Dir(file), ".token.lock"); second.Name() != want {
		t.Errorf("%s, not %s", second.Name(), want)
	}
}

// Whoever may use the file may leave a note, also where the umask or an earlier mode of the file
// is in the way; and the owner of a file that is read-only.
func TestModeOfALock(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		return // which has no modes
	}
	file := filepath.Join(t.TempDir(), "token")
	lock := filepath.Join(filepath.Dir(file), ".token.lock")
	write(t, file, "secret", 0o600)
	for _, modes := range []struct{ file, lock os.FileMode }{{0o660, 0o660}, {0o600, 0o600}, {0o400, 0o600}} {
		if err := os.Chmod(file, modes.file); err != nil {
			t.Fatal(err)
		}
		held := hold(t, file)
		if info, err := os.Stat(lock); err != nil || info.Mode().Perm() != modes.lock {
			t.Errorf("mode %v for a file of %v: %v", info.Mode(), modes.file, err)
		}
		if err := held.Writable(); err != nil {
			t.Error(err)
		}
		held.Release()
	}
}

// Modes of what is no regular file are not about who may use it.
func TestModeOfALockOfAFolder(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	held := hold(t, folder)
	defer held.Release()
	if info, err := os.Stat(held.Name()); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// The next process would look for the note in the file that is there now.
func TestNoteWhoseLockIsGone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		return // which does not remove files that are open
	}
	file := filepath.Join(t.TempDir(), "token")
	for name, spoil := range map[string]func(lock string) error{
		"removed":  os.Remove,
		"replaced": func(lock string) error { return WriteFile(lock, nil) },
	} {
		held := hold(t, file)
		if err := spoil(held.Name()); err != nil {
			t.Fatal(err)
		}
		if err := held.SetNote("x"); err == nil || !strings.Contains(err.Error(), held.Name()) {
			t.Errorf("%s: %v", name, err)
		}
		if held.Writable() == nil {
			t.Errorf("%s: a note could be written", name)
		}
		if text, err := held.Note(); err == nil {
			t.Errorf("%s: the note is %q", name, text)
		}
		held.Release()
	}
}

// A wait that ends has no lock.
func TestHoldEnds(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	defer hold(t, file).Release()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if held, err := Hold(ctx, file, func() bool { return false }); held != nil || err == nil {
		t.Errorf("%v, %v", held, err)
	}
}

// What killed processes left is removed. What may be in use is not, nor what another file's
// process may be using, nor what only looks similar.
func TestSweep(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "token")
	r, err := Reserve(file)
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * time.Minute)
	for name, stays := range map[string]bool{
		".token.1.tmp": false, ".token.4294967295.tmp": false,
		".token.old.1.tmp": true, ".token.old.tmp": true, ".token..tmp": true, ".token.tmp": true,
		".token.1.lock":  true,
		".token.1.tmp.2": true, "token.1.tmp": true, ".other.1.tmp": true, ".token.-1.tmp": true,
	} {
		path := filepath.Join(folder, name)
		write(t, path, "", 0o600)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		Sweep(file, 3*time.Minute)
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s, which may be in use, was removed", name)
		}
		Sweep(file, time.Minute)
		if _, err := os.Stat(path); (err == nil) != stays {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.Commit([]byte("new")); err != nil {
		t.Error(err)
	}
	holds(t, file, "new", 0o600)
}

// A temporary file of another kind than ours stays, and so does what a link leads to.
func TestSweepTakesFilesOnly(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, link := filepath.Join(folder, "token"), filepath.Join(folder, ".token.1.tmp")
	write(t, file, "precious", 0o600)
	symlink(t, file, link)
	if err := os.Mkdir(filepath.Join(folder, ".token.2.tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	Sweep(file, -time.Hour)
	only(t, folder, "token", ".token.1.tmp", ".token.2.tmp")
}

func TestHardLinked(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, second, link := filepath.Join(folder, "token"), filepath.Join(folder, "second"), filepath.Join(folder, "link")
	write(t, file, "x", 0o600)
	symlink(t, file, link)
	if HardLinked(file) || HardLinked(link) || HardLinked(second) {
		t.Error("a file with one name has two")
	}
	if err := os.Link(file, second); err != nil {
		t.Fatal(err)
	}
	if !HardLinked(file) || !HardLinked(second) || !HardLinked(link) {
		t.Error("a file with two names has one")
	}
}
