//go:build unix

// Who owns a file.

package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Ours says why what is in a file or folder need not be what its user put there: others can
// write to it, or it is another user's. The superuser can write everywhere, and is no other.
func Ours(info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("others can write to it (mode %04o), so what is in it cannot be trusted; chmod go-w makes "+
			"it yours alone", mode)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return errors.New("it belongs to another user, so what is in it cannot be trusted")
	}
	return nil
}

// giveTo makes a file belong to whoever the file that it will replace belongs
// to. It is an error if that cannot be.
func giveTo(f *os.File, old fs.FileInfo) error {
	want, ok := old.Sys().(*syscall.Stat_t)
	info, err := f.Stat()
	if err != nil || !ok {
		return err
	}
	if have, ok := info.Sys().(*syscall.Stat_t); ok && have.Uid == want.Uid && have.Gid == want.Gid {
		return nil
	}
	return f.Chown(int(want.Uid), int(want.Gid))
}

// openItself opens a file to be written in place, nil if it cannot be, or is
// another file by now.
func openItself(path string, old fs.FileInfo) *os.File {
	f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil
	}
	if info, err := f.Stat(); err != nil || !os.SameFile(info, old) {
		_ = f.Close()
		return nil
	}
	return f
}
