package session

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A Watch notices what others do to the sessions of a folder, and says nothing while they do
// nothing.
func TestWatch(t *testing.T) {
	t.Parallel()
	folder, elsewhere := filepath.Join(t.TempDir(), "sessions"), t.TempDir()
	files := &Files{Folder: folder}
	w := &Watch{Folder: folder}
	long := time.Now().Add(-time.Hour)
	settle := func() { // as if nothing had happened for an hour
		t.Helper()
		if err := os.Chtimes(folder, long, long); err != nil {
			t.Fatal(err)
		}
		w.Changed()
		if w.Changed() {
			t.Error("nothing has changed")
		}
	}
	if !w.Changed() || w.Changed() {
		t.Error("where there is no folder")
	}
	for name, change := range map[string]func() error{
		"made":    func() error { return overwrite(files, good()) },
		"changed": func() error { s := good(); s.Generation++; return overwrite(files, s) },
		"deleted": func() error { return files.Delete("work", Any) },
	} {
		if err := overwrite(files, good()); err != nil {
			t.Fatal(err)
		}
		settle()
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if !w.Changed() {
			t.Errorf("%s: not noticed", name)
		}
		if !w.Changed() {
			t.Errorf("%s: one more change in the same instant would not be noticed", name)
		}
	}
	target := filepath.Join(elsewhere, "work.json")
	if err := os.WriteFile(target, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(files.Path("work"))
	if err := os.Symlink(target, files.Path("work")); err != nil {
		t.Fatal(err)
	}
	settle()
	if err := overwrite(files, good()); err != nil {
		t.Fatal(err)
	}
	if !w.Changed() {
		t.Error("a session in another folder changed, and that was not noticed")
	}
	settle()
	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	if !w.Changed() {
		t.Error("a session in another folder is gone, and that was not noticed")
	}
}
