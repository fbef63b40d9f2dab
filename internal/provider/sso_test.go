package provider

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// browser gives the peer cookies of its own.
func (p *peer) browser() {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.http.Jar = jar
}

// idClaims are the claims of the ID Token of an authorization.
func (p *peer) idClaims(query url.Values) (claims map[string]any, idToken string) {
	p.t.Helper()
	tokens := p.redeem("public", "", p.authorize(query).Get("code"))
	return p.claims(tokens, jose.RS256), text(tokens["id_token"])
}

// One login of a browser serves several authorizations: auth_time and sid stay.
func TestOneLoginForSeveralAuthorizations(t *testing.T) {
	t.Parallel()
	p := automatic(t, nil)
	p.browser()
	p.authorize(authorization("public"))
	for i, v := range p.op.logins.sso.all { // a login that was a while ago
		v.at = v.at.Add(-time.Hour)
		p.op.logins.sso.all[i] = v
	}
	first, hint := p.idClaims(authorization("public"))
	for name, query := range map[string]url.Values{
		"again": authorization("public"), "silently": with("public", "prompt", "none"),
		"max_age": with("public", "max_age", "7200"), "hint": with("public", "login_hint", "alice"),
		"consent": with("public", "prompt", "consent"), "id_token_hint": with("public", "id_token_hint", hint),
	} {
		if next, _ := p.idClaims(query); next["sid"] != first["sid"] || next["auth_time"] != first["auth_time"] {
			t.Errorf("%s: another login: %v", name, next)
		}
	}
	jar := p.http.Jar
	p.http.Jar = nil // without cookies, the hint tells the login
	next, _ := p.idClaims(with("public", "prompt", "none", "id_token_hint", hint))
	if next["sid"] != first["sid"] || next["auth_time"] != first["auth_time"] {
		t.Errorf("by the hint: another login: %v", next)
	}
	for name, query := range map[string]url.Values{
		"prompt": with("public", "prompt", "login"), "max_age": with("public", "max_age", "60"),
		"another user": with("public", "login_hint", "bob"),
	} {
		p.http.Jar = jar
		if next, _ := p.idClaims(query); next["sid"] == first["sid"] || next["auth_time"] == first["auth_time"] {
			t.Errorf("%s: the same login: %v", name, next)
		}
		p.browser()
		p.op.logins.sso.all = map[string]ssoSession{}
	}
}

// An automatic provider can refuse prompt=none where nobody is logged in.
func TestSilentLogin(t *testing.T) {
	t.Parallel()
	silent := with("public", "prompt", "none")
	p := automatic(t, nil)
	if back := p.authorize(silent); back.Get("code") == "" {
		t.Errorf("by default: %v", back)
	}
	p = automatic(t, func(o *Options) { o.NoSilentLogin = true })
	p.browser()
	if back := p.authorize(silent); back.Get("error") != "login_required" {
		t.Errorf("nobody is logged in: %v", back)
	}
	_, hint := p.idClaims(authorization("public"))
	if back := p.authorize(silent); back.Get("code") == "" {
		t.Errorf("alice is logged in: %v", back)
	}
	if back := p.authorize(with("public", "prompt", "none", "login_hint", "bob")); back.Get("error") != "login_required" {
		t.Errorf("bob is not: %v", back)
	}
	p.get(p.endpoint("end_session_endpoint")+"?id_token_hint="+hint, "")
	if back := p.authorize(silent); back.Get("error") != "login_required" {
		t.Errorf("after the logout: %v", back)
	}
}

// A logout ends the login that the hint is of, at all its clients, and no other one of the
// user.
func TestLogoutBySID(t *testing.T) {
	t.Parallel()
	told := make(chan string, 10)
	var p *peer
	client := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		claims := ParseJWT(r.PostFormValue("logout_token")).Claims
		told <- text(claims["aud"]) + " " + text(claims["sid"])
	}))
	t.Cleanup(client.Close)
	p = automatic(t, func(o *Options) {
		o.Clients = append(o.Clients, Client{ID: "one", BackchannelLogoutURI: client.URL},
			Client{ID: "two", BackchannelLogoutURI: client.URL})
	})
	login := func(id string) (hint string, sid string) {
		hint = text(p.redeem(id, "", p.authorize(authorization(id)).Get("code"))["id_token"])
		return hint, text(ParseJWT(hint).Claims["sid"])
	}
	p.browser()
	_, other := login("one") // of another browser
	p.browser()
	hint, sid := login("one")
	if _, same := login("two"); same != sid || sid == other {
		t.Fatalf("sids: %s, %s, %s", other, sid, same)
	}
	p.get(p.endpoint("end_session_endpoint")+"?id_token_hint="+hint, "")
	got := map[string]bool{<-told: true, <-told: true}
	if !got["one "+sid] || !got["two "+sid] || len(told) > 0 {
		t.Errorf("told: %v, and %d more; want %s", got, len(told), sid)
	}
}

// A user who logs in with the form is logged in from then on, and is asked where the client
// wants that.
func TestConsentPage(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	p.browser()
	open := func(query url.Values) string {
		_, body := p.get(p.endpoint("authorization_endpoint")+"?"+query.Encode(), "")
		return text(body["body"])
	}
	submit := func(page string, form url.Values) (*http.Response, map[string]any) {
		_, action, _ := strings.Cut(page, `action="`)
		action, _, _ = strings.Cut(action, `"`)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.op.Issuer+action,
			strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return p.do(r)
	}
	asked := with("public", "prompt", "consent")
	page := open(asked)
	if !strings.Contains(page, "Log in to public") {
		t.Fatalf("no login: %s", page)
	}
	_, body := submit(page, url.Values{"username": {"bob"}, "password": {"bob"}})
	page = text(body["body"])
	for _, want := range []string{"Allow public access?", "logged in as bob", "your email address"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q: %s", want, page)
		}
	}
	tokens := p.redeem("public", "", p.callback(submit(page, url.Values{"consent": {"yes"}})).Get("code"))
	first := p.claims(tokens, jose.RS256)
	if first["sub"] != "bob" {
		t.Errorf("claims: %v", first)
	}
	page = open(asked) // logged in, and asked again
	if strings.Contains(page, "password") || !strings.Contains(page, "Allow public access?") {
		t.Errorf("the second time: %s", page)
	}
	if back := p.callback(submit(page, url.Values{"deny": {"1"}})); back.Get("error") != "access_denied" {
		t.Errorf("denied: %v", back)
	}
	if next, _ := p.idClaims(authorization("public")); next["sid"] != first["sid"] {
		t.Errorf("another login: %v", next)
	}
	if page = open(with("public", "prompt", "login")); !strings.Contains(page, "password") {
		t.Errorf("prompt=login: %s", page)
	}
	_, body = submit(page, url.Values{"consent": {"yes"}}) // nobody has logged in there
	if !strings.Contains(text(body["body"]), "Wrong user name") {
		t.Errorf("consent without a login: %v", body)
	}
}
