//go:build unix

package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Exposed returns an [*OthersError] if a user other than this one and root can change the file
// that path leads to: by writing to it, or by replacing it, a folder or a symbolic link on the
// way. In a folder with the sticky bit set only the owner of an entry can replace that entry.
// The file need not exist; a device is not judged.
func Exposed(path string) error {
	pending, err := components(path)
	if err != nil {
		return err
	}
	const most = 40 // links, as many as Linux follows
	var mild *OthersError
	for at, links := "/", 0; links <= most; {
		info, err := os.Lstat(at)
		if err != nil {
			break // the rest does not exist, or is no path, such as a pipe's in /proc
		}
		if e := exposure(at, info); e != nil && !e.Group {
			return e
		} else if mild == nil {
			mild = e
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			links++
			to, err := os.Readlink(at)
			if err != nil {
				break
			}
			if at = filepath.Dir(at); filepath.IsAbs(to) {
				at = "/"
			}
			pending = append(split(to), pending...)
		}
		if len(pending) == 0 {
			break
		}
		at, pending = filepath.Join(at, pending[0]), pending[1:]
	}
	if mild != nil {
		return mild
	}
	return nil
}

// components splits a path, made absolute, without resolving "..": it leads to the parent of
// what a symbolic link before it points to.
func components(path string) ([]string, error) {
	if filepath.IsAbs(path) {
		return split(path), nil
	}
	here, err := os.Getwd()
	return split(here + "/" + path), err
}

func split(path string) []string {
	return strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
}

// exposure reports who else can change what is at path, a folder's entries included; nil is
// nobody. A group whose number is the user's own is the user's private group.
func exposure(path string, info fs.FileInfo) *OthersError {
	stat, ok := info.Sys().(*syscall.Stat_t)
	mode, what := info.Mode(), "it"
	if mode.IsDir() {
		what = "the folder " + path
	} else if mode&fs.ModeSymlink != 0 {
		what = "the symbolic link " + path
	}
	foreign := ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid()
	switch {
	case mode&fs.ModeDevice != 0:
		return nil
	case !ok:
		return &OthersError{Err: errors.New("its owner is not known")}
	case foreign && mapped(int(stat.Uid)):
		return &OthersError{Err: fmt.Errorf("%s belongs to another user, who can change the content", what)}
	case mode&fs.ModeSymlink != 0, mode.IsDir() && mode&fs.ModeSticky != 0:
		return nil
	case mode.Perm()&0o002 != 0:
		return &OthersError{Err: fmt.Errorf("others can write to %s (mode %04o); chmod o-w prevents that", what,
			mode.Perm())}
	case mode.Perm()&0o020 != 0 && int(stat.Gid) != os.Geteuid():
		return &OthersError{
			Group: true,
			Err: fmt.Errorf("group %d can write to %s (mode %04o); chmod g-w prevents that", stat.Gid, what,
				mode.Perm()),
		}
	case foreign && !mode.IsDir():
		return &OthersError{Group: true, Err: errors.New("it belongs to a user outside of this user namespace")}
	}
	return nil
}

// mapped reports whether a user id is one of this process's user namespace. The others are all
// shown as one id, root's among them: in a sandbox, nobody knows whose a file of that id is.
func mapped(uid int) bool {
	table, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(table)) {
		var first, outside, count int
		if _, err := fmt.Sscan(line, &first, &outside, &count); err == nil && uid >= first && uid-first < count {
			return true
		}
	}
	return false
}
