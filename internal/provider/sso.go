// Browsers that a user is logged in with: one login serves several clients, and several
// requests of one (OpenID Connect Core 1.0 section 3.1.2.3).

package provider

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

// An ssoSession is the login of a browser.
type ssoSession struct {
	sid, user string
	at        time.Time // of the login
}

// ssoSessions are the sessions that did not end, by the value of the cookie.
type ssoSessions struct {
	mu  sync.Mutex
	all map[string]ssoSession
}

// startSSO starts the session of a user who has logged in with a browser, and sets its cookie.
func (l loginPage) startSSO(w http.ResponseWriter, u User) *ssoSession {
	v := ssoSession{rand.Text(), u.Name, time.Now()}
	cookie := rand.Text()
	l.logins.sso.mu.Lock()
	defer l.logins.sso.mu.Unlock()
	if l.logins.sso.all == nil {
		l.logins.sso.all = map[string]ssoSession{}
	}
	l.logins.sso.all[cookie] = v
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure where the provider is: it speaks http on this machine
		Name: l.cookieName(), Value: cookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(l.Issuer, "https:"),
	})
	return &v
}

// cookieName has the port of the issuer: browsers share cookies between the ports of a host.
func (l loginPage) cookieName() string {
	port := ""
	if u, err := url.Parse(l.Issuer); err == nil {
		port = u.Port()
	}
	return "provider" + port
}

// ssoSessionOf returns the session that a request comes from or, for a browser without cookies,
// that its id_token_hint is from; nil if there is none.
func (l loginPage) ssoSessionOf(r *http.Request, hint map[string]any) *ssoSession {
	l.logins.sso.mu.Lock()
	defer l.logins.sso.mu.Unlock()
	if cookie, err := r.Cookie(l.cookieName()); err == nil {
		if v, ok := l.logins.sso.all[cookie.Value]; ok {
			return &v
		}
	}
	for _, v := range l.logins.sso.all {
		if v.sid == text(hint["sid"]) {
			return &v
		}
	}
	return nil
}

// end ends the session of a sid.
func (s *ssoSessions) end(sid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for cookie, one := range s.all {
		if one.sid == sid {
			delete(s.all, cookie)
		}
	}
}

// usableSSO returns the session if it is enough for the request, nil if the user has to log in
// again, or another one has to.
func (l loginPage) usableSSO(v *ssoSession, session *goidc.AuthnSession, c *goidc.Client) *ssoSession {
	if v == nil || has(string(session.Prompt), "login") || has(string(session.Prompt), "select_account") {
		return nil
	}
	u := l.users[v.user]
	maxAge := session.MaxAuthnAgeSecs
	if maxAge == nil && c != nil {
		maxAge = c.DefaultMaxAgeSecs
	}
	if maxAge != nil && time.Since(v.at) > time.Duration(*maxAge)*time.Second {
		return nil
	}
	if hint := session.LoginHint; hint != "" && hint != u.Name && hint != u.Email {
		return nil
	}
	if sub := text(session.IDTokenHintClaims["sub"]); sub != "" && sub != u.Subject {
		return nil
	}
	if session.Claims != nil {
		if sub := session.Claims.IDToken["sub"].Value; sub != "" && sub != u.Subject {
			return nil
		}
	}
	return v
}
