// Discovery when it is first needed: a program starts also while its provider
// is down.

package oidc

import (
	"context"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// A LazyClient makes a client when it is first needed, and discovers its
// provider then. A program that holds one starts also while the provider is
// down: what needs the client fails until the provider is back. It is safe for
// concurrent use, and must not be copied once used.
type LazyClient struct {
	Issuer    string
	Discovery Discovery

	// New makes the client of a provider that was found.
	New func(*Provider) (*Client, error)

	mu     sync.Mutex
	client *Client
	err    error     // of the last attempt
	again  time.Time // when the next attempt may be made
	flight chan struct{}
}

// Client returns the client. While the provider cannot be discovered it returns
// the error of the last attempt, and tries again at most once a second. However
// many ask at once, the provider is asked once; a caller whose context ends
// stops waiting, and the attempt goes on for the others.
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
		client, err = l.New(provider)
	}
	if err != nil {
		client = nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client, l.err, l.again, l.flight = client, err, time.Now().Add(limit.DiscoveryPause), nil
	close(flight)
}
