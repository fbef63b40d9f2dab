// Package durable writes files that are either the old one or the new one,
// whatever happens: a temporary file in the same folder, fsync, rename, fsync
// of the folder.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// A Reservation is a file that is about to be written. Everything that can
// fail before the contents are known has been done: the folder exists, it is
// writable, and the temporary file is there.
type Reservation struct {
	path string // the file to replace, symbolic links resolved
	temp *os.File
}

// Reserve prepares to replace path. The file's mode is kept; a new file gets
// 0600, and a new folder 0700. Exactly one of Commit and Discard must be
// called.
func Reserve(path string) (*Reservation, error) {
	target, err := resolve(path)
	if err != nil {
		return nil, err
	}
	mode := fs.FileMode(0o600)
	switch info, err := os.Stat(target); {
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case err == nil:
		mode = info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	folder := filepath.Dir(target)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	temp, err := os.CreateTemp(folder, "."+filepath.Base(target)+".*.tmp") // 0600
	if err != nil {
		return nil, err
	}
	r := &Reservation{path: target, temp: temp}
	if err := temp.Chmod(mode); err != nil && runtime.GOOS != "windows" {
		return nil, errors.Join(err, r.Discard())
	}
	return r, nil
}

// resolve follows symbolic links, so that the file they lead to is replaced
// and not the link. A link that leads nowhere is followed too.
func resolve(path string) (string, error) {
	for range 40 { // as many as Linux follows
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode()&fs.ModeSymlink == 0 {
			return path, nil
		}
		if err != nil {
			return "", err
		}
		to, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return "", fmt.Errorf("%s: too many symbolic links", path)
}

// Commit replaces the file with data. When it returns nil the new contents
// survive a crash of the machine. On an error the old file is as it was.
func (r *Reservation) Commit(data []byte) error {
	_, err := r.temp.Write(data)
	if err == nil {
		err = r.temp.Sync()
	}
	err = errors.Join(err, r.temp.Close())
	if err == nil {
		err = os.Rename(r.temp.Name(), r.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(r.temp.Name()))
	}
	syncFolder(filepath.Dir(r.path))
	return nil
}

// Discard gives the reservation up and leaves the file as it is.
func (r *Reservation) Discard() error {
	return errors.Join(r.temp.Close(), os.Remove(r.temp.Name()))
}

// WriteFile replaces path with data, as [Reserve] and Commit do.
func WriteFile(path string, data []byte) error {
	r, err := Reserve(path)
	if err != nil {
		return err
	}
	return r.Commit(data)
}

// syncFolder makes a rename durable. Some file systems cannot sync a folder;
// the file is written all the same, so that is no error.
func syncFolder(path string) {
	folder, err := os.Open(path)
	if err != nil {
		return
	}
	_ = folder.Sync()
	_ = folder.Close()
}
