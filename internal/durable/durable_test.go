package durable

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
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
	if info, err := os.Stat(filepath.Dir(fresh)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
	shared := filepath.Join(folder, "shared")
	write(t, shared, "old and long", 0o640)
	if err := WriteFile(shared, []byte("new")); err != nil {
		t.Fatal(err)
	}
	holds(t, shared, "new", 0o640)
	only(t, folder, "new", "shared")
}

// A store that is a symbolic link stays one (claude-code#76561).
func TestSymbolicLinksAreFollowed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	target := filepath.Join(folder, "target")
	for _, link := range []struct{ name, to string }{{"relative", "target"}, {"absolute", target}, {"twice", "relative"}} {
		path := filepath.Join(folder, link.name)
		if err := os.Symlink(link.to, path); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
		if err := WriteFile(path, []byte(link.name)); err != nil {
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
	if err := WriteFile(loop, nil); err == nil {
		t.Error("a loop of links was written")
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
