package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/durable"
)

// granted is a file system on which everybody gets every lock.
func granted(context.Context, string, func() bool) (func(), bool, error) {
	return func() {}, false, nil
}

// A copy does not change with what it was made of.
func TestCopy(t *testing.T) {
	t.Parallel()
	s := good()
	s.Begin(noon)
	c := s.Copy()
	s.Claim.Why = "HTTP status 500"
	s.Generation++
	if c.Claim.Why != "" || c.Generation != good().Generation {
		t.Errorf("%+v", c)
	}
}

// overwrite stores a session, whatever is there and without a lock.
func overwrite(f *Files, s *Session) error {
	s.Serial = Any
	return Write(f, s)
}

// Locks that do nothing are told once, and what a note says of a refresh is waited for instead.
func TestLocksThatDoNothing(t *testing.T) {
	t.Parallel()
	f, told := files(t), 0
	f.LocksFail = func() { told++ }
	saved(t, f)
	if told != 0 {
		t.Error("locks that work are told not to")
	}
	f.Locks = granted
	saved(t, f)
	saved(t, f)
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	s := good()
	s.Begin(time.Now())
	if err := overwrite(f, s); err != nil {
		t.Fatal(err)
	}
	if got := StateOf(f, s, noon); got != Renewing {
		t.Errorf("while another process may be at it: %s", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	if unlock, err := f.Lock(ctx, "work", func() bool {
		if asked++; asked == 2 {
			cancel()
		}
		return false
	}); unlock != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	came := good()
	came.Received, came.Withheld = time.Now(), Unverified
	if err := overwrite(f, came); err != nil {
		t.Fatal(err)
	}
	if unlock, err := f.Lock(t.Context(), "work", func() bool { return true }); unlock != nil || err != nil {
		t.Errorf("while the response is verified: %v", err)
	}
	over := func() bool { t.Error("it waits"); return true }
	for name, change := range map[string]func(*Session){
		"none":        func(s *Session) { s.Claim = nil },
		"told":        func(s *Session) { s.Claim.Why = "HTTP status 500" },
		"a while ago": func(s *Session) { s.Begin(time.Now().Add(-time.Minute)) },
	} {
		s := good()
		s.Begin(time.Now())
		change(s)
		if err := overwrite(f, s); err != nil {
			t.Fatal(err)
		}
		unlock, err := f.Lock(t.Context(), "work", over)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		unlock()
	}
}

// A guard that a killed process left is removed by the next one that has the lock. Where locks
// do nothing it is told.
func TestGuardIsLeft(t *testing.T) {
	t.Parallel()
	f := files(t)
	saved(t, f)
	err := durable.Guarded(f.Path("work"), func() error {
		f.Locks = granted
		if err := Save(f, good()); err != nil {
			t.Error(err)
		}
		var guard *durable.GuardError
		if err := Write(f, good()); !errors.As(err, &guard) || !strings.Contains(err.Error(), ".work.json.guard") {
			t.Errorf("%v", err)
		}
		f.Locks = nil
		if err := Save(f, good()); err != nil {
			t.Error(err)
		}
		return Save(f, good())
	})
	if err != nil {
		t.Error(err)
	}
}
