// Asking until a user is done: RFC 8628 section 3.5, OpenID Connect CIBA Core 1.0
// section 11. One engine for both.

package oidc

import (
	"context"
	"errors"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// A pace is how often, and how long, a provider may be asked.
type pace struct {
	first    time.Duration // before the first question
	interval time.Duration // before any other
	until    time.Time
	called   <-chan struct{} // closed when the provider says that it is done; nil if it never does
}

// interval reads how long to wait between two questions: 5 seconds if the
// provider does not say (RFC 8628 section 3.2), and within bounds.
func interval(doc *strictjson.Object) time.Duration {
	n, there, err := doc.Number("interval")
	if !there || err != nil {
		return limit.PollInterval
	}
	return time.Duration(max(limit.PollLeast.Seconds(), min(n, limit.PollMost.Seconds())) * float64(time.Second))
}

// intervalOf judges an interval. What is out of bounds is not fatal: [interval]
// keeps within them.
func intervalOf(doc *strictjson.Object) check.Verdict {
	n, there, err := doc.Number("interval")
	switch {
	case err != nil:
		return check.That(false, err.Error(), "a number of seconds")
	case !there:
		return check.Inapplicable("no interval: 5 seconds")
	}
	raw, _ := doc.Get("interval")
	return check.That(n >= limit.PollLeast.Seconds() && n <= limit.PollMost.Seconds(), string(raw), "1 to 300 seconds")
}

// poll asks for tokens at a pace until there is a response that is final. An
// response that does not come makes it ask half as often (RFC 8628 section 3.5).
func (c *Client) poll(ctx context.Context, g Grant, p pace) (*Tokens, error) {
	for wait := p.first; ; wait = p.interval {
		if err := pause(ctx, g.Wait, min(wait, p.until.Sub(c.now())), p.called); err != nil {
			return nil, err
		}
		p.called = nil // once: from here on it is asked at the pace
		if !c.now().Before(p.until) {
			const over = "the time to approve the request is over"
			return nil, ofGrant(&Error{Code: "expired_token", Description: over, Endpoint: tokenEndpoint}, g.Type)
		}
		tokens, err := c.Token(ctx, g)
		if !p.next(ctx, tokens, err) {
			return tokens, err
		}
	}
}

// next decides whether to ask again, and how fast.
func (p *pace) next(ctx context.Context, tokens *Tokens, err error) bool {
	var refusal *Error
	var silence *TransportError
	switch {
	case err == nil, tokens != nil, ctx.Err() != nil:
		return false
	case errors.As(err, &refusal) && refusal.Code == "slow_down": // also with the status 429 or 503
		p.interval = min(p.interval+limit.PollSlower, limit.PollMost)
		return true
	case refusal != nil && refusal.Code == "authorization_pending":
		return true
	case refusal != nil && final(refusal.Code):
		return false
	case errors.As(err, &silence):
		p.interval = min(2*p.interval, limit.PollMost)
		return true
	}
	return false
}

// final reports whether an error code ends the questions whatever the HTTP status
// beside it.
func final(code string) bool {
	return code != "server_error" && code != "temporarily_unavailable"
}

// pause waits, until it is called for at the latest.
func pause(ctx context.Context, wait func(context.Context, time.Duration) error, d time.Duration,
	called <-chan struct{},
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if called != nil {
		go func() {
			select {
			case <-called:
				cancel(errCalled)
			case <-ctx.Done():
			}
		}()
	}
	if wait == nil {
		wait = sleep
	}
	err := wait(ctx, d)
	if err != nil && errors.Is(context.Cause(ctx), errCalled) {
		return nil
	}
	return err
}

var errCalled = errors.New("the provider said that it is done")

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
