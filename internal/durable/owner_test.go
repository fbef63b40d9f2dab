//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// aFile is a file of an owner and a mode.
type aFile struct {
	fs.FileInfo
	mode  fs.FileMode
	owner int
}

func (f aFile) Mode() fs.FileMode { return f.mode }
func (f aFile) Sys() any          { return &syscall.Stat_t{Uid: uint32(f.owner)} } //nolint:gosec // of a test

func TestOurs(t *testing.T) {
	t.Parallel()
	me, another := os.Geteuid(), os.Geteuid()+1
	for _, c := range []struct {
		file aFile
		says string
	}{
		{aFile{mode: 0o600, owner: me}, ""},
		{aFile{mode: 0o644, owner: me}, ""},
		{aFile{mode: 0o600, owner: 0}, ""},
		{aFile{mode: 0o620, owner: me}, "others can write to it (mode 0620)"},
		{aFile{mode: 0o602, owner: me}, "others can write to it (mode 0602)"},
		{aFile{mode: 0o600, owner: another}, "belongs to another user"},
	} {
		if err := Ours(c.file); (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v of %d: %v", c.file.mode, c.file.owner, err)
		}
	}
}

// A file that is updated stays its owner's, also if it is root who updates it.
func TestOwnerIsKept(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	owner, group := os.Getuid(), os.Getgid()
	if owner == 0 { // who alone can give files away
		owner, group = 65534, 65534
	}
	if err := os.Chown(file, owner, group); err != nil {
		t.Fatal(err)
	}
	r, err := Reserve(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Commit([]byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if is := info.Sys().(*syscall.Stat_t); int(is.Uid) != owner || int(is.Gid) != group || info.Mode().Perm() != 0o600 {
		t.Errorf("%d:%d %v", is.Uid, is.Gid, info.Mode())
	}
}

// Another's file, that cannot be given back, is written in place.
func TestOthersFileIsWrittenInPlace(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("an old and longer token"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Reserve(file)
	if err != nil {
		t.Fatal(err)
	}
	if r.inPlace = openItself(file, before); r.inPlace == nil {
		t.Fatal("it cannot be opened")
	}
	if err := r.Commit([]byte("new")); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil || string(data) != "new" || !os.SameFile(before, after) {
		t.Errorf("%q, %v", data, err)
	}
}

// What is not the file any more is not written to.
func TestOpenItselfFollowsNothing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, other := filepath.Join(folder, "token"), filepath.Join(folder, "other")
	for _, name := range []string{file, other} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if f := openItself(other, before); f != nil {
		t.Error("another file was opened")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, file); err != nil {
		t.Fatal(err)
	}
	if f := openItself(file, before); f != nil {
		t.Error("a link was followed")
	}
}

// A pipe in the place of a lock is refused, not waited for.
func TestLockIsAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := syscall.Mkfifo(filepath.Join(filepath.Dir(file), ".token.lock"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(t.Context(), file, func() bool { return false }); err == nil {
		t.Error("a pipe was locked")
	}
}

// What is read is the user's own, regular and not too long.
func TestRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, link, pipe := filepath.Join(folder, "file"), filepath.Join(folder, "link"), filepath.Join(folder, "pipe")
	if err := errors.Join(os.WriteFile(file, []byte("text"), 0o600), os.Symlink(file, link),
		syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link} {
		if data, err := Read(path, 4); string(data) != "text" || err != nil {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	if data, err := Read(file, 3); err == nil {
		t.Errorf("too long: %q", data)
	}
	for _, odd := range []string{folder, pipe} {
		if data, err := Read(odd, 4); err == nil || !strings.Contains(err.Error(), "regular") {
			t.Errorf("%s: %q, %v", odd, data, err)
		}
	}
	if _, err := Read(filepath.Join(folder, "none"), 4); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	var others *OthersError
	if data, err := Read(file, 4); string(data) != "text" || !errors.As(err, &others) {
		t.Errorf("%q, %v", data, err)
	}
}
