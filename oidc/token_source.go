// Tokens that stay valid: refreshed when they are about to expire, once for
// however many ask.

package oidc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A TokenSource returns valid tokens, and refreshes them when they are about to
// expire. It is safe for concurrent use, and must not be copied once used.
//
// However many ask at once, one request is made. A refresh token is sent once
// only: if its response is lost, the source says so ([*SpentError]) and never
// sends it again. A caller whose context ends stops waiting; the refresh goes on
// and its tokens are stored.
type TokenSource struct {
	// Client returns the client that asks for tokens, such as
	// [LazyClient.Client]; [Of] fits for a client that is there already.
	Client func(context.Context) (*Client, error)

	// Tokens are those to begin with, such as a login's. nil means that Grant is
	// used at once.
	Tokens *Tokens

	// Grant makes the request for new tokens where there is no refresh token, such
	// as [ClientCredentials]. nil means that there is no way to get new ones: the
	// error is [ErrNoRefreshToken].
	Grant func() Grant

	// Store makes new tokens durable, as soon as they have come and before they
	// are verified: their refresh token is the only one that works now. While it
	// returns an error the source returns that error instead of tokens, and calls
	// Store again the next time it is asked. Meanwhile nobody gets tokens. nil
	// stores nothing.
	Store func(*Tokens) error

	// Early is how long before they expire tokens are refreshed. 0 means a fifth of
	// their lifetime, and at most 30 seconds.
	Early time.Duration

	mu       sync.Mutex
	current  *Tokens
	received time.Time
	refresh  string  // the refresh token, "" if there is none
	unstored *Tokens // what Store could not take
	rejected string  // an access token that a resource refused
	over     error   // why no token can be had any more
	flight   *flight
}

// A flight is one request that others wait for.
type flight struct {
	done   chan struct{}
	tokens *Tokens
	err    error
}

// ErrNoRefreshToken says that tokens expired and nothing is there to get new
// ones with: the user has to log in again.
var ErrNoRefreshToken = errors.New("oidc: the tokens have expired, and there is no refresh token")

// A SpentError says that a refresh token was sent and its response was lost.
// Whether it was used is not known; a provider that rotates refresh tokens ends
// the session if it sees one twice. The user has to log in again.
type SpentError struct{ Err error }

// Error says what happened.
func (e *SpentError) Error() string {
	return "oidc: the refresh token may be spent: " + e.Err.Error()
}

// Unwrap returns why the response was lost.
func (e *SpentError) Unwrap() error { return e.Err }

// Of returns what [TokenSource.Client] needs of a client that is there already.
func Of(c *Client) func(context.Context) (*Client, error) {
	return func(context.Context) (*Client, error) { return c, nil }
}

// Token returns tokens that are valid now. Errors are those of [Client.Token],
// [ErrNoRefreshToken], a [*SpentError], or what Store returned. A provider that
// refused the refresh token is not asked again.
func (s *TokenSource) Token(ctx context.Context) (*Tokens, error) {
	s.mu.Lock()
	s.begin()
	if err := s.store(); err != nil {
		s.mu.Unlock()
		return nil, err
	}
	if s.fresh() {
		defer s.mu.Unlock()
		return s.current, nil
	}
	if s.over != nil {
		defer s.mu.Unlock()
		return nil, s.over
	}
	if s.flight == nil {
		s.flight = &flight{done: make(chan struct{})}
		go s.renew(context.WithoutCancel(ctx), s.flight)
	}
	under := s.flight
	s.mu.Unlock()
	select {
	case <-under.done:
		return under.tokens, under.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Reject says that a resource refused an access token although it should be
// valid: the next call of Token gets another. A token that was replaced since is
// no reason to get one more.
func (s *TokenSource) Reject(accessToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejected = accessToken
}

// Replace puts the tokens of a new login in the place of what is there.
func (s *TokenSource) Replace(t *Tokens) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.received, s.over, s.rejected = t, time.Now(), nil, ""
	s.refresh, s.unstored = t.RefreshToken, nil
	s.Tokens = t
}

// begin takes over the tokens to begin with.
func (s *TokenSource) begin() {
	if s.current != nil || s.Tokens == nil {
		return
	}
	s.current, s.received, s.refresh = s.Tokens, time.Now(), s.Tokens.RefreshToken
}

// store gives Store what it could not take before.
func (s *TokenSource) store() error {
	if s.unstored == nil {
		return nil
	}
	if err := s.Store(s.unstored); err != nil {
		return fmt.Errorf("oidc: new tokens could not be stored: %w", err)
	}
	s.unstored = nil
	return nil
}

// fresh reports whether the current tokens can be used for a while.
func (s *TokenSource) fresh() bool {
	t := s.current
	if t == nil || t.broken != nil || t.AccessToken == "" || t.AccessToken == s.rejected {
		return false
	}
	if t.ExpiresAt.IsZero() {
		return true // nobody knows better: a resource that refuses it says so
	}
	early := s.Early
	if early == 0 {
		early = min(30*time.Second, t.ExpiresAt.Sub(s.received)/5)
	}
	return time.Now().Add(early).Before(t.ExpiresAt)
}

// renew gets new tokens. Only one runs at a time.
func (s *TokenSource) renew(ctx context.Context, f *flight) {
	client, err := s.Client(ctx)
	var tokens *Tokens
	if err == nil {
		tokens, err = s.ask(ctx, client)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.current, s.rejected = tokens, ""
		err = s.store()
	}
	if err == nil {
		f.tokens = tokens
	}
	f.err, s.flight = err, nil
	close(f.done)
}

// ask sends the refresh token, or the grant where there is none.
func (s *TokenSource) ask(ctx context.Context, client *Client) (*Tokens, error) {
	s.mu.Lock()
	refresh, grant := s.refresh, Grant{}
	switch {
	case refresh != "":
		grant = RefreshToken(refresh)
		if s.current != nil {
			grant.Expect.Previous = s.current.IssuedIDToken
		}
	case s.Grant != nil:
		grant = s.Grant()
	default:
		s.over = ErrNoRefreshToken
		s.mu.Unlock()
		return nil, ErrNoRefreshToken
	}
	s.mu.Unlock()
	grant.Received = func(t *Tokens) error { s.receive(t); return nil }
	tokens, err := client.Token(ctx, grant)
	if refresh != "" && err != nil {
		err = s.judge(tokens, err)
	}
	return tokens, err
}

// receive takes a response as soon as it is there.
func (s *TokenSource) receive(t *Tokens) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.received = time.Now(); t.RefreshToken != "" {
		s.refresh = t.RefreshToken
	}
	if s.Store != nil && s.Store(t) != nil {
		s.unstored = t // tried again, and told then
	}
}

// judge finds out what an error leaves of the refresh token.
func (s *TokenSource) judge(tokens *Tokens, err error) error {
	var refusal *Error
	switch {
	case tokens != nil: // they came, and did not verify
		return err
	case MayBeSpent(err):
		err = &SpentError{err}
	case errors.As(err, &refusal) && refusal.Code == "invalid_grant":
	default:
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = err
	return err
}
