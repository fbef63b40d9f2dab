// Logout: OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout 1.0 and
// Front-Channel Logout 1.0.

package provider

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/luikyv/go-oidc/pkg/goidc"
	oidcprovider "github.com/luikyv/go-oidc/pkg/provider"
)

// logoutEvent is the claim that makes a JWT a logout token (Back-Channel Logout 1.0
// section 2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// A login is one of a user at a client.
type login struct{ sid, client, subject string }

// logins are those that nobody has logged out of.
type logins struct {
	mu  sync.Mutex
	all []login
	sso ssoSessions // the browsers that they are of
}

func (l *logins) add(one login) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.all, one) { // one login serves several requests
		l.all = append(l.all, one)
	}
}

// take takes out those that are meant.
func (l *logins) take(meant func(login) bool) []login {
	l.mu.Lock()
	defer l.mu.Unlock()
	var taken []login
	l.all = slices.DeleteFunc(l.all, func(one login) bool {
		if meant(one) {
			taken = append(taken, one)
			return true
		}
		return false
	})
	return taken
}

// newLogin are the claims of a login at a client: of one that happens now, or of the one that
// a browser has.
func (p *Provider) newLogin(client string, u User, acr string, v *ssoSession) map[string]any {
	if v == nil {
		v = &ssoSession{rand.Text(), u.Name, time.Now()}
	}
	p.logins.add(login{v.sid, client, u.Subject})
	amr := u.AMR
	if amr == nil {
		amr = []string{"pwd"}
	}
	return map[string]any{"auth_time": v.at.Unix(), "acr": acr, "amr": amr, "sid": v.sid}
}

// What the library is not told: the sid of an old hint, and where the browser goes.
type (
	hintKey struct{}
	backKey struct{}
)

// A logoutEndpoint ends logins, and tells clients.
type logoutEndpoint struct{ *Provider }

func (e logoutEndpoint) settings() []oidcprovider.Option {
	return []oidcprovider.Option{
		oidcprovider.WithLogout(nil,
			func(http.ResponseWriter, *http.Request, *goidc.LogoutSession) error { return nil }),
		oidcprovider.WithLogoutPolicies(goidc.NewLogoutPolicy("at once",
			func(*http.Request, *goidc.LogoutSession) bool { return true }, e.logOut)),
	}
}

// acceptExpiredHint lets an id_token_hint that is ours and only too old through
// to the library, which would refuse it: OpenID Connect RP-Initiated Logout 1.0
// section 2 wants it accepted. It is replaced by the client and the
// user that it names.
func (e logoutEndpoint) acceptExpiredHint(r *http.Request) *http.Request {
	token, err := jwt.ParseSigned(r.FormValue("id_token_hint"), signatureAlgorithms)
	if err != nil {
		return r
	}
	key, err := e.keys.Key(token.Headers[0].KeyID)
	if err != nil {
		return r
	}
	var claims struct {
		jwt.Claims
		SID string `json:"sid"`
	}
	if token.Claims(key.Public().Key, &claims) != nil || claims.Issuer != e.Issuer ||
		len(claims.Audience) != 1 || claims.Expiry == nil || time.Now().Before(claims.Expiry.Time()) {
		return r
	}
	if id := r.FormValue("client_id"); id != "" && id != claims.Audience[0] {
		return r
	}
	change(r, func(values url.Values) {
		values.Del("id_token_hint")
		values.Set("client_id", claims.Audience[0])
	})
	return r.WithContext(context.WithValue(r.Context(), hintKey{}, claims.SID))
}

// allowAnyPort lets a client that registered nothing come back from a logout to any
// port of the loopback address, as from a login. The library compares with a list: so
// it is not told, and logOut is.
func (e logoutEndpoint) allowAnyPort(r *http.Request) *http.Request {
	back := r.FormValue("post_logout_redirect_uri")
	client := e.clients.fixed[hintedClient(r)]
	if client == nil || client.PostLogoutRedirectURIs != nil || !loopbackURI(back) {
		return r
	}
	change(r, func(values url.Values) { values.Del("post_logout_redirect_uri") })
	return r.WithContext(context.WithValue(r.Context(), backKey{}, back))
}

// hintedClient is the client that a logout names, or that its hint is for. Whether
// the hint is true, the library says.
func hintedClient(r *http.Request) string {
	if id := r.FormValue("client_id"); id != "" {
		return id
	}
	var claims jwt.Claims
	token, err := jwt.ParseSigned(r.FormValue("id_token_hint"), signatureAlgorithms)
	if err != nil || token.UnsafeClaimsWithoutVerification(&claims) != nil || len(claims.Audience) != 1 {
		return ""
	}
	return claims.Audience[0]
}

// change changes the parameters of a request, wherever they are kept.
func change(r *http.Request, how func(url.Values)) {
	query := r.URL.Query()
	for _, values := range []url.Values{query, r.Form, r.PostForm} {
		if values != nil {
			how(values)
		}
	}
	r.URL.RawQuery = query.Encode()
}

// logOut ends the login that the id_token_hint is of, or else that of the browser, at all
// clients that it served (RP-Initiated Logout 1.0 section 2). Without either it ends the
// logins at the client that asks. Other logins of the user go on.
func (e logoutEndpoint) logOut(w http.ResponseWriter, r *http.Request, ls *goidc.LogoutSession) (goidc.Status, error) {
	sid := text(ls.IDTokenHintClaims["sid"])
	if hint, ok := r.Context().Value(hintKey{}).(string); ok {
		sid = hint
	}
	if v := loginPage(e).ssoSessionOf(r, nil); sid == "" && v != nil {
		sid = v.sid
	}
	e.logins.sso.end(sid)
	if back, ok := r.Context().Value(backKey{}).(string); ok {
		ls.PostLogoutRedirectURI = back
	}
	ended := e.logins.take(func(l login) bool {
		return sid != "" && l.sid == sid || sid == "" && ls.ClientID != "" && l.client == ls.ClientID
	})
	var frames []string
	for _, l := range ended {
		if err := e.sendLogoutToken(r.Context(), l); err != nil {
			e.options.report(r.Context(), err)
		}
		if frame := e.logoutFrame(l); frame != "" {
			frames = append(frames, frame)
		}
	}
	if len(frames) == 0 && ls.PostLogoutRedirectURI != "" {
		return goidc.StatusSuccess, nil // the library redirects
	}
	page := struct {
		Frames []string
		Next   string
	}{frames, ""}
	if ls.PostLogoutRedirectURI != "" {
		page.Next = withQuery(ls.PostLogoutRedirectURI, "state", ls.State)
	}
	return goidc.StatusSuccess, e.showLogout(w, ls, page, frames)
}

// showLogout shows the page, which is all there is to do: the library would
// redirect before the frames are loaded.
func (e logoutEndpoint) showLogout(w http.ResponseWriter, ls *goidc.LogoutSession, page any, frames []string) error {
	ls.PostLogoutRedirectURI = ""
	return showWith(w, http.StatusOK, "logout", page, "; frame-src "+origins(frames))
}

// origins are where frames come from, for the Content-Security-Policy.
func origins(frames []string) string {
	list := []string{"'none'"}
	for i, frame := range frames {
		u, err := url.Parse(frame)
		if err != nil {
			continue
		}
		if i == 0 {
			list = nil
		}
		if origin := u.Scheme + "://" + u.Host; !slices.Contains(list, origin) {
			list = append(list, origin)
		}
	}
	return strings.Join(list, " ")
}

// logoutFrame is the URI that logs a login out by way of the browser, "" if the
// client has none.
func (e logoutEndpoint) logoutFrame(l login) string {
	c := e.clients.find(l.client)
	if c == nil {
		return ""
	}
	uri := attribute(c, "frontchannel_logout_uri")
	if uri == "" {
		return ""
	}
	return withQuery(uri, "iss", e.Issuer, "sid", l.sid)
}

// withQuery adds parameters, in pairs; empty ones are left out.
func withQuery(uri string, pairs ...string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	query := u.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// BackchannelLogout logs a user out of a client: it sends a logout token for
// each of the user's logins there, and one without a sid if there is none.
func (p *Provider) BackchannelLogout(clientID, user string) error {
	c := p.clients.find(clientID)
	if c == nil {
		return fmt.Errorf("there is no client %q", clientID)
	}
	u, ok := p.users[user]
	if !ok {
		return fmt.Errorf("there is no user %q", user)
	}
	if attribute(c, "backchannel_logout_uri") == "" {
		return fmt.Errorf("the client %q has no backchannel_logout_uri", clientID)
	}
	ended := p.logins.take(func(l login) bool { return l.client == clientID && l.subject == u.Subject })
	if len(ended) == 0 {
		ended = []login{{"", clientID, u.Subject}}
	}
	var errs []error
	for _, l := range ended {
		errs = append(errs, logoutEndpoint{p}.sendLogoutToken(context.Background(), l))
	}
	return errors.Join(errs...)
}

// sendLogoutToken posts a logout token to the client of a login, if it takes
// any (Back-Channel Logout 1.0 sections 2.4 and 2.5).
func (e logoutEndpoint) sendLogoutToken(ctx context.Context, l login) error {
	c := e.clients.find(l.client)
	if c == nil || attribute(c, "backchannel_logout_uri") == "" {
		return nil
	}
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": e.Issuer, "aud": l.client, "iat": now, "exp": now + 120, "jti": rand.Text(), "sub": l.subject,
		"events": map[string]any{logoutEvent: map[string]any{}},
	}
	if l.sid != "" {
		claims["sid"] = l.sid
	}
	alg := string(e.options.signatures()[0])
	if c.IDTokenSigAlg != "" {
		alg = string(c.IDTokenSigAlg)
	}
	form := url.Values{"logout_token": {e.newJWT(alg, "logout+jwt", claims)}}
	status, err := e.call(ctx, attribute(c, "backchannel_logout_uri"), form)
	switch {
	case err != nil:
		return fmt.Errorf("back-channel logout of %q: %w", l.client, err)
	case status != http.StatusOK && status != http.StatusNoContent:
		return fmt.Errorf("back-channel logout of %q: HTTP status %d", l.client, status)
	}
	return nil
}

// call posts a form to a client, and returns the status of its answer.
func (e logoutEndpoint) call(ctx context.Context, uri string, form url.Values) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, uri, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := e.options.httpClient()
	res, err := client.Do(r)
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return 0, fmt.Errorf("%s: no response within %s", uri, client.Timeout)
	}
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}
