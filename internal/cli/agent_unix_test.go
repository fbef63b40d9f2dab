//go:build unix

package cli

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// What the agent tells one caller is not that another is gone.
func TestToldToOthers(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := &program{Run: run.New(quiet(), run.Options{}, "agent")}
	err := p.told(ctx, errors.Join(&oidc.TransportError{Endpoint: "token", Status: 503, Err: errors.New("HTTP status 503")}, context.Canceled))
	var told *toldError
	if !errors.As(err, &told) || told.failure.Kind != failure.KindNetwork || told.failure.HTTPStatus != 503 {
		t.Errorf("%+v", told.failure)
	}
}

// listening listens in the place of an agent.
func listening(t *testing.T) (l net.Listener, socket string) {
	t.Helper()
	folder, err := os.MkdirTemp("", "agent") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	socket = filepath.Join(folder, "agent.sock")
	if l, err = (&net.ListenConfig{}).Listen(t.Context(), "unix", socket); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, socket
}

// Only an agent that says so, or is not there, has no session: of one that does not know what
// it says another store must not be asked instead.
func TestAgentStoreLoad(t *testing.T) {
	t.Parallel()
	l, socket := listening(t)
	var status int
	var body string
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { //nolint:gosec // of a test
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})}
	go func() { _ = server.Serve(l) }()
	store := agentStore{&agentClient{socket: socket, folder: "/sessions"}}
	for _, c := range []struct {
		name   string
		status int
		body   string
		none   bool
	}{
		{"not found", 404, "", true},
		{"another folder's", 421, "", true},
		{"trouble", 500, "", false},
		{"cut off", 200, `{"name":"wo`, false},
		{"too long", 200, `{"name":"` + strings.Repeat("x", 2*limit.Session) + `"}`, false},
	} {
		status, body = c.status, c.body
		if s, err := store.Load("work"); err == nil || errors.Is(err, session.ErrNoSession) != c.none {
			t.Errorf("%s: %v, %v", c.name, s, err)
		}
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load("work"); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("not there: %v", err)
	}
}

// An agent that does not answer is not waited for, nor asked again.
func TestSilentAgent(t *testing.T) {
	t.Parallel()
	_, socket := listening(t) // and nobody accepts
	store := agentStore{&agentClient{socket: socket}}
	ended := make(chan error, 1)
	go func() {
		_, first := store.Load("work")
		_, second := store.Names()
		ended <- errors.Join(first, second)
	}()
	select {
	case err := <-ended:
		if !errors.As(err, new(*noAgentError)) || strings.Count(err.Error(), "it took longer") != 2 {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it is waited for")
	}
}

// A saying is output that can be waited for.
type saying struct {
	word string
	said chan struct{} // closed when the word was written
	once sync.Once
}

func (s *saying) Write(b []byte) (int, error) {
	if strings.Contains(string(b), s.word) {
		s.once.Do(func() { close(s.said) })
	}
	return len(b), nil
}

// runAgent runs an agent in the world of a provider, until the test ends.
func (p *publisher) runAgent(args ...string) {
	p.t.Helper()
	folder, err := os.MkdirTemp("", "agent") // the path of a socket is short
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = os.RemoveAll(folder) })
	p.env["OIDC_AGENT_SOCK"] = filepath.Join(folder, "agent.sock")
	env, listens := quiet(), &saying{word: "listens", said: make(chan struct{})}
	own := maps.Clone(p.env)
	env.Stderr, env.Getenv = listens, func(name string) string { return own[name] }
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() { ended <- Main(ctx, env, append([]string{"agent"}, args...)) }()
	p.t.Cleanup(func() { stop(); <-ended })
	select {
	case <-listens.said:
	case code := <-ended:
		p.t.Fatalf("the agent ended with %d", code)
	}
}

// An agent obeys its own --no-cache, and that of whoever asks it.
func TestAgentFollowsKeys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		agent, token []string
		want         int
	}{
		"the cache is used":         {nil, nil, 5},
		"--no-cache of the agent":   {[]string{"--no-cache"}, nil, 0},
		"--no-cache of who asks it": {nil, []string{"--no-cache"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPublisher(t)
			p.run("refresh-token", "--save", "work")
			for range 2 { // the second is within the minute: the tokens are withheld
				p.rotates("k1")
				p.run("sessions", "refresh", "work")
			}
			p.runAgent(c.agent...)
			if code, said := p.run(append([]string{"token", "work", "-d"}, c.token...)...); code != c.want || strings.Contains(said, "jwks") {
				t.Errorf("exit code %d, want %d: %s", code, c.want, said)
			}
		})
	}
}

// An agent that stops while it is waited for is given up. One that only takes its time is not.
func TestAgentStopsMeanwhile(t *testing.T) {
	t.Parallel()
	for _, stops := range []bool{true, false} {
		l, socket := listening(t)
		asked := make(chan struct{})
		finish := make(chan struct{})
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // of a test
			switch {
			case r.URL.Path == "/slow":
				close(asked)
				<-finish
			case stops:
				select {
				case <-asked:
					<-finish
				default:
				}
			}
			w.WriteHeader(http.StatusTeapot)
		})}
		go func() { _ = server.Serve(l) }()
		client := &agentClient{socket: socket}
		if !stops {
			time.AfterFunc(2*limit.AgentAnswer, func() { close(finish) })
		}
		status, _, err := client.patiently(t.Context(), http.MethodGet, "/slow")
		if stops {
			close(finish)
		}
		if got := errors.As(err, new(*noAgentError)) && client.silence() != nil; got != stops || !stops && status != http.StatusTeapot {
			t.Errorf("stops: %v, status %d, %v", stops, status, err)
		}
		_ = server.Close()
	}
}
