//go:build unix

package cli

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// What the agent tells one caller is not that another is gone.
func TestToldToOthers(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := &program{env: &Env{Now: time.Now}, run: &transcript.Run{Command: "agent"}, redactor: transcript.NewRedactor()}
	err := p.told(ctx, errors.Join(&oidc.TransportError{Endpoint: "token", Status: 503, Err: errors.New("HTTP status 503")}, context.Canceled))
	var told *toldError
	if !errors.As(err, &told) || told.failure.Kind != transcript.Network || told.failure.HTTPStatus != 503 {
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
