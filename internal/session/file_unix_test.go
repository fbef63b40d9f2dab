//go:build unix

package session

import (
	"os"
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
