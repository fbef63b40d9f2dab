package cli

import (
	"errors"
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
		subject string // of what came
		replace bool
		others  map[string]string // sessions that are there, by name, beside alice's
		want    string            // its name
	}{
		"the same":             {"alice", false, nil, "work"},
		"another":              {"bob", false, nil, "work-2"},
		"nobody who is named":  {"", false, nil, "work-2"},
		"another, on purpose":  {"bob", true, nil, "work"},
		"a name that is taken": {"bob", false, map[string]string{"work-2": "carol"}, "work-3"},
		"again":                {"bob", false, map[string]string{"work-2": "bob"}, "work-2"},
		"nobody again":         {"", false, map[string]string{"work-2": ""}, "work-3"},
	} {
		memory, files := &session.Memory{}, &session.Memory{}
		k := &saving{store: files, all: session.Both{First: memory, Second: files}, replace: c.replace}
		k.session = aSession(t, nil, "work", "")
		aSession(t, files, "work", "alice")
		for other, subject := range c.others {
			aSession(t, memory, other, subject)
		}
		k.makeWay(c.subject)
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
	k.makeWay("bob")
	if k.session.Name != "work" {
		t.Error(k.session.Name)
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
