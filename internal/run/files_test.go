package run

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file of a key or a secret is read to a mebibyte, and not cut.
func TestFilesAreBounded(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key.pem")
	for size, ok := range map[int]bool{1 << 20: true, 1<<20 + 1: false} {
		if err := os.WriteFile(file, []byte(strings.Repeat("x", size)), 0o600); err != nil {
			t.Fatal(err)
		}
		data, err := ReadFile(t.Context(), file)
		if (err == nil) != ok || ok && len(data) != size {
			t.Errorf("%d bytes: %d read, %v", size, len(data), err)
		}
	}
}

// What is discarded is told from what is only no terminal.
func TestNowhere(t *testing.T) {
	t.Parallel()
	open := func(path string) *os.File {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	file := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	closed := open(file)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	reader, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = reader.Close(), pipe.Close() })
	if !Nowhere(open(os.DevNull)) || !Nowhere(closed) {
		t.Error("the null device, or a closed file, keeps what is written to it")
	}
	if Nowhere(open(file)) || Nowhere(pipe) || Nowhere(&bytes.Buffer{}) {
		t.Error("a file, a pipe or a buffer discards what is written to it")
	}
}
