package renewal

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/session"
)

// The claim that is stored before the refresh token leaves says whose it is, and for how long.
func TestClaim(t *testing.T) {
	everywhere(t, func(w *world) {
		var claim *session.Claim
		w.handle("/token", func(rw http.ResponseWriter, r *http.Request) {
			claim = w.stored().Claim
			w.op.Answer(rw, r)
		})
		w.gets(w.renewal(), "the-access-token")
		if claim == nil || !claim.Mine() || claim.SendBy.Sub(claim.Began) != limit.SendBy || claim.Token == "" ||
			strings.Contains(claim.Token, "refresh") {
			t.Errorf("%+v", claim)
		}
	})
}

// A machine that slept after it stored its claim does not send late: it gives the claim back, and
// begins anew.
func TestNothingIsSentLate(t *testing.T) {
	everywhere(t, func(w *world) {
		var claims atomic.Int32
		r := w.renewal()
		r.Elapsed = func() func() time.Duration {
			if claims.Add(1) == 1 {
				return func() time.Duration { // it slept
					if w.family.Asked() != 0 || !w.stored().Claim.Mine() {
						t.Errorf("asked %d times, %+v", w.family.Asked(), w.stored().Claim)
					}
					return limit.SendBy + time.Second
				}
			}
			if s := w.stored(); s.Claim != nil {
				t.Errorf("the claim is still there: %+v", s.Claim)
			}
			return func() time.Duration { return 0 }
		}
		w.gets(r, "access-1")
		if w.family.Asked() != 1 || claims.Load() != 2 {
			t.Errorf("asked %d times, %d claims", w.family.Asked(), claims.Load())
		}
	})
}

// A machine on which each claim comes too late gives up, and nothing is spent.
func TestAlwaysLate(t *testing.T) {
	everywhere(t, func(w *world) {
		r := w.renewal()
		r.Elapsed = func() func() time.Duration { return func() time.Duration { return time.Hour } }
		s, err := w.fails(r)
		var wait *session.WaitError
		if !errors.As(err, &wait) || w.family.Asked() != 0 {
			t.Errorf("%v, asked %d times", err, w.family.Asked())
		}
		w.unspent(s)
	})
}

// An unsure store has a session, and says that it may not have it.
type unsure struct {
	session.Store
	n int // which write
}

func (u *unsure) Reserve(name string) (session.Reservation, error) {
	room, err := u.Store.Reserve(name)
	return &unsureRoom{room, u}, err
}

type unsureRoom struct {
	session.Reservation
	store *unsure
}

func (r *unsureRoom) Commit(s *session.Session, less ...*session.Session) error {
	r.store.n++
	out := s.Copy()
	err := r.Reservation.Commit(out, less...)
	if r.store.n == 1 {
		return os.ErrDeadlineExceeded
	}
	s.Serial = out.Serial
	return err
}

// A claim of which nobody knows whether it is stored is looked up. Nothing is sent, and the session
// does not say that its token may be spent.
func TestUnknownClaimIsGivenBack(t *testing.T) {
	everywhere(t, func(w *world) {
		r := w.renewal()
		r.Store = &unsure{Store: w.store}
		s, err := w.fails(r)
		if !errors.Is(err, os.ErrDeadlineExceeded) || w.family.Asked() != 0 {
			t.Errorf("%v, asked %d times", err, w.family.Asked())
		}
		w.unspent(s)
	})
}

// retried is a claim that another process makes with --retry while a response is on its way.
func (w *world) retried(change func(*session.Session)) {
	s := w.stored()
	s.Begin(*w.now.Load())
	s.Claim.Holder = "another"
	if change != nil {
		change(s)
	}
	if err := session.Write(w.store, s); err != nil {
		w.Error(err)
	}
}

// Who has claimed a token once more with --retry does not keep the first response out: it is the
// one that the provider gave for this token.
func TestResponseDespiteARetry(t *testing.T) {
	everywhere(t, func(w *world) {
		w.family.Delay(func() { w.retried(nil) })
		w.gets(w.renewal(), "access-1")
		if s := w.stored(); s.Secret.RefreshToken != "refresh-1" || s.Claim != nil || s.Withheld != "" {
			t.Errorf("%+v", s)
		}
	})
}

// A response that comes after the one to a retry does not replace it, and is not lost.
func TestResponseAfterARetrysIsKeptBeside(t *testing.T) {
	everywhere(t, func(w *world) {
		newer := sync.OnceFunc(func() {
			w.retried(func(s *session.Session) {
				s.Claim, s.Generation, s.Received = nil, s.Generation+1, *w.now.Load()
				s.Secret.RefreshToken = "newer-refresh"
			})
		})
		w.family.Delay(newer)
		rescued := ""
		r := w.renewal()
		r.Rescue = func(s *session.Session, cause error) (func(), error) {
			rescued = s.Secret.RefreshToken
			return func() {}, cause
		}
		_, err := r.Run(t.Context())
		var lost *LostError
		if !errors.As(err, &lost) || !errors.Is(err, session.ErrChanged) || rescued != "refresh-1" {
			t.Errorf("%v; kept beside: %q", err, rescued)
		}
		if s := w.stored(); s.Secret.RefreshToken != "newer-refresh" {
			t.Errorf("%+v", s)
		}
	})
}

// A stopwatch runs on.
func TestStopwatch(t *testing.T) {
	t.Parallel()
	since := stopwatch()
	began := time.Now()
	for time.Since(began) < time.Millisecond {
		continue
	}
	if took := since(); took < time.Millisecond || took > time.Minute {
		t.Error(took)
	}
}
