// When the parts of an exchange take place.

package transcript

import (
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"
)

// A trace notes when the parts of one request take place. The transport may call its hooks
// concurrently, and after the request has ended: it goes on connecting for a request that another
// connection has served by then.
type trace struct {
	now func() time.Time

	mu                     sync.Mutex
	dns, connect, tls      span
	connected, sent, first time.Time
	reused                 bool
	address                string
}

// A span is a time from a start to an end. The first start and the last end count, since a
// transport may try several addresses at a time.
type span struct{ start, end time.Time }

func (s *span) begin(at time.Time) {
	if s.start.IsZero() {
		s.start = at
	}
}

// length is zero if the span did not take place, or did not end.
func (s *span) length() time.Duration {
	if s.start.IsZero() || s.end.Before(s.start) {
		return 0
	}
	return s.end.Sub(s.start)
}

// hooks are what the transport calls.
func (t *trace) hooks() *httptrace.ClientTrace {
	begin := func(s *span) { t.note(func(now time.Time) { s.begin(now) }) }
	end := func(s *span) { t.note(func(now time.Time) { s.end = now }) }
	return &httptrace.ClientTrace{
		DNSStart:             func(httptrace.DNSStartInfo) { begin(&t.dns) },
		DNSDone:              func(httptrace.DNSDoneInfo) { end(&t.dns) },
		ConnectStart:         func(string, string) { begin(&t.connect) },
		ConnectDone:          func(string, string, error) { end(&t.connect) },
		TLSHandshakeStart:    func() { begin(&t.tls) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { end(&t.tls) },
		GotConn:              t.gotConn,
		WroteRequest:         func(httptrace.WroteRequestInfo) { t.note(func(now time.Time) { t.sent = now }) },
		GotFirstResponseByte: func() { t.note(func(now time.Time) { t.first = now }) },
	}
}

// note notes something under the lock.
func (t *trace) note(what func(now time.Time)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	what(t.now())
}

func (t *trace) gotConn(info httptrace.GotConnInfo) {
	address := info.Conn.RemoteAddr().String()
	t.note(func(now time.Time) { t.connected, t.reused, t.address = now, info.Reused, address })
}

// fill writes what was noted into an exchange that has ended. A connection that was open already
// was established for another request, whatever this one began beside it.
func (t *trace) fill(e *Exchange, end time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.Duration, e.Reused, e.Address = end.Sub(e.Start), t.reused, t.address
	e.Cached = e.Status != "" && t.connected.IsZero()
	if !t.reused {
		e.Timing = Timing{DNS: t.dns.length(), Connect: t.connect.length(), TLS: t.tls.length()}
	}
	wait, body := span{t.sent, t.first}, span{t.first, end}
	if t.first.IsZero() {
		wait.end = end
	}
	send := span{t.connected, t.sent}
	e.Timing.Send, e.Timing.Wait, e.Timing.Body = send.length(), wait.length(), body.length()
}
