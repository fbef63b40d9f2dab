package renewal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// A ring is a keyring of the test's.
type ring struct{ key session.Key }

func (r ring) Key(context.Context, bool) (session.Key, error) { return r.key, nil }

// A world is a provider that rotates and revokes, and a store with one expired session at it.
type world struct {
	*testing.T
	op     *fakeop.OP
	family *fakeop.Family
	store  session.Store
	now    atomic.Pointer[time.Time]
}

// everywhere runs a test with each kind of store.
func everywhere(t *testing.T, test func(*world)) {
	t.Helper()
	t.Parallel()
	for name, make := range map[string]func(*testing.T) session.Store{
		"memory": func(*testing.T) session.Store { return &session.Memory{} },
		"files": func(t *testing.T) session.Store {
			return &session.Files{Folder: filepath.Join(t.TempDir(), "sessions")}
		},
		"sealed": func(t *testing.T) session.Store {
			return &session.Files{
				Folder: filepath.Join(t.TempDir(), "sessions"), Sealing: true,
				Keys: ring{session.NewKey()},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newWorld(t, make(t)))
		})
	}
}

func newWorld(t *testing.T, store session.Store) *world {
	t.Helper()
	w := &world{T: t, op: fakeop.Start(), store: store}
	t.Cleanup(func() {
		w.op.CloseClientConnections()
		w.op.Close()
	})
	w.family = w.op.Rotate(5 * time.Minute)
	w.at(0)
	w.save(w.expired())
	return w
}

// at sets the clocks, relative to now.
func (w *world) at(d time.Duration) {
	now := time.Now().Add(d)
	w.now.Store(&now)
	w.claim("iat", now.Unix())
	w.claim("exp", now.Add(5*time.Minute).Unix())
}

// claim sets a claim of the ID Tokens.
func (w *world) claim(name string, value any) {
	w.op.Lock()
	defer w.op.Unlock()
	w.op.Claims[name] = value
}

// noClaims makes the provider send no ID Tokens.
func (w *world) noClaims() {
	w.op.Lock()
	defer w.op.Unlock()
	w.op.Claims = nil
}

// expired is a session at the provider, as an hour ago.
func (w *world) expired() *session.Session {
	past := time.Now().Add(-time.Hour)
	return &session.Session{
		Schema: session.Schema, Name: "work",
		Grant: session.Grant{Issuer: w.op.URL, ClientID: fakeop.ClientID, Subject: "u"}, Generation: 1, Received: past,
		Renewable: true,
		Tokens:    session.Tokens{AccessToken: "access-0", TokenType: "Bearer", Expires: past.Add(5 * time.Minute)},
		Secret:    &session.Secret{RefreshToken: "refresh-0", Client: []byte(`{}`)},
	}
}

func (w *world) save(s *session.Session) {
	w.Helper()
	if err := session.Save(w.store, s); err != nil {
		w.Fatal(err)
	}
}

// stored is the session as it is kept, its secret open.
func (w *world) stored() *session.Session {
	w.Helper()
	s, err := w.store.Load("work")
	if err == nil {
		err = w.store.Open(context.Background(), s)
	}
	if err != nil {
		w.Fatal(err)
	}
	return s
}

func (w *world) renewal() *Renewal {
	return &Renewal{Store: w.store, Name: "work", Now: func() time.Time { return *w.now.Load() }, Connect: w.connect}
}

func (w *world) connect(ctx context.Context, s *session.Session) (*oidc.Client, error) {
	provider, err := oidc.Discovery{HTTP: w.op.Client()}.Provider(ctx, s.Grant.Issuer)
	if err != nil {
		return nil, err
	}
	return &oidc.Client{
		Provider: provider, ID: s.Grant.ClientID, HTTP: w.op.Client(),
		Now: func() time.Time { return *w.now.Load() },
	}, nil
}

// handle puts a handler at a path of the provider's.
func (w *world) handle(path string, h http.HandlerFunc) {
	w.op.Lock()
	defer w.op.Unlock()
	w.op.Handlers[path] = h
}

// gets runs a renewal, which has to give a token.
func (w *world) gets(r *Renewal, token string) *Outcome {
	w.Helper()
	out, err := r.Run(w.Context())
	if err != nil || out.Token != token {
		w.Fatalf("got %q, %v, not %s", out.Token, err, token)
	}
	return out
}

// fails runs a renewal, which has to fail, and returns what is stored then, and its error.
func (w *world) fails(r *Renewal) (*session.Session, error) {
	w.Helper()
	out, err := r.Run(w.Context())
	if err == nil || out.Token != "" {
		w.Fatalf("got %q, %v", out.Token, err)
	}
	return w.stored(), err
}

// unspent checks that a session is as before, and that the next run gets a token.
func (w *world) unspent(s *session.Session) {
	w.Helper()
	if s.Claim != nil || s.Refused != "" || s.Secret.RefreshToken != "refresh-0" ||
		s.Tokens.AccessToken != "access-0" || s.Generation != 1 {
		w.Fatalf("stored: %+v %+v", s, s.Claim)
	}
	w.handle("/token", nil)
	w.family = w.op.Rotate(5 * time.Minute)
	w.gets(w.renewal(), "access-1")
}

// isLogin checks that an error asks for a login, and why.
func (w *world) isLogin(err error, state session.State, why string) {
	w.Helper()
	var login *LoginError
	if !errors.As(err, &login) || login.State != state || !strings.Contains(err.Error(), why) {
		w.Fatalf("got %v, not %s because %s", err, state, why)
	}
}

func TestRenewal(t *testing.T) {
	everywhere(t, func(w *world) {
		var told *oidc.Tokens
		held := 0
		r := w.renewal()
		r.Received = func(t *oidc.Tokens) { told = t }
		r.Hold = func() func() { held++; return func() { held += 10 } }
		out := w.gets(r, "access-1")
		s := w.stored()
		if s.Generation != 2 || s.Secret.RefreshToken != "refresh-1" || s.Withheld != "" || s.Held != "" ||
			s.Claim != nil || s.Failure != nil || !s.Renewable || s.Keeps {
			t.Errorf("stored: %+v", s)
		}
		if s.Tokens.AccessToken != "access-1" || s.Tokens.IDToken == "" || s.Tokens.IDTokenStale ||
			!out.Expires.Equal(s.Tokens.Expires) {
			t.Errorf("tokens: %+v", s.Tokens)
		}
		if out.Tokens == nil || out.Tokens != told || held != 11 {
			t.Errorf("%v was told, and held %d", told, held)
		}
		if w.family.Asked() != 1 || w.family.Revoked() {
			t.Errorf("asked %d times", w.family.Asked())
		}
	})
}

// A fresh token is read: no lock is taken, nobody is connected to, and nothing is written.
func TestFreshIsRead(t *testing.T) {
	everywhere(t, func(w *world) {
		w.gets(w.renewal(), "access-1")
		unlock, err := w.store.Lock(t.Context(), "work", func() bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		r := w.renewal()
		r.Connect = func(context.Context, *session.Session) (*oidc.Client, error) { panic("it connects") }
		r.Waiting = func() { t.Error("it waits") }
		r.Store = readOnly{w.store}
		w.op.Close() // no socket
		w.gets(r, "access-1")
	})
}

// A readOnly store is one that is only read.
type readOnly struct{ session.Store }

func (readOnly) Open(context.Context, *session.Session) error { panic("it opens the secret") }
func (readOnly) Lock(context.Context, string, func() bool) (func(), error) {
	panic("it locks")
}
func (readOnly) Reserve(string) (session.Reservation, error) { panic("it writes") }

// However many ask, the session is renewed once, and all get its token.
func TestOnceForAll(t *testing.T) {
	everywhere(t, func(w *world) {
		const crowd = 50
		var waiting atomic.Int32
		w.family.Delay(func() {
			for waiting.Load() < crowd/2 && w.Context().Err() == nil { // until many are there
				time.Sleep(time.Millisecond)
			}
		})
		var all sync.WaitGroup
		for range crowd {
			all.Go(func() {
				r := w.renewal()
				r.Waiting = func() { waiting.Add(1) }
				if out, err := r.Run(t.Context()); err != nil || out.Token != "access-1" {
					t.Errorf("got %q, %v", out.Token, err)
				}
			})
		}
		all.Wait()
		if w.family.Asked() != 1 || w.family.Revoked() {
			t.Errorf("asked %d times", w.family.Asked())
		}
	})
}

// Who comes while the token is on its way waits: it only looks as if it were lost.
func TestNoteOfTheLivingIsNoLoss(t *testing.T) {
	everywhere(t, func(w *world) {
		late := make(chan error, 1)
		w.family.Delay(func() {
			began := make(chan struct{})
			go func() {
				r := w.renewal()
				r.Waiting = func() { close(began) }
				out, err := r.Run(t.Context())
				if err == nil && out.Token != "access-1" {
					err = fmt.Errorf("got %q", out.Token)
				}
				late <- err
			}()
			select {
			case <-began:
			case err := <-late:
				late <- err
			}
		})
		w.gets(w.renewal(), "access-1")
		if err := <-late; err != nil {
			t.Error(err)
		}
	})
}

// The note is in the store before the token reaches the provider; the answer is there
// before anything in it is verified; and then nothing is held back any more.
func TestOrderOfThings(t *testing.T) {
	everywhere(t, func(w *world) {
		var noted, kept *session.Session
		var held, heldAtKeys atomic.Bool
		w.handle("/token", func(rw http.ResponseWriter, r *http.Request) {
			noted = w.stored()
			w.family.Delay(nil)
			w.op.Answer(rw, r)
		})
		keys := make(chan struct{})
		w.handle("/jwks", func(rw http.ResponseWriter, r *http.Request) {
			<-keys
			heldAtKeys.Store(held.Load())
			kept = w.stored()
			w.op.Answer(rw, r)
		})
		r := w.renewal()
		r.Hold = func() func() { held.Store(true); return func() { held.Store(false) } }
		r.Received = func(*oidc.Tokens) { close(keys) } // they are asked for beside the token, and come after it
		w.gets(r, "the-access-token")
		if noted == nil || noted.Claim == nil || noted.Claim.Process != os.Getpid() ||
			noted.Secret.RefreshToken != "refresh-0" || noted.State(time.Now()) != session.Spent {
			t.Errorf("when the token came: %+v", noted)
		}
		if kept == nil || kept.Claim != nil || kept.Secret.RefreshToken != fakeop.Rotated || kept.Withheld == "" ||
			kept.State(time.Now()) != session.Withheld {
			t.Errorf("before it was verified: %+v", kept)
		}
		if heldAtKeys.Load() {
			t.Error("held longer than need be")
		}
	})
}

// A provider that is not there, or says itself that it did not take the request, spends nothing.
func TestNothingIsSpent(t *testing.T) {
	isJSON := map[string]string{"Content-Type": "application/json"}
	for name, answer := range map[string]http.HandlerFunc{
		"503 and a wait":  fakeop.Says(503, map[string]string{"Retry-After": "7"}, ""),
		"503 in words":    fakeop.Says(503, isJSON, `{"error":"temporarily_unavailable"}`),
		"429":             fakeop.Says(429, map[string]string{"Retry-After": "7"}, ""),
		"429 and no word": fakeop.Says(429, nil, ""),
		"invalid_client":  fakeop.Says(401, isJSON, `{"error":"invalid_client"}`),
		"invalid_scope":   fakeop.Says(400, isJSON, `{"error":"invalid_scope"}`),
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				w.handle("/token", answer)
				s, err := w.fails(w.renewal())
				if errors.As(err, new(*LoginError)) {
					t.Errorf("%v", err)
				}
				w.unspent(s)
			})
		})
	}
	t.Run("connection refused", func(t *testing.T) {
		everywhere(t, func(w *world) {
			r := w.renewal()
			r.Connect = func(ctx context.Context, s *session.Session) (*oidc.Client, error) {
				client, err := w.connect(ctx, s)
				if err == nil {
					client.HTTP = &http.Client{Transport: nobody{}}
				}
				return client, err
			}
			r.Hold = func() func() { t.Error("held"); return func() {} }
			s, err := w.fails(r)
			if oidc.MayBeSpent(err) || s.Failure == nil || !strings.Contains(s.Failure.Why, "refused") {
				t.Errorf("%v, %+v", err, s.Failure)
			}
			w.unspent(s)
		})
	})
	t.Run("no provider", func(t *testing.T) {
		everywhere(t, func(w *world) {
			w.handle("/.well-known/openid-configuration", fakeop.Says(500, nil, ""))
			s, _ := w.fails(w.renewal())
			if s.Failure == nil {
				t.Error("nothing is said to those who wait")
			}
			w.handle("/.well-known/openid-configuration", nil)
			w.unspent(s)
		})
	})
}

// nobody is a network where nobody listens.
type nobody struct{}

func (nobody) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

// A token that was sent, and of which no answer says what became, may be spent: it is not
// sent again, unless that is asked for.
func TestMayBeSpent(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"500": fakeop.Says(500, nil, ""),
		"502": fakeop.Says(502, map[string]string{"Content-Type": "text/html"}, "<h1>Bad gateway</h1>"),
		"503": fakeop.Says(503, nil, ""),
		"503, Envoy": fakeop.Says(503, map[string]string{"Content-Type": "text/plain", "Server": "envoy"},
			"upstream connect error or disconnect/reset before headers. reset reason: connection termination"),
		"503, Spring": fakeop.Says(503, map[string]string{"Content-Type": "application/json"},
			`{"status":503,"error":"Service Unavailable","path":"/token"}`),
		"500 in words": fakeop.Says(500, map[string]string{"Content-Type": "application/json", "Retry-After": "7"},
			`{"error":"server_error"}`),
		"closed": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a page": fakeop.Says(200, map[string]string{"Content-Type": "text/html"},
			"<title>Log in to the airport</title>"),
		"a redirect":   fakeop.Says(307, map[string]string{"Location": "/elsewhere"}, ""),
		"nothing":      fakeop.Says(200, nil, ""),
		"half":         fakeop.Says(200, map[string]string{"Content-Type": "application/json"}, `{"token_type":"Be`),
		"half of it":   fakeop.Says(200, map[string]string{"Content-Type": "application/json"}, `{"access_token":"a",`),
		"no such page": fakeop.Says(404, nil, ""),
		"too late":     func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				var sent atomic.Int32
				w.handle("/token", func(rw http.ResponseWriter, r *http.Request) {
					sent.Add(1)
					_, _ = io.Copy(io.Discard, r.Body) // or else the server does not see that the client is gone
					answer(rw, r)
				})
				r := w.renewal()
				r.Connect = func(ctx context.Context, s *session.Session) (*oidc.Client, error) {
					client, err := w.connect(ctx, s)
					if err == nil && name == "too late" {
						client.HTTP = &http.Client{Timeout: 300 * time.Millisecond}
					}
					return client, err
				}
				s, err := w.fails(r)
				if !oidc.MayBeSpent(err) || s.Claim == nil || s.Claim.Why == "" ||
					s.State(time.Now()) != session.Spent || s.Secret.RefreshToken != "refresh-0" {
					t.Fatalf("%v, %+v", err, s.Claim)
				}
				_, err = w.fails(w.renewal())
				w.isLogin(err, session.Spent, s.Claim.Why)
				if sent.Load() != 1 {
					t.Errorf("it was sent %d times", sent.Load())
				}
				w.family = w.op.Rotate(5 * time.Minute)
				retry := w.renewal()
				retry.Need.Retry = true
				w.gets(retry, "access-1")
			})
		})
	}
}

// Where the provider is known to leave refresh tokens as they are, a lost answer is no loss.
func TestKeptRefreshTokenIsSentAgain(t *testing.T) {
	everywhere(t, func(w *world) {
		w.op.Tokens["refresh_token"] = "refresh-0"
		w.handle("/token", nil)
		w.gets(w.renewal(), "the-access-token")
		if s := w.stored(); !s.Keeps || s.Secret.RefreshToken != "refresh-0" {
			t.Fatalf("%+v", s)
		}
		w.at(time.Hour)
		w.handle("/token", fakeop.Says(500, nil, ""))
		if s, _ := w.fails(w.renewal()); s.Claim == nil || s.State(*w.now.Load()) != session.Expired {
			t.Fatalf("%+v", s)
		}
		w.handle("/token", nil)
		w.gets(w.renewal(), "the-access-token")
		if s := w.stored(); s.Claim != nil || !s.Keeps {
			t.Fatalf("%+v", s)
		}
	})
}

// A refresh token that was refused is not sent again, unless that is asked for.
func TestRefused(t *testing.T) {
	everywhere(t, func(w *world) {
		s := w.expired()
		s.Secret.RefreshToken = "stolen"
		w.save(s)
		s, err := w.fails(w.renewal())
		var refusal *oidc.Error
		if !errors.As(err, &refusal) || s.Refused == "" || s.Claim != nil || s.State(time.Now()) != session.Refused ||
			s.Secret.RefreshToken != "stolen" {
			t.Fatalf("%v, %+v", err, s)
		}
		_, err = w.fails(w.renewal())
		w.isLogin(err, session.Refused, "invalid_grant")
		if w.family.Asked() != 1 {
			t.Errorf("asked %d times", w.family.Asked())
		}
		retry := w.renewal()
		retry.Need.Retry = true
		if _, err := w.fails(retry); !errors.As(err, &refusal) || w.family.Asked() != 2 {
			t.Errorf("%v, asked %d times", err, w.family.Asked())
		}
	})
}

// A refusal is of the token that was sent: if another machine put a newer one into the
// store meanwhile, that is what counts, and it stays.
func TestRefusedWhileRenewedElsewhere(t *testing.T) {
	everywhere(t, func(w *world) {
		w.handle("/token", func(rw http.ResponseWriter, r *http.Request) {
			newer := w.expired()
			newer.Generation, newer.Received, newer.Tokens.AccessToken, newer.Tokens.Expires = 2, time.Now(), "newer",
				time.Now().Add(time.Hour)
			newer.Secret.RefreshToken, newer.Serial = "newer-refresh", session.Any
			reserved, err := w.store.Reserve("work") // no lock: it is not seen on the other machine
			if err == nil {
				err = reserved.Commit(newer)
			}
			if err != nil {
				t.Error(err)
			}
			fakeop.Says(400, map[string]string{"Content-Type": "application/json"}, `{"error":"invalid_grant"}`)(rw, r)
		})
		w.gets(w.renewal(), "newer")
		if s := w.stored(); s.Refused != "" || s.Secret.RefreshToken != "newer-refresh" {
			t.Errorf("%+v", s)
		}
	})
}

// Tokens that do not verify are withheld, and the refresh token that came with them is
// kept: it is the one that works.
func TestWithheld(t *testing.T) {
	everywhere(t, func(w *world) {
		w.gets(w.renewal(), "access-1")
		good := w.stored().Tokens.IDToken
		w.at(time.Hour)
		w.claim("sub", "somebody else")
		for i := 2; i < 4; i++ { // it does not become right by being asked for again
			s, err := w.fails(w.renewal())
			var broken *check.Error
			if !errors.As(err, &broken) || s.Withheld == "" || s.State(*w.now.Load()) != session.Withheld ||
				s.Secret.RefreshToken != fmt.Sprint("refresh-", i) || s.Held != good {
				t.Fatalf("%v, %+v", err, s)
			}
			if _, _, ok := s.Take(session.Need{}, *w.now.Load()); ok {
				t.Fatal("it is handed out")
			}
		}
		w.claim("sub", "u")
		w.gets(w.renewal(), "access-4")
		if s := w.stored(); s.Withheld != "" || s.Held != "" || s.Grant.Subject != "u" {
			t.Errorf("%+v", s)
		}
	})
}

// An ID Token that did not hold is not handed out because the next answer brings none.
func TestWithheldIDTokenStaysSo(t *testing.T) {
	everywhere(t, func(w *world) {
		w.gets(w.renewal(), "access-1")
		good := w.stored().Tokens.IDToken
		w.at(time.Hour)
		w.claim("iss", "https://evil.example")
		_, _ = w.fails(w.renewal())
		w.noClaims()
		w.gets(w.renewal(), "access-3")
		if s := w.stored(); s.Tokens.IDToken != good || !s.Tokens.IDTokenStale {
			t.Errorf("%+v", s.Tokens)
		}
	})
}

// A login that was not verified is not made good by a refresh: it may be somebody else's.
func TestUnverifiedLoginIsNotRenewed(t *testing.T) {
	everywhere(t, func(w *world) {
		s := w.expired()
		s.Withheld = "a wrong nonce"
		w.save(s)
		_, err := w.fails(w.renewal())
		w.isLogin(err, session.Withheld, "a wrong nonce")
		if w.family.Asked() != 0 {
			t.Error("it was renewed")
		}
		r := w.renewal()
		r.Need.Retry = true
		w.gets(r, "access-1")
	})
}

// Where the answer could not be stored nothing is sent.
func TestNowhereToStoreIt(t *testing.T) {
	for name, spoil := range map[string]func(*faulty){
		"nothing can be reserved":   func(f *faulty) { f.reserve = func(int) error { return errFull } },
		"the note's is not":         func(f *faulty) { f.reserve = func(n int) error { return only(n == 2) } },
		"the note is not committed": func(f *faulty) { f.commit = func(n int) error { return only(n == 1) } },
		"it cannot be locked":       func(f *faulty) { f.lock = errFull },
		"it cannot be opened":       func(f *faulty) { f.open = &session.SealError{Err: errFull} },
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				f := &faulty{Store: w.store}
				spoil(f)
				r := w.renewal()
				r.Store = f
				s, err := w.fails(r)
				if !errors.Is(err, errFull) || w.family.Asked() != 0 {
					t.Errorf("%v, asked %d times", err, w.family.Asked())
				}
				w.unspent(s)
			})
		})
	}
}

// What came is stored by the second try, or by the third, or else handed to the caller.
func TestAnswerIsStoredOnTheWay(t *testing.T) {
	for failures, lost := range []bool{false, false, false, true} {
		t.Run(fmt.Sprint(failures), func(t *testing.T) {
			everywhere(t, func(w *world) {
				f := &faulty{Store: w.store, commit: func(n int) error { return only(n >= 2 && n < 2+failures) }}
				r := w.renewal()
				r.Store = f
				out, err := r.Run(t.Context())
				var loss *LostError
				if errors.As(err, &loss) != lost {
					t.Fatalf("%v", err)
				}
				if lost {
					if s := loss.Session; s.Secret.RefreshToken != "refresh-1" || !errors.Is(err, errFull) {
						t.Errorf("%+v, %v", s, err)
					}
					if s := w.stored(); s.State(time.Now()) != session.Spent {
						t.Errorf("stored: %+v", s)
					}
					return
				}
				if s := w.stored(); err != nil || out.Token != "access-1" || s.Secret.RefreshToken != "refresh-1" ||
					s.Withheld != "" {
					t.Errorf("%v, %+v", err, s)
				}
			})
		})
	}
}

// What cannot be stored is rescued at once, before anything is verified; and no more once the store
// has it after all.
func TestAnswerIsRescued(t *testing.T) {
	for heals, undone := range []int{0, 1} { // whether the store works again by the time the tokens were verified
		t.Run(fmt.Sprint(heals), func(t *testing.T) {
			everywhere(t, func(w *world) {
				rescued, undoings := "", 0
				r := w.renewal()
				r.Store = &faulty{
					Store:  w.store,
					commit: func(n int) error { return only(n == 2 || n == 3 || n > 3 && heals == 0) },
				}
				r.Rescue = func(s *session.Session, cause error) (func(), error) {
					rescued = s.Secret.RefreshToken + " " + s.Tokens.AccessToken
					return func() { undoings++ }, fmt.Errorf("%w; it is elsewhere", cause)
				}
				r.Received = func(*oidc.Tokens) {
					if rescued != "refresh-1 access-1" {
						w.Errorf("when the response was stored: %q", rescued)
					}
				}
				out, err := r.Run(t.Context())
				var loss *LostError
				if lost := errors.As(err, &loss); lost != (heals == 0) ||
					lost && !strings.Contains(err.Error(), "it is elsewhere") || undoings != undone {
					t.Errorf("%v, undone %d times", err, undoings)
				}
				if heals == 0 {
					return
				}
				if s := w.stored(); out.Token != "access-1" || s.Secret.RefreshToken != "refresh-1" ||
					s.Withheld != "" || out.Unstored != nil {
					t.Errorf("%+v, %+v", out, s)
				}
			})
		})
	}
}

// A store with room for the refresh token alone has that, and the caller has the access token.
func TestPartIsStored(t *testing.T) {
	everywhere(t, func(w *world) {
		f := &faulty{Store: w.store, part: errFull}
		r := w.renewal()
		r.Store = f
		out, err := r.Run(t.Context())
		if err != nil || out.Token != "access-1" || !errors.Is(out.Unstored, errFull) {
			t.Errorf("%+v, %v", out, err)
		}
		if s := w.stored(); s.Secret.RefreshToken != "refresh-1" || s.Tokens.AccessToken != "" || s.Claim != nil ||
			s.State(time.Now()) != session.Expired {
			t.Errorf("%+v", s)
		}
		w.gets(w.renewal(), "access-2")
	})
}

// A session without an ID Token to compare with knows its user all the same.
func TestOtherUser(t *testing.T) {
	everywhere(t, func(w *world) {
		w.claim("sub", "somebody else")
		s, err := w.fails(w.renewal())
		var other *SubjectError
		if !errors.As(err, &other) || other.Want != "u" || other.Got != "somebody else" {
			t.Errorf("%v", err)
		}
		if s.Secret.RefreshToken != "refresh-1" || s.Grant.Subject != "u" || s.Withheld == "" {
			t.Errorf("%+v", s)
		}
		for _, waive := range []bool{true, false} {
			r := w.renewal()
			r.Connect = func(ctx context.Context, s *session.Session) (*oidc.Client, error) {
				client, err := w.connect(ctx, s)
				if waive {
					client.Waive = []string{"refresh.sub"}
				}
				client.Policy.InsecureSkipVerification = !waive
				return client, err
			}
			s := w.stored()
			s.Grant.Subject, s.Tokens.Expires = "u", *w.now.Load()
			w.save(s)
			if _, err := r.Run(t.Context()); err != nil {
				t.Errorf("waived %v: %v", waive, err)
			}
		}
	})
}

// What was stored as it came is not lost because the store fails afterwards.
func TestStoreFailsAfterwards(t *testing.T) {
	everywhere(t, func(w *world) {
		r := w.renewal()
		r.Store = &faulty{Store: w.store, commit: func(n int) error { return only(n > 2) }}
		r.Rescue = func(*session.Session, error) (func(), error) { w.Error("rescued"); return nil, nil }
		if out, err := r.Run(t.Context()); err != nil || out.Token != "access-1" || !errors.Is(out.Unstored, errFull) {
			t.Errorf("%+v, %v", out, err)
		}
		w.gets(w.renewal(), "access-2")
	})
}

// A faulty store fails at the n-th of its steps, counted from 1.
type faulty struct {
	session.Store
	reserve, commit func(n int) error
	lock, open      error
	part            error // why less is stored, where there is less
	mu              sync.Mutex
	reserved, done  int
}

var errFull = errors.New("no space left on device")

func only(this bool) error {
	if this {
		return errFull
	}
	return nil
}

func (f *faulty) Lock(ctx context.Context, name string, waiting func() bool) (func(), error) {
	if f.lock != nil {
		return nil, f.lock
	}
	return f.Store.Lock(ctx, name, waiting)
}

func (f *faulty) Open(ctx context.Context, s *session.Session) error {
	if f.open != nil {
		return f.open
	}
	return f.Store.Open(ctx, s)
}

func (f *faulty) Reserve(name string) (session.Reservation, error) {
	f.mu.Lock()
	f.reserved++
	n := f.reserved
	f.mu.Unlock()
	if f.reserve != nil {
		if err := f.reserve(n); err != nil {
			return nil, err
		}
	}
	r, err := f.Store.Reserve(name)
	return &faultyReservation{r, f}, err
}

type faultyReservation struct {
	session.Reservation
	f *faulty
}

func (r *faultyReservation) Commit(s *session.Session, less ...*session.Session) error {
	r.f.mu.Lock()
	r.f.done++
	n := r.f.done
	r.f.mu.Unlock()
	if r.f.commit != nil {
		if err := r.f.commit(n); err != nil {
			return errors.Join(err, r.Discard())
		}
	}
	if r.f.part != nil && len(less) > 0 {
		err := r.Reservation.Commit(less[0])
		s.Serial = less[0].Serial
		return errors.Join(err, &session.PartError{Err: r.f.part})
	}
	return r.Reservation.Commit(s, less...)
}

// A caller that gives up before the token left keeps it; one that gives up while it is on
// its way gets its answer home; one that gives up after that has it.
func TestCallerGivesUp(t *testing.T) {
	t.Run("at once", func(t *testing.T) {
		everywhere(t, func(w *world) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			w.givenUp(ctx, w.renewal(), context.Canceled)
			w.unspent(w.stored())
		})
	})
	t.Run("while the provider is looked for", func(t *testing.T) {
		everywhere(t, func(w *world) {
			ctx, cancel := context.WithCancel(t.Context())
			w.handle("/.well-known/openid-configuration", func(_ http.ResponseWriter, r *http.Request) {
				cancel()
				<-r.Context().Done()
			})
			w.givenUp(ctx, w.renewal(), context.Canceled)
			w.handle("/.well-known/openid-configuration", nil)
			s := w.stored()
			if s.Failure != nil {
				t.Errorf("others are told of it: %+v", s.Failure)
			}
			w.unspent(s)
		})
	})
	t.Run("before it is noted", func(t *testing.T) {
		everywhere(t, func(w *world) {
			ctx, cancel := context.WithCancel(t.Context())
			r := w.renewal()
			// the room for the answer
			r.Store = &faulty{Store: w.store, reserve: func(int) error { cancel(); return nil }}
			w.givenUp(ctx, r, context.Canceled)
			if w.family.Asked() != 0 {
				t.Error("it was sent")
			}
			w.unspent(w.stored())
		})
	})
	t.Run("on its way", func(t *testing.T) {
		everywhere(t, func(w *world) {
			ctx, cancel := context.WithCancel(t.Context())
			w.family.Delay(cancel)
			_, _ = w.renewal().Run(ctx) // whether the tokens are verified by then is up to the keys
			if s := w.stored(); s.Secret.RefreshToken != "refresh-1" || s.Claim != nil || s.Generation != 2 {
				t.Errorf("%+v", s)
			}
			w.gets(w.renewal(), current(w))
		})
	})
	t.Run("while it is verified", func(t *testing.T) {
		everywhere(t, func(w *world) {
			ctx, cancel := context.WithCancel(t.Context())
			w.handle("/jwks", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			r := w.renewal()
			r.Received = func(*oidc.Tokens) { cancel() }
			w.givenUp(ctx, r, context.Canceled)
			s := w.stored()
			if s.Secret.RefreshToken != "refresh-1" || s.Claim != nil || s.State(time.Now()) != session.Withheld {
				t.Errorf("%+v", s)
			}
			w.handle("/jwks", nil)
			w.gets(w.renewal(), "access-2")
		})
	})
	t.Run("and no answer comes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, &session.Memory{})
		ctx, cancel := context.WithCancel(t.Context())
		w.handle("/token", func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
		r := w.renewal()
		connect, patience := r.Connect, limit.Grace+time.Second // longer than anything else that is sent once has
		r.Connect = func(ctx context.Context, s *session.Session) (*oidc.Client, error) {
			client, err := connect(ctx, s)
			client.HTTP = &http.Client{Timeout: patience}
			return client, err
		}
		began := time.Now()
		w.givenUp(ctx, r, context.Canceled)
		if took := time.Since(began); took < patience-time.Second || took > patience+3*time.Second {
			t.Errorf("it waited for %v", took)
		}
		if s := w.stored(); s.State(time.Now()) != session.Spent || s.Failure != nil {
			t.Errorf("%+v", s)
		}
	})
}

// current is the token that is stored and fresh, or else the next one.
func current(w *world) string {
	if token, _, ok := w.stored().Take(session.Need{}, *w.now.Load()); ok {
		return token
	}
	return "access-2"
}

func (w *world) givenUp(ctx context.Context, r *Renewal, want error) {
	w.Helper()
	if out, err := r.Run(ctx); !errors.Is(err, want) || out.Token != "" {
		w.Fatalf("got %q, %v", out.Token, err)
	}
}

// The wait for another process ends with the caller's patience.
func TestWaitEnds(t *testing.T) {
	everywhere(t, func(w *world) {
		unlock, err := w.store.Lock(t.Context(), "work", func() bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		reason := errors.New("no more patience")
		ctx, cancel := context.WithCancelCause(t.Context())
		r := w.renewal()
		r.Waiting = func() { cancel(reason) }
		out, err := r.Run(ctx)
		var wait *session.WaitError
		if !errors.As(err, &wait) || !errors.Is(err, reason) || out.Token != "" || w.family.Asked() != 0 {
			t.Errorf("%v", err)
		}
	})
}

// busy answers for a provider that did not take the request, and says so.
var busy = fakeop.Says(503, map[string]string{"Retry-After": "7"}, "")

// Those who waited for one that failed do not all try in turn.
func TestElsewhere(t *testing.T) {
	everywhere(t, func(w *world) {
		var waiting atomic.Int32
		const crowd = 5
		w.handle("/token", func(rw http.ResponseWriter, r *http.Request) {
			for waiting.Load() < crowd-1 {
				time.Sleep(time.Millisecond)
			}
			busy(rw, r)
		})
		var elsewhere atomic.Int32
		var all sync.WaitGroup
		for range crowd {
			all.Go(func() {
				r := w.renewal()
				r.Now = time.Now
				r.Waiting = func() { waiting.Add(1) }
				_, err := r.Run(t.Context())
				var other *ElsewhereError
				if errors.As(err, &other) {
					elsewhere.Add(1)
				} else if err == nil {
					t.Error("no error")
				}
			})
		}
		all.Wait()
		if elsewhere.Load() != crowd-1 || w.op.Asked("/token") != 1 {
			t.Errorf("%d were told, asked %d times", elsewhere.Load(), w.op.Asked("/token"))
		}
		w.save(w.sunk())
		w.unspent(w.stored())
	})
}

// sunk is the stored session, but as one that could not be renewed at a time that is still to come.
func (w *world) sunk() *session.Session {
	s := w.stored()
	s.Failure = &session.Failure{At: time.Now().Add(24 * time.Hour), Why: "the clock was wrong"}
	return s
}

// A token that is about to end, and cannot be renewed since the provider cannot be asked, is
// handed out for as long as it lasts: also to those who waited.
func TestStill(t *testing.T) {
	everywhere(t, func(w *world) {
		s := w.expired()
		s.Tokens.Expires = w.now.Load().Add(20 * time.Second)
		w.save(s)
		var waiting atomic.Int32
		const crowd = 3
		w.handle("/token", func(rw http.ResponseWriter, r *http.Request) {
			for waiting.Load() < crowd-1 {
				time.Sleep(time.Millisecond)
			}
			busy(rw, r)
		})
		var all sync.WaitGroup
		for range crowd {
			all.Go(func() {
				r := w.renewal()
				r.Waiting = func() { waiting.Add(1) }
				if out, err := r.Run(t.Context()); err != nil || out.Token != "access-0" || out.Behind == nil ||
					!out.Expires.Equal(s.Tokens.Expires) {
					t.Errorf("%+v, %v", out, err)
				}
			})
		}
		all.Wait()
		if w.op.Asked("/token") != 1 {
			t.Errorf("asked %d times", w.op.Asked("/token"))
		}
		waiting.Store(crowd)
		for name, need := range map[string]session.Need{
			"long enough":  {For: 30 * time.Second},
			"not that one": {Not: "access-0"},
		} {
			r := w.renewal()
			r.Need = need
			if out, err := r.Run(t.Context()); err == nil || out.Token != "" {
				t.Errorf("%s: %+v, %v", name, out, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w.givenUp(ctx, w.renewal(), context.Canceled)
		w.unspent(w.stored())
	})
}

// A token that is about to end is handed out for as long as it lasts also if the refresh token may
// be spent. It is not sent again for that.
func TestStillIfSpent(t *testing.T) {
	everywhere(t, func(w *world) {
		s := w.expired()
		s.Tokens.Expires = w.now.Load().Add(20 * time.Second)
		w.save(s)
		w.handle("/token", fakeop.Says(503, nil, ""))
		for n := range 3 {
			if out := w.gets(w.renewal(), "access-0"); out.Behind == nil ||
				n > 0 && !strings.Contains(out.Behind.Error(), "may be spent") {
				t.Errorf("%v", out.Behind)
			}
		}
		r := w.renewal()
		r.Need.Not = "access-0"
		_, err := w.fails(r)
		w.isLogin(err, session.Spent, "503")
		if w.op.Asked("/token") != 1 {
			t.Errorf("asked %d times", w.op.Asked("/token"))
		}
	})
}

// Who waited for one whose token may be spent is told that, and no one tries.
func TestElsewhereMayBeSpent(t *testing.T) {
	everywhere(t, func(w *world) {
		waiting := make(chan struct{})
		w.handle("/token", func(rw http.ResponseWriter, r *http.Request) {
			<-waiting
			fakeop.Says(500, nil, "")(rw, r)
		})
		second := make(chan error, 1)
		r := w.renewal()
		r.Hold = func() func() {
			go func() {
				other := w.renewal()
				other.Waiting = func() { close(waiting) }
				_, err := other.Run(t.Context())
				second <- err
			}()
			return func() {}
		}
		_, _ = w.fails(r)
		w.isLogin(<-second, session.Spent, "500")
		if w.op.Asked("/token") != 1 {
			t.Errorf("asked %d times", w.op.Asked("/token"))
		}
	})
}

// An answer that comes before the token was noted to be on its way is no answer to it, and
// the note does not come after it.
func TestAnswerBeforeTheNote(t *testing.T) {
	everywhere(t, func(w *world) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		answered := make(chan struct{})
		var sent []byte
		go func() {
			defer close(answered)
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			for !bytes.HasSuffix(sent, []byte("\r\n\r\n")) {
				next := make([]byte, 1)
				if _, err := conn.Read(next); err != nil {
					return
				}
				sent = append(sent, next...)
			}
			_, _ = io.WriteString(conn,
				"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}()
		w.op.Lock()
		w.op.Metadata["token_endpoint"] = "http://" + listener.Addr().String() + "/token"
		w.op.Unlock()
		r := w.renewal()
		r.Store = &faulty{Store: w.store, commit: func(n int) error {
			if n == 1 {
				<-answered
			}
			return nil
		}}
		s, _ := w.fails(r)
		w.op.Lock()
		w.op.Metadata["token_endpoint"] = w.op.URL + "/token"
		w.op.Unlock()
		if bytes.Contains(sent, []byte("refresh-0")) {
			t.Error("it was sent")
		}
		w.unspent(s)
	})
}

// A provider that wants a nonce in the DPoP proof gets the same token again, and it is noted once.
func TestNonceIsNotedOnce(t *testing.T) {
	everywhere(t, func(w *world) {
		key, err := oidc.GenerateKey("ES256")
		if err != nil {
			t.Fatal(err)
		}
		w.op.Tokens["token_type"] = "DPoP"
		asked := 0
		w.handle("/token", func(rw http.ResponseWriter, r *http.Request) {
			asked++
			if asked == 1 {
				rw.Header().Set("DPoP-Nonce", "n")
				fakeop.Says(400, map[string]string{"Content-Type": "application/json"},
					`{"error":"use_dpop_nonce"}`)(rw, r)
				return
			}
			w.op.Answer(rw, r)
		})
		f := &faulty{Store: w.store}
		held := 0
		r := w.renewal()
		r.Store = f
		r.Hold = func() func() { held++; return func() {} }
		r.Connect = func(ctx context.Context, s *session.Session) (*oidc.Client, error) {
			client, err := w.connect(ctx, s)
			if err == nil {
				client.DPoP, err = oidc.NewDPoP(key, "")
			}
			return client, err
		}
		w.gets(r, "the-access-token")
		if asked != 2 || held != 1 || f.done != 3 { // the note, the answer, and that it holds
			t.Errorf("asked %d times, held %d, written %d times", asked, held, f.done)
		}
	})
}

// Where there is no refresh token the client's own grant is asked for again, as often as
// need be: it is not spent.
func TestAskedAgain(t *testing.T) {
	everywhere(t, func(w *world) {
		s := w.expired()
		s.Secret.RefreshToken, s.Secret.Again = "", map[string][]string{"scope": {"read write"}}
		w.save(s)
		w.noClaims()
		w.op.Lock()
		delete(w.op.Tokens, "refresh_token")
		w.op.Unlock()
		w.handle("/token", fakeop.Says(500, nil, ""))
		if s, _ := w.fails(w.renewal()); s.Claim != nil {
			t.Errorf("%+v", s.Claim)
		}
		w.handle("/token", nil)
		w.gets(w.renewal(), "the-access-token")
		form := w.op.Forms()[1]
		if form.Get("grant_type") != "client_credentials" || form.Get("scope") != "read write" {
			t.Errorf("%v", form)
		}
		if s := w.stored(); !s.Renewable || s.Secret.RefreshToken != "" || s.Generation != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// What only a person can help with is said before anybody is asked.
func TestOnlyALoginHelps(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*session.Session)
		need   session.Need
		why    string
	}{
		"not renewable": {
			func(s *session.Session) { s.Renewable, s.Secret.RefreshToken = false, "" },
			session.Need{},
			"no refresh token",
		},
		"no ID Token": {func(*session.Session) {}, session.Need{IDToken: true}, "no ID Token"},
		"a stale one": {
			func(s *session.Session) { s.Tokens.IDToken, s.Tokens.IDTokenStale = "id", true },
			session.Need{IDToken: true},
			"no new one",
		},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				s := w.expired()
				c.change(s)
				w.save(s)
				r := w.renewal()
				r.Need = c.need
				_, err := w.fails(r)
				w.isLogin(err, session.Ended, c.why)
				if w.family.Asked() != 0 {
					t.Error("somebody was asked")
				}
			})
		})
	}
	t.Run("nothing", func(t *testing.T) {
		everywhere(t, func(w *world) {
			r := w.renewal()
			r.Name = "other"
			if out, err := r.Run(t.Context()); !errors.Is(err, session.ErrNoSession) || out == nil ||
				out.Session != nil {
				t.Errorf("%v", err)
			}
		})
	})
}

// A token that lasts less than is asked for is no endless loop, and the session lives.
func TestNotLongEnough(t *testing.T) {
	everywhere(t, func(w *world) {
		r := w.renewal()
		r.Need = session.Need{For: time.Hour}
		for range 3 { // while it is fresh, another would be no better
			s, err := w.fails(r)
			var short *ShortError
			if !errors.As(err, &short) || short.Lifetime != 5*time.Minute || short.Asked != time.Hour {
				t.Errorf("%v", err)
			}
			if w.family.Asked() != 1 || s.Withheld != "" || s.Secret.RefreshToken != "refresh-1" {
				t.Errorf("asked %d times, %+v", w.family.Asked(), s)
			}
		}
		w.gets(w.renewal(), "access-1")
	})
}

// A provider that gives the same access token again has renewed the session all the same.
func TestTheSameTokenAgain(t *testing.T) {
	everywhere(t, func(w *world) {
		w.handle("/token", nil)
		w.gets(w.renewal(), "the-access-token")
		r := w.renewal()
		r.Need = session.Need{Not: "the-access-token"}
		w.gets(r, "the-access-token")
		if w.op.Asked("/token") != 2 {
			t.Errorf("asked %d times", w.op.Asked("/token"))
		}
	})
}

// Clocks jump both ways; the session is renewed once for each, and lives.
func TestClockJumps(t *testing.T) {
	everywhere(t, func(w *world) {
		w.noClaims() // the provider's clock is another
		for i, d := range []time.Duration{0, 48 * time.Hour, -48 * time.Hour, 0} {
			now := time.Now().Add(d)
			w.now.Store(&now)
			w.gets(w.renewal(), fmt.Sprint("access-", i+1))
			w.gets(w.renewal(), fmt.Sprint("access-", i+1))
		}
		if w.family.Asked() != 4 {
			t.Errorf("asked %d times", w.family.Asked())
		}
	})
}

// What a session keeps of an error has gone through Redact.
func TestErrorsAreRedacted(t *testing.T) {
	for _, status := range []int{400, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			everywhere(t, func(w *world) {
				w.handle("/token",
					fakeop.Says(status, map[string]string{"Content-Type": "application/json"},
						`{"error":"invalid_grant","error_description":"you sent refresh-0"}`))
				r := w.renewal()
				r.Redact = func(text string) string { return strings.ReplaceAll(text, "refresh-0", "[secret]") }
				s, _ := w.fails(r)
				if why := s.Why(); strings.Contains(why, "refresh-0") || !strings.Contains(why, "[secret]") {
					t.Error(why)
				}
				if s.Failure != nil && strings.Contains(s.Failure.Why, "refresh-0") {
					t.Error(s.Failure.Why)
				}
			})
		})
	}
}

// So has what is kept of tokens that do not verify.
func TestWithheldIsRedacted(t *testing.T) {
	everywhere(t, func(w *world) {
		w.claim("iss", "https://refresh-0")
		r := w.renewal()
		r.Redact = func(text string) string { return strings.ReplaceAll(text, "refresh-0", "[secret]") }
		s, _ := w.fails(r)
		if strings.Contains(s.Withheld, "refresh-0") || !strings.Contains(s.Withheld, "[secret]") {
			t.Error(s.Withheld)
		}
	})
}

// A token does not leave any more once its answer is not waited for.
func TestPassageEnds(t *testing.T) {
	everywhere(t, func(w *world) {
		room, err := w.store.Reserve("work")
		if err != nil {
			t.Fatal(err)
		}
		p := &passage{Renewal: w.renewal(), session: w.stored(), room: room}
		p.through(t.Context())
		p.end()
		if err := p.sending(); err == nil {
			t.Error("it leaves")
		}
		if s := w.stored(); s.Claim != nil {
			t.Error("it is noted")
		}
	})
}

// What an answer makes of a session.
func TestPut(t *testing.T) {
	t.Parallel()
	op := fakeop.Start()
	defer op.Close()
	now := time.Now()
	exp := now.Add(7 * time.Minute).Truncate(time.Second)
	jwt := fakeop.Sign(op.Key, op.KID, map[string]any{"exp": exp.Unix()})
	old := func() *session.Session {
		return &session.Session{
			Name: "work", Generation: 1, Claim: &session.Claim{}, Refused: "x", Failure: &session.Failure{},
			Renewable: true,
			Tokens:    session.Tokens{AccessToken: "a", IDToken: "i", IDTokenExpires: now, Scope: "s"},
			Secret:    &session.Secret{RefreshToken: "r"},
		}
	}
	for name, c := range map[string]struct {
		old    func(*session.Session)
		answer oidc.Tokens
		check  func(*session.Session) bool
	}{
		"all new": {
			nil,
			oidc.Tokens{
				AccessToken: "b", RefreshToken: "q", IssuedIDToken: jwt, ExpiresAt: exp, Scope: "t",
				TokenType: "DPoP",
			},
			func(s *session.Session) bool {
				return s.Generation == 2 && s.Received.Equal(now) && s.Claim == nil && s.Refused == "" &&
					s.Failure == nil && s.Withheld != "" && s.Held == "i" && !s.Keeps &&
					reflect.DeepEqual(s.Tokens,
						session.Tokens{
							AccessToken: "b", TokenType: "DPoP", Expires: exp, IDToken: jwt,
							IDTokenExpires: s.Tokens.IDTokenExpires, Scope: "t",
						}) &&
					s.Tokens.IDTokenExpires.Equal(exp) && s.Secret.RefreshToken == "q"
			},
		},
		"no refresh token keeps the old": {
			nil, oidc.Tokens{AccessToken: "b"}, func(s *session.Session) bool {
				return s.Secret.RefreshToken == "r" && s.Keeps && s.Renewable
			},
		},
		"the same is kept": {
			nil,
			oidc.Tokens{AccessToken: "b", RefreshToken: "r"},
			func(s *session.Session) bool { return s.Secret.RefreshToken == "r" && s.Keeps },
		},
		"rotated after all": {
			func(s *session.Session) { s.Keeps = true },
			oidc.Tokens{RefreshToken: "q"},
			func(s *session.Session) bool { return !s.Keeps && s.Secret.RefreshToken == "q" },
		},
		"one that cannot be one": {
			nil,
			oidc.Tokens{AccessToken: "b", RefreshToken: "\n"},
			func(s *session.Session) bool { return s.Secret.RefreshToken == "r" && !s.Keeps },
		},
		"no ID Token": {nil, oidc.Tokens{AccessToken: "b"}, func(s *session.Session) bool {
			return s.Tokens.IDToken == "i" && s.Tokens.IDTokenStale && s.Tokens.IDTokenExpires.Equal(now)
		}},
		"a new one after a stale one": {
			func(s *session.Session) { s.Tokens.IDTokenStale = true },
			oidc.Tokens{IssuedIDToken: jwt},
			func(s *session.Session) bool { return s.Tokens.IDToken == jwt && !s.Tokens.IDTokenStale },
		},
		"never an ID Token": {
			func(s *session.Session) { s.Tokens.IDToken = "" },
			oidc.Tokens{AccessToken: "b"},
			func(s *session.Session) bool { return !s.Tokens.IDTokenStale },
		},
		"the end of a JWT": {
			nil, oidc.Tokens{AccessToken: jwt}, func(s *session.Session) bool { return s.Tokens.Expires.Equal(exp) },
		},
		"an unknown end": {
			nil, oidc.Tokens{AccessToken: "b"}, func(s *session.Session) bool { return s.Tokens.Expires.IsZero() },
		},
		"the scope as before": {
			nil, oidc.Tokens{AccessToken: "b"}, func(s *session.Session) bool { return s.Tokens.Scope == "s" },
		},
		"a login is no proof of keeping": {
			func(s *session.Session) { s.Generation, s.Secret.RefreshToken = 0, "" },
			oidc.Tokens{AccessToken: "b"},
			func(s *session.Session) bool { return !s.Keeps && !s.Renewable },
		},
		"the client's own grant": {
			func(s *session.Session) { s.Secret = &session.Secret{Again: map[string][]string{}} },
			oidc.Tokens{AccessToken: "b"},
			func(s *session.Session) bool { return s.Renewable },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := old()
			if c.old != nil {
				c.old(s)
			}
			if Put(s, &c.answer, now); !c.check(s) {
				t.Errorf("%+v %+v", s, s.Secret)
			}
		})
	}
}

// What must not be used is said to be, whatever else could be said of the session.
func TestWithheldSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*session.Session)
		need   session.Need
	}{
		"not renewable": {
			func(s *session.Session) { s.Renewable, s.Secret.RefreshToken = false, "" }, session.Need{},
		},
		"not renewable, for an ID Token": {
			func(s *session.Session) { s.Renewable, s.Secret.RefreshToken = false, "" }, session.Need{IDToken: true},
		},
		"not renewable, after a refresh": {
			func(s *session.Session) {
				s.Renewable, s.Secret.RefreshToken, s.Generation = false, "", 2
			}, session.Need{},
		},
		"without an ID Token": {func(*session.Session) {}, session.Need{IDToken: true}},
		"not renewable, and not expired": {func(s *session.Session) {
			s.Renewable, s.Secret.RefreshToken, s.Tokens.Expires = false, "", time.Now().Add(time.Hour)
		}, session.Need{}},
		"not renewable, for a long while": {func(s *session.Session) {
			s.Renewable, s.Secret.RefreshToken, s.Tokens.Expires = false, "", time.Time{}
		}, session.Need{For: time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				s := w.expired()
				s.Withheld = "a wrong iss"
				c.change(s)
				w.save(s)
				r := w.renewal()
				r.Need = c.need
				_, err := w.fails(r)
				w.isLogin(err, session.Withheld, "must not be used: a wrong iss")
				if w.family.Asked() != 0 {
					t.Error("somebody was asked")
				}
			})
		})
	}
}

// Of a token that may end at any time nobody knows whether it lasts: it is refreshed, once for
// however many ask, or that is said.
func TestUnknownLifetime(t *testing.T) {
	everywhere(t, func(w *world) {
		w.family.Live(fakeop.Unsaid)
		s := w.expired()
		s.Received, s.Tokens.Expires = time.Now().Add(-time.Minute), time.Time{}
		w.save(s)
		w.gets(w.renewal(), "access-0")
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				r := w.renewal()
				r.Need.For = time.Hour
				if out, err := r.Run(w.Context()); err != nil || out.Token != "access-1" || !out.Expires.IsZero() {
					w.Errorf("%+v, %v", out, err)
				}
			})
		}
		all.Wait()
		if n := w.family.Asked(); n != 1 {
			w.Errorf("%d requests", n)
		}
		s = w.stored()
		s.Renewable, s.Secret.RefreshToken = false, ""
		w.save(s)
		w.gets(w.renewal(), "access-1")
		r := w.renewal()
		r.Need.For = time.Hour
		var short *ShortError
		if _, err := w.fails(r); !errors.As(err, &short) ||
			!strings.Contains(err.Error(), "whether it is valid for 1h0m0s is not known") {
			w.Errorf("%v", err)
		}
	})
}

// A session says what of its tokens was not verified, for as long as it has such an ID Token.
func TestUnverified(t *testing.T) {
	everywhere(t, func(w *world) {
		skip, waive := false, []string(nil)
		refresh := func(want string) {
			w.Helper()
			r := w.renewal()
			r.Need.Not = w.stored().Tokens.AccessToken
			r.Connect = func(ctx context.Context, s *session.Session) (*oidc.Client, error) {
				provider, err := oidc.Discovery{HTTP: w.op.Client(), Waive: waive}.Provider(ctx, s.Grant.Issuer)
				if err != nil {
					return nil, err
				}
				return &oidc.Client{
					Provider: provider, ID: s.Grant.ClientID, HTTP: w.op.Client(), Waive: waive,
					Policy: oidc.Policy{InsecureSkipVerification: skip},
				}, nil
			}
			if _, err := r.Run(w.Context()); err != nil {
				w.Fatal(err)
			}
			if got := w.stored().Unverified; got != want {
				w.Errorf("%q, not %q", got, want)
			}
		}
		refresh("")
		skip = true
		refresh("the verification of the ID Token was skipped (--skip-id-token-verification)")
		skip, waive = false, []string{"id_token.iss", "discovery.issuer", "id_token.iat_age"}
		refresh("rules were waived: discovery.issuer, id_token.iss")
		claims := w.op.Claims
		w.noClaims()
		waive = nil
		refresh("rules were waived: discovery.issuer, id_token.iss") // the ID Token is still that one
		w.op.Lock()
		w.op.Claims = claims
		w.op.Unlock()
		waive = []string{"id_token.iat_age"} // no more than a recommendation
		refresh("")
	})
}
