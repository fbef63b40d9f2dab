package cli

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// behindHash answers a login behind the #, as the stage's browser, which runs no scripts,
// would bring it: the page of the listener has to pass it on.
func behindHash(t *testing.T, s *stage) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		values := url.Values{"state": {q.Get("state")}, "code": {"c"}}
		s.Lock()
		s.Claims["nonce"], s.Claims["c_hash"] = q.Get("nonce"), leftHalf("c")
		if strings.Contains(q.Get("response_type"), "id_token") {
			values.Set("id_token", fakeop.Sign(s.Key, s.KID, s.Claims))
		}
		s.Unlock()
		// The browser comes back without what stands behind the #, and gets a page.
		page, err := http.Get(q.Get("redirect_uri")) //nolint:gosec,noctx // the program's own address
		if err != nil {
			t.Error(err)
			return
		}
		defer page.Body.Close()
		if !hasScript(page) {
			t.Errorf("the page does not pass on what stands behind the #: HTTP status %d", page.StatusCode)
			return
		}
		done, err := http.PostForm(q.Get("redirect_uri"), values) //nolint:gosec,noctx // as its script does
		if err != nil {
			t.Error(err)
			return
		}
		_ = done.Body.Close()
		w.WriteHeader(http.StatusNoContent)
	}
}

var scriptPolicy = regexp.MustCompile(`script-src 'sha256-`)

// leftHalf is the hash that an ID Token signed by ES256 has of a code.
func leftHalf(code string) string {
	sum := sha256.Sum256([]byte(code))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// hasScript reports whether a page has the one script of the listener's pages.
func hasScript(page *http.Response) bool {
	return scriptPolicy.MatchString(page.Header.Get("Content-Security-Policy"))
}

// Tokens come through the browser as a form where the metadata offers that, and behind the #
// everywhere else. The terminal says where the program waits.
func TestResponseModeOfTokens(t *testing.T) {
	t.Parallel()
	const waits = "the response is expected at http://127.0.0.1:PORT/auth/callback (response_mode "
	hybrid := "login -p 0 --timeout 30s -c $DIR/hybrid.yaml"
	for name, c := range map[string]struct {
		modes any
		line  string
		want  []string
	}{
		"nothing is offered": {nil, hybrid, []string{"exit code 0", `response_mode=["fragment"]`, waits + "fragment)"}},
		"no form is offered": {
			[]string{"query", "fragment"}, hybrid, []string{"exit code 0", `response_mode=["fragment"]`},
		},
		"a form is offered": {
			[]string{"query", "fragment", "form_post"},
			hybrid,
			[]string{"exit code 0", `response_mode=["form_post"]`, waits + "form_post)"},
		},
		"it is configured": {
			nil, hybrid + " --response-mode form_post", []string{"exit code 0", `response_mode=["form_post"]`},
		},
		"a code behind the #, which nobody asked for": {
			nil, "login -p 0 --timeout 30s", []string{"exit code 0", "!response_mode=", "!is expected at"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectSeen(t, c.line, onStage(t, c.line+clientArgs, func(s *stage) {
				s.write("hybrid.yaml", "response_type: code id_token\n")
				if c.modes != nil {
					s.Metadata["response_modes_supported"] = c.modes
				}
				s.Handle("/auth", behindHash(t, s))
			}), c.want...)
		})
	}
}

// A silent login that has to be new can be asked for: what comes is the provider's to say.
func TestSilentAndNewLogin(t *testing.T) {
	t.Parallel()
	refuse := func(s *stage) {
		s.write("own.yaml", "issuer: $OP\nclient_id: cli\nclient_secret: $SECRET\nprompt: none\nmax_age: 0\n")
		s.Handle("/auth", func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			back := url.Values{"error": {"login_required"}, "state": {q.Get("state")}}
			http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
		})
	}
	for _, line := range []string{
		"login -p 0 -c $DIR/own.yaml",
		"login -p 0 --prompt none --max-age 0" + clientArgs,
		"login -p 0 --param prompt=none --param max_age=0" + clientArgs,
		"login -p 0 --prompt none --param max_age=0" + clientArgs,
	} {
		expectSeen(t, line, onStage(t, line, refuse),
			"exit code 6", `max_age=["0"]`, `prompt=["none"]`, "login_required", "!POST /token")
	}
	for line, want := range map[string]string{
		"login -p 0 --param max_age=soon":           "--param max_age is a number of seconds",
		"login -p 0 --max-age 5 --param max_age=10": "--param max_age",
	} {
		expectSeen(t, line, onStage(t, line+clientArgs, refuse), "exit code 2", want, "!GET /auth")
	}
	// What is asked for by --param is judged like --max-age.
	seen := onStage(t, "login -p 0 --param max_age=60"+clientArgs, func(s *stage) {
		s.Claims["auth_time"] = s.clock().Unix() - 3600
	})
	expectSeen(t, "--param max_age=60", seen, "exit code 5", "id_token.auth_time", `max_age=["60"]`)
}
