// Discovery when it is first needed: a program starts also while its provider
// is down.

package oidc

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// A LazyClient discovers a provider when a client is first needed, and makes the
// client then. A program that holds one starts even while its provider is down: what
// needs the client fails until the provider is back. It is safe for concurrent use,
// and must not be copied after its first use.
type LazyClient struct {
	Issuer    string    // the issuer identifier, as for [Discover]
	Discovery Discovery // says how to discover; the zero value does what the standard says

	// New makes the client of a provider that was discovered. It is required. Once it
	// has returned a client, it is not called again.
	New func(*Provider) (*Client, error)

	mu     sync.Mutex
	client *Client
	err    error     // of the last attempt
	again  time.Time // when the next attempt may be made
	flight chan struct{}
}

// Client returns the client. While there is none, it returns the error of the last
// attempt, which is that of [Discovery.Provider] or of New, and makes another attempt
// at most once a second. Callers share one attempt, which takes up to 30 seconds; a
// caller whose context ends stops waiting for it.
func (l *LazyClient) Client(ctx context.Context) (*Client, error) {
	l.mu.Lock()
	if l.client != nil {
		defer l.mu.Unlock()
		return l.client, nil
	}
	if l.err != nil && time.Now().Before(l.again) {
		defer l.mu.Unlock()
		return nil, l.err
	}
	if l.flight == nil {
		l.flight = make(chan struct{})
		go l.discover(context.WithoutCancel(ctx), l.flight)
	}
	flight := l.flight
	l.mu.Unlock()
	select {
	case <-flight:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.client, l.err
}

// discover makes one attempt.
func (l *LazyClient) discover(ctx context.Context, flight chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, limit.RequestMost)
	defer cancel()
	var client *Client
	provider, err := l.Discovery.Provider(ctx, l.Issuer)
	if err == nil {
		client, err = l.newClient(provider)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client, l.err, l.again, l.flight = client, err, time.Now().Add(limit.DiscoveryPause), nil
	close(flight)
}

// newClient makes the client of a provider, which is nil beside an error.
func (l *LazyClient) newClient(p *Provider) (*Client, error) {
	if l.New == nil {
		return nil, errNoNew
	}
	client, err := l.New(p)
	switch {
	case err != nil:
		return nil, err
	case client == nil:
		return nil, errNoNew
	}
	return client, nil
}

var errNoNew = errors.New("oidc: a LazyClient needs a function New that returns a client")
