// Tokens that stay valid: refreshed shortly before they expire, once for all
// callers.

package oidc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/wire"
)

// A TokenSource returns valid tokens, and refreshes them shortly before they
// expire (RFC 6749 section 6). It is safe for concurrent use, and must not be
// copied after its first use.
//
// Callers that need new tokens at the same time share one request. A refresh token
// is sent once only: if its response is lost, the source returns a [*SpentError]
// and never sends that token again, because a provider that rotates refresh tokens
// revokes them all when one comes twice (RFC 9700 section 4.14.2). A caller whose
// context ends stops waiting, while the refresh goes on and its tokens are stored.
//
// A source is for one process. Processes that share a refresh token must not each have
// a source of it: only one of them may send it.
type TokenSource struct {
	// Client returns the client that requests tokens: [LazyClient.Client], or [Of]
	// for a client that exists already. It is required.
	Client func(context.Context) (*Client, error)

	// Tokens are the tokens to begin with: those of a login, or those that Store
	// stored earlier, of which AccessToken, TokenType, RefreshToken, ExpiresAt and
	// IssuedIDToken are needed. nil means that Grant is used at once. They are read
	// at the first use of the source; see [TokenSource.Replace] for later ones.
	Tokens *Tokens

	// Grant makes the request for new tokens if there is no refresh token, such as
	// [ClientCredentials], or if the refresh token no longer works. nil means that
	// the user has to log in again: [ErrNoRefreshToken].
	Grant func() Grant

	// Store makes new tokens durable. It is called as soon as a response was read
	// and before it is verified, since its refresh token may be the only one that
	// still works. RefreshToken and IssuedIDToken are the earlier ones where the
	// response has none. If the response then fails verification, Store is called
	// again with the refresh token and without an access token.
	//
	// While Store returns an error, so does the source, and nobody gets the new
	// tokens. The next call of Token calls Store again with the same tokens. Store
	// must not call the methods of the source. nil stores nothing.
	Store func(*Tokens) error

	// Early is how long before their expiry tokens are refreshed. 0 means a fifth
	// of their lifetime, and at most 30 seconds. If the provider cannot be reached
	// during that time, the tokens that are still valid are returned.
	Early time.Duration

	storing sync.Mutex // held while Store runs; locked before mu
	mu      sync.Mutex
	current *holding
}

// A holding is what a source has of one login. Its fields are guarded by the mutex of the
// source.
type holding struct {
	tokens   *Tokens // the last that were verified, nil if there are none
	received time.Time
	refresh  string  // the refresh token, "" if there is none
	idToken  string  // the last that was verified, which the next is compared with
	unstored *Tokens // what Store has not taken yet
	rejected string  // an access token that a resource refused
	over     error   // why no tokens can be had any more
	flight   *flight // the request that callers wait for, nil if there is none
}

// A flight is one request that callers wait for.
type flight struct {
	done   chan struct{}
	tokens *Tokens
	err    error
}

// ErrNoRefreshToken says that the tokens expired and that there is no refresh token
// to get new ones with: the user has to log in again.
var ErrNoRefreshToken = errors.New("oidc: the tokens have expired, and there is no refresh token")

var errNoClient = errors.New("oidc: a TokenSource needs a Client")

// A SpentError says that a refresh token was sent and that its response was lost.
// The provider may or may not have used the token. The user has to log in again.
type SpentError struct{ Err error }

// Error returns the cause and what it means.
func (e *SpentError) Error() string {
	return "oidc: the refresh token may be spent: " + e.Err.Error()
}

// Unwrap returns why the response was lost.
func (e *SpentError) Unwrap() error { return e.Err }

// Of returns a function that returns c, for [TokenSource.Client].
func Of(c *Client) func(context.Context) (*Client, error) {
	return func(context.Context) (*Client, error) { return c, nil }
}

// Token returns tokens that are valid now. The caller must not change them.
//
// Errors are those of [Client.Token] and of the fields Client and Store,
// [ErrNoRefreshToken], and [*SpentError]. After the provider refused the refresh
// token, or its response was lost, the error stays until [TokenSource.Replace].
func (s *TokenSource) Token(ctx context.Context) (*Tokens, error) {
	for {
		s.mu.Lock()
		h := s.holding()
		switch {
		case h.unstored != nil: // before anything else
		case h.usable(s.early(h)):
			defer s.mu.Unlock()
			return h.tokens, nil
		case h.over != nil:
			defer s.mu.Unlock()
			return nil, h.over
		}
		if ctx.Err() != nil {
			s.mu.Unlock()
			return nil, context.Cause(ctx)
		}
		if h.flight == nil {
			h.flight = &flight{done: make(chan struct{})}
			go s.fly(context.WithoutCancel(ctx), h)
		}
		flight := h.flight
		s.mu.Unlock()
		select {
		case <-flight.done:
			if s.holds(h) {
				return flight.tokens, flight.err
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Reject says that a resource server refused an access token that should be valid,
// such as one that was revoked. The next call of [TokenSource.Token] returns another.
// Nothing happens if the source has replaced that token already.
func (s *TokenSource) Reject(accessToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.holding(); h.tokens != nil && h.tokens.AccessToken == accessToken {
		h.rejected = accessToken
	}
}

// Replace makes the source use the tokens of a new login; nil means that there are
// none, as after a logout. Tokens of a refresh that is under way are dropped. Replace
// does not call Store.
func (s *TokenSource) Replace(t *Tokens) {
	s.storing.Lock() // what is stored after this is of the new login
	defer s.storing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = hold(t)
}

// hold returns the holding of a login's tokens, nil if there are none.
func hold(t *Tokens) *holding {
	h := &holding{received: time.Now()}
	if t != nil {
		h.tokens, h.refresh, h.idToken = t, t.RefreshToken, t.IssuedIDToken
	}
	return h
}

// holding returns what the source has now.
func (s *TokenSource) holding() *holding {
	if s.current == nil {
		s.current = hold(s.Tokens)
	}
	return s.current
}

// holds reports whether h was not replaced.
func (s *TokenSource) holds(h *holding) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current == h
}

// early is how long before their expiry the tokens are refreshed.
func (s *TokenSource) early(h *holding) time.Duration {
	if s.Early != 0 || h.tokens == nil {
		return s.Early
	}
	return min(30*time.Second, h.tokens.ExpiresAt.Sub(h.received)/5)
}

// usable reports whether the access token is valid for some time. It compares by the wall
// clock: the monotonic one stands still while a machine sleeps.
func (h *holding) usable(early time.Duration) bool {
	t := h.tokens
	if t == nil || t.broken != nil || t.AccessToken == "" || t.AccessToken == h.rejected {
		return false
	}
	return t.ExpiresAt.IsZero() || time.Now().Round(0).Add(early).Before(t.ExpiresAt)
}

// fly gets new tokens for all callers that wait. Only one runs at a time for a holding.
func (s *TokenSource) fly(ctx context.Context, h *holding) {
	tokens, err := s.renew(ctx, h)
	s.mu.Lock()
	defer s.mu.Unlock()
	f := h.flight
	f.tokens, f.err, h.flight = tokens, err, nil
	close(f.done)
}

// renew stores what is not stored yet, and requests new tokens if they are needed then.
func (s *TokenSource) renew(ctx context.Context, h *holding) (*Tokens, error) {
	if err := s.store(h); err != nil {
		return nil, err
	}
	s.mu.Lock()
	tokens, usable, over := h.tokens, h.usable(s.early(h)), h.over
	s.mu.Unlock()
	if usable || over != nil {
		return tokens, over
	}
	tokens, err := s.request(ctx, h)
	if storeErr := s.store(h); storeErr != nil {
		return nil, errors.Join(storeErr, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var transport *TransportError
	if errors.As(err, &transport) && h.over == nil && h.usable(0) {
		return h.tokens, nil
	}
	return tokens, err
}

// request sends the refresh token, or the grant if there is none, and takes the response.
func (s *TokenSource) request(ctx context.Context, h *holding) (*Tokens, error) {
	grant, err := s.grant(h)
	if err != nil {
		return nil, err
	}
	client, err := s.client(ctx)
	if err != nil {
		return nil, err
	}
	received := grant.Received
	grant.Received = func(t *Tokens) error {
		s.receive(h, t)
		if received == nil {
			return nil
		}
		return received(t)
	}
	tokens, err := client.Token(ctx, grant)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		return nil, s.failed(h, tokens, err)
	}
	if tokens.IssuedIDToken != "" {
		h.idToken = tokens.IssuedIDToken
	}
	h.tokens, h.rejected = h.complete(tokens), ""
	return h.tokens, nil
}

// client returns the client, which is nil beside an error only.
func (s *TokenSource) client(ctx context.Context) (*Client, error) {
	if s.Client == nil {
		return nil, errNoClient
	}
	client, err := s.Client(ctx)
	if err == nil && client == nil {
		err = errNoClient
	}
	return client, err
}

// grant is the request for new tokens.
func (s *TokenSource) grant(h *holding) (Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case h.refresh != "":
		grant := RefreshToken(h.refresh)
		grant.Expect.Previous = h.idToken
		return grant, nil
	case s.Grant != nil:
		return s.Grant(), nil
	}
	return Grant{}, ErrNoRefreshToken
}

// receive stores a response as soon as it was read.
func (s *TokenSource) receive(h *holding, t *Tokens) {
	s.mu.Lock()
	h.received = time.Now()
	if renewed(t) {
		h.refresh = t.RefreshToken
	}
	h.unstored = h.complete(t)
	s.mu.Unlock()
	_ = s.store(h) // which is done again once the tokens are verified, and reported then
}

// complete returns tokens with what a response leaves out because it stays valid.
func (h *holding) complete(t *Tokens) *Tokens {
	full := *t
	full.RefreshToken = h.refresh
	full.IssuedIDToken = cmp.Or(t.IssuedIDToken, h.idToken)
	return &full
}

// renewed reports whether a response has a refresh token.
func renewed(t *Tokens) bool { return t != nil && wire.Trim(t.RefreshToken) != "" }

// store calls Store with the tokens that it has not taken yet. Those of a login that was
// replaced are dropped.
func (s *TokenSource) store(h *holding) error {
	s.storing.Lock()
	defer s.storing.Unlock()
	s.mu.Lock()
	tokens, dropped := h.unstored, s.current != h
	s.mu.Unlock()
	if tokens != nil && s.Store != nil && !dropped {
		if err := s.Store(tokens); err != nil {
			return fmt.Errorf("oidc: new tokens could not be stored: %w", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h.unstored = nil
	return nil
}

// failed decides what an error leaves of the refresh token, and returns it.
func (s *TokenSource) failed(h *holding, t *Tokens, err error) error {
	if t != nil { // what was stored of it must not be used
		h.unstored = &Tokens{RefreshToken: h.refresh, IssuedIDToken: h.idToken}
	}
	var refusal *Error
	var transport *TransportError
	switch {
	case h.refresh == "" || renewed(t):
		return err
	case errors.As(err, &transport) && transport.Unprocessed():
		return err
	case MayBeSpent(err):
		err = &SpentError{err}
	case errors.As(err, &refusal) && refusal.Code == "invalid_grant":
	default:
		return err
	}
	if s.Grant != nil {
		h.refresh = "" // the next request is the grant's
		return err
	}
	h.over = err
	return err
}
