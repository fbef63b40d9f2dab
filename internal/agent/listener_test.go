//go:build unix

package agent

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
)

// socketPath is the path of a socket in a private folder. Such a path has to be short.
func socketPath(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return filepath.Join(folder, "agent.sock")
}

func listen(t *testing.T, socket string) *Listener {
	t.Helper()
	l, err := Listen(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// serves runs an agent that answers with a text, until the test ends.
func serves(t *testing.T, l *Listener, text string) (ended chan error, stop func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, text)
		}),
	}
	ended = make(chan error, 1)
	go func() {
		err := newWorld(t).Serve(ctx, server, l)
		ended <- errors.Join(err, server.Close())
	}()
	return ended, stop
}

// ask is what the agent at a socket answers.
func ask(t *testing.T, socket string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://agent/", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return string(body)
}

// The end of an agent removes its own socket, and not the one that another agent has put there.
func TestSecondAgentKeepsItsSocket(t *testing.T) {
	t.Parallel()
	socket := socketPath(t)
	first := listen(t, socket)
	if !first.Present() {
		t.Error("the socket is not where it is")
	}
	if err := os.Remove(socket); err != nil {
		t.Fatal(err)
	}
	second := listen(t, socket)
	ended, stop := serves(t, second, "second")
	if first.Present() || !second.Present() {
		t.Errorf("present: %v, %v", first.Present(), second.Present())
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, socket); got != "second" {
		t.Errorf("%q answers", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the second one leaves its socket: %v", err)
	}
}

// An agent whose socket was removed listens there again.
func TestSocketIsTakenBack(t *testing.T) {
	t.Parallel()
	socket := socketPath(t)
	ended, stop := serves(t, listen(t, socket), "mine")
	for range 2 {
		if err := os.RemoveAll(filepath.Dir(socket)); err != nil {
			t.Fatal(err)
		}
		for ask(t, socket) != "mine" && t.Context().Err() == nil && len(ended) == 0 {
			time.Sleep(10 * time.Millisecond)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// An agent ends if another one listens in its place.
func TestAnotherAgentInItsPlace(t *testing.T) {
	t.Parallel()
	socket := socketPath(t)
	ended, _ := serves(t, listen(t, socket), "first")
	if err := os.Remove(socket); err != nil {
		t.Fatal(err)
	}
	_, stop := serves(t, listen(t, socket), "second")
	defer stop()
	if err := <-ended; !errors.Is(err, ErrRunning) {
		t.Errorf("it ended with %v", err)
	}
	if got := ask(t, socket); got != "second" {
		t.Errorf("%q answers", got)
	}
}

// Processes of other users are turned away.
func TestStrangersAreTurnedAway(t *testing.T) {
	t.Parallel()
	for user, want := range map[int]string{os.Geteuid(): "let in", os.Geteuid() + 1: ""} {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socketPath(t))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if conn, err := (ours{l.(*net.UnixListener), user}).Accept(); err == nil {
				_, _ = io.WriteString(conn, "let in")
				_ = conn.Close()
			}
		}()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(conn); string(got) != want { // a reset is no text either
			t.Errorf("of user %d, the agent's being %d: %q", os.Geteuid(), user, got)
		}
		_ = conn.Close()
		_ = l.Close()
	}
	if l := listen(t, socketPath(t)); l.Listener.(ours).user != os.Geteuid() {
		t.Error("it lets in another user")
	}
}

// Only a socket that nobody listens on is replaced: another error than a refused connection
// does not say that.
func TestOddSocketStays(t *testing.T) {
	t.Parallel()
	socket := socketPath(t)
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "unixgram", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before, err := os.Lstat(socket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), socket); err == nil || !strings.Contains(err.Error(), "wrong type") {
		t.Errorf("it listens in its place: %v", err)
	}
	if after, err := os.Lstat(socket); err != nil || !os.SameFile(before, after) {
		t.Errorf("it was removed: %v", err)
	}
}
