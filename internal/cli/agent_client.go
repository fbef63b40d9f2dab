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
	"time"

	"github.com/oidc-client/oidc-client/internal/atonce"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

// An agentClient asks the agent at a socket for sessions of a folder; "" is any.
type agentClient struct {
	socket, folder string

	silent error // that it did not answer in time, which it is not given again
}

// quickly asks for what the agent has at hand. One that is stopped, as by Ctrl-Z, never answers.
func (c *agentClient) quickly(ctx context.Context, method, path string, content ...byte) (status int, body []byte, err error) {
	if c.silent != nil {
		return 0, nil, c.silent
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit.AgentAnswer, fmt.Errorf("it took longer than %s", limit.AgentAnswer))
	defer cancel()
	status, body, err = c.ask(ctx, method, path, content...)
	if ctx.Err() != nil {
		c.silent = err
	}
	return status, body, err
}

func (c *agentClient) ask(ctx context.Context, method, path string, content ...byte) (status int, body []byte, err error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", c.socket)
		},
	}}
	r, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, bytes.NewReader(content))
	if err != nil {
		return 0, nil, err
	}
	if c.folder != "" {
		r.Header.Set(atonce.FolderHeader, atonce.Mark(c.folder))
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
	return fmt.Sprintf("the agent at %s does not answer: %v", e.socket, e.err)
}

func (e *noAgentError) Unwrap() error { return e.err }

// An agentError is why the agent has no token to give.
type agentError struct{ failure transcript.Failure }

func (e *agentError) Error() string { return e.failure.Message }

// fromAgent asks the agent, if there is one, for a token of a session. It is nil without an
// error if this process has to see for itself.
func (p *program) fromAgent(ctx context.Context, name string, need session.Need) (*renewal.Outcome, error) {
	socket := atonce.Socket(p.env.Getenv)
	if socket == "" || need.Not != "" || atonce.Trusted(socket) != nil {
		return nil, nil //nolint:nilerr // no agent is no error
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
	path := "/sessions/" + name + "/" + kind + "?" + query.Encode()
	client := &agentClient{socket: socket, folder: atonce.Folder(p.env.Getenv)}
	if _, _, err := client.quickly(ctx, http.MethodGet, "/sessions"); err != nil && ctx.Err() == nil { // before a wait for what it has to ask for
		p.debug("%v", err)
		return nil, nil
	}
	status, body, err := client.ask(ctx, http.MethodGet, path)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		p.debug("%v", err)
		return nil, nil // it may have just ended: this process does without
	case status == http.StatusOK:
		return p.handedOut(name, kind, body)
	case status == http.StatusNotFound || status == http.StatusMisdirectedRequest:
		return nil, nil // it may have been made a moment ago, or is in another folder
	}
	return nil, refusedBy(socket, status, body)
}

// refusedBy is why the agent did not do what it was asked to.
func refusedBy(socket string, status int, body []byte) error {
	if status == http.StatusMisdirectedRequest {
		return misconfigured("the agent at %s has the sessions of another folder", socket).try("OIDC_AGENT_SOCK names another agent's socket, and OIDC_SESSIONS the folder")
	}
	var doc struct {
		Error *transcript.Failure `json:"error"`
	}
	if err := json.Unmarshal(body, &doc); err != nil || doc.Error == nil {
		return fmt.Errorf("the agent at %s answers with HTTP status %d", socket, status)
	}
	return &agentError{*doc.Error}
}

// handedOut is what the agent gave.
func (p *program) handedOut(name, kind string, body []byte) (*renewal.Outcome, error) {
	var doc struct {
		Issuer      string    `json:"issuer"`
		TokenType   string    `json:"token_type"`
		AccessToken string    `json:"access_token"`
		IDToken     string    `json:"id_token"`
		Expires     time.Time `json:"expires_at"`
		Warning     string    `json:"warning"`
		Unverified  string    `json:"unverified"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("the agent's answer cannot be read: %w", err)
	}
	s := &session.Session{
		Name: name, Grant: session.Grant{Issuer: doc.Issuer}, Tokens: session.Tokens{TokenType: doc.TokenType}, Unverified: doc.Unverified,
	}
	out := &renewal.Outcome{Session: s, Token: doc.AccessToken + doc.IDToken, Expires: doc.Expires}
	if doc.Warning != "" {
		out.Behind = errors.New(doc.Warning)
	}
	p.redactor.Learn(out.Token)
	p.debug("the %s is from the agent", kind)
	return out, nil
}
