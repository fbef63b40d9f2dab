package flow

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/loopback"
	"github.com/oidc-client/oidc-client/internal/provider"
	"github.com/oidc-client/oidc-client/internal/provider/fault"
	"github.com/oidc-client/oidc-client/oidc"
)

// A stage is a provider that logs alice in by itself, and a journey to it.
type stage struct {
	t      *testing.T
	op     *fault.Provider
	login  *Login
	start  chan string // where the person is told to go
	direct chan string // and where from another machine
	lines  chan string // what the person types
	mu     sync.Mutex
	told   []string
}

// providerKeys are generated once for all providers of these tests.
var providerKeys = sync.OnceValues(provider.NewKeys)

func newStage(t *testing.T, change ...func(*Login)) *stage {
	t.Helper()
	keys, err := providerKeys()
	if err != nil {
		t.Fatal(err)
	}
	o := provider.Defaults()
	o.Auto, o.Keys, o.Clients = true, keys, []provider.Client{{ID: "app"}}
	op, err := fault.Start(fault.Options{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	metadata, err := oidc.Discover(t.Context(), op.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, op: op, start: make(chan string, 1), direct: make(chan string, 1), lines: make(chan string)}
	s.login = &Login{
		Client: &oidc.Client{Provider: metadata, ID: "app"}, Place: loopback.Options{Path: "/auth/callback"},
		Begun:  func(start, direct string) error { s.start <- start; s.direct <- direct; return nil },
		Pasted: s.lines, Strange: s.strange,
	}
	for _, c := range change {
		c(s.login)
	}
	return s
}

func (s *stage) strange(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, what)
}

// run runs the journey while visit plays the person, and returns the outcomes.
func (s *stage) run(ctx context.Context, most int, visit func(start, direct string)) ([]*Outcome, error) {
	s.t.Helper()
	var outcomes []*Outcome
	var person sync.WaitGroup
	defer person.Wait()
	over, end := context.WithCancel(ctx)
	defer end()
	person.Go(func() {
		select {
		case start := <-s.start:
			visit(start, <-s.direct)
		case <-over.Done(): // it never began
		}
	})
	err := s.login.Run(ctx, func(o *Outcome) bool {
		outcomes = append(outcomes, o)
		o.Show(loopback.Page{Title: "Seen"})
		return len(outcomes) == most
	})
	return outcomes, err
}

// browse follows redirects like a browser and returns the last page and address.
func (s *stage) browse(ctx context.Context, to string) (string, *url.URL) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		s.t.Error(err)
		return "", nil
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	res, err := client.Do(r)
	if err != nil {
		s.t.Error(err)
		return "", nil
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Error(err)
	}
	return string(page), res.Request.URL
}

// redirect returns where the provider sends the browser back to.
func (s *stage) redirect(ctx context.Context, direct string) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, direct, nil)
	if err != nil {
		s.t.Error(err)
		return ""
	}
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       10 * time.Second,
	}
	res, err := client.Do(r)
	if err != nil {
		s.t.Error(err)
		return ""
	}
	defer res.Body.Close()
	return res.Header.Get("Location")
}

func TestLoginThroughTheBrowser(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	outcomes, err := s.run(t.Context(), 1, func(start, _ string) {
		page, at := s.browse(t.Context(), start)
		if !strings.Contains(page, "Seen") || at.Path != "/auth/callback" {
			t.Errorf("ended at %v: %s", at, page)
		}
	})
	if err != nil || len(outcomes) != 1 || outcomes[0].Err != nil || outcomes[0].Tokens.IDToken.Subject != "alice" {
		t.Fatalf("%v, %+v", err, outcomes)
	}
}

// Where the browser is elsewhere, a pasted address ends the wait; what is no response
// does not.
func TestPasted(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]func(string) string{
		"the address": func(a string) string { return " " + a + " \r" },
		"the query":   func(a string) string { _, q, _ := strings.Cut(a, "?"); return q },
		"with a ?":    func(a string) string { _, q, _ := strings.Cut(a, "?"); return "?" + q },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			outcomes, err := s.run(t.Context(), 1, func(_, direct string) {
				s.lines <- ""
				s.lines <- "what now"
				s.lines <- "http://127.0.0.1/auth/callback?state=x&code=y"
				s.lines <- form(s.redirect(t.Context(), direct))
			})
			if err != nil || len(outcomes) != 1 || outcomes[0].Err != nil {
				t.Fatalf("%v, %+v", err, outcomes)
			}
			if len(s.told) != 2 {
				t.Errorf("told %q", s.told)
			}
		})
	}
}

// A person who closes the terminal's input can still log in.
func TestNobodyTypes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	close(s.lines)
	outcomes, err := s.run(t.Context(), 1, func(start, _ string) { s.browse(t.Context(), start) })
	if err != nil || len(outcomes) != 1 || outcomes[0].Err != nil {
		t.Fatalf("%v, %+v", err, outcomes)
	}
}

// H16, F11: a response with another state does not end the wait. One with the right
// state does, good or bad; and no response counts twice.
func TestWhichAnswerEndsTheWait(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	outcomes, err := s.run(t.Context(), 1, func(_, direct string) {
		back := s.redirect(t.Context(), direct)
		u, err := url.Parse(back)
		if err != nil {
			t.Error(err)
			return
		}
		q := u.Query()
		q.Set("state", q.Get("state")+"1")
		u.RawQuery = q.Encode()
		if page, _ := s.browse(t.Context(), u.String()); !strings.Contains(page, "Nothing waits for this") {
			t.Errorf("another state: %s", page)
		}
		q.Set("state", strings.TrimSuffix(q.Get("state"), "1"))
		q.Set("iss", "https://evil.example") // F09
		u.RawQuery = q.Encode()
		if page, _ := s.browse(t.Context(), u.String()); !strings.Contains(page, "Seen") {
			t.Errorf("another issuer: %s", page)
		}
	})
	if err != nil || len(outcomes) != 1 || oidc.Reason(outcomes[0].Err) != "authorization_response.iss" ||
		outcomes[0].Tokens != nil {
		t.Fatalf("%v, %+v", err, outcomes)
	}
}

// A signed response that cannot be read may be this login's: what is wrong with it is told, and
// what to do at Keycloak.
func TestUnreadableResponseIsTold(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(l *Login) { l.Request.ResponseMode = "jwt" })
	ctx, end := context.WithCancel(t.Context())
	defer end()
	part := base64.RawURLEncoding.EncodeToString
	token := part([]byte(`{"alg":"RS256"}`)) + "." + part([]byte(`{"iss":"a","iss":"b"}`)) + ".AA"
	_, err := s.run(ctx, 1, func(start, _ string) {
		origin, _, _ := strings.Cut(start, "/login")
		s.browse(t.Context(), origin+"/auth/callback?response="+token)
		end()
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	told := strings.Join(s.told, "\n")
	if err == nil || !strings.Contains(told, `two members called "iss"`) ||
		!strings.Contains(told, "exclude.issuer.from.auth.response") {
		t.Errorf("%v, %s", err, told)
	}
}

// --keep-running: each visit to the start is a login of its own, and an old answer
// is none.
func TestSeveralLogins(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(l *Login) { l.Request.Push = true })
	outcomes, err := s.run(t.Context(), 2, func(start, _ string) {
		_, first := s.browse(t.Context(), start)
		if page, _ := s.browse(t.Context(), first.String()); !strings.Contains(page, "Nothing waits for this") {
			t.Errorf("the first answer again: %s", page)
		}
		s.browse(t.Context(), start)
	})
	if err != nil || len(outcomes) != 2 || outcomes[0].Login.State == outcomes[1].Login.State ||
		outcomes[0].Err != nil || outcomes[1].Err != nil {
		t.Fatalf("%v, %+v", err, outcomes)
	}
	if len(s.login.logins) > limit.Logins {
		t.Errorf("%d logins are kept", len(s.login.logins))
	}
}

// Many visits to the start, as any page can make them, keep no more than so many
// logins, and do not push out the one that the person was sent to.
func TestManyStarts(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	outcomes, err := s.run(t.Context(), 1, func(start, direct string) {
		for range 3 * limit.Logins {
			s.redirect(t.Context(), start)
		}
		s.browse(t.Context(), direct)
	})
	if err != nil || len(outcomes) != 1 || outcomes[0].Err != nil || len(s.login.logins) > limit.Logins ||
		len(s.told) > limit.Strange {
		t.Fatalf("%v, %+v, %d logins, told %q", err, outcomes, len(s.login.logins), s.told)
	}
}

// A response that is delivered twice at the same moment ends one login, and the wait
// for the other goes on.
func TestDeliveredTwice(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	exchanging, twice := make(chan bool), sync.WaitGroup{}
	s.login.Exchange = func(ctx context.Context, login *oidc.Login, values url.Values) (*oidc.Tokens, error) {
		select {
		case exchanging <- true:
		default:
		}
		return s.login.Client.Exchange(ctx, login, values)
	}
	outcomes, err := s.run(t.Context(), 2, func(start, direct string) {
		back := s.redirect(t.Context(), direct)
		for range 2 {
			twice.Go(func() { s.browse(t.Context(), back) })
		}
		<-exchanging
		twice.Wait()
		s.browse(t.Context(), start)
	})
	if err != nil || len(outcomes) != 2 || outcomes[0].Err != nil || outcomes[1].Err != nil {
		t.Fatalf("%v, %+v", err, outcomes)
	}
}

// V73: a request that was pushed is not used after it expired.
func TestExpiredRequest(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(l *Login) { l.Request.Push = true })
	outcomes, err := s.run(t.Context(), 1, func(start, direct string) {
		s.login.mu.Lock()
		s.login.logins[0].ExpiresAt = time.Now().Add(-time.Second)
		s.login.mu.Unlock()
		if to := s.redirect(t.Context(), start); to == direct {
			t.Error("a request that expired")
		}
		s.browse(t.Context(), start)
	})
	if err != nil || len(outcomes) != 1 || outcomes[0].Err != nil {
		t.Fatalf("%v, %+v", err, outcomes)
	}
}

func TestTheWaitEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	s := newStage(t)
	gone := errors.New("the person went home")
	if _, err := s.run(ctx, 1, func(string, string) { cancel(gone) }); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	taken := newStage(t, func(l *Login) { l.Place.Host = "op.example" })
	if _, err := taken.run(t.Context(), 1, func(string, string) {}); err == nil {
		t.Error("a host that is not loopback")
	}
	nowhere := newStage(t, func(l *Login) { l.Client.Provider.AuthorizationEndpoint = "" })
	var protocol *oidc.ProtocolError
	if _, err := nowhere.run(t.Context(), 1, func(string, string) {}); !errors.As(err, &protocol) {
		t.Errorf("no authorization endpoint: %v", err)
	}
}

// Whatever a person pastes, it is a response only if it has the state of the login; and the
// address that the browser ended on is one, with what surrounds it when it is copied.
func FuzzPasted(f *testing.F) {
	f.Add("http://127.0.0.1:5556/auth/callback?code=c&state=the-state", "c")
	f.Add("?state=the-state&state=another", "a+b c%20")
	f.Add("  code=c&state=another", "&state=another")
	f.Add("http://[::1%25\x1b[31m/#state=the-state", "\x00;")
	f.Fuzz(func(t *testing.T, line, code string) {
		told := 0
		login := &oidc.Login{State: "the-state"}
		login.Request.RedirectURI = "http://127.0.0.1:5556/auth/callback"
		l := &Login{
			Client: &oidc.Client{}, Strange: func(string) { told++ },
			waiting: waiting{logins: []pending{{Login: login, made: time.Now()}}},
		}
		visit := l.pasted(line, true)
		switch {
		case visit != nil && visit.Values.Get("state") != login.State:
			t.Errorf("%q is taken for an answer: %v", line, visit.Values)
		case visit == nil && strings.TrimSpace(line) != "" && told != 1:
			t.Errorf("%q: told %d times that it is no answer", line, told)
		}
		address := login.Request.RedirectURI + "?" + url.Values{"code": {code}, "state": {login.State}}.Encode()
		if visit := l.pasted(" "+address+"\r", true); visit == nil || visit.Values.Get("code") != code {
			t.Errorf("%q is no answer: %v", address, visit)
		}
	})
}

func FuzzParameters(f *testing.F) {
	f.Add("http://127.0.0.1:5556/auth/callback?code=c&state=s")
	f.Add("http://127.0.0.1/#id_token=i&state=s")
	f.Fuzz(func(t *testing.T, address string) {
		values, err := Parameters(address)
		if err == nil && values == nil {
			t.Fatal("neither parameters nor an error")
		}
	})
}

// Where no browser comes, the wait lasts as long as somebody may paste an address.
func TestNobodyPastes(t *testing.T) {
	t.Parallel()
	nobody := errors.New("nobody is there")
	alone := func(l *Login) {
		begun := l.Begun
		l.Begun = func(start, direct string) error { return errors.Join(begun(start, direct), nobody) }
	}
	s := newStage(t, alone)
	outcomes, err := s.run(t.Context(), 1, func(_, direct string) { s.lines <- s.redirect(t.Context(), direct) })
	if err != nil || len(outcomes) != 1 || outcomes[0].Err != nil {
		t.Errorf("what was pasted does not count: %v", err)
	}
	s = newStage(t, alone)
	_, err = s.run(t.Context(), 1, func(string, string) { s.lines <- "junk"; close(s.lines) })
	if !errors.Is(err, nobody) {
		t.Errorf("after the last line: %v", err)
	}
	s = newStage(t, alone, func(l *Login) { l.Pasted = nil })
	if _, err = s.run(t.Context(), 1, func(string, string) {}); !errors.Is(err, nobody) {
		t.Errorf("without lines: %v", err)
	}
}
