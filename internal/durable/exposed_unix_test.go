//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const nobody = 65534

// must ends a test whose preparation failed.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// exposedFile makes FOLDER/in/file and FOLDER/link, which leads to FOLDER/in.
func exposedFile(t *testing.T) (folder, in, file, link string) {
	t.Helper()
	folder = t.TempDir()
	in, link = filepath.Join(folder, "in"), filepath.Join(folder, "link")
	file = filepath.Join(in, "file")
	must(t, os.Chmod(folder, 0o700), os.Mkdir(in, 0o700), os.WriteFile(file, []byte("text"), 0o600),
		os.Symlink("in", link))
	return folder, in, file, link
}

func TestExposedByMode(t *testing.T) {
	t.Parallel()
	other := os.Getegid() + 1 // of which nothing is known
	for name, c := range map[string]struct {
		change func(folder, in, file string) error
		says   string
		group  bool
	}{
		"private": {func(_, _, _ string) error { return nil }, "", false},
		"readable": {
			func(_, in, file string) error {
				return errors.Join(os.Chmod(file, 0o644), os.Chmod(in, 0o755))
			}, "", false,
		},
		"file of everybody": {
			func(_, _, file string) error { return os.Chmod(file, 0o606) }, "others can write to it (mode 0606)", false,
		},
		"folder": {
			func(_, in, _ string) error { return os.Chmod(in, 0o777) }, "others can write to the folder", false,
		},
		"folder far above": {
			func(folder, _, _ string) error { return os.Chmod(folder, 0o703) }, "others can write to the folder", false,
		},
		"folder like /tmp": {func(_, in, _ string) error { return os.Chmod(in, 0o777|fs.ModeSticky) }, "", false},
		"everybody and group": {
			func(_, in, file string) error {
				return errors.Join(os.Chmod(file, 0o660), os.Chmod(in, 0o707))
			}, "others can write to the folder", false,
		},
	} {
		folder, in, file, link := exposedFile(t)
		must(t, c.change(folder, in, file))
		for _, path := range []string{file, filepath.Join(link, "file"), link + "/../in/file"} {
			err := Exposed(path)
			var others *OthersError
			if (err == nil) != (c.says == "") ||
				err != nil &&
					(!errors.As(err, &others) || others.Group != c.group || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%s: %s: %v", name, path, err)
			}
		}
	}
	if os.Geteuid() != 0 {
		return // who cannot give a file to a group of which nothing is known
	}
	_, _, file, _ := exposedFile(t)
	must(t, os.Chown(file, -1, other), os.Chmod(file, 0o660))
	var others *OthersError
	if err := Exposed(file); !errors.As(err, &others) || !others.Group {
		t.Errorf("a group: %v", err)
	}
	must(t, os.Chown(file, -1, os.Geteuid()))
	if err := Exposed(file); err != nil {
		t.Errorf("the user's private group: %v", err)
	}
}

// Only root can give files away. Without it the owners are tested by what root owns.
func TestExposedByOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		for _, path := range []string{"/", "/dev/null", "/etc/passwd"} {
			if err := Exposed(path); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		return
	}
	for name, c := range map[string]struct {
		change func(in, file, link string) error
		says   string
	}{
		"file": {
			func(_, file, _ string) error { return os.Chown(file, nobody, nobody) }, "it belongs to another user",
		},
		"folder": {func(in, _, _ string) error { return os.Chown(in, nobody, nobody) }, "the folder"},
		"link":   {func(_, _, link string) error { return os.Lchown(link, nobody, nobody) }, "the symbolic link"},
		"folder like /tmp": {func(in, _, _ string) error {
			return errors.Join(os.Chown(in, nobody, nobody), os.Chmod(in, 0o777|fs.ModeSticky))
		}, "the folder"},
		"group of another": {func(_, file, _ string) error { return os.Chown(file, -1, nobody) }, ""},
	} {
		_, in, file, link := exposedFile(t)
		must(t, c.change(in, file, link))
		var others *OthersError
		err := Exposed(filepath.Join(link, "file"))
		if (err == nil) != (c.says == "") ||
			err != nil && (!errors.As(err, &others) || others.Group || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is not a path in the file system is not judged by one, and what does not exist by the
// folder that it would be in.
func TestExposedOddPaths(t *testing.T) {
	t.Parallel()
	folder, in, file, _ := exposedFile(t)
	loop := filepath.Join(folder, "loop")
	must(t, os.Symlink("loop", loop))
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	defer w.Close()
	for _, path := range []string{
		"/dev/null", "/dev/fd/0", "/", loop, filepath.Join(in, "new"),
		filepath.Join(file, "below"),
	} {
		if err := Exposed(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	must(t, os.Chmod(in, 0o777))
	if err := Exposed(filepath.Join(in, "new")); err == nil {
		t.Error("a file that anybody could make")
	}
}

func TestMapped(t *testing.T) {
	t.Parallel()
	if !mapped(os.Geteuid()) {
		t.Error("this user is not in its own user namespace")
	}
}
