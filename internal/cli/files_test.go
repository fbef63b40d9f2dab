package cli

import (
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
		data, err := readFile(t.Context(), file)
		if (err == nil) != ok || ok && len(data) != size {
			t.Errorf("%d bytes: %d read, %v", size, len(data), err)
		}
	}
}
