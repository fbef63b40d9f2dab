package session

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
)

// A ring is a keyring of the test's.
type ring struct {
	mu    sync.Mutex
	key   Key
	err   error
	asked int
}

func (r *ring) Key(_ context.Context, create bool) (Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if r.err != nil {
		return nil, r.err
	}
	if r.key == nil && !create {
		return nil, errors.New("it has no key")
	}
	if r.key == nil {
		r.key = NewKey()
	}
	return r.key, nil
}

// stores are those that have to keep what Store promises.
func stores(t *testing.T) map[string]Store {
	t.Helper()
	return map[string]Store{
		"memory": &Memory{},
		"files":  &Files{Folder: filepath.Join(t.TempDir(), "sessions")},
		"sealed": &Files{Folder: filepath.Join(t.TempDir(), "sessions"), Sealing: true, Keys: &ring{}},
	}
}

func never() bool { return false }

func TestStores(t *testing.T) {
	t.Parallel()
	for name, store := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if names, err := store.Names(); err != nil || len(names) != 0 {
				t.Fatalf("at first: %v, %v", names, err)
			}
			if _, err := store.Load("work"); !errors.Is(err, ErrNoSession) {
				t.Fatalf("at first: %v", err)
			}
			if err := store.Delete("work"); !errors.Is(err, ErrNoSession) {
				t.Fatalf("at first: %v", err)
			}
			for _, name := range []string{"work", "a", "b.json"} {
				s := good()
				s.Name = name
				if err := Save(store, s); err != nil {
					t.Fatal(err)
				}
			}
			if names, err := store.Names(); err != nil || !slices.Equal(names, []string{"a", "b.json", "work"}) {
				t.Fatalf("%v, %v", names, err)
			}
			kept(t, store, good())
			changed := good()
			changed.Tokens.AccessToken, changed.Secret.RefreshToken = "other", "other"
			r, err := store.Reserve("work")
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Discard(); err != nil {
				t.Fatal(err)
			}
			kept(t, store, good())
			if err := Save(store, changed); err != nil {
				t.Fatal(err)
			}
			kept(t, store, changed)
			changed.Tokens.AccessToken = "changed after it was stored"
			if s, err := store.Load("work"); err != nil || s.Tokens.AccessToken != "other" {
				t.Fatalf("what is stored is not its own: %v, %v", s, err)
			}
			if err := Delete(t.Context(), store, "work"); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Load("work"); !errors.Is(err, ErrNoSession) {
				t.Fatalf("in the end: %v", err)
			}
			if names, err := store.Names(); err != nil || !slices.Equal(names, []string{"a", "b.json"}) {
				t.Fatalf("%v, %v", names, err)
			}
		})
	}
}

// kept checks that a session is in a store.
func kept(t *testing.T, store Store, want *Session) {
	t.Helper()
	s, err := store.Load(want.Name)
	if err == nil {
		err = store.Open(t.Context(), s)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Sealed = nil
	if !reflect.DeepEqual(s, want) {
		t.Fatalf("%+v, not %+v", s, want)
	}
}

func TestStoresTakeNoOddNames(t *testing.T) {
	t.Parallel()
	for kind, store := range stores(t) {
		for _, name := range []string{"", "..", "../mine", "a/b", ".work", "-x", "A", "a\x00b"} {
			s := good()
			s.Name = name
			if err := Save(store, s); err == nil {
				t.Errorf("%s: %q was saved", kind, name)
			}
			if _, err := store.Load(name); err == nil {
				t.Errorf("%s: %q was loaded", kind, name)
			}
			if err := store.Delete(name); err == nil {
				t.Errorf("%s: %q was deleted", kind, name)
			}
		}
		if files, ok := store.(*Files); ok {
			entries, err := os.ReadDir(filepath.Dir(files.Folder))
			for _, e := range entries {
				if e.Name() != filepath.Base(files.Folder) {
					t.Errorf("%s is beside the store, %v", e.Name(), err)
				}
			}
		}
	}
}

// One holds a lock, the others wait, each for as long as it wants to.
func TestStoreLocks(t *testing.T) {
	t.Parallel()
	for name, store := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			unlock, err := store.Lock(t.Context(), "work", never)
			if err != nil {
				t.Fatal(err)
			}
			other, err := store.Lock(t.Context(), "other", never) // sessions are locked one by one
			if err != nil {
				t.Fatal(err)
			}
			other()
			if u, err := store.Lock(t.Context(), "work", func() bool { return true }); u != nil || err != nil {
				t.Fatalf("enough: %v", err)
			}
			gone, cancel := context.WithCancelCause(t.Context())
			reason := errors.New("the caller's reason")
			if u, err := store.Lock(gone, "work", func() bool { cancel(reason); return false }); u != nil || !errors.Is(err, reason) {
				t.Fatalf("given up: %v", err)
			}
			told := make(chan struct{})
			tell := sync.OnceFunc(func() { close(told) })
			next := make(chan error, 1)
			go func() {
				u, err := store.Lock(t.Context(), "work", func() bool { tell(); return false })
				if err == nil {
					u()
				}
				next <- err
			}()
			<-told
			unlock()
			if err := <-next; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What nobody opened is written as it was.
func TestSealedStaysSealed(t *testing.T) {
	t.Parallel()
	keys := &ring{}
	store := &Files{Folder: t.TempDir(), Sealing: true, Keys: keys}
	if err := Save(store, good()); err != nil {
		t.Fatal(err)
	}
	asked := keys.asked
	s, err := store.Load("work")
	if err != nil {
		t.Fatal(err)
	}
	if s.Secret != nil || s.Sealed == nil || keys.asked != asked {
		t.Fatal("to load a session opens it")
	}
	old := &Files{Folder: store.Folder, Keys: keys} // one that seals nothing new
	s.Refused = "noted"
	if err := Save(old, s); err != nil {
		t.Fatal(err)
	}
	if err := old.Open(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := Save(old, s); err != nil { // an open secret that was sealed is sealed again
		t.Fatal(err)
	}
	if s, err = store.Load("work"); err != nil || s.Secret != nil || s.Refused != "noted" {
		t.Fatalf("%v, %v", s, err)
	}
	var seal *SealError
	for name, files := range map[string]*Files{
		"no keyring": {Folder: store.Folder}, "a locked one": {Folder: store.Folder, Keys: &ring{err: errors.New("locked")}}, "an empty one": {Folder: store.Folder, Keys: &ring{}},
	} {
		if err := files.Open(t.Context(), s); !errors.As(err, &seal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := &Files{Folder: store.Folder, Keys: &ring{key: NewKey()}}
	if err := other.Open(t.Context(), s); !errors.As(err, &seal) {
		t.Errorf("another key: %v", err)
	}
	var broken *BrokenError
	s.Sealed.Data[0] ^= 1
	if err := store.Open(t.Context(), s); !errors.As(err, &broken) {
		t.Errorf("a file that was changed: %v", err)
	}
	locked := &Files{Folder: store.Folder, Sealing: true, Keys: &ring{err: errors.New("locked")}}
	if _, err := locked.Reserve("new"); !errors.As(err, &seal) {
		t.Errorf("a new one, with a locked keyring: %v", err)
	}
}
