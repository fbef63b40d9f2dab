// The store of the agent: sessions that are in its memory only.

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"syscall"

	"github.com/oidc-client/oidc-client/internal/session"
)

// An agentStore is the memory of an agent. What renews a session goes in, and never comes
// out: the agent renews it, and logs it out.
type agentStore struct{ client *agentClient }

// get reads what the agent has at a path. It has nothing if it has ended and left its socket
// behind, or is another folder's: then there is no error either.
func (a agentStore) get(path string, into any) (there bool, err error) {
	status, body, err := a.client.quickly(context.Background(), http.MethodGet, path)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, os.ErrNotExist), err == nil && (status == http.StatusMisdirectedRequest || status == http.StatusNotFound):
		return false, nil
	case err != nil:
		return false, err
	case status != http.StatusOK:
		return false, refusedBy(a.client.socket, status, body)
	}
	return true, json.Unmarshal(body, into)
}

// Names implements [session.Store].
func (a agentStore) Names() (names []string, err error) {
	_, err = a.get("/sessions", &names)
	return names, err
}

// Load implements [session.Store].
func (a agentStore) Load(name string) (*session.Session, error) {
	if err := session.CheckName(name); err != nil {
		return nil, err
	}
	s := &session.Session{}
	there, err := a.get("/sessions/"+name, s)
	if err == nil && !there {
		err = session.ErrNoSession
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Open implements [session.Store].
func (a agentStore) Open(context.Context, *session.Session) error { return errInAgent }

var errInAgent = errors.New("what renews this session is with the agent, and never leaves it")

// Lock implements [session.Store]: the agent has the lock.
func (a agentStore) Lock(context.Context, string, func() bool) (func(), error) {
	return func() {}, nil
}

// Reserve implements [session.Store].
func (a agentStore) Reserve(name string) (session.Reservation, error) {
	if err := session.CheckName(name); err != nil {
		return nil, err
	}
	status, _, err := a.client.quickly(context.Background(), http.MethodGet, "/health") // it is there
	if status == http.StatusMisdirectedRequest {
		err = refusedBy(a.client.socket, status, nil)
	}
	return agentReservation(a), err
}

// Delete implements [session.Store].
func (a agentStore) Delete(name string, _ int64) error {
	return a.client.done(context.Background(), http.MethodDelete, "/sessions/"+name)
}

// logOut has the agent revoke the tokens of a session and forget it.
func (a agentStore) logOut(ctx context.Context, name string) error {
	return a.client.done(ctx, http.MethodPost, "/sessions/"+name+"/logout")
}

// refresh has the agent renew a session.
func (a agentStore) refresh(ctx context.Context, name string, retry, noCache bool) (*session.Session, error) {
	query := url.Values{}
	if retry {
		query.Set("retry", "true")
	}
	if noCache {
		query.Set("no_cache", "true")
	}
	status, body, err := a.client.patiently(ctx, http.MethodPost, "/sessions/"+name+"/refresh?"+query.Encode())
	if err == nil && status != http.StatusOK {
		err = refusedBy(a.client.socket, status, body)
	}
	s := &session.Session{}
	if err == nil {
		err = json.Unmarshal(body, s)
	}
	return s, err
}

// done asks for something that has no answer but that it was done.
func (c *agentClient) done(ctx context.Context, method, path string, content ...byte) error {
	var status int
	var body []byte
	var err error
	if method == http.MethodPost { // which the provider has to be asked for
		status, body, err = c.patiently(ctx, method, path)
	} else {
		status, body, err = c.quickly(ctx, method, path, content...)
	}
	switch {
	case err != nil:
		return err
	case status == http.StatusNotFound:
		return session.ErrNoSession
	case status != http.StatusNoContent:
		return refusedBy(c.socket, status, body)
	}
	return nil
}

// An agentReservation is a session that is about to be given to the agent.
type agentReservation struct{ client *agentClient }

func (r agentReservation) Commit(s *session.Session, _ ...*session.Session) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return r.client.done(context.Background(), http.MethodPut, "/sessions/"+s.Name, data...)
}

func (agentReservation) Discard() error { return nil }
