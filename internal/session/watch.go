// Noticing that sessions in files have changed.

package session

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A Watch notices that sessions in a folder may have been made, changed or deleted. It looks at
// the folder, not at each session: whoever writes one makes a new file in it.
type Watch struct {
	Folder string

	looked  bool
	settled bool                   // a later change shows in the time of the folder
	folder  os.FileInfo            // nil if there is none
	links   map[string]os.FileInfo // of sessions whose files are in other folders
}

// Changed reports whether anything may have changed since the last call. The first call
// reports true.
func (w *Watch) Changed() bool {
	folder, err := os.Stat(w.Folder)
	if err != nil {
		folder = nil // it may be made later
	}
	if w.looked && w.settled && same(w.folder, folder) && !w.linksChanged() {
		return false
	}
	const coarse = 2 * time.Second // the times of files, on the coarsest of file systems
	w.looked, w.folder = true, folder
	w.settled = folder == nil || time.Since(folder.ModTime()).Abs() > coarse
	w.links = map[string]os.FileInfo{}
	entries, _ := os.ReadDir(w.Folder) // those that could be read
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink != 0 {
			w.links[e.Name()], _ = os.Stat(filepath.Join(w.Folder, e.Name())) // nil if it leads nowhere
		}
	}
	return true
}

func (w *Watch) linksChanged() bool {
	for name, before := range w.links {
		now, err := os.Stat(filepath.Join(w.Folder, name))
		if err != nil {
			now = nil
		}
		if !same(before, now) {
			return true
		}
	}
	return false
}

// same reports whether a file or folder is as it was. nil is one that is not there.
func same(before, now os.FileInfo) bool {
	if before == nil || now == nil {
		return before == nil && now == nil
	}
	return os.SameFile(before, now) && before.ModTime().Equal(now.ModTime()) && before.Size() == now.Size()
}
