//go:build unix

package agent

import (
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
)

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
func TestClientView(t *testing.T) {
	t.Parallel()
	l, socket := listening(t)
	var status int
	var body string
	//nolint:gosec // of a test
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})}
	go func() { _ = server.Serve(l) }()
	store := &Client{Socket: socket, Folder: "/sessions"}
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
		if s, err := store.View("work"); err == nil || errors.Is(err, session.ErrNoSession) != c.none {
			t.Errorf("%s: %v, %v", c.name, s, err)
		}
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.View("work"); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("not there: %v", err)
	}
}

// An agent that does not answer is not waited for, nor asked again.
func TestSilentAgent(t *testing.T) {
	t.Parallel()
	_, socket := listening(t) // and nobody accepts
	store := &Client{Socket: socket}
	ended := make(chan error, 1)
	go func() {
		_, first := store.View("work")
		_, second := store.Names()
		ended <- errors.Join(first, second)
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, session.ErrUnreachable) || strings.Count(err.Error(), "it took longer") != 2 {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it is waited for")
	}
}

// An agent that stops while it is waited for is given up. One that only takes its time is not.
func TestAgentStopsMeanwhile(t *testing.T) {
	t.Parallel()
	for _, stops := range []bool{true, false} {
		l, socket := listening(t)
		asked := make(chan struct{})
		finish := make(chan struct{})
		//nolint:gosec // of a test
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
		client := &Client{Socket: socket}
		if !stops {
			time.AfterFunc(2*limit.AgentAnswer, func() { close(finish) })
		}
		r, err := client.patiently(t.Context(), request{method: http.MethodGet, path: "/slow"})
		if stops {
			close(finish)
		}
		if got := errors.Is(err, session.ErrUnreachable) && client.silence() != nil; got != stops ||
			!stops && r.status != http.StatusTeapot {
			t.Errorf("stops: %v, %+v, %v", stops, r, err)
		}
		_ = server.Close()
	}
}
