// The provider's keys: jwks_uri, RFC 7517, and OpenID Connect Core 1.0 section
// 10.1.1 for when they change.

package oidc

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/jose"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/reason"
	"github.com/oidc-client/oidc-client/internal/roundtrip"
)

// A KeySet is a provider's published keys: a JWK Set (RFC 7517 section 5).
type KeySet struct {
	Raw []byte // the JWK Set as received

	set    *jose.KeySet
	cached bool          // a cache served the response
	age    time.Duration // how old the response was when it arrived, if a cache served it
}

// A KeyInfo describes one key of a [KeySet] by the members of RFC 7517 section 4,
// without its material. A member that the key does not have is "".
type KeyInfo struct {
	ID        string `json:"kid,omitempty"`
	Type      string `json:"kty,omitempty"`
	Curve     string `json:"crv,omitempty"`
	Algorithm string `json:"alg,omitempty"`
	Use       string `json:"use,omitempty"`
	Unusable  string `json:"unusable,omitempty"` // why it is not used, "" if it is
}

// Keys describes the keys: first the usable ones, then those passed over.
func (s *KeySet) Keys() []KeyInfo {
	list := []KeyInfo{}
	if s == nil || s.set == nil {
		return list
	}
	for _, k := range s.set.Keys {
		list = append(list, keyInfo(k, ""))
	}
	for _, k := range s.set.Skipped {
		list = append(list, keyInfo(k.Key, k.Reason))
	}
	return list
}

func keyInfo(k jose.Key, unusable string) KeyInfo {
	return KeyInfo{ID: k.ID, Type: k.Type, Curve: k.Curve, Algorithm: k.Algorithm, Use: k.Use, Unusable: unusable}
}

// Keys fetches the keys at jwks_uri. A key that is unknown, broken, weak,
// private or not for signatures is listed as unusable; it is no error. The error
// is a [*TransportError], or a [*ProtocolError] for a document that is no JWK Set.
func (d Discovery) Keys(ctx context.Context, p *Provider) (*KeySet, error) {
	if p == nil {
		return nil, errNoProvider
	}
	if p.JWKSURI == "" {
		return nil, &ProtocolError{
			Endpoint: discoveryEndpoint, URL: p.URL,
			Err: reason.Errorf(reason.EndpointMissing, "the metadata has no jwks_uri"),
		}
	}
	return fetchKeys(ctx, d.HTTP, p.JWKSURI, d.MaxBody, false)
}

// fetchKeys fetches a JWK Set. anew asks whoever keeps copies of it to look if it has changed
// (RFC 9111 section 5.2.1.4).
func fetchKeys(ctx context.Context, client *http.Client, jwksURI string, most int64, anew bool) (*KeySet, error) {
	header := http.Header{"Accept": {"application/jwk-set+json, application/json"}}
	if anew {
		header.Set("Cache-Control", "no-cache")
	}
	answer, err := send(
		ctx, client, request{endpoint: jwksEndpoint, url: jwksURI, limit: orElse(most, limit.Keys), header: header},
	)
	if err != nil {
		return nil, err
	}
	if answer.status != http.StatusOK {
		return nil, answer.broken(reason.Errorf(
			reason.ResponseStatus, "HTTP status %d where the keys should be, at %s%s", answer.status, answer.url,
			answer.snippet(),
		))
	}
	// The media type is not looked at: providers publish keys from plain file
	// servers, and nothing but a JWK Set parses as one.
	set, err := jose.ReadKeySet(answer.body)
	if err != nil {
		return nil, answer.broken(reason.Errorf(reason.ResponseKeySet, "not a JWK Set: %w", err))
	}
	keys := &KeySet{Raw: answer.body, set: set}
	keys.age, keys.cached = responseAge(answer.header)
	return keys, nil
}

// responseAge returns how old a response was when it arrived. Only a cache says so,
// in the header Age (RFC 9111 section 5.1); an unreadable value counts as 0.
func responseAge(h http.Header) (age time.Duration, cached bool) {
	text := h.Get("Age")
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		seconds = 0
	}
	return time.Duration(seconds) * time.Second, text != ""
}

// ReadKeySet reads a JWK Set (RFC 7517 section 5) that came some other way, such as
// from a file. Keys that cannot be used are listed as unusable; they are no error.
func ReadKeySet(data []byte) (*KeySet, error) {
	set, err := jose.ReadKeySet(data)
	if err != nil {
		return nil, fmt.Errorf("not a JWK Set: %w", err)
	}
	return &KeySet{Raw: data, set: set}, nil
}

// A keyCache holds a client's copy of its provider's keys.
type keyCache struct {
	mu        sync.Mutex
	current   *keyFetch
	refetched time.Time // when keys were last fetched because the ones at hand did not verify a token
}

// A keyFetch is one fetch, under way or done.
type keyFetch struct {
	cache    *keyCache
	began    time.Time
	cancel   context.CancelFunc
	fallback *keyFetch // the keys that stay in use if this fails, nil if there are none
	users    int       // how many calls count on it; guarded by the cache's lock

	done chan struct{}
	keys *KeySet
	err  error
}

// A keyUse is one caller's use of a fetch. The zero value uses none.
type keyUse struct {
	*keyFetch
	earlier bool // the keys had arrived before this caller asked for them
}

// prefetchKeys starts to fetch the keys if they are not there yet, so that
// they arrive while the token endpoint is still thinking. The caller has to
// release what it returns.
func (c *Client) prefetchKeys(ctx context.Context) keyUse {
	c.keys.mu.Lock()
	defer c.keys.mu.Unlock()
	f := c.keys.current
	if f != nil && f.fallback != nil && !f.ended() {
		f = f.fallback // somebody else's token needs newer keys; ours may not
	}
	if f == nil || f.ended() && f.err != nil || c.now().Sub(f.began) > limit.KeysAge {
		f = c.startFetch(ctx, nil)
		c.keys.current = f
	}
	f.users++
	return keyUse{f, f.ended()}
}

func (f *keyFetch) ended() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// release gives a fetch up. When nobody counts on it any more it is ended, and
// nobody comes to count on it.
func (f *keyFetch) release() {
	if f == nil || !f.abandon() {
		return
	}
	f.cancel()
	<-f.done
}

// abandon takes one user away and reports whether the fetch is to be ended.
func (f *keyFetch) abandon() bool {
	f.cache.mu.Lock()
	defer f.cache.mu.Unlock()
	f.users--
	if f.users > 0 || f.ended() {
		return false
	}
	if f.cache.current == f {
		f.cache.current = f.fallback
	}
	return true
}

// startFetch fetches apart from ctx's cancellation, since others may come to
// wait for the same fetch. If it fails, the keys of fallback, if any, stay in
// use.
func (c *Client) startFetch(ctx context.Context, fallback *keyFetch) *keyFetch {
	ctx, cancel := roundtrip.Within(context.WithoutCancel(ctx), limit.KeysFetch)
	f := &keyFetch{cache: &c.keys, began: c.now(), cancel: cancel, fallback: fallback, done: make(chan struct{})}
	go func() {
		defer cancel()
		f.keys, f.err = fetchKeys(ctx, c.HTTP, c.Provider.JWKSURI, c.MaxBody, fallback != nil)
		c.keys.mu.Lock()
		defer c.keys.mu.Unlock()
		if f.err != nil && fallback != nil && c.keys.current == f {
			c.keys.current = fallback
		}
		f.fallback = nil // once it is there, nobody needs it
		close(f.done)
	}()
	return f
}

// refetch replaces stale, unless that was done a moment ago. The caller has to
// release what it returns.
func (c *Client) refetch(ctx context.Context, stale *keyFetch) *keyFetch {
	c.keys.mu.Lock()
	defer c.keys.mu.Unlock()
	f := c.keys.current
	now := c.now()
	if f == stale && (c.keys.refetched.IsZero() || now.Sub(c.keys.refetched) >= limit.KeysAgain) {
		c.keys.refetched = now
		f = c.startFetch(ctx, stale)
		c.keys.current = f
	}
	f.users++
	return f
}

func (f *keyFetch) wait(ctx context.Context) (*KeySet, error) {
	select {
	case <-f.done: // first, since keys that are there count even if the caller gave up
		return f.keys, f.err
	default:
	}
	select {
	case <-f.done:
		return f.keys, f.err
	case <-ctx.Done():
		return nil, &TransportError{Endpoint: jwksEndpoint, Err: context.Cause(ctx)}
	}
}

// A NoKeyError says why a token's signature could not be checked: none, or
// more than one, of the provider's keys fits it.
type NoKeyError struct {
	Algorithm string   // the token's alg
	KeyID     string   // the token's kid, "" if it has none
	Fitting   []string // descriptions of the keys that fit, more than one
	Rejected  []string // descriptions of the others, each with the reason
}

// Error lists every key that was considered and why it was rejected.
func (e *NoKeyError) Error() string {
	var b strings.Builder
	if len(e.Fitting) > 1 {
		fmt.Fprintf(&b, "%d keys of the provider fit alg %.32q and kid %.64q, and nothing tells which is meant: %s",
			len(e.Fitting), e.Algorithm, e.KeyID, some(e.Fitting))
		return b.String()
	}
	fmt.Fprintf(&b, "no key of the provider fits alg %.32q and kid %.64q", e.Algorithm, e.KeyID)
	if len(e.Rejected) == 0 {
		return b.String() + ": it publishes none"
	}
	return b.String() + "; considered: " + some(e.Rejected)
}

// some joins the first of many descriptions.
func some(list []string) string {
	const most = 12
	if len(list) > most {
		return strings.Join(list[:most], "; ") + fmt.Sprintf("; and %d more", len(list)-most)
	}
	return strings.Join(list, "; ")
}

// verifySignature checks t's signature with the provider's keys, or with
// the client secret if its algorithm is a MAC.
//
// started is a fetch that was begun for this token, the zero value if there is none.
func (c *Client) verifySignature(ctx context.Context, t *jose.JWT, started keyUse) error {
	switch {
	case jose.IsMAC(t.Algorithm):
		return t.Verify(jose.SecretKey(c.Policy.Secret))
	case !jose.Supported(t.Algorithm): // no key would do: none is fetched
		return reason.Errorf(reason.SignatureAlgorithm, "alg %.32q is not supported", t.Algorithm)
	case c.Keys != nil:
		return withOrigin(c.Keys.verify(t), "the keys were given to the client, not fetched")
	case c.Provider.JWKSURI == "":
		return reason.Errorf(reason.SignatureNoKey, "the provider's metadata has no jwks_uri")
	}
	use := started
	if use.keyFetch == nil {
		use = c.prefetchKeys(ctx)
		defer use.release()
	}
	keys, err := use.wait(ctx)
	if err != nil {
		return err
	}
	err = keys.verify(t)
	if err == nil || !use.earlier && !keys.cached && keys.know(t) {
		return err
	}
	return c.verifyAgain(ctx, t, use.keyFetch)
}

// verifyAgain verifies a token that the keys of stale do not verify: the provider may
// have replaced its keys since, also under the same kid. The keys are fetched once
// more, but not more often than limit.KeysAgain, because a forged token must not turn
// into requests (OpenID Connect Core 10.1.1).
func (c *Client) verifyAgain(ctx context.Context, t *jose.JWT, stale *keyFetch) error {
	again := c.refetch(ctx, stale)
	defer again.release()
	keys, err := again.wait(ctx)
	if err != nil {
		return err
	}
	err = keys.verify(t)
	if again == stale || keys.cached {
		age := (keys.age + max(c.now().Sub(again.began), 0)).Round(time.Second)
		return withOrigin(err, fmt.Sprintf("the keys are a copy that is %s old", age))
	}
	return err
}

// know reports whether the set has keys that may be meant by t.
func (s *KeySet) know(t *jose.JWT) bool {
	return len(s.set.Candidates(t)) > 0 || t.KeyID != "" && s.set.HasKeyID(t.KeyID)
}

// verify checks t's signature with the one key of the set that fits it.
func (s *KeySet) verify(t *jose.JWT) error {
	fit := s.set.Candidates(t)
	if len(fit) == 1 {
		return t.Verify(fit[0])
	}
	none := &NoKeyError{Algorithm: t.Algorithm, KeyID: t.KeyID}
	for _, k := range fit {
		none.Fitting = append(none.Fitting, k.String())
	}
	for _, k := range s.set.Others(t) {
		none.Rejected = append(none.Rejected, fmt.Sprintf("(%s) %s", k.Key, k.Reason))
	}
	if len(fit) > 1 {
		return reason.Errorf(reason.SignatureManyKeys, "%w", none)
	}
	return reason.Errorf(reason.SignatureNoKey, "%w", none)
}

// A keyOriginError is why a signature does not verify, where the keys that it was
// checked with may not be those that the provider publishes at this moment.
type keyOriginError struct {
	error
	origin string // of the keys
}

func (e *keyOriginError) Unwrap() error { return e.error }

func withOrigin(err error, origin string) error {
	if err == nil {
		return nil
	}
	return &keyOriginError{err, origin}
}
