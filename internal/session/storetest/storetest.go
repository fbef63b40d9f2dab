// Package storetest is the test suite of every [session.Store]. An engine that passes it keeps what
// the renewal of sessions relies on: above all that of many who have read a session one can write
// it.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/session"
)

// Run tests the stores that open makes. Each call of open returns one that is empty, and on which
// nobody else works.
func Run(t *testing.T, open func(t *testing.T) session.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, session.Store){
		"sessions are kept by name":            keepsByName,
		"odd names are refused":                refusesOddNames,
		"what is stored does not change":       storesCopies,
		"a reservation that is discarded":      discards,
		"locks":                                locks,
		"a write needs the serial":             comparesAndSwaps,
		"a deletion needs the serial":          deletesConditionally,
		"a session that was made anew":         numbersAnew,
		"of many writers one succeeds":         hasOneWinner,
		"of many claims one counts":            claimsOnce,
		"a claim is not taken over":            keepsClaims,
		"a claim is given back":                givesClaimsBack,
		"a response is stored over the claim":  storesResponses,
		"a late response changes nothing":      refusesLateResponses,
		"readers see whole sessions":           readsWhole,
		"a refused session stays refused":      staysRefused,
		"sessions have serials of their own":   numbersApart,
		"access tokens are kept side by side":  keepsAccessTokens,
		"only less of a session may be stored": storesLess,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// aSession is a session that was never stored.
func aSession(name string) *session.Session {
	return &session.Session{
		Schema: session.Schema, Name: name, Generation: 1, Received: noon, Renewable: true,
		Grant: session.Grant{Issuer: "https://op.example", ClientID: "cli", Subject: "u", Scopes: []string{"openid"}},
		Tokens: session.Tokens{
			AccessToken: "access", TokenType: "Bearer", Expires: noon.Add(10 * time.Minute),
			IDToken: "id", IDTokenExpires: noon.Add(time.Minute),
		},
		Secret: &session.Secret{RefreshToken: "refresh", Client: json.RawMessage(`{}`)},
	}
}

// write stores a session, which has to work.
func write(t *testing.T, store session.Store, s *session.Session) *session.Session {
	t.Helper()
	before := s.Serial
	if err := session.Write(store, s); err != nil {
		t.Fatalf("session %s was not stored: %v", s.Name, err)
	}
	if s.Serial <= before || s.Serial <= 0 {
		t.Fatalf("the serial %d follows %d", s.Serial, before)
	}
	return s
}

// read returns a session as it is stored, its secret open.
func read(t *testing.T, store session.Store, name string) *session.Session {
	t.Helper()
	s, err := store.Load(name)
	if err == nil {
		err = store.Open(t.Context(), s)
	}
	if err != nil {
		t.Fatalf("session %s: %v", name, err)
	}
	return s
}

// same checks that a session is stored as it is expected, wherever its secret is.
func same(t *testing.T, store session.Store, want *session.Session) {
	t.Helper()
	got := read(t, store, want.Name)
	a, b := *got, *want
	a.Sealed, b.Sealed = nil, nil
	if !reflect.DeepEqual(&a, &b) {
		t.Fatalf("stored: %+v, not %+v", a, b)
	}
}

// conflicts checks that a write was refused because the session has changed.
func conflicts(t *testing.T, err error, what string) {
	t.Helper()
	if !errors.Is(err, session.ErrChanged) {
		t.Fatalf("%s: %v, not ErrChanged", what, err)
	}
}

func keepsByName(t *testing.T, store session.Store) {
	if names, err := store.Names(); err != nil || len(names) != 0 {
		t.Fatalf("an empty store has %v, %v", names, err)
	}
	if _, err := store.Load("work"); !errors.Is(err, session.ErrNoSession) {
		t.Fatalf("a session that is not there: %v", err)
	}
	if err := store.Delete("work", session.Any); !errors.Is(err, session.ErrNoSession) {
		t.Fatalf("a session that is not there was deleted: %v", err)
	}
	for _, name := range []string{"work", "a", "b.json"} {
		write(t, store, aSession(name))
	}
	if names, err := store.Names(); err != nil || !slices.Equal(names, []string{"a", "b.json", "work"}) {
		t.Fatalf("names: %v, %v", names, err)
	}
	if err := store.Delete("a", session.Any); err != nil {
		t.Fatal(err)
	}
	if names, err := store.Names(); err != nil || !slices.Equal(names, []string{"b.json", "work"}) {
		t.Fatalf("names after a deletion: %v, %v", names, err)
	}
	if _, err := store.Load("a"); !errors.Is(err, session.ErrNoSession) {
		t.Fatalf("a session that was deleted: %v", err)
	}
}

func refusesOddNames(t *testing.T, store session.Store) {
	for _, name := range []string{"", "..", "../mine", "a/b", ".work", "-x", "A", "a\x00b", strings.Repeat("a", 65)} {
		if err := session.Save(store, aSession(name)); err == nil {
			t.Errorf("%q was stored", name)
		}
		if _, err := store.Load(name); err == nil {
			t.Errorf("%q was loaded", name)
		}
		if err := store.Delete(name, session.Any); err == nil {
			t.Errorf("%q was deleted", name)
		}
	}
	if names, err := store.Names(); err != nil || len(names) != 0 {
		t.Errorf("%v, %v", names, err)
	}
}

func storesCopies(t *testing.T, store session.Store) {
	s := write(t, store, aSession("work"))
	stored := s.Copy()
	s.Tokens.AccessToken = "changed after it was stored"
	same(t, store, stored)
	got := read(t, store, "work")
	got.Tokens.AccessToken, got.Generation = "changed after it was read", 7
	same(t, store, stored)
}

func discards(t *testing.T, store session.Store) {
	s := write(t, store, aSession("work"))
	for _, name := range []string{"work", "new"} {
		room, err := store.Reserve(name)
		if err == nil {
			err = room.Discard()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	same(t, store, s)
	if _, err := store.Load("new"); !errors.Is(err, session.ErrNoSession) {
		t.Fatal(err)
	}
}

// locks: one holds a lock, the others wait, each for as long as it wants to.
func locks(t *testing.T, store session.Store) {
	never := func() bool { return false }
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
		t.Fatalf("who has waited enough: %v", err)
	}
	gone, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the caller's reason")
	if u, err := store.Lock(gone, "work", func() bool { cancel(reason); return false }); u != nil ||
		!errors.Is(err, reason) {
		t.Fatalf("who has given up: %v", err)
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
}

func comparesAndSwaps(t *testing.T, store session.Store) {
	unread := aSession("work")
	unread.Serial = 7
	conflicts(t, session.Write(store, unread), "a session that is not there")
	first := write(t, store, aSession("work")).Copy()
	conflicts(t, session.Write(store, aSession("work")), "a new session where one is")
	for n := range 5 {
		s := read(t, store, "work")
		stale := s.Copy()
		s.Generation = 2 + n
		write(t, store, s)
		stale.Generation = 100
		conflicts(t, session.Write(store, stale), "what was read before another write")
		conflicts(t, session.Write(store, first.Copy()), "what was read first")
		same(t, store, s)
	}
	whatever := aSession("work")
	whatever.Serial = session.Any
	if err := session.Write(store, whatever); err != nil || whatever.Serial <= first.Serial {
		t.Fatalf("what replaces anything: %v, serial %d", err, whatever.Serial)
	}
	same(t, store, whatever)
}

func deletesConditionally(t *testing.T, store session.Store) {
	stale := write(t, store, aSession("work")).Copy()
	s := read(t, store, "work")
	s.Generation++
	write(t, store, s)
	conflicts(t, store.Delete("work", stale.Serial), "a deletion")
	same(t, store, s)
	if err := store.Delete("work", s.Serial); err != nil {
		t.Fatal(err)
	}
	if err := store.Delete("work", s.Serial); !errors.Is(err, session.ErrNoSession) {
		t.Fatalf("deleted twice: %v", err)
	}
}

// numbersAnew: who has read a session that was deleted does not write the one that took its place.
func numbersAnew(t *testing.T, store session.Store) {
	old := write(t, store, aSession("work")).Copy()
	if err := store.Delete("work", session.Any); err != nil {
		t.Fatal(err)
	}
	conflicts(t, session.Write(store, old.Copy()), "a session that was deleted")
	for time.Now().UnixMicro() <= old.Serial { // a store on another machine takes longer
		time.Sleep(time.Millisecond)
	}
	s := write(t, store, aSession("work"))
	conflicts(t, session.Write(store, old.Copy()), "a session that was made anew")
	conflicts(t, store.Delete("work", old.Serial), "its deletion")
	same(t, store, s)
}

// atOnce calls f by as many at once, and returns how many got no error. Every other error has to
// be ErrChanged.
func atOnce(t *testing.T, many int, f func(n int) error) int {
	t.Helper()
	var all sync.WaitGroup
	var won atomic.Int32
	ready := make(chan struct{})
	for n := range many {
		all.Go(func() {
			<-ready
			err := f(n)
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, session.ErrChanged) {
				t.Error(err)
			}
		})
	}
	close(ready)
	all.Wait()
	return int(won.Load())
}

func hasOneWinner(t *testing.T, store session.Store) {
	const many = 20
	if won := atOnce(t, many, func(int) error { return session.Write(store, aSession("work")) }); won != 1 {
		t.Fatalf("%d made the session", won)
	}
	for range 5 {
		before := read(t, store, "work")
		won := atOnce(t, many, func(n int) error {
			s := before.Copy()
			s.Refused = fmt.Sprint(n)
			return session.Write(store, s)
		})
		if won != 1 {
			t.Fatalf("%d wrote what they had read", won)
		}
	}
}

// claim stores a claim on the refresh token of a session that was read.
func claim(store session.Store, s *session.Session, holder string) error {
	s.Begin(noon)
	s.Claim.Holder = holder
	return session.Write(store, s)
}

func claimsOnce(t *testing.T, store session.Store) {
	write(t, store, aSession("work"))
	before := read(t, store, "work")
	sent := atOnce(t, 20, func(n int) error { return claim(store, before.Copy(), fmt.Sprint("holder ", n)) })
	if sent != 1 {
		t.Fatalf("%d may send the refresh token", sent)
	}
	s := read(t, store, "work")
	if s.Claim == nil || !strings.HasPrefix(s.Claim.Holder, "holder ") || s.Claim.Token == "" ||
		!s.Claim.SendBy.After(s.Claim.Began) {
		t.Fatalf("the claim: %+v", s.Claim)
	}
	if s.State(noon) != session.Spent {
		t.Fatalf("while it is claimed: %s", s.State(noon))
	}
}

func keepsClaims(t *testing.T, store session.Store) {
	unclaimed := write(t, store, aSession("work")).Copy()
	held := read(t, store, "work")
	if err := claim(store, held, "me"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		conflicts(t, claim(store, unclaimed.Copy(), "another"), "a second claim")
	}
	if s := read(t, store, "work"); s.Claim == nil || s.Claim.Holder != "me" {
		t.Fatalf("%+v", s.Claim)
	}
}

func givesClaimsBack(t *testing.T, store session.Store) {
	s := write(t, store, aSession("work"))
	unclaimed := s.Copy()
	if err := claim(store, s, "me"); err != nil {
		t.Fatal(err)
	}
	s.Claim = nil
	write(t, store, s)
	conflicts(t, claim(store, unclaimed, "another"), "a claim by who has read it before")
	if err := claim(store, read(t, store, "work"), "another"); err != nil {
		t.Fatalf("a claim after one was given back: %v", err)
	}
}

// answered is a session with the response to its refresh token.
func answered(s *session.Session, token string) *session.Session {
	s.Generation++
	s.Claim, s.Received = nil, s.Received.Add(time.Minute)
	s.Tokens.AccessToken, s.Secret = token,
		&session.Secret{RefreshToken: "refresh of " + token, Client: s.Secret.Client}
	return s
}

func storesResponses(t *testing.T, store session.Store) {
	write(t, store, aSession("work"))
	s := read(t, store, "work")
	room, err := store.Reserve("work") // before anything is sent
	if err != nil {
		t.Fatal(err)
	}
	if err := claim(store, s, "me"); err != nil {
		t.Fatal(err)
	}
	if err := session.Keep(store, room, answered(s, "new")); err != nil {
		t.Fatal(err)
	}
	same(t, store, s)
}

func refusesLateResponses(t *testing.T, store session.Store) {
	write(t, store, aSession("work"))
	slow := read(t, store, "work")
	if err := claim(store, slow, "slow"); err != nil {
		t.Fatal(err)
	}
	retried := read(t, store, "work") // by a person, who knows of the claim
	if err := claim(store, retried, "retried"); err != nil {
		t.Fatal(err)
	}
	write(t, store, answered(retried, "newer"))
	conflicts(t, session.Keep(store, nil, answered(slow, "older")), "the response to the first claim")
	same(t, store, retried)
}

// readsWhole: whoever reads while others write gets what one of them wrote, and serials only rise.
func readsWhole(t *testing.T, store session.Store) {
	write(t, store, aSession("work"))
	const writes = 50
	var all sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		all.Go(func() {
			last := int64(0)
			for {
				s, err := store.Load("work")
				if err != nil || s.Serial < last ||
					s.Tokens.AccessToken != "access" && s.Tokens.AccessToken != s.Refused {
					t.Errorf("%+v, %v", s, err)
					return
				}
				last = s.Serial
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for n := range writes {
		s := read(t, store, "work")
		s.Refused = fmt.Sprint("write ", n)
		s.Tokens.AccessToken = s.Refused
		write(t, store, s)
	}
	close(done)
	all.Wait()
}

func staysRefused(t *testing.T, store session.Store) {
	fresh := write(t, store, aSession("work")).Copy()
	s := read(t, store, "work")
	s.Refused = "revoked"
	write(t, store, s)
	conflicts(t, session.Write(store, fresh), "an older copy")
	if got := read(t, store, "work"); got.Refused != "revoked" {
		t.Fatalf("%+v", got)
	}
}

func numbersApart(t *testing.T, store session.Store) {
	a := write(t, store, aSession("a"))
	b := write(t, store, aSession("b"))
	serial := a.Serial
	b.Generation++
	write(t, store, b)
	if got := read(t, store, "a"); got.Serial != serial {
		t.Fatalf("a write of b changed the serial of a from %d to %d", serial, got.Serial)
	}
	a.Generation++
	write(t, store, a)
}

func keepsAccessTokens(t *testing.T, store session.Store) {
	s := write(t, store, aSession("work"))
	targets := []session.Target{
		{Scopes: []string{"read"}},
		{Resources: []string{"https://api.example"}},
		{Scopes: []string{"read"}, Audiences: []string{"a"}},
	}
	for n, target := range targets {
		s.PutAccess(session.AccessToken{Target: target, Token: fmt.Sprint("access-", n), Type: "DPoP", Received: noon},
			noon)
		write(t, store, s)
	}
	same(t, store, s)
	got := read(t, store, "work")
	for n, target := range targets {
		if token := got.For(target); token == nil || token.Token != fmt.Sprint("access-", n) || token.Type != "DPoP" {
			t.Errorf("%s: %+v", target, token)
		}
	}
}

// storesLess: a store with room for everything takes the whole session, whatever less there is.
func storesLess(t *testing.T, store session.Store) {
	room, err := store.Reserve("work")
	if err != nil {
		t.Fatal(err)
	}
	s, less := aSession("work"), aSession("work")
	less.Tokens = session.Tokens{}
	if err := room.Commit(s, less); err != nil {
		t.Fatal(err)
	}
	same(t, store, s)
}
