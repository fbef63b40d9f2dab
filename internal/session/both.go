// Two stores as one.

package session

import (
	"context"
	"errors"
	"slices"
)

// Both is a store of two: what First has is there, and all else in Second. What Second has can
// be used also while First fails.
type Both struct {
	First, Second Store

	// Missing is called with the error of First, if only Second is used because of it. nil does
	// nothing.
	Missing func(error)
}

// of is the store that a session is in.
func (b Both) of(name string) Store {
	_, err := b.First.Load(name)
	if err == nil {
		return b.First
	}
	if !errors.Is(err, ErrNoSession) {
		if _, second := b.Second.Load(name); errors.Is(second, ErrNoSession) {
			return b.First // which may have it
		}
		b.missing(err)
	}
	return b.Second
}

func (b Both) missing(err error) {
	if b.Missing != nil {
		b.Missing(err)
	}
}

// Names implements [Store].
func (b Both) Names() ([]string, error) {
	first, firstErr := b.First.Names()
	second, secondErr := b.Second.Names()
	if firstErr != nil && len(second) > 0 {
		b.missing(firstErr)
		firstErr = nil
	}
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
func (b Both) Delete(name string, serial int64) error { return b.of(name).Delete(name, serial) }
