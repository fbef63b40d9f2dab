//go:build unix

package session

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

// A pipe in the place of a session is not waited for.
func TestPipeIsNoSession(t *testing.T) {
	t.Parallel()
	f := files(t)
	path := saved(t, f)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, f, path)
	if _, err := f.Reserve("work"); err == nil {
		t.Error("a pipe was reserved")
	}
}

// A file that others can write to is not trusted, nor a folder.
func TestOthersCanWrite(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o620, 0o602, 0o666} {
		f := files(t)
		path := saved(t, f)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		refused(t, f, path)
	}
	for _, mode := range []fs.FileMode{0o770, 0o707} {
		f := files(t)
		saved(t, f)
		if err := os.Chmod(f.Folder, mode); err != nil {
			t.Fatal(err)
		}
		if err := Save(f, good()); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
			t.Errorf("%v: %v", mode, err)
		}
		if _, err := f.Reserve("new"); err == nil {
			t.Errorf("%v: reserved", mode)
		}
	}
}

// One that others can read, as after it was restored from somewhere, is private once it is
// written.
func TestOthersCanRead(t *testing.T) {
	t.Parallel()
	f := files(t)
	path := saved(t, f)
	if err := os.Chmod(path, 0o644); err != nil { //nolint:gosec // what is mended
		t.Fatal(err)
	}
	if err := Save(f, good()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// One that others may have written does not become ours by trying whether it can be written.
func TestTryingDoesNotTrust(t *testing.T) {
	t.Parallel()
	f := files(t)
	path := saved(t, f)
	if err := os.Chmod(path, 0o666); err != nil { //nolint:gosec // what is refused
		t.Fatal(err)
	}
	r, err := f.Reserve("work")
	if err == nil {
		err = r.Discard()
	}
	if err != nil {
		t.Fatal(err)
	}
	refused(t, f, path)
	if err := Save(f, good()); err != nil { // in its place, and private
		t.Fatal(err)
	}
	kept(t, f, good())
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
