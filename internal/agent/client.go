// The client of the agent: asking it over its socket.

package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/place"
	"github.com/oidc-client/oidc-client/internal/session"
)

// A Client asks the agent at a socket. It is the [session.Keeper] of the sessions that are in the
// agent's memory only, and gives tokens of all those that the agent serves.
type Client struct {
	Socket string
	Folder string // whose sessions are meant; "" is any

	mu     sync.Mutex
	silent error     // that it did not respond in time
	since  time.Time // when it did not
}

// silence is the error of an agent that did not respond a short time ago. It is not given the
// time for it again and again.
func (c *Client) silence() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.since) > time.Minute {
		return nil
	}
	return c.silent
}

// A request is one to the agent.
type request struct {
	method, path string
	header       http.Header
	content      []byte
}

// A response is the agent's.
type response struct {
	status int
	header http.Header
	body   []byte
}

func (c *Client) get(ctx context.Context, path string) (*response, error) {
	return c.quickly(ctx, request{method: http.MethodGet, path: path})
}

// quickly asks for what the agent has at hand. One that is stopped, as by Ctrl-Z, never responds.
func (c *Client) quickly(ctx context.Context, q request) (*response, error) {
	if err := c.silence(); err != nil {
		return nil, err
	}
	tooLong := fmt.Errorf("it took longer than %s", limit.AgentAnswer)
	bounded, cancel := context.WithTimeoutCause(ctx, limit.AgentAnswer, tooLong)
	defer cancel()
	r, err := c.ask(bounded, q)
	if bounded.Err() != nil && ctx.Err() == nil {
		c.mu.Lock()
		c.silent, c.since = err, time.Now()
		c.mu.Unlock()
	}
	return r, err
}

// patiently asks for what the agent has to ask a provider for. It waits for as long as the agent
// responds to anything.
func (c *Client) patiently(ctx context.Context, q request) (*response, error) {
	if _, err := c.get(ctx, "/"); err != nil {
		return nil, err
	}
	waiting, end := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(limit.AgentAnswer)
		defer tick.Stop()
		for {
			select {
			case <-waiting.Done():
				return
			case <-tick.C:
			}
			if _, err := c.get(waiting, "/"); err != nil {
				end()
			}
		}
	})
	r, err := c.ask(waiting, q)
	end()
	watch.Wait()
	if silent := c.silence(); err != nil && silent != nil {
		err = silent
	}
	return r, err
}

func (c *Client) ask(ctx context.Context, q request) (*response, error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return Dial(ctx, c.Socket)
		},
	}}
	r, err := http.NewRequestWithContext(ctx, q.method, "http://agent"+q.path, bytes.NewReader(q.content))
	if err != nil {
		return nil, err
	}
	maps.Copy(r.Header, q.header)
	if c.Folder != "" {
		r.Header.Set(place.FolderHeader, place.FolderID(c.Folder))
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, &UnreachableError{c.Socket, errors.Unwrap(err)}
	}
	defer answer.Body.Close()
	const most = 2 * limit.Session
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err == nil && len(body) > most {
		err = fmt.Errorf("the agent's answer is longer than %d bytes", most)
	}
	return &response{answer.StatusCode, answer.Header, body}, err
}

// An UnreachableError says that no agent responds at a socket.
type UnreachableError struct {
	Socket string
	Err    error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("the agent at %s does not respond: %v", e.Socket, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// Is reports that it is a [session.ErrUnreachable].
func (e *UnreachableError) Is(target error) bool { return target == session.ErrUnreachable }

// Failure implements [failure.Described].
func (e *UnreachableError) Failure() failure.Failure {
	return failure.Failure{
		Kind: failure.KindConfig,
		Hint: "one that was killed leaves its socket behind: `oidc-client agent` runs another; " +
			"one that was stopped (Ctrl-Z) goes on with fg",
	}
}

// A RefusalError is why the agent did not do what it was asked to.
type RefusalError struct{ failure failure.Failure }

func (e *RefusalError) Error() string { return e.failure.Message }

// Failure implements [failure.Described]: as it would be here.
func (e *RefusalError) Failure() failure.Failure { return e.failure }

// refused is the error of a response that is none of those that were expected.
func (c *Client) refused(r *response) error {
	switch r.status {
	case http.StatusMisdirectedRequest:
		return failure.Config("the agent at %s has the sessions of another folder", c.Socket).
			Try("OIDC_AGENT_SOCK names another agent's socket, and OIDC_SESSIONS the folder")
	case http.StatusPreconditionFailed:
		return session.ErrChanged
	}
	var doc struct {
		Error *failure.Failure `json:"error"`
	}
	if err := json.Unmarshal(r.body, &doc); err != nil || doc.Error == nil {
		return fmt.Errorf("the agent at %s answers with HTTP status %d", c.Socket, r.status)
	}
	return &RefusalError{*doc.Error}
}
