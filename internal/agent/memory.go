// Sessions that are in the agent's memory only.

package agent

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/session"
)

// public is a session without what renews it, and without what the provider sent if that
// may be anything.
func public(s *session.Session) *session.Session {
	shown := *s
	shown.Secret, shown.Sealed = nil, nil
	shown.Access = slices.Clone(s.Access)
	for i, t := range shown.Access {
		if t.Withheld != "" {
			shown.Access[i].Token = ""
		}
	}
	if s.Withheld != "" {
		shown.Access = nil
		shown.Held = ""
		shown.Tokens = session.Tokens{Expires: s.Tokens.Expires, IDTokenExpires: s.Tokens.IDTokenExpires}
	}
	return &shown
}

// serveSessions lists the names of the sessions in memory.
func (a *Agent) serveSessions(w http.ResponseWriter, _ *http.Request) {
	names := []string{}
	if a.Memory != nil {
		there, _ := a.Memory.Names() // memory does not fail
		names = append(names, there...)
	}
	writeJSON(w, http.StatusOK, names)
}

// serveSession shows a session in memory.
func (a *Agent) serveSession(w http.ResponseWriter, r *http.Request) {
	if s := a.inMemory(w, r); s != nil {
		writeJSON(w, http.StatusOK, public(s))
	}
}

// servePut takes a session into memory, if its serial is that of the one which is there. One that
// was stored by an earlier version has none, and replaces whatever is there.
func (a *Agent) servePut(w http.ResponseWriter, r *http.Request) {
	if a.Memory == nil {
		http.NotFound(w, r)
		return
	}
	s, err := readSession(http.MaxBytesReader(w, r.Body, limit.Session))
	if err != nil || s.Name != r.PathValue("name") {
		http.Error(w, "not a session", http.StatusBadRequest)
		return
	}
	if s.Serial < 0 {
		s.Serial = session.Any
	}
	if err := session.Save(a.Memory, s); err != nil {
		a.refuse(w, r, err)
		return
	}
	a.unread.Store(true)
	w.Header().Set(serialHeader, strconv.FormatInt(s.Serial, 10))
	w.WriteHeader(http.StatusNoContent)
}

// serialHeader is the field that says which serial a session was given.
const serialHeader = "Session-Serial"

// readSession reads a session with what renews it.
func readSession(body io.Reader) (*session.Session, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	s, err := session.Decode(data)
	if err == nil && (session.CheckName(s.Name) != nil || s.Secret == nil || s.Grant.Issuer == "") {
		err = errors.New("something is missing in the session")
	}
	return s, err
}

// inMemory finds the session that a request is about; nil means that it was answered.
func (a *Agent) inMemory(w http.ResponseWriter, r *http.Request) *session.Session {
	var s *session.Session
	err := session.ErrNoSession
	if a.Memory != nil {
		s, err = a.Memory.Load(r.PathValue("name"))
	}
	if err != nil {
		a.refuse(w, r, err)
		return nil
	}
	return s
}

func (a *Agent) serveDelete(w http.ResponseWriter, r *http.Request) {
	s := a.inMemory(w, r)
	if s == nil {
		return
	}
	if err := session.Delete(r.Context(), a.Memory, s.Name); err != nil {
		a.refuse(w, r, err)
		return
	}
	a.unread.Store(true)
	w.WriteHeader(http.StatusNoContent)
}

func (a *Agent) serveRefresh(w http.ResponseWriter, r *http.Request) {
	s := a.inMemory(w, r)
	if s == nil {
		return
	}
	need := wanted(r)
	need.Not = s.Tokens.AccessToken
	out, err := a.Renew(r.Context(), s.Name, need)
	a.note(s, err)
	a.unread.Store(true)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, public(out.Session))
}

// serveLogout revokes and forgets. What could not be revoked is kept.
func (a *Agent) serveLogout(w http.ResponseWriter, r *http.Request) {
	s := a.inMemory(w, r)
	if s == nil {
		return
	}
	unlock, err := session.Hold(r.Context(), a.Memory, s.Name)
	if err == nil {
		defer unlock()
		if s, err = a.Memory.Load(s.Name); err == nil {
			err = a.LogOut(r.Context(), s)
		}
	}
	if err == nil {
		err = a.Memory.Delete(s.Name, s.Serial)
	}
	a.unread.Store(true)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
