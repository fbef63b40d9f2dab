package renewal

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// granted is a file system on which everybody gets every lock.
func granted(context.Context, string, func() bool) (func(), bool, error) {
	return func() {}, false, nil
}

// unlocked is a world whose locks do nothing, and process makes the store of one more process
// in it. told counts the processes that noticed.
func unlocked(t *testing.T) (w *world, process func() session.Store, told *atomic.Int32) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "sessions")
	told = &atomic.Int32{}
	process = func() session.Store {
		return &session.Files{Folder: folder, Locks: granted, LocksFail: func() { told.Add(1) }}
	}
	return newWorld(t, process()), process, told
}

// of is a renewal by a process of its own.
func (w *world) of(store session.Store) *Renewal {
	r := w.renewal()
	r.Store = store
	return r
}

// Where locks do nothing, the note excludes: of many processes, all of which have found that the
// session has to be refreshed and have connected, one sends the refresh token. All get what it got.
func TestOnceWithoutLocks(t *testing.T) {
	t.Parallel()
	w, process, told := unlocked(t)
	const crowd = 20
	var connected, all sync.WaitGroup
	connected.Add(crowd)
	for range crowd {
		all.Go(func() {
			r := w.of(process())
			first := sync.OnceFunc(func() {
				connected.Done()
				connected.Wait()
			})
			r.Connect = func(ctx context.Context, s *session.Session) (*oidc.Client, error) {
				first()
				return w.connect(ctx, s)
			}
			if out, err := r.Run(t.Context()); err != nil || out.Token != "access-1" {
				t.Errorf("got %q, %v", out.Token, err)
			}
		})
	}
	all.Wait()
	if w.family.Asked() != 1 || w.family.Revoked() {
		t.Errorf("asked %d times", w.family.Asked())
	}
	if told.Load() < crowd {
		t.Errorf("%d of %d processes were told that locks do nothing", told.Load(), crowd)
	}
}

// Two processes that begin at any moment do not send one token twice, whatever the locks do.
func TestAtAnyMomentWithoutLocks(t *testing.T) {
	t.Parallel()
	w, process, _ := unlocked(t)
	for range 20 {
		w.family = w.op.Rotate(0) // each access token has expired when it comes
		s := w.expired()
		s.Received = s.Received.Add(-1)
		w.save(s)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { _, _ = w.of(process()).Run(t.Context()) })
		}
		all.Wait()
		if w.family.Revoked() {
			t.Fatal("a refresh token was sent twice")
		}
	}
}

// A process whose lock file was removed goes on. Another one, which gets a lock then, sends
// nothing, and does not say that the first has ended.
func TestLockFileIsRemoved(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "sessions")
	w := newWorld(t, &session.Files{Folder: folder})
	w.family.Delay(func() {
		if err := os.Remove(filepath.Join(folder, ".work.json.lock")); err != nil {
			t.Error(err)
		}
		_, err := w.of(&session.Files{Folder: folder}).Run(t.Context())
		w.isLogin(err, session.Spent, "has stored no response")
		if strings.Contains(err.Error(), "ended") {
			t.Error(err)
		}
	})
	w.gets(w.renewal(), "access-1")
	if w.family.Asked() != 1 || w.family.Revoked() {
		t.Errorf("asked %d times", w.family.Asked())
	}
}

// What a process has still to say of its response, once it is verified, does not take the place of
// what another one has stored since.
func TestLateVerdictReplacesNothing(t *testing.T) {
	t.Parallel()
	w, _, _ := unlocked(t)
	other := &session.Files{Folder: w.store.(*session.Files).Folder} // gets the lock that nobody else takes
	received := make(chan struct{})
	var asked atomic.Int32
	w.handle("/jwks", func(rw http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			<-received // and stored, but not verified
			w.gets(w.of(other), "access-2")
		}
		w.op.Answer(rw, r)
	})
	r := w.renewal()
	r.Received = func(*oidc.Tokens) { close(received) }
	w.gets(r, "access-1")
	if s := w.stored(); s.Generation != 3 || s.Secret.RefreshToken != "refresh-2" || s.Withheld != "" ||
		w.family.Revoked() {
		t.Errorf("stored: %+v", s)
	}
}

// A refresh that comes to nothing does not undo what another process has noted meanwhile.
func TestFailureUndoesNothing(t *testing.T) {
	t.Parallel()
	w, process, _ := unlocked(t)
	r := w.of(process())
	r.Connect = func(context.Context, *session.Session) (*oidc.Client, error) {
		w.handle("/token", fakeop.Says(500, nil, ""))
		if s, _ := w.fails(w.of(process())); s.State(*w.now.Load()) != session.Spent {
			t.Errorf("stored: %+v", s)
		}
		return nil, &oidc.TransportError{Endpoint: "discovery", Err: os.ErrDeadlineExceeded}
	}
	if s, _ := w.fails(r); s.State(*w.now.Load()) != session.Spent || s.Failure == nil ||
		!strings.Contains(s.Failure.Why, "500") {
		t.Errorf("stored: %+v", s)
	}
}

// A restless store is always changed by somebody else.
type restless struct{ session.Store }

func (r restless) Reserve(name string) (session.Reservation, error) {
	room, err := r.Store.Reserve(name)
	return tooLate{room}, err
}

type tooLate struct{ session.Reservation }

func (r tooLate) Commit(*session.Session, ...*session.Session) error {
	return errors.Join(session.ErrChanged, r.Discard())
}

// A session that is changed over and over is given up, and its token is not sent.
func TestRestlessSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &session.Memory{})
	_, err := w.fails(w.of(restless{w.store}))
	var wait *session.WaitError
	if !errors.As(err, &wait) || !errors.Is(err, session.ErrChanged) || w.family.Asked() != 0 {
		t.Errorf("%v, asked %d times", err, w.family.Asked())
	}
	w.unspent(w.stored())
}
