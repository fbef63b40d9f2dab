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

// A visit is a browser with a login.
type visit struct {
	sid, user string
	at        time.Time // of the login
}

// visits are those that did not end, by the value of their cookie.
type visits struct {
	mu  sync.Mutex
	all map[string]visit
}

// begin remembers that a user has logged in with a browser, and tells the browser.
func (p *Provider) begin(w http.ResponseWriter, u User) *visit {
	v := visit{rand.Text(), u.Name, time.Now()}
	cookie := rand.Text()
	p.visits.mu.Lock()
	defer p.visits.mu.Unlock()
	if p.visits.all == nil {
		p.visits.all = map[string]visit{}
	}
	p.visits.all[cookie] = v
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure where the provider is: it speaks http on this machine
		Name: p.cookieName(), Value: cookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(p.Issuer, "https:"),
	})
	return &v
}

// cookieName has the port of the issuer: browsers share cookies between the ports of a host.
func (p *Provider) cookieName() string {
	port := ""
	if u, err := url.Parse(p.Issuer); err == nil {
		port = u.Port()
	}
	return "provider" + port
}

// visitOf returns the visit that a request comes from or, for a browser without cookies,
// that its id_token_hint is of; nil if there is none.
func (p *Provider) visitOf(r *http.Request, hint map[string]any) *visit {
	p.visits.mu.Lock()
	defer p.visits.mu.Unlock()
	if cookie, err := r.Cookie(p.cookieName()); err == nil {
		if v, ok := p.visits.all[cookie.Value]; ok {
			return &v
		}
	}
	for _, v := range p.visits.all {
		if v.sid == text(hint["sid"]) {
			return &v
		}
	}
	return nil
}

// end ends the visit of a sid.
func (v *visits) end(sid string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for cookie, one := range v.all {
		if one.sid == sid {
			delete(v.all, cookie)
		}
	}
}

// suits returns the visit if the request can do with its login, nil if the user has to log in
// again, or another one has to.
func (p *Provider) suits(v *visit, session *goidc.AuthnSession, c *goidc.Client) *visit {
	if v == nil || has(string(session.Prompt), "login") || has(string(session.Prompt), "select_account") {
		return nil
	}
	u := p.users[v.user]
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
