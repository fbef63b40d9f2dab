// Two stores as one.

package session

import (
	"context"
	"errors"
	"slices"
)

// Both is a store of two: what First has is there, and all else in Second.
type Both struct{ First, Second Store }

// of is the store that a session is in.
func (b Both) of(name string) Store {
	if _, err := b.First.Load(name); errors.Is(err, ErrNoSession) {
		return b.Second
	}
	return b.First
}

// Names implements [Store].
func (b Both) Names() ([]string, error) {
	first, firstErr := b.First.Names()
	second, secondErr := b.Second.Names()
	all := slices.Concat(first, second)
	slices.Sort(all)
	return slices.Compact(all), errors.Join(firstErr, secondErr)
}

// Load implements [Store].
func (b Both) Load(name string) (*Session, error) { return b.of(name).Load(name) }

// Open implements [Store].
func (b Both) Open(ctx context.Context, s *Session) error { return b.of(s.Name).Open(ctx, s) }

// Lock implements [Store].
func (b Both) Lock(ctx context.Context, name string, waiting func() bool) (func(), error) {
	return b.of(name).Lock(ctx, name, waiting)
}

// Reserve implements [Store].
func (b Both) Reserve(name string) (Reservation, error) { return b.of(name).Reserve(name) }

// Delete implements [Store].
func (b Both) Delete(name string) error { return b.of(name).Delete(name) }
