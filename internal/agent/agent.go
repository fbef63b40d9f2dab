// Package agent keeps sessions at hand: in memory, renewed ahead of their end, and handed
// out over a UNIX socket to processes of the same user. What renews a session never leaves
// it.
package agent

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// An Agent serves the sessions of a store, and those that it is given to have in memory only.
type Agent struct {
	Store session.Store // the two, if Memory is not nil
	Now   func() time.Time

	// Folder marks the folder of the Store: who says that another is meant is told nothing.
	Folder string

	// Memory are the sessions that end with the agent. nil means that it takes none.
	Memory *session.Memory

	// LogOut revokes the tokens of a session at its provider.
	LogOut func(ctx context.Context, s *session.Session) error

	// Renew gets a token of a session, as [renewal.Renewal] does.
	Renew func(ctx context.Context, name string, need session.Need, retry bool) (*renewal.Outcome, error)

	// Explain tells an error to who asked, as a JSON document.
	Explain func(ctx context.Context, err error) []byte

	// Tell tells what happens. ok is false for what a person should look at.
	Tell func(ok bool, format string, args ...any)

	once    sync.Once
	started time.Time
	slots   chan struct{} // for renewals under way
	metrics metrics

	mu    sync.Mutex
	plans map[string]*plan
}

// A plan is when a session is next renewed.
type plan struct {
	generation int
	received   time.Time
	due        time.Time // ahead of the end of its access token
	failures   int       // in a row
	pause      time.Time // until when nobody asks the provider again
	err        error     // of the last renewal, nil if it worked
	busy       bool
}

func (a *Agent) begin() {
	a.once.Do(func() {
		a.started, a.plans = a.Now(), map[string]*plan{}
		a.slots = make(chan struct{}, limit.AgentRenewals)
	})
}

// planOf returns the plan of a session as it is now. The caller holds the lock.
func (a *Agent) planOf(s *session.Session) *plan {
	p := a.plans[s.Name]
	if p == nil || !p.received.Equal(s.Received) || p.generation != s.Generation {
		p = &plan{generation: s.Generation, received: s.Received, due: due(s)}
		a.plans[s.Name] = p
	}
	return p
}

// due is when four fifths of the lifetime of a session's tokens have passed, give or take a
// twentieth: sessions that began together are not renewed together. It is zero if nobody
// knows when they end.
func due(s *session.Session) time.Time {
	end := s.Tokens.Expires
	if id := s.Tokens.IDTokenExpires; !id.IsZero() && !s.Tokens.IDTokenStale && (end.IsZero() || id.Before(end)) {
		end = id
	}
	if end.IsZero() {
		return time.Time{}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.Name + strconv.Itoa(s.Generation)))
	jitter := float64(h.Sum32())/(1<<32)/10 - 0.05
	return s.Received.Add(time.Duration(float64(end.Sub(s.Received)) * (0.8 + jitter)))
}

// Keep renews sessions ahead of their end until ctx ends, and then waits for those that are
// under way.
func (a *Agent) Keep(ctx context.Context) {
	a.begin()
	var under sync.WaitGroup
	defer under.Wait()
	tick := time.NewTicker(limit.AgentLook)
	defer tick.Stop()
	for {
		a.look(ctx, &under)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look renews what is due.
func (a *Agent) look(ctx context.Context, under *sync.WaitGroup) {
	names, err := a.Store.Names()
	if err != nil {
		a.Tell(false, "the sessions cannot be read: %v", err)
		return
	}
	there := map[string]bool{}
	for _, name := range names {
		there[name] = true
		s, err := a.Store.Load(name)
		if err != nil || ctx.Err() != nil || !a.take(s) {
			continue
		}
		under.Go(func() {
			a.ahead(ctx, s)
		})
	}
	a.forget(there)
}

// take reports whether a session is to be renewed now, and by the caller.
func (a *Agent) take(s *session.Session) bool {
	now := a.Now()
	state := s.State(now)
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.planOf(s)
	if p.busy || p.due.IsZero() || now.Before(p.due) || now.Before(p.pause) || !s.Renewable || state == session.Spent || s.Refused != "" {
		return false
	}
	p.busy = true
	return true
}

// forget drops the plans of sessions that are gone.
func (a *Agent) forget(there map[string]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name := range a.plans {
		if !there[name] {
			delete(a.plans, name)
		}
	}
}

// ahead renews a session though its tokens are still fresh.
func (a *Agent) ahead(ctx context.Context, s *session.Session) {
	a.slots <- struct{}{}
	defer func() { <-a.slots }()
	_, err := a.renew(ctx, s, session.Need{Not: s.Tokens.AccessToken})
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.plans[s.Name]; p != nil {
		p.busy = false
	}
	if err != nil && ctx.Err() == nil {
		a.Tell(false, "session %s: %v", s.Name, err)
	}
}

// renew renews a session, unless the provider is to be left alone for now.
func (a *Agent) renew(ctx context.Context, s *session.Session, need session.Need) (*renewal.Outcome, error) {
	if err := a.pausing(s); err != nil {
		return &renewal.Outcome{Session: s}, err
	}
	began := a.Now()
	out, err := a.Renew(ctx, s.Name, need, false)
	if out.Tokens != nil || err != nil && !tooMuch(err) {
		a.metrics.renewed(a.Now().Sub(began), err)
	}
	a.note(s, err)
	return out, err
}

// tooMuch reports whether err says that a session has not what was asked of it.
func tooMuch(err error) bool {
	var login *renewal.LoginError
	return errors.As(err, new(*renewal.ShortError)) || errors.As(err, &login) && login.State == session.Ended
}

// pausing is the error of the last attempt, while it is too early for another.
func (a *Agent) pausing(s *session.Session) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.planOf(s)
	if errors.As(p.err, new(*oidc.TransportError)) && a.Now().Before(p.pause) {
		return p.err
	}
	return nil
}

// note plans when a session that could not be renewed is tried again: later each time, and
// not before the provider's Retry-After. That it has not what was asked of it is no failure
// to renew it.
func (a *Agent) note(s *session.Session, err error) {
	var transport *oidc.TransportError
	if tooMuch(err) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.planOf(s)
	if err == nil {
		p.failures, p.err, p.pause = 0, nil, time.Time{}
		return
	}
	pause := min(limit.AgentPauseLeast<<min(p.failures, 10), limit.AgentPauseMost)
	pause += rand.N(pause/4 + 1) //nolint:gosec // no secret
	if errors.As(err, &transport) {
		seconds, _ := strconv.Atoi(transport.RetryAfter) // or a date, which nobody sends
		pause = max(pause, min(time.Duration(seconds)*time.Second, limit.AgentPauseMost))
	}
	p.failures++
	p.err, p.pause = err, a.Now().Add(pause)
}

// token returns a token of a session. onlyAtHand takes none that has to be asked for.
func (a *Agent) token(ctx context.Context, name string, need session.Need, onlyAtHand bool) (*renewal.Outcome, error) {
	a.begin()
	s, err := a.Store.Load(name)
	if err != nil {
		return nil, err
	}
	now := a.Now()
	if token, expires, ok := s.Take(need, now); ok {
		return &renewal.Outcome{Session: s, Token: token, Expires: expires}, nil
	}
	if onlyAtHand {
		return nil, errNotAtHand
	}
	out, err := a.renew(ctx, s, need)
	if err != nil {
		if stale, ok := renewal.Still(cmp.Or(out.Session, s), need, err, now); ok {
			return stale, nil
		}
	}
	return out, err
}

var errNotAtHand = errors.New("there is no fresh token at hand")
