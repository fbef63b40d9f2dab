// The client as the keeper of the sessions in the agent's memory.

package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/session"
)

// A tokenDocument is a token as the agent gives it.
type tokenDocument struct {
	Session     string          `json:"session"`
	Issuer      string          `json:"issuer"`
	AccessToken string          `json:"access_token,omitempty"`
	IDToken     string          `json:"id_token,omitempty"`
	TokenType   string          `json:"token_type"`
	Expires     time.Time       `json:"expires_at,omitzero"`
	Target      *session.Target `json:"target,omitempty"` // what it is for, if for a part of the grant
	Warning     string          `json:"warning,omitempty"`
	Unverified  string          `json:"unverified,omitempty"`
	Narrowed    string          `json:"narrowed,omitempty"`
}

// notHeader is the field that says which token will not do.
const notHeader = "Not-Token"

// Token implements [session.Keeper], also for sessions that the agent only serves.
func (c *Client) Token(ctx context.Context, name string, need session.Need) (*session.Token, error) {
	kind := "access_token"
	if need.IDToken {
		kind = "id_token"
	}
	path := "/sessions/" + name + "/" + kind + "?" + query(need).Encode()
	q := request{method: http.MethodGet, path: path, header: http.Header{}}
	if need.Not != "" {
		q.header.Set(notHeader, need.Not)
	}
	r, err := c.patiently(ctx, q)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, unreachable(err)
	case r.status == http.StatusNotFound || r.status == http.StatusMisdirectedRequest:
		return nil, session.ErrNoSession // it may have been made a moment ago, or is in another folder
	case r.status != http.StatusOK:
		return nil, c.refused(r)
	}
	return c.given(name, need, r.body)
}

// unreachable makes sure that an error says that the agent does not respond as it should.
func unreachable(err error) error {
	if errors.Is(err, session.ErrUnreachable) {
		return err
	}
	return fmt.Errorf("%w: %w", session.ErrUnreachable, err)
}

// query says what is needed of a session.
func query(need session.Need) url.Values {
	q := url.Values{"resource": need.Target.Resources, "audience": need.Target.Audiences}
	if need.For > 0 {
		q.Set("valid_for", need.For.String())
	}
	if need.NoCache {
		q.Set("no_cache", "true")
	}
	if need.Retry {
		q.Set("retry", "true")
	}
	if len(need.Target.Scopes) > 0 {
		q.Set("scope", strings.Join(need.Target.Scopes, " "))
	}
	return q
}

// given reads the token that the agent gave.
func (c *Client) given(name string, need session.Need, body []byte) (*session.Token, error) {
	var doc tokenDocument
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("the agent's answer cannot be read: %w", err)
	}
	if target := cmp.Or(doc.Target, &session.Target{}); !target.Same(need.Target) {
		const why = "the agent at %s is of an earlier version, which has no tokens for a part of a grant"
		return nil, failure.Config(why, c.Socket).
			Try("`oidc-client agent stop`, then run it again")
	}
	t := &session.Token{
		Session: name, Issuer: doc.Issuer,
		Value: doc.AccessToken + doc.IDToken, Type: doc.TokenType, Expires: doc.Expires,
		Unverified: doc.Unverified, Narrowed: doc.Narrowed, From: "the agent",
	}
	if doc.Warning != "" {
		t.Behind = errors.New(doc.Warning)
	}
	return t, nil
}

// read reads what the agent has at a path. It has nothing if it has ended and left its socket
// behind, or is another folder's: then the error is [session.ErrNoSession].
func (c *Client) read(path string) ([]byte, error) {
	r, err := c.get(context.Background(), path)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, os.ErrNotExist):
		return nil, session.ErrNoSession
	case err != nil:
		return nil, err
	case r.status == http.StatusMisdirectedRequest || r.status == http.StatusNotFound:
		return nil, session.ErrNoSession
	case r.status != http.StatusOK:
		return nil, c.refused(r)
	}
	return r.body, nil
}

// Names implements [session.Keeper].
func (c *Client) Names() (names []string, err error) {
	body, err := c.read("/sessions")
	if errors.Is(err, session.ErrNoSession) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return names, json.Unmarshal(body, &names)
}

// load returns a session in the agent's memory, without what renews it.
func (c *Client) load(name string) (*session.Session, error) {
	if err := session.CheckName(name); err != nil {
		return nil, err
	}
	body, err := c.read("/sessions/" + name)
	if err != nil {
		return nil, err
	}
	return session.Decode(body)
}

// View implements [session.Keeper].
func (c *Client) View(name string) (*session.View, error) {
	s, err := c.load(name)
	if err != nil {
		return nil, err
	}
	return inMemory(s), nil
}

func inMemory(s *session.Session) *session.View {
	return &session.View{Session: s, State: s.State(time.Now()), InMemory: true}
}

// Refresh implements [session.Keeper].
func (c *Client) Refresh(ctx context.Context, name string, need session.Need) (*session.View, error) {
	need = session.Need{Retry: need.Retry, NoCache: need.NoCache}
	path := "/sessions/" + name + "/refresh?" + query(need).Encode()
	r, err := c.patiently(ctx, request{method: http.MethodPost, path: path})
	if err != nil {
		return nil, err
	}
	if r.status != http.StatusOK {
		return nil, c.refused(r)
	}
	s, err := session.Decode(r.body)
	if err != nil {
		return nil, err
	}
	return inMemory(s), nil
}

// Logout implements [session.Keeper].
func (c *Client) Logout(ctx context.Context, name string) error {
	_, err := done(ctx, c, c.patiently, request{method: http.MethodPost, path: "/sessions/" + name + "/logout"})
	return err
}

// Delete implements [session.Keeper].
func (c *Client) Delete(ctx context.Context, name string) error {
	_, err := done(ctx, c, c.quickly, request{method: http.MethodDelete, path: "/sessions/" + name})
	return err
}

// Put implements [session.Keeper].
func (c *Client) Put(ctx context.Context, s *session.Session) error {
	s.Serial = cmp.Or(s.Serial, session.Any)
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	r, err := done(ctx, c, c.quickly, request{method: http.MethodPut, path: "/sessions/" + s.Name, content: data})
	if err != nil {
		return err
	}
	serial, err := strconv.ParseInt(r.header.Get(serialHeader), 10, 64)
	if err == nil { // an earlier agent does not say
		s.Serial = serial
	}
	return nil
}

// done asks for something that has no response but that it was done.
func done(
	ctx context.Context, c *Client, ask func(context.Context, request) (*response, error), q request,
) (*response, error) {
	r, err := ask(ctx, q)
	switch {
	case err != nil:
		return nil, err
	case r.status == http.StatusNotFound:
		return nil, session.ErrNoSession
	case r.status != http.StatusNoContent:
		return nil, c.refused(r)
	}
	return r, nil
}

// Health asks the agent how it is: a JSON document, and whether all is well.
func (c *Client) Health(ctx context.Context) (body []byte, well bool, err error) {
	r, err := c.get(ctx, "/health")
	if err != nil {
		return nil, false, err
	}
	return r.body, r.status == http.StatusOK, nil
}

// Stop tells the agent to end.
func (c *Client) Stop(ctx context.Context) error {
	_, err := c.quickly(ctx, request{method: http.MethodPost, path: "/stop"})
	return err
}

// A Store is the memory of an agent as the place for new sessions (--save): what renews them goes
// in, and does not come out.
type Store struct{ Client *Client }

// Names implements [session.Store].
func (a Store) Names() ([]string, error) { return a.Client.Names() }

// Load implements [session.Store].
func (a Store) Load(name string) (*session.Session, error) { return a.Client.load(name) }

// Open implements [session.Store].
func (a Store) Open(context.Context, *session.Session) error {
	return errors.New("what renews this session is with the agent, and never leaves it")
}

// Lock implements [session.Store]: the agent has the lock.
func (a Store) Lock(context.Context, string, func() bool) (func(), error) { return func() {}, nil }

// Reserve implements [session.Store].
func (a Store) Reserve(name string) (session.Reservation, error) {
	if err := session.CheckName(name); err != nil {
		return nil, err
	}
	r, err := a.Client.get(context.Background(), "/health") // it is there
	if err == nil && r.status == http.StatusMisdirectedRequest {
		err = a.Client.refused(r)
	}
	return storeReservation{a.Client}, err
}

// Delete implements [session.Store].
func (a Store) Delete(name string, _ int64) error { return a.Client.Delete(context.Background(), name) }

// A storeReservation is a session that is about to be given to the agent.
type storeReservation struct{ client *Client }

func (r storeReservation) Commit(s *session.Session, _ ...*session.Session) error {
	return r.client.Put(context.Background(), s)
}

func (storeReservation) Discard() error { return nil }
