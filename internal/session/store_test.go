package session

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
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

func never() bool { return false }

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
	s.Sealed, s.Serial = nil, want.Serial
	if !reflect.DeepEqual(s, want) {
		t.Fatalf("%+v, not %+v", s, want)
	}
}

// Nothing is made beside a store.
func TestNothingIsBesideAStore(t *testing.T) {
	t.Parallel()
	f := files(t)
	for _, name := range []string{"..", "../mine", "a/b"} {
		s := good()
		s.Name = name
		if err := Save(f, s); err == nil {
			t.Errorf("%q was saved", name)
		}
		if err := f.Delete(name, Any); err == nil {
			t.Errorf("%q was deleted", name)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(f.Folder))
	for _, e := range entries {
		if e.Name() != filepath.Base(f.Folder) {
			t.Errorf("%s is beside the store, %v", e.Name(), err)
		}
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
		"no keyring":   {Folder: store.Folder},
		"a locked one": {Folder: store.Folder, Keys: &ring{err: errors.New("locked")}},
		"an empty one": {Folder: store.Folder, Keys: &ring{}},
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
