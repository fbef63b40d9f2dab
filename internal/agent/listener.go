// The socket of the agent, while it listens there.

package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// ErrRunning says that there is an agent already.
var ErrRunning = errors.New("an agent is running already")

// A Listener is the socket that an agent listens on, or the named pipe on Windows.
type Listener struct {
	net.Listener
	path string
	file os.FileInfo // the socket; nil for a pipe, which is there for as long as it is listened on
}

// Present reports whether the socket is still where clients look for it.
func (l *Listener) Present() bool {
	if l.file == nil {
		return true
	}
	found, err := os.Lstat(l.path)
	return err == nil && os.SameFile(found, l.file)
}

// Close stops listening and removes the socket. A socket that another agent has put in its
// place stays.
func (l *Listener) Close() error {
	if l.file != nil && l.Present() {
		_ = os.Remove(l.path) // an agent that comes later removes it
	}
	return l.Listener.Close()
}

// Serve serves at a socket until ctx ends. If the socket is removed, as by a sweep of temporary
// files, Serve listens there again. If it cannot, because another agent listens there by now or
// for another reason, it returns the error.
func (a *Agent) Serve(ctx context.Context, server *http.Server, l *Listener) error {
	failed := make(chan error, 1)
	serve := func(l *Listener) {
		if err := server.Serve(l); !errors.Is(err, net.ErrClosed) {
			select {
			case failed <- err:
			default: // one is enough
			}
		}
	}
	go serve(l)
	tick := time.NewTicker(limit.AgentLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-tick.C:
		}
		if l.Present() {
			continue
		}
		again, err := Listen(ctx, l.path)
		if err != nil {
			return fmt.Errorf("the socket %s was removed: %w", l.path, err)
		}
		a.Tell(false, "the socket %s was removed; the agent listens there again", l.path)
		go serve(again)
		_ = l.Close() // requests under way go on
		l = again
	}
}
