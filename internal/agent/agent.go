// Package agent keeps sessions at hand: in memory, renewed ahead of their end, and handed
// out over a UNIX socket, or a named pipe on Windows, to processes of the same user. What
// renews a session never leaves it.
package agent

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// Options say which sessions an agent serves, and what it does for them.
type Options struct {
	Store session.Store // the two, if Memory is not nil
	Now   func() time.Time

	// Folder marks the folder of the Store: who says that another is meant is told nothing.
	Folder string

	// Memory are the sessions that end with the agent. nil means that it takes none.
	Memory *session.Memory

	// LogOut revokes the tokens of a session at its provider.
	LogOut func(ctx context.Context, s *session.Session) error

	// Changed reports whether the sessions of the Store may have changed since the last call.
	// nil means that they always may.
	Changed func() bool

	// Renew gets a token of a session, as [renewal.Renewal] does.
	Renew func(ctx context.Context, name string, need session.Need) (*renewal.Outcome, error)

	// Explain tells an error to who asked, as a JSON document.
	Explain func(ctx context.Context, err error) []byte

	// Tell tells what happens. ok is false for what a person should look at.
	Tell func(ok bool, format string, args ...any)
}

// An Agent serves the sessions of a store, and those that it is given to have in memory only.
type Agent struct {
	Options

	started time.Time
	slots   chan struct{} // for renewals under way
	metrics metrics

	unread atomic.Bool // sessions changed that were not read since
	rest   time.Time   // until when they are not read again

	mu    sync.Mutex
	plans map[string]*plan
	next  time.Time // when the first of the plans is due
}

// A plan is when a session is next renewed.
type plan struct {
	generation int
	received   time.Time
	due        time.Time // ahead of the end of its access token
	idle       bool      // it is not renewed ahead, as it is
	failures   int       // in a row
	pause      time.Time // until when nobody asks the provider again
	err        error     // of the last renewal, nil if it worked
	busy       bool
}

// New returns an agent. Its time up begins now.
func New(o Options) *Agent {
	return &Agent{
		Options: o, started: o.Now(), plans: map[string]*plan{}, slots: make(chan struct{}, limit.AgentRenewals),
	}
}

// planOf returns the plan of a session as it is now. The caller holds the lock.
func (a *Agent) planOf(s *session.Session) *plan {
	p := a.plans[s.Name]
	if p == nil || !p.received.Equal(s.Received) || p.generation != s.Generation {
		p = &plan{generation: s.Generation, received: s.Received, due: renewAt(s)}
		a.plans[s.Name] = p
	}
	p.idle = p.due.IsZero() || !s.Renewable || s.Refused != "" || s.State(a.Now()) == session.Spent
	a.next = time.Time{} // to be found anew
	return p
}

// at is when a session is to be renewed.
func (p *plan) at() time.Time {
	if p.due.After(p.pause) {
		return p.due
	}
	return p.pause
}

// renewAt is when four fifths of the lifetime of a session's tokens have passed, give or take a
// twentieth: sessions that began together are not renewed together. It is zero if nobody
// knows when they end.
func renewAt(s *session.Session) time.Time {
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

// look renews what is due. All sessions are read only after some may have changed: with very
// many of them that takes long.
func (a *Agent) look(ctx context.Context, under *sync.WaitGroup) {
	if a.Changed == nil || a.Changed() {
		a.unread.Store(true)
	}
	if now := a.Now(); a.unread.Load() && !now.Before(a.rest) {
		a.readAll(ctx)
		const share = 50 // of the time at most one part goes into reading
		a.rest = a.Now().Add(share * a.Now().Sub(now))
	}
	for _, name := range a.due() {
		s, err := a.Store.Load(name)
		if err != nil || ctx.Err() != nil || !a.take(s) {
			continue
		}
		under.Go(func() {
			a.ahead(ctx, s)
		})
	}
}

// readAll plans for every session as it is now.
func (a *Agent) readAll(ctx context.Context) {
	a.unread.Store(false)
	names, err := a.Store.Names()
	if err != nil {
		a.unread.Store(true)
		a.Tell(false, "the sessions cannot be read: %v", err)
		return
	}
	there := map[string]bool{}
	for _, name := range names {
		there[name] = true
		if s, err := a.Store.Load(name); err == nil && ctx.Err() == nil {
			a.mu.Lock()
			a.planOf(s)
			a.mu.Unlock()
		}
	}
	a.forget(there)
}

// due returns the sessions that are to be renewed now.
func (a *Agent) due() []string {
	now := a.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Before(a.next) {
		return nil
	}
	var names []string
	a.next = now.Add(time.Hour)
	for name, p := range a.plans {
		switch at := p.at(); {
		case p.idle || p.busy:
		case !now.Before(at):
			names = append(names, name)
			a.next = now
		case at.Before(a.next):
			a.next = at
		}
	}
	slices.Sort(names)
	return names
}

// take reports whether a session is to be renewed now, and by the caller.
func (a *Agent) take(s *session.Session) bool {
	now := a.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.planOf(s)
	if p.idle || p.busy || now.Before(p.at()) {
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
		p.busy, a.next = false, time.Time{}
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
	out, err := a.Renew(ctx, s.Name, need)
	if refusesTarget(err, need) {
		return out, err
	}
	if out.Tokens != nil || err != nil && !tooMuch(err) {
		a.metrics.renewed(a.Now().Sub(began), err)
	}
	if err == nil && out.Session != nil {
		s = out.Session
	}
	a.note(s, err)
	return out, err
}

// tooMuch reports whether err says that a session has not what was asked of it.
func tooMuch(err error) bool {
	var login *renewal.LoginError
	if errors.As(err, new(*renewal.ShortError)) {
		return true
	}
	return errors.As(err, &login) &&
		(login.State == session.Ended || login.State == session.Withheld && !login.Session.Renewable)
}

// refusesTarget reports whether err says that the provider gives no token for a part of the grant.
// That says nothing of the session.
func refusesTarget(err error, need session.Need) bool {
	var refusal *oidc.Error
	return !need.Target.IsZero() && errors.As(err, &refusal) && refusal.Code != "invalid_grant"
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
	s, err := a.Store.Load(name)
	if err != nil {
		return nil, err
	}
	now := a.Now()
	if out, ok := renewal.Take(s, need, now); ok {
		return out, nil
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
