package place

import (
	"errors"
	"io/fs"
	"testing"
)

// The agent is a named pipe of this machine: another machine's is none, nor is a file.
func TestPipes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", `\\.\pipe\`, `C:\agent.sock`, `\\server\pipe\agent`, `\\.\pipe\a\b`, `\\.\C:`,
		"\\\\.\\pipe\\a\x00",
	} {
		if err := Trusted(name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{`\\.\pipe\oidc-client-test-of-nobody`, `\\.\PIPE\oidc-client-test-of-nobody`} {
		if err := Trusted(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
