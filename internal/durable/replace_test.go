package durable

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Whoever reads a file while it is replaced gets one version whole, and is in nobody's way: Windows
// replaces no file that is open, and opens none that is being replaced.
func TestReplacedWhileItIsRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "session")
	const size, versions = 64 << 10, 30
	write(t, path, string(bytes.Repeat([]byte{'a'}, size)), 0o600)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(time.Millisecond): // older versions of Windows replace no file that always is open
				}
				data, err := Read(path, size)
				if err != nil || len(data) != size || bytes.Count(data, data[:1]) != size {
					t.Errorf("%d bytes were read, %v", len(data), err)
					return
				}
			}
		})
	}
	for i := range versions {
		r, err := Reserve(path)
		if err == nil {
			err = r.Commit(bytes.Repeat([]byte{byte('a' + i%26)}, size))
		}
		if err != nil {
			t.Error(err)
		}
	}
	close(done)
	readers.Wait()
	only(t, folder, "session")
}

// A file that is open elsewhere for a moment is removed all the same.
func TestRemovedWhileItIsRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "session")
	write(t, path, "secret", 0o600)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	removed := make(chan error, 1)
	go func() { removed <- Remove(path) }()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-removed; err != nil {
		t.Error(err)
	}
}
