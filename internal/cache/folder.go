// The folder of entries: what is in it may be lost, but is never half of something.

package cache

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/limit"
)

const extension = ".json"

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:15])
}

// file is the file of an entry.
func (t *Transport) file(url string) string {
	return filepath.Join(t.Folder, hash(t.Scope)+"."+hash(url)+extension)
}

// load reads the entry for a URL, nil if there is none that can be used.
func (t *Transport) load(url string) *entry {
	e := read(t.file(url))
	if e == nil || e.URL != url || e.Scope != hash(t.Scope) {
		return nil
	}
	t.uses(t.file(url))
	return e
}

// read reads a file that nobody else can have written, nil if it is none or is not whole.
func read(path string) *entry {
	data, err := durable.Read(path, 2*limit.Body)
	e := &entry{}
	if err != nil || json.Unmarshal(data, e) != nil {
		return nil
	}
	return e
}

// Warm reports whether there are fresh entries enough that metadata and keys need not be
// asked for.
func (t *Transport) Warm() bool {
	files, _ := filepath.Glob(filepath.Join(t.Folder, hash(t.Scope)+".*"+extension)) // the pattern is good
	fresh := 0
	for _, file := range files {
		if e := read(file); e != nil && e.fresh(t.Now()) {
			fresh++
		}
	}
	return fresh > 1
}

// store writes an entry. That it cannot be written is no error: it is asked for again.
func (t *Transport) store(e *entry) {
	data, err := json.Marshal(e)
	if err != nil || os.MkdirAll(t.Folder, 0o700) != nil {
		return
	}
	temp, err := os.CreateTemp(t.Folder, "*.tmp") // 0600
	if err != nil {
		return
	}
	_, err = temp.Write(data)
	if closed := temp.Close(); err != nil || closed != nil || os.Rename(temp.Name(), t.file(e.URL)) != nil {
		remove(temp.Name())
		return
	}
	t.uses(t.file(e.URL))
	t.prune()
}

// prune removes the oldest entries where there are too many, and what processes that were
// killed left behind.
func (t *Transport) prune() {
	found, err := os.ReadDir(t.Folder)
	if err != nil {
		return
	}
	var files []os.FileInfo
	for _, f := range found {
		info, err := f.Info()
		if err == nil && (strings.HasSuffix(f.Name(), extension) || t.Now().Sub(info.ModTime()) > limit.CacheMost) {
			files = append(files, info)
		}
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int {
		return cmp.Compare(b.ModTime().UnixNano(), a.ModTime().UnixNano())
	})
	for i, f := range files {
		if i >= limit.CacheEntries || !strings.HasSuffix(f.Name(), extension) {
			remove(filepath.Join(t.Folder, f.Name()))
		}
	}
}

// remove removes a file of the cache. One that stays is no harm.
func remove(path string) { _ = os.Remove(path) }
