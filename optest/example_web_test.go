package optest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"sync"

	"github.com/oidc-client/oidc-client/oidc"
	"github.com/oidc-client/oidc-client/optest"
)

// A webApp is a web application that logs its users in: what is to be tested.
type webApp struct {
	client   *oidc.Client
	callback string

	mu     sync.Mutex
	logins map[string]*oidc.Login // by state
}

func (a *webApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/login":
		a.logIn(w, r)
	case "/callback":
		a.finish(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (a *webApp) logIn(w http.ResponseWriter, r *http.Request) {
	login, err := a.client.Authorize(r.Context(), oidc.AuthorizationRequest{
		RedirectURI: a.callback, Scope: []string{"openid"},
	})
	if err != nil {
		http.Error(w, "login is not possible", http.StatusBadGateway)
		return
	}
	a.mu.Lock()
	a.logins[login.State] = login
	a.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: "state", Value: login.State, HttpOnly: true})
	http.Redirect(w, r, login.URL, http.StatusFound)
}

func (a *webApp) finish(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie("state")
	if err != nil {
		http.Error(w, "there is no login", http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	login := a.logins[cookie.Value]
	delete(a.logins, cookie.Value)
	a.mu.Unlock()
	if login == nil {
		http.Error(w, "there is no login", http.StatusBadRequest)
		return
	}
	tokens, err := a.client.Exchange(r.Context(), login, r.URL.Query())
	if err != nil {
		http.Error(w, "login failed", http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "Hello %s", tokens.IDToken.Subject)
}

// Test a web application through its pages, with a browser that keeps cookies: once with
// a provider that does everything right, and then with several that do not.
func Example_webApplication() {
	t := newT() // in a test: the *testing.T
	defer t.end()

	op := optest.Start(t, optest.Client{
		ID: "web", Secret: "s3cret", RedirectURIs: []string{"http://127.0.0.1/callback"},
	})
	app := &webApp{logins: map[string]*oidc.Login{}}
	server := httptest.NewServer(app)
	defer server.Close()
	app.callback = server.URL + "/callback"

	faults := []optest.Fault{"", "authorization-state-wrong", "authorization-iss-wrong", "login-id-token-aud-wrong"}
	for _, fault := range faults {
		if fault != "" {
			op.Misbehave(fault)
		}
		metadata, err := oidc.Discover(context.Background(), op.Issuer)
		if err != nil {
			t.Fatalf("%v", err)
		}
		app.client = &oidc.Client{Provider: metadata, ID: "web", Auth: oidc.ClientSecretBasic("s3cret")}

		jar, _ := cookiejar.New(nil)
		browser := &http.Client{Jar: jar}
		res, err := browser.Get(server.URL + "/login")
		if err != nil {
			t.Fatalf("%v", err)
		}
		page, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Printf("%q: %d %q\n", fault, res.StatusCode, page)
	}
	// Output:
	// "": 200 "Hello alice"
	// "authorization-state-wrong": 403 "login failed\n"
	// "authorization-iss-wrong": 403 "login failed\n"
	// "login-id-token-aud-wrong": 403 "login failed\n"
}
