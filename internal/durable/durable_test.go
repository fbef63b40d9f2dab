package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// symlink skips the test where there are no symbolic links, as for a user of
// Windows who may not make them; the machine of CI has them.
func symlink(t *testing.T, to, path string) {
	t.Helper()
	err := os.Symlink(to, path)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip("no symbolic links here: ", err)
	}
}

func holds(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil || string(data) != text {
		t.Errorf("%s holds %q, %v", path, data, err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode() != mode {
		t.Errorf("%s: mode %v, want %v", path, info.Mode(), mode)
	}
}

func only(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != len(names) {
		t.Errorf("%s holds %v, %v", folder, entries, err)
	}
}

func TestWriteFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	fresh := filepath.Join(folder, "new", "token")
	if err := WriteFile(fresh, []byte("a")); err != nil {
		t.Fatal(err)
	}
	holds(t, fresh, "a", 0o600)
	if info, err := os.Stat(filepath.Dir(fresh)); err != nil ||
		runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
	shared := filepath.Join(folder, "shared")
	write(t, shared, "old and long", 0o640)
	if err := update(shared, "new"); err != nil {
		t.Fatal(err)
	}
	holds(t, shared, "new", 0o640)
	if err := WriteFile(shared, []byte("ours")); err != nil {
		t.Fatal(err)
	}
	holds(t, shared, "ours", 0o600)
	only(t, folder, "new", "shared")
}

func update(path, text string) error {
	r, err := Reserve(path)
	if err != nil {
		return err
	}
	return r.Commit([]byte(text))
}

// A link in the place of one of our files is replaced, not followed.
func TestWriteFileFollowsNoLink(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	victim, link := filepath.Join(folder, "victim"), filepath.Join(folder, "link")
	write(t, victim, "precious", 0o644)
	symlink(t, victim, link)
	if err := WriteFile(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	holds(t, victim, "precious", 0o644)
	holds(t, link, "new", 0o600)
}

// Where a rename fails the file is written in place, and where that fails too
// the contents are kept beside it.
func TestCommitWithoutRename(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "token")
	write(t, path, "old and long", 0o600)
	r, err := Reserve(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.overwrite(f, []byte("new"), errors.New("busy")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "new", 0o600)
	only(t, folder, "token")

	if r, err = Reserve(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	err = r.Commit([]byte("kept"))
	if err == nil || !strings.Contains(err.Error(), r.temp.Name()) {
		t.Fatalf("got %v", err)
	}
	holds(t, r.temp.Name(), "kept", 0o600)
}

// What is reserved suffices for twice what is there.
func TestRoom(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "session")
	for _, size := range []int{-1, 10, 100 << 10} {
		if size >= 0 {
			write(t, path, strings.Repeat("x", size), 0o600)
		}
		for name, reserve := range map[string]func(string) (*Reservation, error){
			"Reserve":        Reserve,
			"ReservePrivate": ReservePrivate, "ReserveNew": ReserveNew,
		} {
			r, err := reserve(path)
			if err != nil {
				t.Fatal(err)
			}
			info, err := r.temp.Stat()
			if err != nil || info.Size() < int64(max(32<<10, 2*size)) {
				t.Errorf("%s, %d bytes: %v, %v", name, size, info.Size(), err)
			}
			if err := r.Discard(); err != nil {
				t.Error(err)
			}
		}
	}
}

// The first version that can be written is.
func TestCommitFirst(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "session")
	r, err := Reserve(path)
	if err != nil {
		t.Fatal(err)
	}
	if which, err := r.CommitFirst([]byte("whole"), []byte("part")); which != 0 || err != nil {
		t.Errorf("%d, %v", which, err)
	}
	holds(t, path, "whole", 0o600)
	if r, err = Reserve(path); err != nil {
		t.Fatal(err)
	}
	if err := r.temp.Close(); err != nil { // so that nothing can be written
		t.Fatal(err)
	}
	if which, err := r.CommitFirst([]byte("w"), []byte("p")); which != -1 || err == nil {
		t.Errorf("%d, %v", which, err)
	}
	holds(t, path, "whole", 0o600)
	only(t, folder, "session")
}

// A file that is a symbolic link stays one.
func TestSymbolicLinksAreFollowed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	target := filepath.Join(folder, "target")
	for _, link := range []struct{ name, to string }{
		{"relative", "target"},
		{"absolute", target},
		{"twice", "relative"},
	} {
		path := filepath.Join(folder, link.name)
		symlink(t, link.to, path)
		if err := update(path, link.name); err != nil {
			t.Fatal(err)
		}
		holds(t, target, link.name, 0o600)
		if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more", link.name)
		}
	}
	loop := filepath.Join(folder, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	if err := update(loop, ""); err == nil {
		t.Error("a loop of links was written")
	}
}

// A file that is removed is gone, also if a symbolic link led to it.
func TestRemoveFollowsSymbolicLinks(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	target := filepath.Join(folder, "target")
	link := filepath.Join(folder, "link")
	for _, path := range []string{target, link} {
		write(t, target, "secret", 0o600)
		if path == link {
			symlink(t, "target", link)
		}
		if err := Remove(path); err != nil {
			t.Error(err)
		}
		only(t, folder)
	}
	if err := Remove(target); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
}

func TestDiscardLeavesTheFileAsItWas(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "token")
	write(t, path, "old", 0o600)
	r, err := Reserve(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Discard(); err != nil {
		t.Error(err)
	}
	holds(t, path, "old", 0o600)
	only(t, folder, "token")
}

func TestWhatCannotBeWrittenIsRefusedBeforehand(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	write(t, file, "", 0o600)
	for _, path := range []string{folder, filepath.Join(file, "below"), os.DevNull} {
		if r, err := Reserve(path); err == nil {
			t.Errorf("%s: reserved", path)
			_ = r.Discard()
		}
	}
}

// Of many that create one file one succeeds, and its content is what everybody reads.
func TestCreateOnce(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, create := range map[string]func(string, []byte) error{"link": Create, "in place": createInPlace} {
		file := filepath.Join(folder, name)
		errs := make([]error, 32)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { errs[i] = create(file, []byte(strings.Repeat("x", i+1))) })
		}
		all.Wait()
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, err := range errs {
			if won := len(data) == i+1; won != (err == nil) || !won && !errors.Is(err, fs.ErrExist) {
				t.Errorf("%s: %d of %d: %v", name, i+1, len(data), err)
			}
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	if info, err := os.Stat(filepath.Join(folder, "link")); err != nil ||
		runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// A link that leads nowhere is followed, and one that leads to a file is that file.
func TestCreateFollowsLinks(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	link := filepath.Join(folder, "link")
	if err := os.Symlink(filepath.Join("new", "file"), link); err != nil {
		t.Fatal(err)
	}
	if err := Create(link, []byte("text")); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(folder, "new", "file")); string(data) != "text" {
		t.Errorf("%q, %v", data, err)
	}
	if err := Create(link, nil); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
}
