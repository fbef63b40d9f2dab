//go:build unix

package place

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// usualAgent is the socket of an agent that nothing else was said about.
func usualAgent(getenv func(string) string) string {
	if folder := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(folder) {
		return filepath.Join(folder, "oidc-client", "agent.sock")
	}
	if folder := Sessions(getenv); folder != "" {
		return filepath.Join(folder, "agent", "agent.sock")
	}
	return ""
}

// Trusted says why the socket of an agent must not be used: it, and the folder
// it is in, have to be this user's, and nobody else may enter the folder. The
// error is [fs.ErrNotExist] if there is no socket.
func Trusted(socket string) error {
	info, err := os.Lstat(socket)
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New(socket + " is not a socket")
	}
	folder, err := os.Stat(filepath.Dir(socket))
	if err != nil {
		return err
	}
	for _, it := range []fs.FileInfo{info, folder} {
		if stat, ok := it.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
			return errors.New(socket + " is not yours")
		}
	}
	if folder.Mode().Perm()&0o077 != 0 {
		return errors.New("others can enter the folder of " + socket + ": chmod 700 makes it private")
	}
	return nil
}
