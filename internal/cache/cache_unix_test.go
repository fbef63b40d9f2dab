//go:build unix

package cache

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe in the place of an entry is not waited for.
func TestPipe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Cache-Control", "max-age=3600")
	w.get()
	file := w.transport("op").file("https://op.example/x")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if body, _ := w.get(); body != `{"a":1}` {
		t.Errorf("%q", body)
	}
	w.wasAsked(2, "a pipe")
}

// A link in the place of an entry is replaced, and what it leads to stays.
func TestLinkIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Cache-Control", "max-age=3600")
	w.get()
	file, precious := w.transport("op").file("https://op.example/x"), filepath.Join(t.TempDir(), "precious")
	write(t, precious, "precious")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(precious, file); err != nil {
		t.Fatal(err)
	}
	w.get()
	if got, err := os.ReadFile(precious); string(got) != "precious" {
		t.Errorf("%q, %v", got, err)
	}
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
