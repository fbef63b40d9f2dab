// Package durable writes files that are either the old one or the new one,
// whatever happens: a temporary file in the same folder, fsync, rename, fsync
// of the folder.
package durable

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// A Reservation is a file that is about to be written. Everything that can
// fail before the contents are known has been done: the folder exists, it is
// writable, and the temporary file is there.
type Reservation struct {
	path    string // the file to replace
	temp    *os.File
	inPlace *os.File // the file itself where it is another's, to be written to instead; else nil
}

var errNotOurs = errors.New("the file belongs to somebody else")

// Reserve prepares to update path, a file of the user's: symbolic links are
// followed, and its mode and owner are kept. A new file gets 0600, and a new folder 0700.
// Exactly one of Commit and Discard must be called.
func Reserve(path string) (*Reservation, error) { return toUpdate(path, false) }

// ReservePrivate is Reserve, but that the mode is 0600, whatever it was.
func ReservePrivate(path string) (*Reservation, error) { return toUpdate(path, true) }

func toUpdate(path string, private bool) (*Reservation, error) {
	target, err := resolve(path)
	if err != nil {
		return nil, err
	}
	mode := fs.FileMode(0o600)
	info, err := os.Stat(target)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case err == nil && !private:
		mode = info.Mode().Perm()
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	r, err := reserve(target, mode, roomFor(info))
	if err == nil && info != nil && giveTo(r.temp, info) != nil {
		// Another's file: it is written to, and stays theirs. If it cannot be,
		// it is replaced all the same: a token that is kept is worth more.
		r.inPlace = openItself(target, info)
	}
	return r, err
}

// ReserveNew prepares to write path, a file of the program's: whatever is there
// is replaced, a symbolic link by the file itself, and the mode is 0600.
func ReserveNew(path string) (*Reservation, error) {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0 {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return reserve(path, 0o600, roomFor(info))
}

// roomFor is how much is reserved to replace a file, which is nil if there is none: twice its size,
// and enough for a session.
func roomFor(info fs.FileInfo) int64 {
	const least = 32 << 10
	if info == nil || !info.Mode().IsRegular() {
		return least
	}
	return max(least, 2*info.Size())
}

func reserve(target string, mode fs.FileMode, room int64) (*Reservation, error) {
	folder := filepath.Dir(target)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	before, after := temporary(target)
	temp, err := os.CreateTemp(folder, before+"*"+after) // 0600
	var named *fs.PathError
	if errors.As(err, &named) {
		return nil, &fs.PathError{Op: "write", Path: target, Err: named.Err} // whose name people know
	}
	if err != nil {
		return nil, err
	}
	r := &Reservation{path: target, temp: temp}
	// Room for what will be written: a disk that is full is found out now.
	if err := fill(temp, room); err != nil {
		return nil, errors.Join(err, r.Discard())
	}
	if err := temp.Chmod(mode); err != nil && runtime.GOOS != "windows" {
		return nil, errors.Join(err, r.Discard())
	}
	return r, nil
}

// temporary is how the names of the temporary files of a file begin and end.
func temporary(target string) (before, after string) {
	return "." + filepath.Base(target) + ".", ".tmp"
}

// Leftover is the age from which a temporary file cannot be in use: whoever writes the file
// holds its lock, and whoever only tries whether it can be written is done at once.
const Leftover = 5 * time.Minute

// Sweep removes the temporary files of path that killed processes left behind, if they are
// older than age. Files that only have a similar name are not touched.
func Sweep(path string, age time.Duration) {
	target, err := resolve(path)
	if err != nil {
		return
	}
	before, after := temporary(target)
	entries, _ := os.ReadDir(filepath.Dir(target)) // those that could be read
	for _, e := range entries {
		random, ok := strings.CutPrefix(e.Name(), before)
		random, ours := strings.CutSuffix(random, after)
		if !ok || !ours || random == "" || strings.Trim(random, "0123456789") != "" {
			continue // .NAME.old.1.tmp is a temporary file of NAME.old
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > age {
			_ = os.Remove(filepath.Join(filepath.Dir(target), e.Name())) // the next one tries again
		}
	}
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

// fill makes a file take up room on the disk.
func fill(f *os.File, room int64) error {
	if _, err := f.Write(make([]byte, room)); err != nil {
		return err
	}
	return f.Sync()
}

// Commit replaces the file with data. When it returns nil the new contents
// survive a crash of the machine. On an error the old file is as it was, or,
// where it could not be replaced, the error names the file that has the data.
func (r *Reservation) Commit(data []byte) error {
	_, err := r.CommitFirst(data)
	return err
}

// CommitFirst is [Reservation.Commit] with the first of several versions that can be written, as
// there may be no room for the others. It returns which that was, and why the ones before were
// not; or -1.
func (r *Reservation) CommitFirst(versions ...[]byte) (which int, err error) {
	which, err = r.complete(versions...)
	if which < 0 {
		return which, err
	}
	if putErr := r.put(versions[which]); putErr != nil {
		return -1, putErr
	}
	return which, err
}

// complete gives the temporary file its content, the first version that can be written, or removes
// it.
func (r *Reservation) complete(versions ...[]byte) (which int, err error) {
	which = -1
	for i, data := range versions {
		writeErr := fillWith(r.temp, data)
		if writeErr == nil {
			which = i
			break
		}
		err = cmp.Or(err, writeErr)
	}
	if closeErr := r.temp.Close(); closeErr != nil {
		which, err = -1, cmp.Or(err, closeErr)
	}
	if which < 0 {
		_ = removeFile(r.temp.Name()) // it holds nothing whole
	}
	return which, err
}

// fillWith makes data the contents of an open file.
func fillWith(f *os.File, data []byte) error {
	_, err := f.WriteAt(data, 0)
	if err == nil {
		err = f.Truncate(int64(len(data)))
	}
	if err == nil {
		err = f.Sync()
	}
	return err
}

// put puts the temporary file, which has the data, in the place of the file.
func (r *Reservation) put(data []byte) error {
	if r.inPlace != nil {
		return r.overwrite(r.inPlace, data, errNotOurs)
	}
	if err := patiently(func() error { return rename(r.temp.Name(), r.path) }); err != nil {
		f, openErr := os.OpenFile(r.path, os.O_WRONLY, 0)
		return r.overwrite(f, data, cmp.Or(openErr, err))
	}
	syncFolder(filepath.Dir(r.path))
	return nil
}

// overwrite writes the file in place where it cannot be replaced, such as one
// that is mounted into a container. The temporary file has the contents by
// now, and goes only when the file has them too.
func (r *Reservation) overwrite(f *os.File, data []byte, cause error) error {
	err := cause
	if f != nil {
		writeErr := cmp.Or(fillWith(f, data), f.Close())
		if writeErr == nil {
			_ = removeFile(r.temp.Name()) // the file has the data; a copy beside it is no failure
			return nil
		}
		err = fmt.Errorf("%w; %w", cause, writeErr)
	}
	if _, gone := os.Stat(r.temp.Name()); gone != nil { // with its folder
		return err
	}
	return &BesideError{r.temp.Name(), err}
}

// A BesideError says that a file could not be replaced, and which one beside it has the data.
type BesideError struct {
	File string
	Err  error
}

func (e *BesideError) Error() string {
	return fmt.Sprintf("%v; what was to be written is in %s", e.Err, e.File)
}

func (e *BesideError) Unwrap() error { return e.Err }

// Discard gives the reservation up and leaves the file as it is.
func (r *Reservation) Discard() error {
	if r.inPlace != nil {
		_ = r.inPlace.Close() // nothing was written
	}
	return errors.Join(r.temp.Close(), removeFile(r.temp.Name()))
}

// WriteFile replaces path with data, as [ReserveNew] and Commit do.
func WriteFile(path string, data []byte) error {
	r, err := ReserveNew(path)
	if err != nil {
		return err
	}
	return r.Commit(data)
}

// Create writes a new file with mode 0600, in a new folder with mode 0700. Of several processes
// that create the same file one succeeds; the error of the others is [fs.ErrExist]. Symbolic links
// are followed.
func Create(path string, data []byte) error {
	target, err := resolve(path)
	if err != nil {
		return err
	}
	r, err := reserve(target, 0o600, roomFor(nil))
	if err != nil {
		return err
	}
	if _, err := r.complete(data); err != nil {
		return err
	}
	err = os.Link(r.temp.Name(), target)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = createInPlace(target, data) // the file system has no hard links
	}
	_ = removeFile(r.temp.Name()) // a second name of a complete file does no harm
	syncFolder(filepath.Dir(target))
	return err
}

// createInPlace is Create where the file cannot be given its name once it is complete.
func createInPlace(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// Read reads a regular file of at most a number of bytes; to a pipe nobody may ever write. The
// error is an [*OthersError] if others can have written it: what it says is returned all the
// same.
func Read(path string, most int64) ([]byte, error) {
	errOdd := errors.New("it is not a regular file")
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, errOdd
	}
	var f *os.File
	err := patiently(func() (err error) { f, err = open(path); return err })
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, cmp.Or(err, errOdd)
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > most:
		return nil, fmt.Errorf("it is longer than %d bytes", most)
	}
	if err := Ours(info); err != nil {
		return data, &OthersError{Err: err}
	}
	return data, nil
}

// Remove removes the file that path leads to, and path itself if that is a symbolic
// link to it: removing the link alone would leave the file, and the secrets in it.
func Remove(path string) error {
	target, err := resolve(path)
	if err != nil {
		return err
	}
	err = removeFile(target)
	if target != path {
		err = errors.Join(err, removeFile(path))
	}
	syncFolder(filepath.Dir(target))
	return err
}

// removeFile removes one file.
func removeFile(path string) error { return patiently(func() error { return os.Remove(path) }) }

// patiently tries again for a while what fails because another process has the file open.
func patiently(try func() error) error {
	const patience, pause = 2 * time.Second, 5 * time.Millisecond
	for began := time.Now(); ; time.Sleep(pause) {
		err := try()
		if err == nil || !busy(err) || time.Since(began) > patience {
			return err
		}
	}
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
