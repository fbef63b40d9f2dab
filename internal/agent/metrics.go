// Metrics, in the text format of Prometheus (exposition format 0.0.4).

package agent

import (
	"errors"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/session"
)

// metrics count what the agent did.
type metrics struct {
	served, missed, refused                       atomic.Int64 // questions for tokens
	renewals, loginsNeeded, failures, nanoseconds atomic.Int64
}

// asked counts a question for a token.
func (m *metrics) asked(err error) {
	switch {
	case err == nil:
		m.served.Add(1)
	case errors.Is(err, errNotAtHand) || errors.Is(err, session.ErrNoSession):
		m.missed.Add(1)
	default:
		m.refused.Add(1)
	}
}

// renewed counts a renewal.
func (m *metrics) renewed(took time.Duration, err error) {
	m.nanoseconds.Add(int64(took))
	switch {
	case err == nil || tooMuch(err):
		m.renewals.Add(1)
	case errors.As(err, new(*renewal.LoginError)):
		m.loginsNeeded.Add(1)
	default:
		m.failures.Add(1)
	}
}

// counts are how the sessions are.
type counts struct {
	states  map[session.State]int
	failing int // whose last renewal failed
}

func (a *Agent) count() counts {
	c := counts{states: map[session.State]int{}}
	names, err := a.Store.Names()
	if err != nil {
		return c
	}
	for _, name := range names {
		if s, err := a.Store.Load(name); err == nil {
			c.states[session.StateOf(a.Store, s, a.Now())]++
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.plans {
		if p.err != nil {
			c.failing++
		}
	}
	return c
}

func (a *Agent) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	var b strings.Builder
	family := func(name, kind, help string) { fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind) }
	m := &a.metrics
	family("oidc_agent_token_requests_total", "counter", "Requests for a token, by what came of them.")
	for _, row := range []struct {
		result string
		n      *atomic.Int64
	}{{"served", &m.served}, {"missed", &m.missed}, {"refused", &m.refused}} {
		fmt.Fprintf(&b, "oidc_agent_token_requests_total{result=%q} %d\n", row.result, row.n.Load())
	}
	family("oidc_agent_renewals_total", "counter", "Renewals of sessions, by what came of them.")
	for _, row := range []struct {
		result string
		n      *atomic.Int64
	}{{"renewed", &m.renewals}, {"login_needed", &m.loginsNeeded}, {"failed", &m.failures}} {
		fmt.Fprintf(&b, "oidc_agent_renewals_total{result=%q} %d\n", row.result, row.n.Load())
	}
	family("oidc_agent_renewal_seconds_total", "counter", "Time that renewals took.")
	fmt.Fprintf(&b, "oidc_agent_renewal_seconds_total %g\n", time.Duration(m.nanoseconds.Load()).Seconds())
	c := a.count()
	family("oidc_agent_sessions", "gauge", "Sessions, by how they are.")
	var states []string
	for state := range c.states {
		states = append(states, string(state))
	}
	sort.Strings(states)
	for _, state := range states {
		label := strings.ReplaceAll(state, " ", "_")
		fmt.Fprintf(&b, "oidc_agent_sessions{state=%q} %d\n", label, c.states[session.State(state)])
	}
	family("oidc_agent_sessions_failing", "gauge", "Sessions whose last renewal failed.")
	fmt.Fprintf(&b, "oidc_agent_sessions_failing %d\n", c.failing)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = w.Write([]byte(b.String()))
}
