//go:build unix

// Who owns a file.

package durable

import (
	"io/fs"
	"os"
	"syscall"
)

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
