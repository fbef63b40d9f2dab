package flow

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/oidc"
)

// pastable is a journey that waits for a response with the state "the-state".
func pastable() (*Login, *[]string) {
	var told []string
	login := &oidc.Login{State: "the-state"}
	login.Request.RedirectURI = "http://127.0.0.1:5556/auth/callback"
	l := &Login{Client: &oidc.Client{}, Strange: func(what string) { told = append(told, what) }}
	l.Request.RedirectURI = login.Request.RedirectURI
	l.logins = []pending{{Login: login}}
	return l, &told
}

// An address is read whatever surrounds it and wherever it is broken.
func TestPastedForms(t *testing.T) {
	t.Parallel()
	const address = "http://127.0.0.1:5556/auth/callback?state=the-state&code=a-code-of-some-length"
	long := address + "&session_state=" + strings.Repeat("x", 20_000)
	broken := func(width int, between string) string {
		var lines []string
		for part := range slices.Chunk([]byte(address), width) {
			lines = append(lines, string(part))
		}
		return strings.Join(lines, between)
	}
	for name, text := range map[string]string{
		"as it is": address, "long": long, "quotes": `"` + address + `"`, "single quotes": "'" + address + "'",
		"angle brackets": "<" + address + ">", "in a sentence": "It is <" + address + "> now.", "round": "(" + address + ")",
		"typographic quotes": "“" + address + "”", "backticks": "`" + address + "`", "leading text": "Location: " + address,
		"spaces around": "  \t" + address + " \u00a0\r\n", "broken at 20": broken(20, "\n"), "at 7": broken(7, "\r\n   "),
		"with spaces": broken(30, " "), "quoted mail": "> " + broken(40, "\n> "), "each line quoted": `"` + broken(40, "\"\n\"") + `"`,
		"byte order mark": "\ufeff" + address, "a zero-width space": broken(30, "\u200b"),
		"after another":     "http://127.0.0.1:5556/auth/callback?state=old&code=old\n" + address,
		"before another":    address + "\nhttp://127.0.0.1:5556/auth/callback?state=old&code=old",
		"the query":         strings.TrimPrefix(address, "http://127.0.0.1:5556/auth/callback?"),
		"a fragment":        strings.Replace(address, "?", "#", 1),
		"a line of its own": "here you are\n?state=the-state&code=a-code-of-some-length\n",
	} {
		l, told := pastable()
		visit := l.pasted(text, true)
		if visit == nil || visit.Values.Get("code") != "a-code-of-some-length" || len(*told) > 0 {
			t.Errorf("%s: %v, %q", name, visit, *told)
		}
	}
}

// What is not proven to belong to the login is told with its error, and does not end the wait.
func TestStrayIsTold(t *testing.T) {
	t.Parallel()
	jwt := "eyJhbGciOiJub25lIn0." +
		"eyJlcnJvciI6ImludmFsaWRfc2NvcGUiLCJlcnJvcl9kZXNjcmlwdGlvbiI6Im5vIHN1Y2ggc2NvcGUiLCJzdGF0ZSI6Im90aGVyIn0.c2ln"
	twice := "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIiwiaXNzIjoiYiJ9.c2ln"
	for query, want := range map[string][]string{
		"error=access_denied&error_description=not+today": {
			"not proven to belong to this login (it has no state); it says: access_denied: not today; the wait goes on",
		},
		"state=other&code=c":                 {"it has another state); the wait goes on"},
		"response=" + jwt:                    {"it has another state, read from a JWT that was not verified", "invalid_scope: no such scope"},
		"response=" + twice:                  {"cannot be read", "iss"},
		"response=not-a-jwt":                 {"cannot be read"},
		"error=" + strings.Repeat("x", 1000): {"it says: " + strings.Repeat("x", 200) + ";"},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		for how, tell := range map[string]func(*Login) bool{
			"the browser": func(l *Login) bool { return l.mine(values) },
			"pasted":      func(l *Login) bool { return l.pasted(l.Request.RedirectURI+"?"+query, true) != nil },
		} {
			l, told := pastable()
			if tell(l) || len(*told) != 1 {
				t.Fatalf("%s, %s: %q", query, how, *told)
			}
			for _, text := range want {
				if !strings.Contains((*told)[0], text) {
					t.Errorf("%s, %s: %q, want %q", query, how, (*told)[0], text)
				}
			}
		}
	}
	l, told := pastable()
	if l.mine(url.Values{"x": {"y"}}) || len(*told) > 0 {
		t.Errorf("what is no response is told: %q", *told)
	}
}

// A listener that is asked for by another name says so, once.
func TestMisdirectedIsTold(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	outcomes, err := s.run(t.Context(), 1, func(start, _ string) {
		s.misdirect(t, start)
		s.misdirect(t, start)
		s.browse(t.Context(), start)
	})
	if err != nil || len(outcomes) != 1 || len(s.told) != 1 || !strings.Contains(s.told[0], `"forwarded.example:8080"`) ||
		!strings.Contains(s.told[0], "421") {
		t.Errorf("%v, %v, %q", outcomes, err, s.told)
	}
}

// misdirect asks for an address by another name than its own.
func (s *stage) misdirect(t *testing.T, address string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Error(err)
		return
	}
	r.Host = "forwarded.example:8080"
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("%s", res.Status)
	}
}

// An error that the provider signed for this client ends the wait without a state; what only says that it
// is from there does not.
func TestProvenRefusalEndsTheWait(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(l *Login) { l.Request.ResponseMode = "jwt" })
	if err := s.op.Misbehave("authorization-jarm-refused-stateless"); err != nil {
		t.Fatal(err)
	}
	outcomes, err := s.run(t.Context(), 1, func(start, direct string) {
		at, err := url.Parse(s.redirect(t.Context(), direct))
		if err != nil {
			t.Error(err)
			return
		}
		query := at.Query()
		proven := query.Get("response")
		query.Set("response", proven[:len(proven)-8]+"AAAAAAAA")
		at.RawQuery = query.Encode()
		if page, _ := s.browse(t.Context(), at.String()); !strings.Contains(page, "Nothing waits for this") {
			t.Errorf("a forged one: %s", page)
		}
		s.browse(t.Context(), start)
	})
	var refused *oidc.Error
	if err != nil || len(outcomes) != 1 || !errors.As(outcomes[0].Err, &refused) || refused.Code != "access_denied" ||
		len(outcomes[0].Login.Checks) == 0 || len(s.told) != 1 || !strings.Contains(s.told[0], "access_denied") {
		t.Errorf("%+v, %v, %q", outcomes, err, s.told)
	}
}
