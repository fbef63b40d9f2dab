//go:build unix

package cache

import (
	"os"
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
