// Asking the agent.

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/agent"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/place"
	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/session"
)

// An agentClient asks the agent at a socket for sessions of a folder; "" is any.
type agentClient struct {
	socket, folder string

	mu     sync.Mutex
	silent error     // that it did not respond in time
	since  time.Time // when it did not
	warned sync.Once
}

// newAgentClient returns nil if there is no agent that can be trusted.
func newAgentClient(socket, folder string) *agentClient {
	if socket == "" || place.Trusted(socket) != nil {
		return nil
	}
	return &agentClient{socket: socket, folder: folder}
}

// silence is the error of an agent that did not respond a short time ago. It is not given the
// time for it again and again.
func (c *agentClient) silence() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.since) > time.Minute {
		return nil
	}
	return c.silent
}

// quickly asks for what the agent has at hand. One that is stopped, as by Ctrl-Z, never responds.
func (c *agentClient) quickly(ctx context.Context, method, path string, content ...byte) (status int, body []byte, err error) {
	if err := c.silence(); err != nil {
		return 0, nil, err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, limit.AgentAnswer, fmt.Errorf("it took longer than %s", limit.AgentAnswer))
	defer cancel()
	status, body, err = c.ask(bounded, method, path, content...)
	if bounded.Err() != nil && ctx.Err() == nil {
		c.mu.Lock()
		c.silent, c.since = err, time.Now()
		c.mu.Unlock()
	}
	return status, body, err
}

// patiently asks for what the agent has to ask a provider for. It waits for as long as the agent
// responds to anything.
func (c *agentClient) patiently(ctx context.Context, method, path string) (status int, body []byte, err error) {
	if _, _, err := c.quickly(ctx, http.MethodGet, "/"); err != nil {
		return 0, nil, err
	}
	waiting, end := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		for sleep(waiting, limit.AgentAnswer) {
			if _, _, err := c.quickly(waiting, http.MethodGet, "/"); err != nil {
				end()
			}
		}
	})
	status, body, err = c.ask(waiting, method, path)
	end()
	watch.Wait()
	if silent := c.silence(); err != nil && silent != nil {
		err = silent
	}
	return status, body, err
}

func (c *agentClient) ask(ctx context.Context, method, path string, content ...byte) (status int, body []byte, err error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return agent.Dial(ctx, c.socket)
		},
	}}
	r, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, bytes.NewReader(content))
	if err != nil {
		return 0, nil, err
	}
	if c.folder != "" {
		r.Header.Set(place.FolderHeader, place.FolderID(c.folder))
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, nil, &noAgentError{c.socket, errors.Unwrap(err)}
	}
	defer answer.Body.Close()
	const most = 2 * limit.Session
	body, err = io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err == nil && len(body) > most {
		err = fmt.Errorf("the agent's answer is longer than %d bytes", most)
	}
	return answer.StatusCode, body, err
}

// A noAgentError says that no agent answers at a socket.
type noAgentError struct {
	socket string
	err    error
}

func (e *noAgentError) Error() string {
	return fmt.Sprintf("the agent at %s does not respond: %v", e.socket, e.err)
}

func (e *noAgentError) Unwrap() error { return e.err }

// An agentError is why the agent has no token to give.
type agentError struct{ failure failure.Failure }

func (e *agentError) Error() string { return e.failure.Message }

// fromAgent asks the agent, if there is one, for a token of a session. It is nil without an
// error if this process has to see for itself.
func (p *program) fromAgent(ctx context.Context, client *agentClient, name string, need session.Need) (*renewal.Outcome, error) {
	if client == nil || need.Not != "" {
		return nil, nil
	}
	kind := "access_token"
	if need.IDToken {
		kind = "id_token"
	}
	query := url.Values{}
	if need.For > 0 {
		query.Set("valid_for", need.For.String())
	}
	if need.NoCache {
		query.Set("no_cache", "true")
	}
	if scopes := need.Target.Scopes; len(scopes) > 0 {
		query.Set("scope", strings.Join(scopes, " "))
	}
	query["resource"], query["audience"] = need.Target.Resources, need.Target.Audiences
	path := "/sessions/" + name + "/" + kind + "?" + query.Encode()
	status, body, err := client.patiently(ctx, http.MethodGet, path)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		p.Debug("%v", err)
		return nil, nil // it may have just ended: this process does without
	case status == http.StatusOK:
		return p.handedOut(client.socket, name, kind, need.Target, body)
	case status == http.StatusNotFound || status == http.StatusMisdirectedRequest:
		return nil, nil // it may have been made a moment ago, or is in another folder
	}
	return nil, refusedBy(client.socket, status, body)
}

// refusedBy is why the agent did not do what it was asked to.
func refusedBy(socket string, status int, body []byte) error {
	if status == http.StatusMisdirectedRequest {
		return failure.Config("the agent at %s has the sessions of another folder", socket).Try("OIDC_AGENT_SOCK names another agent's socket, and OIDC_SESSIONS the folder")
	}
	var doc struct {
		Error *failure.Failure `json:"error"`
	}
	if err := json.Unmarshal(body, &doc); err != nil || doc.Error == nil {
		return fmt.Errorf("the agent at %s answers with HTTP status %d", socket, status)
	}
	return &agentError{*doc.Error}
}

// handedOut is what the agent gave.
func (p *program) handedOut(socket, name, kind string, target session.Target, body []byte) (*renewal.Outcome, error) {
	var doc struct {
		Issuer      string    `json:"issuer"`
		TokenType   string    `json:"token_type"`
		AccessToken string    `json:"access_token"`
		IDToken     string    `json:"id_token"`
		Expires     time.Time `json:"expires_at"`
		Warning     string    `json:"warning"`
		Unverified  string    `json:"unverified"`

		Target session.Target `json:"target"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("the agent's answer cannot be read: %w", err)
	}
	if !doc.Target.Same(target) {
		return nil, failure.Config("the agent at %s is of an earlier version, which has no tokens for a part of a grant", socket).
			Try("`oidc-client agent stop`, then run it again")
	}
	s := &session.Session{
		Name: name, Grant: session.Grant{Issuer: doc.Issuer}, Tokens: session.Tokens{TokenType: doc.TokenType}, Unverified: doc.Unverified,
	}
	out := &renewal.Outcome{
		Session: s, Token: doc.AccessToken + doc.IDToken, TokenType: doc.TokenType, Expires: doc.Expires,
	}
	if doc.Warning != "" {
		out.Behind = errors.New(doc.Warning)
	}
	p.Learn(out.Token)
	p.Debug("the %s is from the agent", kind)
	return out, nil
}
