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
	sessions map[string]stored
	locks    map[string]chan struct{}
}

// stored is a session as text, so that nobody changes what is stored.
type stored struct {
	serial int64
	text   []byte
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
	there, ok := m.sessions[name]
	if !ok {
		return nil, ErrNoSession
	}
	s := &Session{}
	return s, json.Unmarshal(there.text, s)
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

// Reserve implements [Store].
func (m *Memory) Reserve(name string) (Reservation, error) {
	return memoryReservation{m}, CheckName(name)
}

// Delete implements [Store].
func (m *Memory) Delete(name string, serial int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	there, ok := m.sessions[name]
	switch {
	case !ok:
		return ErrNoSession
	case !admits(serial, there.serial):
		return ErrChanged
	}
	delete(m.sessions, name)
	return nil
}

type memoryReservation struct{ store *Memory }

func (r memoryReservation) Commit(s *Session, _ ...*Session) error {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	there := r.store.sessions[s.Name]
	if !admits(s.Serial, there.serial) {
		return ErrChanged
	}
	out := *s
	out.Serial = successor(there.serial)
	text, err := json.Marshal(&out)
	if err != nil {
		return err
	}
	if r.store.sessions == nil {
		r.store.sessions = map[string]stored{}
	}
	r.store.sessions[s.Name] = stored{out.Serial, text}
	s.Serial = out.Serial
	return nil
}

func (memoryReservation) Discard() error { return nil }
