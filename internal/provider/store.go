// What the provider remembers: sessions, grants, tokens. All in memory.

package provider

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

// A store implements the library's managers. They are one object, because the
// library saves through one what it looks up through another. Values are
// copied on the way in and out: the library changes what it is handed.
type store struct {
	mu        sync.Mutex
	sessions  map[string]goidc.AuthnSession
	grants    map[string]*goidc.Grant
	byCode    map[string]string // authorization code -> grant
	byDevice  map[string]string // device code -> grant
	byRequest map[string]string // auth_req_id -> grant
	live      map[string]string // refresh token -> grant
	spent     map[string]string // rotated refresh token -> grant
	tokens    map[string]goidc.Token
	polled    map[string]time.Time // device code -> last poll
	interval  time.Duration        // between two polls
}

var (
	_ goidc.GrantManager        = (*store)(nil)
	_ goidc.AuthManager         = (*store)(nil)
	_ goidc.PARManager          = (*store)(nil)
	_ goidc.RefreshTokenManager = (*store)(nil)
	_ goidc.DeviceAuthManager   = (*store)(nil)
	_ goidc.OpaqueTokenManager  = (*store)(nil)
	_ goidc.CIBAManager         = (*store)(nil)
)

func newStore() *store {
	return &store{
		sessions: map[string]goidc.AuthnSession{}, grants: map[string]*goidc.Grant{},
		byCode: map[string]string{}, byDevice: map[string]string{}, byRequest: map[string]string{},
		live: map[string]string{}, spent: map[string]string{},
		tokens: map[string]goidc.Token{}, polled: map[string]time.Time{},
	}
}

// revisionKey is where a grant keeps the number of times it was saved. The
// library loads, changes and saves without a lock; a save that did not start
// from the newest revision is the second of two uses of one credential.
const revisionKey = "_revision"

func revision(g *goidc.Grant) int {
	n, _ := g.Store[revisionKey].(int)
	return n
}

func refuseGrant(why string) error { return goidc.NewError(goidc.ErrorCodeInvalidGrant, why) }

// SaveGrant saves a grant. Two saves of the same revision revoke it.
func (s *store) SaveGrant(_ context.Context, g *goidc.Grant) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current := s.grants[g.ID]; current != nil {
		switch {
		case g.RevokedAt != 0: // revocation wins, whatever was loaded before
			s.revoke(current)
			return nil
		case current.RevokedAt != 0:
			return refuseGrant("the grant was revoked")
		case revision(g) != revision(current):
			s.revoke(current)
			return refuseGrant("one credential was used twice at the same time")
		}
		if old := current.RefreshToken; old != "" && old != g.RefreshToken {
			delete(s.live, old)
			s.spent[old] = g.ID
		}
	}
	g.Store = maps.Clone(g.Store) // shared with the session otherwise
	if g.Store == nil {
		g.Store = map[string]any{}
	}
	g.Store[revisionKey] = revision(g) + 1
	s.grants[g.ID] = copyGrant(g)
	for key, index := range map[string]map[string]string{
		g.RefreshToken: s.live, g.AuthCode: s.byCode,
		g.DeviceCode: s.byDevice, g.AuthReqID: s.byRequest,
	} {
		if key != "" {
			index[key] = g.ID
		}
	}
	return nil
}

func (s *store) revoke(g *goidc.Grant) {
	if g.RevokedAt == 0 {
		g.RevokedAt = int(time.Now().Unix())
	}
}

func copyGrant(g *goidc.Grant) *goidc.Grant {
	c := *g
	c.Store = maps.Clone(g.Store)
	return &c
}

// Grant returns the grant of an id.
func (s *store) Grant(_ context.Context, id string) (*goidc.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant(id)
}

func (s *store) grant(id string) (*goidc.Grant, error) {
	if g := s.grants[id]; g != nil {
		return copyGrant(g), nil
	}
	return nil, goidc.ErrNotFound
}

// GrantByAuthCode returns the grant of an authorization code.
func (s *store) GrantByAuthCode(_ context.Context, code string) (*goidc.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant(s.byCode[code])
}

// GrantByDeviceCode returns the grant of a device code.
func (s *store) GrantByDeviceCode(_ context.Context, code string) (*goidc.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant(s.byDevice[code])
}

// GrantByRefreshToken returns the grant of a refresh token. At the token
// endpoint a token that was rotated away revokes its whole family (RFC 9700
// section 4.14.2). Introspection and revocation may look one up; UserInfo may
// not, or a refresh token would work there.
func (s *store) GrantByRefreshToken(ctx context.Context, token string) (*goidc.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	endpoint := endpointOf(ctx)
	if endpoint == "/userinfo" || strings.HasPrefix(endpoint, resourcePath) {
		return nil, goidc.ErrNotFound
	}
	if old := s.grants[s.spent[token]]; old != nil && endpoint == "/token" {
		s.revoke(old)
		return nil, refuseGrant("the refresh token was used before; all tokens of its family are revoked now")
	}
	return s.grant(s.live[token])
}

// SaveSession saves a login under way.
func (s *store) SaveSession(_ context.Context, as *goidc.AuthnSession) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := *as
	c.Store = maps.Clone(as.Store)
	s.sessions[as.ID] = c
	return nil
}

func (s *store) session(is func(*goidc.AuthnSession) bool) (*goidc.AuthnSession, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, as := range s.sessions {
		if is(&as) {
			as.Store = maps.Clone(as.Store)
			return &as, nil
		}
	}
	return nil, goidc.ErrNotFound
}

// Session returns a login under way. One that a browser began is not resumed
// at the device page, nor the other way round.
func (s *store) Session(ctx context.Context, id string) (*goidc.AuthnSession, error) {
	atDevice := strings.HasPrefix(endpointOf(ctx), "/device")
	return s.session(func(as *goidc.AuthnSession) bool { return as.ID == id && (as.DeviceCode != "") == atDevice })
}

// SessionByPushedAuthReqID returns the session of a pushed request. The
// library asks with "" where a request_uri is cut short.
func (s *store) SessionByPushedAuthReqID(_ context.Context, id string) (*goidc.AuthnSession, error) {
	return s.session(func(as *goidc.AuthnSession) bool { return id != "" && as.PushedAuthReqID == id })
}

// SessionByUserCode returns the session of a user code as people type it.
func (s *store) SessionByUserCode(_ context.Context, code string) (*goidc.AuthnSession, error) {
	code = userCode(code)
	return s.session(func(as *goidc.AuthnSession) bool {
		return code != "" && as.UserCode == code && as.Status == goidc.StatusPending
	})
}

// userCode returns the user code of the device login of an id, or else of that code.
func (s *store) userCode(id, code string) string {
	as, err := s.session(func(as *goidc.AuthnSession) bool {
		return as.UserCode != "" && (as.ID == id || as.UserCode == userCode(code))
	})
	if err != nil {
		return ""
	}
	return as.UserCode
}

// userCode is a code as a device shows it, however people type it.
func userCode(typed string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(typed))
}

// SessionByDeviceCode returns the session of a device code, and slow_down to a
// device that polls too fast (RFC 8628 section 3.5), which the library never
// says itself.
func (s *store) SessionByDeviceCode(_ context.Context, code string) (*goidc.AuthnSession, error) {
	as, err := s.session(func(as *goidc.AuthnSession) bool { return code != "" && as.DeviceCode == code })
	if err != nil {
		return nil, err
	}
	return as, s.poll(code)
}

// poll refuses a poll that came too soon. One that was early by a fifth may have
// been held up less on its way than the one before.
func (s *store) poll(code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, again := s.polled[code]
	s.polled[code] = time.Now()
	if again && time.Since(last) < s.interval*4/5 {
		return goidc.NewError(goidc.ErrorCodeSlowDown, "wait longer between two polls")
	}
	return nil
}

// SaveToken saves an access token.
func (s *store) SaveToken(_ context.Context, t *goidc.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[t.ID] = *t
	return nil
}

// Token returns an access token.
func (s *store) Token(_ context.Context, id string) (*goidc.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.tokens[id]; ok {
		return &t, nil
	}
	return nil, goidc.ErrNotFound
}
