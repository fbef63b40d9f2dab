package session

import (
	"path/filepath"
	"testing"
)

// A session whose refresh token is on its way is being renewed for as long as somebody
// holds it, and its token may be spent once nobody does.
func TestRenewing(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]Store{"memory": &Memory{}, "files": files(t)} {
		s := good()
		s.Begin(noon)
		if err := Save(store, s); err != nil {
			t.Fatal(err)
		}
		unlock, err := store.Lock(t.Context(), "work", never)
		if err != nil {
			t.Fatal(err)
		}
		if got := StateOf(store, s, noon); got != Renewing {
			t.Errorf("%s: %s", name, got)
		}
		if got := StateOf(store, good(), noon); got != Fresh {
			t.Errorf("%s: %s", name, got)
		}
		failed := good()
		failed.Begin(noon)
		failed.Claim.Why = "HTTP status 500"
		if got := StateOf(store, failed, noon); got != Spent {
			t.Errorf("%s: one that is known to have failed, %s", name, got)
		}
		unlock()
		for range 2 { // to look leaves no lock
			if got := StateOf(store, s, noon); got != Spent {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
	s := good()
	s.Begin(noon)
	if got := StateOf(&Files{Folder: filepath.Join("/dev/null", "sessions")}, s, noon); got != Spent {
		t.Errorf("a store that cannot be locked: %s", got)
	}
}
