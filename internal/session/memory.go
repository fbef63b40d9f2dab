// The store in memory: sessions that end with the process.

package session

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
)

// Memory is a store in memory. The zero value is empty and ready.
type Memory struct {
	mu       sync.Mutex
	sessions map[string][]byte
	locks    map[string]chan struct{}
	writing  sync.Mutex // held by IfUnchanged
}

// Names implements [Store].
func (m *Memory) Names() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.sessions)), nil
}

// Load implements [Store].
func (m *Memory) Load(name string) (*Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.sessions[name]
	if !ok {
		return nil, ErrNoSession
	}
	s := &Session{}
	return s, json.Unmarshal(data, s)
}

// Open implements [Store]: nothing is sealed.
func (m *Memory) Open(context.Context, *Session) error { return nil }

// Lock implements [Store].
func (m *Memory) Lock(ctx context.Context, name string, waiting func() bool) (func(), error) {
	lock := m.lock(name)
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	default:
	}
	if waiting() {
		return nil, nil
	}
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (m *Memory) lock(name string) chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks == nil {
		m.locks = map[string]chan struct{}{}
	}
	if m.locks[name] == nil {
		m.locks[name] = make(chan struct{}, 1)
	}
	return m.locks[name]
}

// IfUnchanged implements [Store].
func (m *Memory) IfUnchanged(s *Session, write func() error) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	now, err := m.Load(s.Name)
	return ifUnchanged(s, now, err, write)
}

// Reserve implements [Store].
func (m *Memory) Reserve(name string) (Reservation, error) {
	return memoryReservation{m}, CheckName(name)
}

// Delete implements [Store].
func (m *Memory) Delete(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.sessions[name]; !ok {
		return ErrNoSession
	}
	delete(m.sessions, name)
	return nil
}

type memoryReservation struct{ store *Memory }

// Commit keeps the session as text, so that nobody changes what is stored.
func (r memoryReservation) Commit(s *Session, _ ...*Session) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	if r.store.sessions == nil {
		r.store.sessions = map[string][]byte{}
	}
	r.store.sessions[s.Name] = data
	return nil
}

func (memoryReservation) Discard() error { return nil }
