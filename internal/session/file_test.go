package session

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

func files(t *testing.T) *Files {
	t.Helper()
	return &Files{Folder: filepath.Join(t.TempDir(), "sessions")}
}

func saved(t *testing.T, f *Files) string {
	t.Helper()
	if err := Save(f, good()); err != nil {
		t.Fatal(err)
	}
	return f.Path("work")
}

// Files are 0600 in a folder that is 0700, and nothing else is left there but the lock.
func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	f := files(t)
	path := saved(t, f)
	entries, err := os.ReadDir(f.Folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	for name, want := range map[string]fs.FileMode{
		path: 0o600, filepath.Join(f.Folder, ".work.json.lock"): 0o600,
		f.Folder: fs.ModeDir | 0o700,
	} {
		if info, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if names, err := f.Names(); err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
}

// What is in the way of a session is told of, never taken for one, and not waited for.
func TestBrokenFiles(t *testing.T) {
	t.Parallel()
	stored := func(change func(*Session)) []byte {
		s := good()
		change(s)
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	whole := stored(func(*Session) {})
	cases := map[string][]byte{
		"empty": {}, "not JSON": []byte("\x00\x01"), "null": []byte("null"), "an array": []byte("[]"),
		"an object": []byte("{}"),
		"zeros":     make([]byte, 32<<10), "twice": append(append([]byte{}, whole...), whole...),
		"large":              append(append([]byte{}, whole...), make([]byte, limit.Session)...),
		"of a later version": stored(func(s *Session) { s.Schema = Schema + 1 }),
		"of no version":      stored(func(s *Session) { s.Schema = 0 }),
		"another session's":  stored(func(s *Session) { s.Name = "other" }),
		"no issuer":          stored(func(s *Session) { s.Grant.Issuer = "" }),
		"no secret":          stored(func(s *Session) { s.Secret = nil }),
		"two secrets":        stored(func(s *Session) { s.Sealed = &Sealed{} }),
		"of another type":    []byte(`{"schema":"1"}`),
	}
	for i := 0; i < len(whole); i += len(whole)/20 + 1 {
		cases["cut off after "+strconv.Itoa(i)] = whole[:i]
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := files(t)
			path := saved(t, f)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, f, path)
			if err := Save(f, good()); err != nil { // a new login gets over it
				t.Fatal(err)
			}
			kept(t, f, good())
		})
	}
}

// refused checks that a session is listed, and cannot be read.
func refused(t *testing.T, f *Files, path string) {
	t.Helper()
	var broken *BrokenError
	if s, err := f.Load("work"); !errors.As(err, &broken) || broken.Path != path {
		t.Errorf("%v, %v", s, err)
	}
	if names, err := f.Names(); err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
}

// A session that is a symbolic link stays one, as in a folder that is synchronised.
func TestLinkedSession(t *testing.T) {
	t.Parallel()
	f := files(t)
	path := saved(t, f)
	target := filepath.Join(t.TempDir(), "elsewhere.json")
	if err := os.Rename(path, target); err != nil {
		t.Fatal(err)
	}
	symlink(t, target, path)
	changed := good()
	changed.Secret.RefreshToken = "rotated"
	if err := Save(f, changed); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("%v, %v: no link any more", info.Mode(), err)
	}
	if data, err := os.ReadFile(target); err != nil || !strings.Contains(string(data), "rotated") {
		t.Errorf("%s, %v", data, err)
	}
	kept(t, f, changed)
	if err := Delete(t.Context(), f, "work"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, target} {
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
}

// symlink skips the test where there are no symbolic links.
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

// A store that is a link is one.
func TestLinkedFolder(t *testing.T) {
	t.Parallel()
	elsewhere := t.TempDir()
	f := &Files{Folder: filepath.Join(t.TempDir(), "sessions")}
	symlink(t, elsewhere, f.Folder)
	saved(t, f)
	kept(t, f, good())
}

// Where nothing can be written that is found out beforehand.
func TestNowhereToWrite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	folders := map[string]string{"below a file": filepath.Join(file, "sessions"), "a file": file}
	if runtime.GOOS == "linux" {
		folders["below /proc"] = "/proc/sessions" // where not even root may
	}
	for name, folder := range folders {
		f := &Files{Folder: folder}
		if _, err := f.Reserve("work"); err == nil {
			t.Errorf("%s: reserved", name)
		}
		if _, err := f.Lock(t.Context(), "work", never); err == nil {
			t.Errorf("%s: locked", name)
		}
	}
	f := files(t)
	path := saved(t, f)
	if os.Geteuid() != 0 && runtime.GOOS != "windows" { // root may write everywhere
		if err := os.Chmod(f.Folder, 0o500); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(f.Folder, 0o700) //nolint:errcheck // or else it cannot be cleaned up, which is told
		if _, err := f.Reserve("work"); err == nil {
			t.Error("a folder that is read-only: reserved")
		}
		if _, err := f.Load("work"); err != nil {
			t.Errorf("a folder that is read-only: %v", err)
		}
	}
	if err := os.Remove(path); err != nil && os.Geteuid() == 0 {
		t.Fatal(err)
	}
}

// What a process that was killed left behind goes, once nobody can be at it any more.
func TestLeftoversGo(t *testing.T) {
	t.Parallel()
	f := files(t)
	saved(t, f)
	leave := func(name string, age time.Duration) string {
		path := filepath.Join(f.Folder, name)
		if err := os.WriteFile(path, []byte("a token"), 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old, recent := leave(".work.json.123.tmp", 6*time.Minute), leave(".work.json.456.tmp", time.Minute)
	others := leave(".other.json.123.tmp", 6*time.Minute)
	odd := leave(".work.json.backup", 6*time.Minute)
	unlock, err := f.Lock(t.Context(), "work", never)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	for path, there := range map[string]bool{old: false, recent: true, others: true, odd: true, f.Path("work"): true} {
		if _, err := os.Lstat(path); (err == nil) != there {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
}

// A session that is too long for anybody to read again is stored without the tokens that a refresh
// brings anew.
func TestLongSession(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]*Files{"plain": {}, "sealed": {Sealing: true, Keys: &ring{}}} {
		store.Folder = t.TempDir()
		s := &Session{
			Schema: Schema, Name: "work", Grant: Grant{Issuer: "https://op.example", ClientID: "c"},
			Generation: 2, Renewable: true, Held: "held", Secret: &Secret{RefreshToken: "refresh"},
			Tokens: Tokens{AccessToken: strings.Repeat("<", limit.Session), TokenType: "Bearer", IDToken: "id"},
		}
		err := SaveTokens(store, nil, s)
		if !errors.As(err, new(*PartError)) {
			t.Fatalf("%s: %v", name, err)
		}
		kept, err := store.Load("work")
		if err == nil {
			err = store.Open(t.Context(), kept)
		}
		if err != nil || kept.Secret.RefreshToken != "refresh" || kept.State(time.Now()) != Expired ||
			kept.Tokens.AccessToken != "" || kept.Tokens.IDToken != "" || kept.Held != "" {
			t.Errorf("%s: %+v, %v", name, kept, err)
		}
		s.Secret.RefreshToken = ""
		if err := SaveTokens(store, nil, s); err == nil || errors.As(err, new(*PartError)) {
			t.Errorf("%s: what renews nothing took its place: %v", name, err)
		}
		s.Tokens.AccessToken = strings.Repeat("<", limit.Session/2) // as it is, not as &lt; or \u003c
		if err := SaveTokens(store, nil, s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if kept, err := store.Load("work"); err != nil || kept.Tokens.AccessToken != s.Tokens.AccessToken {
			t.Errorf("%s: %v", name, err)
		}
	}
}
