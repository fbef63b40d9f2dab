package cli

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/session"
)

// aSession is in a store, of a user.
func aSession(t *testing.T, store session.Store, name, subject string) *session.Session {
	t.Helper()
	s := &session.Session{Schema: session.Schema, Name: name, Grant: session.Grant{Issuer: "https://op.example", ClientID: "c", Subject: subject}, Secret: &session.Secret{RefreshToken: "r"}}
	if store != nil {
		if err := session.Save(store, s); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// Tokens take the place of a user's only if they are known to be that user's. What is there is
// looked at when they come, in every store.
func TestMakeWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		subject, sent string // of what came
		replace       bool
		others        map[string]string // sessions that are there, by name, beside alice's
		memory        bool              // where they are
		want          string            // its name
	}{
		"the same":               {"alice", "", false, nil, false, "work"},
		"another":                {"bob", "", false, nil, false, "work-2"},
		"another, by the same":   {"bob", "r", false, nil, false, "work-2"},
		"nobody who is named":    {"", "", false, nil, false, "work-2"},
		"by the session's own":   {"", "r", false, nil, false, "work"},
		"by another's":           {"", "x", false, nil, false, "work-2"},
		"another, on purpose":    {"bob", "", true, nil, false, "work"},
		"a name that is taken":   {"bob", "", false, map[string]string{"work-2": "carol"}, false, "work-3"},
		"taken in another store": {"bob", "", false, map[string]string{"work-2": "carol"}, true, "work-3"},
		"again":                  {"bob", "", false, map[string]string{"work-2": "bob"}, false, "work-2"},
		"again, not here":        {"bob", "", false, map[string]string{"work-2": "bob"}, true, "work-3"},
		"nobody again":           {"", "", false, map[string]string{"work-2": ""}, false, "work-2"},
	} {
		memory, files := &session.Memory{}, &session.Memory{}
		k := &saving{store: files, all: session.Both{First: memory, Second: files}, replace: c.replace}
		k.session = aSession(t, nil, "work", "")
		aSession(t, files, "work", "alice")
		for other, subject := range c.others {
			if c.memory {
				aSession(t, memory, other, subject)
			} else {
				aSession(t, files, other, subject)
			}
		}
		if err := k.makeWay(c.subject, c.sent); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if k.session.Name != c.want || (k.instead != nil) != (c.want != "work") {
			t.Errorf("%s: %s, %v", name, k.session.Name, k.instead)
		}
	}
}

// trouble is a store that cannot be asked.
type trouble struct{ session.Store }

func (trouble) Load(string) (*session.Session, error) { return nil, errors.New("it does not answer") }

// A store that does not answer holds up nobody who has tokens to keep.
func TestMakeWayInTrouble(t *testing.T) {
	t.Parallel()
	k := &saving{store: trouble{}, all: trouble{}, session: aSession(t, nil, "work", "")}
	if err := k.makeWay("bob", ""); err != nil || k.session.Name != "work" { // what is wrong is found out when it is written
		t.Errorf("%s, %v", k.session.Name, err)
	}
	if err := k.elsewhere(saveFlags{name: "work"}); err != nil {
		t.Errorf("there is one store only: %v", err)
	}
	k.all = session.Both{First: trouble{}, Second: &session.Memory{}}
	for _, replace := range []bool{false, true} {
		if err := k.elsewhere(saveFlags{name: "work", replace: replace}); err == nil || k.other != nil {
			t.Errorf("replace %v: %v, %v", replace, err, k.other)
		}
	}
}

// one is a store that has one session, and of every other does not know.
type one struct{ *session.Memory }

func (s one) Load(name string) (*session.Session, error) {
	if name == "work" {
		return s.Memory.Load(name)
	}
	return nil, errors.New("it does not answer")
}

// Without a free name nothing is written: neither over another user's session nor over what
// cannot be read.
func TestNoNameIsFree(t *testing.T) {
	rescued := t.TempDir()
	t.Setenv("TMPDIR", rescued)
	t.Setenv("TMP", rescued) // on Windows
	store := one{&session.Memory{}}
	aSession(t, store.Memory, "work", "alice")
	k := &saving{store: store, all: store, session: aSession(t, nil, "work", "")}
	k.nowhere = k.makeWay("bob", "")
	k.write()
	if names, _ := store.Names(); k.failed == nil || len(names) != 1 {
		t.Errorf("%v, %v", names, k.failed)
	}
	first, again := k.lost(&program{}), k.lost(&program{}) // whoever asks, it is written once
	files, _ := filepath.Glob(filepath.Join(rescued, "oidc-client-session-work-*.json"))
	if len(files) != 1 || first == nil || first.Error() != again.Error() || !strings.Contains(first.Error(), files[0]) {
		t.Errorf("%v, %v, %v", files, first, again)
	}
	if s, err := store.Load("work"); err != nil || s.Grant.Subject != "alice" {
		t.Errorf("%v, %v", s, err)
	}
}
