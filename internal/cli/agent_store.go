// The store of the agent: sessions that are in its memory only.

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"syscall"

	"github.com/oidc-client/oidc-client/internal/session"
)

// An agentStore is the memory of an agent. What renews a session goes in, and never comes
// out: the agent renews it, and logs it out.
type agentStore struct{ client *agentClient }

// all are the sessions there: none, if the agent has ended and left its socket behind, or
// is another folder's.
func (a agentStore) all() ([]*session.Session, error) {
	status, body, err := a.client.ask(context.Background(), http.MethodGet, "/sessions")
	if errors.Is(err, syscall.ECONNREFUSED) || status == http.StatusMisdirectedRequest {
		return nil, nil
	}
	if err == nil && status != http.StatusOK {
		err = refusedBy(a.client.socket, status, body)
	}
	var list []*session.Session
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	return list, err
}

// Names implements [session.Store].
func (a agentStore) Names() ([]string, error) {
	list, err := a.all()
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
	}
	return names, err
}

// Load implements [session.Store].
func (a agentStore) Load(name string) (*session.Session, error) {
	list, err := a.all()
	for _, s := range list {
		if s.Name == name {
			return s, nil
		}
	}
	return nil, errors.Join(err, session.ErrNoSession)
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
	status, _, err := a.client.ask(context.Background(), http.MethodGet, "/health") // it is there
	if status == http.StatusMisdirectedRequest {
		err = refusedBy(a.client.socket, status, nil)
	}
	return agentReservation(a), err
}

// Delete implements [session.Store].
func (a agentStore) Delete(name string) error {
	return a.client.done(context.Background(), http.MethodDelete, "/sessions/"+name)
}

// logOut has the agent revoke the tokens of a session and forget it.
func (a agentStore) logOut(ctx context.Context, name string) error {
	return a.client.done(ctx, http.MethodPost, "/sessions/"+name+"/logout")
}

// refresh has the agent renew a session.
func (a agentStore) refresh(ctx context.Context, name string, retry bool) (*session.Session, error) {
	path := "/sessions/" + name + "/refresh"
	if retry {
		path += "?retry=true"
	}
	status, body, err := a.client.ask(ctx, http.MethodPost, path)
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
	status, body, err := c.ask(ctx, method, path, content...)
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

func (r agentReservation) Commit(s *session.Session) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return r.client.done(context.Background(), http.MethodPut, "/sessions/"+s.Name, data...)
}

func (agentReservation) Discard() error { return nil }
