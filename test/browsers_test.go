// Both browsers, with the pages of every provider that has some.

package test

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/oidc-client/oidc-client/internal/provider"
)

// browsers are those that log in: what is asked of one is asked of the other.
func browsers(t *testing.T, user, password string, start func() *httpBrowser) map[string]func(*testing.T) browser {
	t.Helper()
	return map[string]func(*testing.T) browser{
		"HTTP": func(*testing.T) browser {
			b := start()
			b.User, b.Password = user, password
			return b
		},
		"Chromium": func(t *testing.T) browser {
			c := startChromium(t, user)
			c.Password = password
			return c
		},
	}
}

// Login and consent at npm oidc-provider, with every response mode that a
// browser sees differently, by the command for --browser.
func TestBrowserEverything(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	for name, start := range browsers(t, "alice", "", func() *httpBrowser { return s.browser("") }) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			for _, mode := range []string{"query", "fragment", "form_post", "form_post.jwt"} {
				rp := s.register(t, nil)
				l := land(t)
				command := strings.Fields(browserCommand(t, b))
				target := s.Metadata.text("authorization_endpoint") + "?" +
					rp.request(l, url.Values{"response_mode": {mode}}).Encode()
				out, err := exec.CommandContext(t.Context(), command[0],
					append(command[1:], target)...).CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				response := l.wait(t)
				response.Set("redirect_uri", l.URL)
				if jwt := response.Get("response"); jwt != "" {
					response.Set("code", claimsOf(t, jwt)["code"].(string))
				}
				rp.tokens(t, response)
			}
		})
	}
}

// The login page of our own provider.
func TestBrowserOurProvider(t *testing.T) {
	t.Parallel()
	for name, start := range browsers(t, "alice", "alice", func() *httpBrowser { return newHTTPBrowser("", nil) }) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			l := land(t)
			options := providerDefaults()
			// the library takes any port only where none is registered
			options.Clients = []provider.Client{{ID: "app", RedirectURIs: []string{"http://127.0.0.1/callback"}}}
			op, err := provider.Start(options)
			check(t, err)
			t.Cleanup(func() { _ = op.Close() })
			query := url.Values{
				"client_id": {"app"}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"},
				"redirect_uri":   {l.URL},
				"code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"},
			}
			p, err := b.Open(t.Context(), op.Issuer+"/authorize?"+query.Encode())
			check(t, err)
			if !strings.HasPrefix(p.URL.String(), l.URL) {
				t.Fatalf("%s: %s", p.URL, p.Body)
			}
			if got := l.wait(t); got.Get("code") == "" || got.Get("state") != "s" {
				t.Errorf("%v", got)
			}
		})
	}
}

// A user who says no, and a wrong password, in the real browser; and a picture.
func TestBrowserChromium(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	c := startChromium(t, "bob")
	c.Password = "wrong"
	rp := s.register(t, nil)
	l := land(t)
	target := s.Metadata.text("authorization_endpoint") + "?" + rp.request(l, nil).Encode()
	p, err := c.Open(t.Context(), target)
	check(t, err)
	if !strings.Contains(p.Body, "That is not right.") {
		t.Errorf("%s: %s", p.URL, p.Body)
	}
	picture, err := os.ReadFile(c.Screenshot(t, "wrong password"))
	check(t, err)
	if !bytes.HasPrefix(picture, []byte("\x89PNG")) {
		t.Errorf("%.20q is no PNG", picture)
	}
	c.Password, c.Deny = "", true
	_, err = c.Open(t.Context(), target)
	check(t, err)
	if got := l.wait(t); got.Get("error") != "access_denied" {
		t.Errorf("%v", got)
	}
	title, err := chromedp.Run(c.tab, chromedp.Title())
	check(t, err)
	if title != "landed" {
		t.Errorf("%s", title)
	}
}

// browse without an address is a browser of its own.
func TestBrowseAlone(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	rp := s.register(t, nil)
	for deny, want := range map[string]string{"": "", "1": "access_denied"} {
		l := land(t)
		cmd := exec.CommandContext(context.Background(), "browse",
			s.Metadata.text("authorization_endpoint")+"?"+rp.request(l, nil).Encode())
		cmd.Env = append(os.Environ(), "BROWSE_CA="+s.file("ca.pem"), "BROWSE_DENY="+deny)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got := l.wait(t); got.Get("error") != want {
			t.Errorf("%v", got)
		}
	}
}
