//go:build unix

package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/place"
	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// A world is an agent whose clock and provider are the test's.
type world struct {
	*Agent
	t *testing.T

	mu    sync.Mutex
	now   time.Time
	asked int
	fails error // of the provider
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)}
	memory := &session.Memory{}
	w.Agent = New(Options{
		Store: session.Both{First: memory, Second: &session.Memory{}}, Memory: memory, Now: w.time, Renew: w.renew,
		Explain: func(_ context.Context, err error) []byte {
			return []byte(`{"error":{"message":"` + err.Error() + `"}}`)
		},
		Tell: func(_ bool, format string, args ...any) { t.Logf(format, args...) },
	})
	return w
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// renew is the provider: it gives the next token, or fails.
func (w *world) renew(_ context.Context, name string, need session.Need) (*renewal.Outcome, error) {
	s, err := w.Store.Load(name)
	if err != nil {
		return &renewal.Outcome{}, err
	}
	w.mu.Lock()
	w.asked++
	now, fails := w.now, w.fails
	w.mu.Unlock()
	out := &renewal.Outcome{Session: s}
	if fails != nil {
		return out, fails
	}
	out.Tokens = &oidc.Tokens{
		AccessToken: fmt.Sprintf("token-%d", s.Generation+1), TokenType: "Bearer",
		ExpiresAt: now.Add(time.Hour),
	}
	renewal.Put(s, out.Tokens, now)
	renewal.Verified(s, out.Tokens)
	out.Token, out.Expires, _ = s.Take(need, now)
	return out, session.Save(w.Store, s)
}

func (w *world) save(name string, left time.Duration) {
	w.t.Helper()
	now := w.time()
	s := &session.Session{
		Schema: session.Schema, Name: name,
		Grant:  session.Grant{Issuer: "https://op.example", ClientID: "c"},
		Secret: &session.Secret{RefreshToken: "secret-refresh-token"},
	}
	renewal.Put(s, &oidc.Tokens{AccessToken: "token-1", TokenType: "Bearer", ExpiresAt: now.Add(left)}, now)
	renewal.Verified(s, &oidc.Tokens{})
	if err := session.Save(w.Store, s); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) get(path string, header ...string) (int, string) {
	w.t.Helper()
	return w.do(http.MethodGet, path, "", header...)
}

func (w *world) do(method, path, body string, header ...string) (int, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer := recorder{header: http.Header{}, status: http.StatusOK}
	w.Handler(func() {}).ServeHTTP(&answer, r)
	return answer.status, answer.body.String()
}

type recorder struct {
	header http.Header
	status int
	body   strings.Builder
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// round looks once at what is due, and waits for what comes of it.
func (w *world) round() {
	var under sync.WaitGroup
	w.look(w.t.Context(), &under)
	under.Wait()
}

func TestFreshTokenIsHandedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("mine", time.Hour)
	if status, body := w.get("/sessions/mine/access_token", "Accept", "text/plain", "Cache-Control",
		"only-if-cached"); status != 200 || body != "token-1\n" {
		t.Errorf("%d %q", status, body)
	}
	_, body := w.get("/sessions/mine/access_token")
	var doc map[string]any
	if err := json.Unmarshal([]byte(body), &doc); err != nil || doc["access_token"] != "token-1" ||
		doc["token_type"] != "Bearer" || doc["issuer"] != "https://op.example" || doc["expires_at"] == nil {
		t.Errorf("%s", body)
	}
	for path, want := range map[string]int{
		"/sessions/nope/access_token": 404, "/sessions/mine/refresh_token": 404,
		"/sessions/mine/access_token?valid_for=x": 400, "/": 404, "/stop": 405,
	} {
		if status, _ := w.get(path); status != want {
			t.Errorf("%s: HTTP status %d, want %d", path, status, want)
		}
	}
	if w.asked != 0 {
		t.Error("the provider was asked")
	}
}

func TestExpiredTokenIsRenewedIfThatIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("mine", time.Minute)
	w.pass(2 * time.Minute)
	if status, _ := w.get("/sessions/mine/access_token", "Cache-Control", "only-if-cached"); status != 504 ||
		w.asked != 0 {
		t.Errorf("only-if-cached: HTTP status %d, asked %d times", status, w.asked)
	}
	if status, body := w.get("/sessions/mine/access_token", "Accept", "text/plain"); status != 200 ||
		body != "token-2\n" {
		t.Errorf("%d %q", status, body)
	}
}

// Sessions are renewed after about four fifths of their lifetime, each at its own moment.
func TestRenewsAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const many = 40
	for i := range many {
		w.save(fmt.Sprintf("s%d", i), time.Hour)
	}
	w.pass(44 * time.Minute)
	if w.round(); w.asked != 0 {
		t.Errorf("%d renewed after 44 of 60 minutes", w.asked)
	}
	w.pass(4 * time.Minute)
	w.round()
	if half := w.asked; half == 0 || half == many {
		t.Errorf("%d of %d renewed at four fifths: they are to be spread", half, many)
	}
	w.pass(4 * time.Minute)
	if w.round(); w.asked != many {
		t.Errorf("%d of %d renewed after 52 of 60 minutes", w.asked, many)
	}
	if status, body := w.get("/sessions/s0/access_token", "Accept", "text/plain"); status != 200 ||
		body != "token-2\n" {
		t.Errorf("%d %q", status, body)
	}
}

// While the provider is down it is asked less and less often, what is still valid is
// served, and what is not gets the reason at once.
func TestProviderIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("mine", time.Hour)
	w.fails = &oidc.TransportError{Endpoint: "token", Err: errors.New("connection refused")}
	w.pass(52 * time.Minute)
	for range 450 { // seconds, to the margin of the token's end
		w.pass(time.Second)
		w.round()
	}
	if w.asked < 5 || w.asked > 12 {
		t.Errorf("asked %d times in 450 s", w.asked)
	}
	w.pass(15 * time.Second) // within the margin
	if status, body := w.get("/sessions/mine/access_token"); status != 200 || !strings.Contains(body, "token-1") ||
		!strings.Contains(body, "connection refused") {
		t.Errorf("still valid: %d %s", status, body)
	}
	w.pass(time.Minute)
	before := w.asked
	for range 10 {
		if status, body := w.get("/sessions/mine/access_token"); status != 502 ||
			!strings.Contains(body, "connection refused") {
			t.Errorf("expired: %d %s", status, body)
		}
	}
	if w.asked > before+1 {
		t.Errorf("ten who ask make the agent ask %d times", w.asked-before)
	}
	if status, body := w.get("/health"); status != 503 || !strings.Contains(body, `"failing":1`) {
		t.Errorf("health: %d %s", status, body)
	}
	w.fails = nil
	w.pass(10 * time.Minute)
	if w.round(); w.asked == before {
		t.Error("it does not try again")
	}
	if status, _ := w.get("/health"); status != 200 {
		t.Errorf("health: %d after all is well", status)
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("mine", time.Hour)
	w.fails = &oidc.TransportError{
		Endpoint: "token", Status: 503, RetryAfter: "120",
		Err: errors.New("HTTP status 503"),
	}
	w.pass(55 * time.Minute)
	w.round()
	w.pass(119 * time.Second)
	if w.round(); w.asked != 1 {
		t.Errorf("asked %d times within Retry-After", w.asked)
	}
	w.pass(2 * time.Second)
	if w.round(); w.asked != 2 {
		t.Errorf("asked %d times after Retry-After", w.asked)
	}
}

// What is asked of a session and it has not is no failure to renew it.
func TestAskedTooMuch(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]error{
		"/sessions/mine/id_token": &renewal.LoginError{
			Session: &session.Session{Name: "mine"},
			State:   session.Ended, Why: "it has no ID Token",
		},
		"/sessions/mine/access_token?valid_for=5h": &renewal.ShortError{
			Session:  &session.Session{Name: "mine"},
			Lifetime: time.Hour, Asked: 5 * time.Hour,
		},
	} {
		w := newWorld(t)
		w.save("mine", time.Hour)
		w.fails = why
		for range 3 {
			if status, _ := w.get(name); status != http.StatusConflict {
				t.Errorf("%s: HTTP status %d", name, status)
			}
		}
		if status, body := w.get("/health"); status != http.StatusOK {
			t.Errorf("%s: health %d %s", name, status, body)
		}
		w.fails = nil
		w.pass(55 * time.Minute)
		before := w.asked
		if w.round(); w.asked != before+1 {
			t.Errorf("%s: it was not renewed ahead", name)
		}
	}
}

// Who means the sessions of another folder gets none of this one's.
func TestAnotherFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Folder = place.FolderID("/home/a/sessions")
	w.save("mine", time.Hour)
	for folder, want := range map[string]int{
		"/home/a/sessions": 200, "/home/a/sessions/": 200,
		"/home/b/sessions": 421,
	} {
		if status, body := w.get("/sessions/mine/access_token", place.FolderHeader,
			place.FolderID(folder)); status != want || strings.Contains(body, "token-1") != (want == 200) {
			t.Errorf("%s: HTTP status %d %s", folder, status, body)
		}
	}
}

// reads counts what is read of a store.
type reads struct {
	session.Store
	names, sessions int
}

func (r *reads) Names() ([]string, error) { r.names++; return r.Store.Names() }

func (r *reads) Load(name string) (*session.Session, error) {
	r.sessions++
	return r.Store.Load(name)
}

// An agent reads its sessions once, then only what is due, until some may have changed.
func TestIdleAgentReadsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	changed := true
	w.Changed = func() bool { defer func() { changed = false }(); return changed }
	store := &reads{Store: w.Store}
	const many = 100
	for i := range many {
		w.save(fmt.Sprintf("s%d", i), time.Duration(i+1)*time.Hour)
	}
	w.Store = store
	rounds := func(n int) (names, sessions int) {
		before := *store
		for range n {
			w.pass(time.Second)
			w.round()
		}
		return store.names - before.names, store.sessions - before.sessions
	}
	if names, sessions := rounds(1); names != 1 || sessions != many {
		t.Errorf("at first %d lists and %d sessions were read", names, sessions)
	}
	if names, sessions := rounds(60); names != 0 || sessions != 0 {
		t.Errorf("idle, %d lists and %d sessions were read", names, sessions)
	}
	w.pass(51 * time.Minute) // s0 is due
	if names, sessions := rounds(60); names != 0 || sessions > 5 || w.asked != 1 {
		t.Errorf("for one that is due %d lists and %d sessions were read, and the provider was asked %d times", names,
			sessions, w.asked)
	}
	w.save("new", time.Minute)
	changed = true
	if names, _ := rounds(60); names != 1 || w.asked != 2 {
		t.Errorf("for a new one %d lists were read, and the provider was asked %d times", names, w.asked)
	}
}

// A session that is given to the agent is renewed ahead, like any other.
func TestInMemoryIsRenewedAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Changed = func() bool { return false }
	w.round()
	w.save("mine", time.Hour)
	s, err := w.Store.Load("mine")
	if err != nil {
		t.Fatal(err)
	}
	s.Serial = 0 // it is not there yet
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := w.do(http.MethodPut, "/sessions/mine", string(data)); status != http.StatusNoContent {
		t.Fatalf("HTTP status %d", status)
	}
	w.pass(52 * time.Minute)
	if w.round(); w.asked != 1 {
		t.Errorf("the provider was asked %d times", w.asked)
	}
}

// However long it takes to read the sessions, little of the agent's time goes into it.
func TestReadsWithPauses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store := &reads{Store: w.Store}
	w.Store = slow{store, w}
	for range 101 {
		w.pass(time.Second)
		w.round()
	}
	if store.names != 2 {
		t.Errorf("what takes 2 s to read was read %d times in 101 s", store.names)
	}
}

// A slow store takes two seconds to list its sessions.
type slow struct {
	session.Store
	w *world
}

func (s slow) Names() ([]string, error) { s.w.pass(2 * time.Second); return s.Store.Names() }

// Only while the provider cannot be reached the agent answers for it.
func TestOtherErrorsAreNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("mine", time.Minute)
	w.pass(time.Hour)
	w.fails = errors.New("the keyring is locked")
	if status, _ := w.get("/sessions/mine/access_token"); status != http.StatusBadGateway {
		t.Errorf("HTTP status %d", status)
	}
	w.fails = nil
	if status, body := w.get("/sessions/mine/access_token", "Accept", "text/plain"); status != http.StatusOK ||
		body != "token-2\n" {
		t.Errorf("after it was unlocked: %d %q", status, body)
	}
}

// A session that only a login helps is left alone.
func TestLoginNeeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("mine", time.Minute)
	s, err := w.Store.Load("mine")
	if err != nil {
		t.Fatal(err)
	}
	w.fails = &renewal.LoginError{Session: s, State: session.Refused, Why: "revoked"}
	s.Refused = "revoked"
	if err := session.Save(w.Store, s); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Hour)
	if w.round(); w.asked != 0 {
		t.Error("a refused session was renewed ahead")
	}
	if status, body := w.get("/sessions/mine/access_token"); status != 409 || !strings.Contains(body, "revoked") {
		t.Errorf("%d %s", status, body)
	}
}

// No answer has what renews a session (H27).
func TestRefreshTokenNeverLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("mine", time.Hour)
	for _, path := range []string{
		"/sessions/mine/access_token", "/sessions/mine/id_token", "/health", "/metrics",
		"/sessions", "/sessions/mine",
	} {
		if _, body := w.get(path); strings.Contains(body, "secret-refresh-token") {
			t.Errorf("%s has it", path)
		}
	}
}

// A session that is given to the agent is in its memory, can be renewed and logged out, and
// what renews it does not come out again.
func TestInMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := newWorld(t)
	other.save("mine", time.Hour)
	s, err := other.Store.Load("mine")
	if err != nil {
		t.Fatal(err)
	}
	s.Serial = 0 // it is not there yet
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]int{
		string(data): 204, "": 400, "{}": 400,
		strings.Replace(string(data), "mine", "play", 1): 400, "[" + strings.Repeat(" ", 5<<20): 400,
	} {
		if status, _ := w.do(http.MethodPut, "/sessions/mine", body); status != want {
			t.Errorf("PUT %.40s: HTTP status %d, want %d", body, status, want)
		}
	}
	if status, _ := w.do(http.MethodPut, "/sessions/Mine",
		strings.Replace(string(data), `"mine"`, `"Mine"`, 1)); status != 400 {
		t.Errorf("PUT of a name that none may have: HTTP status %d", status)
	}
	if status, body := w.get("/sessions"); status != 200 || body != `["mine"]`+"\n" {
		t.Errorf("%d %s", status, body)
	}
	if status, body := w.get("/sessions/mine"); status != 200 || !strings.Contains(body, `"name":"mine"`) ||
		strings.Contains(body, "secret-refresh-token") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := w.do(http.MethodPost, "/sessions/mine/refresh", ""); status != 200 ||
		!strings.Contains(body, "token-2") || strings.Contains(body, "secret-refresh-token") {
		t.Errorf("refresh: %d %s", status, body)
	}
	revoked := ""
	w.LogOut = func(_ context.Context, s *session.Session) error {
		if revoked == "" {
			revoked = s.Secret.RefreshToken
			return errors.New("the provider is down")
		}
		return nil
	}
	if status, _ := w.do(http.MethodPost, "/sessions/mine/logout", ""); status != 502 ||
		revoked != "secret-refresh-token" {
		t.Errorf("logout: HTTP status %d, %q revoked", status, revoked)
	}
	if _, err := w.Store.Load("mine"); err != nil {
		t.Errorf("a session that could not be revoked is gone: %v", err)
	}
	if status, _ := w.do(http.MethodPost, "/sessions/mine/logout", ""); status != 204 {
		t.Errorf("logout: HTTP status %d", status)
	}
	for _, request := range [][2]string{
		{http.MethodDelete, "/sessions/mine"},
		{http.MethodPost, "/sessions/mine/logout"},
		{http.MethodPost, "/sessions/mine/refresh"},
	} {
		if status, _ := w.do(request[0], request[1], ""); status != 404 {
			t.Errorf("%v: HTTP status %d after it was forgotten", request, status)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("mine", time.Minute)
	w.pass(time.Hour)
	w.get("/sessions/mine/access_token", "Cache-Control", "only-if-cached")
	w.get("/sessions/mine/access_token")
	w.get("/sessions/mine/access_token")
	_, body := w.get("/metrics")
	for _, line := range []string{
		`oidc_agent_token_requests_total{result="served"} 2`, `oidc_agent_token_requests_total{result="missed"} 1`,
		`oidc_agent_renewals_total{result="renewed"} 1`, `oidc_agent_sessions{state="fresh"} 1`,
		`oidc_agent_sessions_failing 0`,
		`# TYPE oidc_agent_sessions gauge`,
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("no %s in\n%s", line, body)
		}
	}
}

func TestSocket(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "agent", "agent.sock")
	l, err := Listen(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", info.Mode(), err)
	}
	if folder, err := os.Stat(filepath.Dir(socket)); err != nil || folder.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", folder.Mode(), err)
	}
	go func() {
		conn, err := l.Accept()
		if err == nil {
			_, _ = conn.Write([]byte("let in"))
			_ = conn.Close()
		}
	}()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got, err := io.ReadAll(conn); string(got) != "let in" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Listen(t.Context(), filepath.Join(t.TempDir(), strings.Repeat("x", 108))); err == nil ||
		!strings.Contains(err.Error(), "bytes at most") {
		t.Errorf("a path that is too long: %v", err)
	}
	if _, err := Listen(t.Context(), socket); !errors.Is(err, ErrRunning) {
		t.Errorf("a second agent: %v", err)
	}
}

// An agent that was killed leaves its socket behind.
func TestStaleSocketIsReplaced(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "agent.sock")
	if err := os.Chmod(filepath.Dir(socket), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Listen(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), file); err == nil {
		t.Error("a file that is no socket was replaced")
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o755)); err != nil { //nolint:gosec // what is refused
		t.Fatal(err)
	}
	if l, err := Listen(t.Context(), filepath.Join(open, "agent.sock")); err == nil {
		_ = l.Close()
		t.Error("it listens in a folder that others can enter")
	}
}

// The agent ends with what it waits for, and the renewals under way come to their end.
func TestKeepEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("mine", time.Minute)
	w.pass(time.Hour)
	began, finish := make(chan struct{}), make(chan struct{})
	renew := w.Renew
	w.Renew = func(ctx context.Context, name string, need session.Need) (*renewal.Outcome, error) {
		close(began)
		<-finish
		return renew(ctx, name, need)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.Keep(ctx); close(ended) }()
	<-began
	stop()
	select {
	case <-ended:
		t.Error("it left a renewal under way")
	default:
	}
	close(finish)
	<-ended
	if s, err := w.Store.Load("mine"); err != nil || s.Generation != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

// A token for a part of the grant is given to who asks for just that, and the response says what it
// is for. That the provider refuses one says nothing of the session.
func TestTokenForATarget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("mine", time.Hour)
	s, err := w.Store.Load("mine")
	if err != nil {
		t.Fatal(err)
	}
	target := session.Target{Scopes: []string{"a", "b"}, Resources: []string{"r"}}
	s.PutAccess(session.AccessToken{
		Target: target, Token: "part", Type: "DPoP", Received: w.time(),
		Expires: w.time().Add(time.Hour),
	}, w.time())
	if err := session.Save(w.Store, s); err != nil {
		t.Fatal(err)
	}
	status, body := w.get("/sessions/mine/access_token?scope=b+a&resource=r")
	if status != 200 || !strings.Contains(body, `"access_token":"part"`) ||
		!strings.Contains(body, `"token_type":"DPoP"`) ||
		!strings.Contains(body, `"target":{"scopes":["b","a"],"resources":["r"]}`) {
		t.Errorf("%d %s", status, body)
	}
	if status, body := w.get("/sessions/mine/access_token"); status != 200 || !strings.Contains(body, `"token-1"`) ||
		strings.Contains(body, "target") {
		t.Errorf("%d %s", status, body)
	}
	if w.asked != 0 {
		t.Errorf("asked %d times", w.asked)
	}
	w.fails = &oidc.Error{Code: "invalid_scope"}
	if status, _ := w.get("/sessions/mine/access_token?scope=admin"); status != 502 {
		t.Errorf("HTTP status %d", status)
	}
	if status, body := w.get("/health"); status != 200 {
		t.Errorf("%d %s", status, body)
	}
}

// A session is only replaced by who has read it, and the response says which serial it has now.
func TestPutIsConditional(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("mine", time.Hour)
	s, err := w.Store.Load("mine")
	if err != nil {
		t.Fatal(err)
	}
	put := func(serial int64) (int, string) {
		s.Serial = serial
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "/sessions/mine", bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		answer := recorder{header: http.Header{}, status: http.StatusOK}
		w.Handler(func() {}).ServeHTTP(&answer, r)
		return answer.status, answer.header.Get("Session-Serial")
	}
	status, first := put(session.Any)
	if status != 204 || first == "" {
		t.Fatalf("HTTP status %d, serial %q", status, first)
	}
	serial, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if status, second := put(serial); status != 204 || second <= first {
		t.Errorf("HTTP status %d, serial %q after %q", status, second, first)
	}
	if status, _ := put(serial); status != 412 {
		t.Errorf("what was read before: HTTP status %d", status)
	}
}
