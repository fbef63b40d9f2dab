// Files that are open elsewhere, which Windows neither replaces nor removes unless whoever opened
// them lets it.

package durable

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// open opens a file for reading and lets others replace it meanwhile, which [os.Open] does not.
func open(path string) (*os.File, error) {
	target, err := resolve(path)
	if err != nil {
		return nil, err
	}
	folder, err := os.OpenRoot(filepath.Dir(target))
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return folder.Open(filepath.Base(target))
}

// rename replaces path by temp, a file in the same folder, also while path is open by [open], which
// [os.Rename] does not. Older versions of Windows do not either.
func rename(temp, path string) error {
	folder, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Rename(filepath.Base(temp), filepath.Base(path))
}

// busy reports whether an error may go away by itself: the file is open elsewhere, is being
// replaced, or is being removed. A virus scanner opens every file that was written.
func busy(err error) bool {
	const sharingViolation, lockViolation = syscall.Errno(32), syscall.Errno(33)
	return errors.Is(err, syscall.ERROR_ACCESS_DENIED) || errors.Is(err, sharingViolation) ||
		errors.Is(err, lockViolation)
}
