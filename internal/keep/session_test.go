package keep

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// aSession is in a store, of a user.
func aSession(t *testing.T, store session.Store, name, subject string) *session.Session {
	t.Helper()
	s := &session.Session{
		Schema: session.Schema,
		Name:   name,
		Grant:  session.Grant{Issuer: "https://op.example", ClientID: "c", Subject: subject},
		Secret: &session.Secret{RefreshToken: "r"},
	}
	if store != nil {
		if err := session.Save(store, s); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// aKeeper keeps the tokens of a login that is to be the session work.
func aKeeper(k *Session) *sessionKeeper {
	k.Blank = session.Session{
		Schema: session.Schema,
		Name:   "work",
		Grant:  session.Grant{Issuer: "https://op.example", ClientID: "c"},
		Secret: &session.Secret{Client: []byte("{}")},
	}
	return k.begin(&run.Env{Stderr: io.Discard})
}

// Tokens take the place of a user's only if they are known to be that user's. What is there is
// looked at when they come, in every store.
func TestPlace(t *testing.T) {
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
		k := aKeeper(&Session{Store: files, All: session.Both{First: memory, Second: files}, Replace: c.replace})
		k.response = response{subject: c.subject, sent: c.sent}
		aSession(t, files, "work", "alice")
		for other, subject := range c.others {
			if c.memory {
				aSession(t, memory, other, subject)
			} else {
				aSession(t, files, other, subject)
			}
		}
		if err := k.place(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if k.session.Name != c.want || (k.renamed != nil) != (c.want != "work") {
			t.Errorf("%s: %s, %v", name, k.session.Name, k.renamed)
		}
	}
}

// trouble is a store that cannot be asked.
type trouble struct{ session.Store }

func (trouble) Load(string) (*session.Session, error) { return nil, errors.New("it does not answer") }

func (trouble) Reserve(string) (session.Reservation, error) {
	return nil, errors.New("it does not answer")
}

// A store that does not answer holds up nobody who has tokens to keep.
func TestPlaceInTrouble(t *testing.T) {
	t.Parallel()
	k := aKeeper(&Session{Store: trouble{}, All: trouble{}})
	k.response.subject = "bob"
	if err := k.place(); err != nil || k.session.Name != "work" { // what is wrong is found out when it is written
		t.Errorf("%s, %v", k.session.Name, err)
	}
	files := &session.Memory{}
	aSession(t, files, "work", "alice")
	k = aKeeper(&Session{Store: files, All: session.Both{First: trouble{}, Second: files}})
	k.response.subject = "bob"
	if err := k.place(); err == nil || k.session.Name != "work" { // it is alice's, and other names are not known
		t.Errorf("%s, %v", k.session.Name, err)
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

// inTemporaryFolder makes the folder of temporary files one of the test's own.
func inTemporaryFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	t.Setenv("TMP", folder) // on Windows
	return folder
}

// Without a free name nothing is written: neither over another user's session nor over what
// cannot be read.
func TestNoNameIsFree(t *testing.T) {
	folder := inTemporaryFolder(t)
	store := one{&session.Memory{}}
	aSession(t, store.Memory, "work", "alice")
	k := aKeeper(&Session{Store: store, All: store})
	k.put(response{tokens: &oidc.Tokens{AccessToken: "a", RefreshToken: "new"}, subject: "bob"})
	k.judged(&oidc.Tokens{}, "")
	if names, _ := store.Names(); k.stored || len(names) != 1 {
		t.Errorf("%v", names)
	}
	files, _ := filepath.Glob(filepath.Join(folder, "oidc-client-session-work-*.json"))
	if err := k.problem(); len(files) != 1 || err == nil || !strings.Contains(err.Error(), files[0]) {
		t.Errorf("%v, %v", files, err)
	}
	if s, err := store.Load("work"); err != nil || s.Grant.Subject != "alice" {
		t.Errorf("%v, %v", s, err)
	}
}

// A moody store fails while it is broken.
type moody struct {
	*session.Memory
	broken bool
}

var errMoody = errors.New("input/output error")

func (s *moody) Reserve(name string) (session.Reservation, error) {
	if s.broken {
		return nil, errMoody
	}
	room, err := s.Memory.Reserve(name)
	return moodyRoom{room, s}, err
}

type moodyRoom struct {
	session.Reservation
	store *moody
}

func (r moodyRoom) Commit(s *session.Session, less ...*session.Session) error {
	if r.store.broken {
		return errMoody
	}
	return r.Reservation.Commit(s, less...)
}

// A turn is one login under a --save that is used for several.
type turn struct {
	user       string
	refreshes  bool // a refresh token comes
	put, judge bool // the store is broken when the tokens come, and when they were verified
}

// turns are all logins there can be.
func turns() []turn {
	var all []turn
	for n := range 16 {
		all = append(all, turn{[]string{"alice", "bob"}[n%2], n&2 > 0, n&4 > 0, n&8 > 0})
	}
	return all
}

// Of the logins of one command each has a session of its own, whoever logged in before, whether a
// refresh token came, and whether the store worked.
func TestLoginsInTurn(t *testing.T) {
	folder := inTemporaryFolder(t)
	for _, first := range turns() {
		for _, second := range turns() {
			store := &moody{Memory: &session.Memory{}}
			k := &Session{
				Store: store,
				All:   store,
				Blank: session.Session{
					Schema: session.Schema,
					Name:   "work",
					Grant:  session.Grant{Issuer: "https://op.example", ClientID: "c"},
					Secret: &session.Secret{Client: []byte("{}")},
				},
			}
			last := turn{"alice", true, false, false}
			for n, login := range []turn{first, second, last, {"bob", false, false, false}} {
				takeTurn(t, k, store, folder, n, login)
				if t.Failed() {
					t.Fatalf("after %+v, %+v: login %d, %+v", first, second, n, login)
				}
			}
			if names, _ := store.Names(); len(names) != 2 {
				t.Fatalf("%+v, %+v: %v", first, second, names)
			}
		}
	}
}

// takeTurn logs a user in, and looks at what is kept.
func takeTurn(t *testing.T, k *Session, store *moody, folder string, n int, login turn) {
	t.Helper()
	mine := fmt.Sprintf("%s-%d", login.user, n)
	tokens := &oidc.Tokens{
		AccessToken: "access-" + mine,
		IDToken:     &oidc.IDToken{StandardClaims: oidc.StandardClaims{Subject: login.user}},
	}
	if login.refreshes {
		tokens.RefreshToken = "refresh-" + mine
	}
	one := k.begin(&run.Env{Stderr: io.Discard})
	store.broken = login.put
	one.put(response{tokens: tokens, subject: login.user})
	copies := func() []string {
		files, _ := filepath.Glob(filepath.Join(folder, "oidc-client-session-*.json"))
		return files
	}
	if files := copies(); (len(files) > 0) != login.put {
		t.Errorf("when the tokens came: %v, %v", files, one.problem())
	}
	store.broken = login.judge
	one.judged(tokens, "")
	one.end()
	store.broken = false
	ownsOnly(t, store)
	problem, files := one.problem(), copies()
	if login.put && login.judge { // it is nowhere else
		if len(files) != 1 || problem == nil || !strings.Contains(problem.Error(), files[0]) {
			t.Errorf("%v, %v", files, problem)
			return
		}
		if data, err := os.ReadFile(files[0]); err != nil || !strings.Contains(string(data), `"access-`+mine+`"`) ||
			strings.Contains(string(data), "refresh-") != login.refreshes {
			t.Errorf("%s, %v", data, err)
		}
		_ = os.Remove(files[0])
		return
	}
	s, err := store.Load(one.session.Name)
	if err != nil || len(files) > 0 || s.Grant.Subject != login.user || s.Tokens.AccessToken != tokens.AccessToken ||
		s.Secret.RefreshToken != tokens.RefreshToken ||
		s.Generation != 1 {
		t.Errorf("%+v, %v, %v", s, err, files)
	}
	if (problem != nil && !errors.As(problem, new(*anothersError))) != login.judge ||
		(s.Withheld != "") != login.judge {
		t.Errorf("%v, withheld %q", problem, s.Withheld)
	}
}

// ownsOnly makes sure that no session has a token of another user.
func ownsOnly(t *testing.T, store session.Store) {
	t.Helper()
	names, _ := store.Names()
	for _, name := range names {
		s, err := store.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		whose, _, _ := strings.Cut(strings.TrimPrefix(s.Tokens.AccessToken, "access-"), "-")
		if s.Grant.Subject != whose ||
			s.Secret.RefreshToken != "" && !strings.HasPrefix(s.Secret.RefreshToken, "refresh-"+whose+"-") {
			t.Errorf("session %s of %s has the tokens %s and %s", name, s.Grant.Subject, s.Tokens.AccessToken,
				s.Secret.RefreshToken)
		}
	}
}
