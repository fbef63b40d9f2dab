package oidc_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/oidc"
	"github.com/oidc-client/oidc-client/optest"
)

// A webApp is a web application that logs its users in at an OpenID Provider. The browser
// holds nothing but random names of what is on the server, in cookies: state, nonce, the PKCE
// verifier and the tokens stay there.
type webApp struct {
	url    string // of the application, such as https://app.example
	client func(context.Context) (*oidc.Client, error)

	mu    sync.Mutex
	state map[string]state // by the value of the cookie
}

// A state is what the application knows of one browser: the login that is under way, or the
// tokens of the user who is logged in.
type state struct {
	login *oidc.Login
	user  *oidc.Tokens
}

// The cookies belong to this host alone (__Host-).
const (
	loginCookie = "__Host-login"
	userCookie  = "__Host-user"
)

func (a *webApp) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /login", a.logIn)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("POST /logout", a.logOut) // not GET, which any page can make the browser send
	return mux
}

// home greets the user who is logged in.
func (a *webApp) home(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if user := a.find(r, userCookie).user; user != nil {
		fmt.Fprintf(w, "Hello, %s!", user.IDToken.Subject)
		return
	}
	fmt.Fprint(w, "You are not logged in.")
}

// logIn sends the browser to the provider. Each login has a new state, nonce and PKCE
// verifier: Authorize makes them, and Exchange checks the response against them.
func (a *webApp) logIn(w http.ResponseWriter, r *http.Request) {
	client, err := a.client(r.Context())
	if err != nil {
		http.Error(w, "logins are not available now", http.StatusServiceUnavailable)
		return
	}
	login, err := client.Authorize(r.Context(), oidc.AuthorizationRequest{
		RedirectURI: a.url + "/callback",
		Scope:       []string{"openid", "email"},
	})
	if err != nil {
		http.Error(w, "logins are not available now", http.StatusServiceUnavailable)
		return
	}
	a.begin(w, loginCookie, state{login: login}, 10*time.Minute)
	http.Redirect(w, r, login.URL, http.StatusSeeOther)
}

// callback takes the browser back from the provider. The login must be one that this browser
// began, and ends here, whatever comes of it. The name of the user's session is new: nobody can
// have planted it before the login.
func (a *webApp) callback(w http.ResponseWriter, r *http.Request) {
	login := a.end(r, loginCookie).login
	client, err := a.client(r.Context())
	if err != nil {
		http.Error(w, "logins are not available now", http.StatusServiceUnavailable)
		return
	}
	tokens, err := client.Exchange(r.Context(), login, r.URL.Query()) // an error if there is no login
	if err != nil {
		http.Error(w, "the login failed", http.StatusForbidden) // err belongs in the log, not on the page
		return
	}
	a.end(r, userCookie)
	a.begin(w, userCookie, state{user: tokens}, 8*time.Hour)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// logOut logs the user out, here and then at the provider.
func (a *webApp) logOut(w http.ResponseWriter, r *http.Request) {
	user := a.end(r, userCookie).user
	next := a.url + "/"
	if client, err := a.client(r.Context()); err == nil && user != nil {
		logout, err := client.EndSession(r.Context(), oidc.EndSessionRequest{
			IDTokenHint: user.IssuedIDToken, PostLogoutRedirectURI: next,
		})
		if err == nil { // not every provider has an end_session_endpoint
			next = logout.URL
		}
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// begin keeps a state for some time, and gives the browser its name. Scripts cannot read the
// cookie (HttpOnly), and other sites cannot make the browser send it, except with a link, such
// as the provider's way back (Lax).
func (a *webApp) begin(w http.ResponseWriter, cookie string, s state, lifetime time.Duration) {
	name := rand.Text()
	a.mu.Lock()
	a.state[name] = s
	a.mu.Unlock()
	time.AfterFunc(lifetime, func() {
		a.mu.Lock()
		delete(a.state, name)
		a.mu.Unlock()
	})
	http.SetCookie(w, &http.Cookie{
		Name: cookie, Value: name, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// find returns the state that a cookie names, the zero value if there is none.
func (a *webApp) find(r *http.Request, cookie string) state {
	c, err := r.Cookie(cookie)
	if err != nil {
		return state{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state[c.Value]
}

// end is find for the last time.
func (a *webApp) end(r *http.Request, cookie string) state {
	c, err := r.Cookie(cookie)
	if err != nil {
		return state{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.state[c.Value]
	delete(a.state, c.Value)
	return s
}

// Log users in to a web application: the login, the callback, the session, and the logout.
func Example_webLogin() {
	t := newExample() // in a test: the *testing.T
	defer t.end()

	app := &webApp{state: map[string]state{}}
	server := httptest.NewTLSServer(app.handler())
	defer server.Close()
	app.url = server.URL

	op := optest.Start(t, optest.Client{
		ID: "web", Secret: "s3cret", RedirectURIs: []string{app.url + "/callback"},
		Metadata: map[string]any{"post_logout_redirect_uris": []string{app.url + "/"}},
	})
	lazy := &oidc.LazyClient{Issuer: op.Issuer, New: func(p *oidc.Provider) (*oidc.Client, error) {
		return &oidc.Client{Provider: p, ID: "web", Auth: oidc.ClientSecretBasic("s3cret")}, nil
	}}
	app.client = lazy.Client

	browser := server.Client()
	browser.Jar, _ = cookiejar.New(nil)
	show := func(res *http.Response, err error) {
		if err != nil {
			t.Fatalf("%v", err)
		}
		defer res.Body.Close()
		page, _ := io.ReadAll(res.Body)
		fmt.Printf("%d %s\n", res.StatusCode, page)
	}
	show(browser.Get(app.url + "/login"))
	show(browser.Get(app.url + "/callback?code=another&state=guessed")) // a link from another site
	show(browser.Get(app.url + "/"))
	show(browser.Post(app.url+"/logout", "", nil))
	fmt.Println("logged out at the provider:", len(op.Requests("end_session")) > 0)
	// Output:
	// 200 Hello, alice!
	// 403 the login failed
	//
	// 200 Hello, alice!
	// 200 You are not logged in.
	// logged out at the provider: true
}
