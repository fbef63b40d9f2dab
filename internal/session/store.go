// Where sessions are kept.

package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// A Store keeps sessions by name. It is safe for concurrent use, also by several
// processes where it outlives one.
type Store interface {
	// Names lists the sessions, sorted.
	Names() ([]string, error)

	// Load returns a session, its Secret possibly sealed. It takes no lock. The error is
	// [ErrNoSession] if there is none, and a [*BrokenError] if it cannot be read.
	Load(name string) (*Session, error)

	// Open opens the Secret of a session.
	Open(ctx context.Context, s *Session) error

	// Lock takes the session, which need not be there, for whoever is going to change it, and
	// returns what gives it back. The lock ends with its holder. waiting is called now and then while another holds
	// it; once it returns true the wait is over, without the lock and without an error.
	Lock(ctx context.Context, name string, waiting func() bool) (unlock func(), err error)

	// Reserve makes sure that a session can be written, with all that could fail before
	// there is something to write.
	Reserve(name string) (Reservation, error)

	// Delete forgets a session, if what is stored has this serial or it is [Any]. Otherwise the
	// error is [ErrChanged].
	Delete(name string, serial int64) error
}

// Any as a serial stands for whatever is stored, also if nothing is, or what nobody can read.
const Any int64 = math.MinInt64

// A Reservation is a session that is about to be written. Exactly one of its methods is
// called.
//
// Each write is conditional. The Serial of the session that is written is the one that was read,
// and it has to be what is stored: 0 if nothing must be, [Any] if it does not matter. The write
// gives the session a Serial that is higher than any that it has had, in the store and in s. Of
// many processes that have read the same session one can write it.
type Reservation interface {
	// Commit stores the session. When it returns nil it survives a crash of the machine. The
	// error is [ErrChanged], and nothing is stored, if the session is not as it was read. If
	// only less of the session could be stored instead, the error is a [*PartError]. Any other
	// error leaves open whether the session was stored.
	Commit(s *Session, less ...*Session) error

	// Discard leaves the store as it is.
	Discard() error
}

// ErrNoSession says that there is no session of a name.
var ErrNoSession = errors.New("there is no such session")

// A BrokenError says that what is stored cannot be read as a session.
type BrokenError struct {
	Path string
	Err  error
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("%s cannot be read as a session: %v", e.Path, e.Err)
}

func (e *BrokenError) Unwrap() error { return e.Err }

// A LaterError says that a session was stored by a later version of the program, which changed how
// sessions are stored.
type LaterError struct{ Schema int }

func (e *LaterError) Error() string {
	return fmt.Sprintf("a later version of oidc-client wrote it (schema %d; this version reads schemas up to %d)",
		e.Schema, Schema)
}

// A PartError says that of a session with new tokens only what renews it could be stored, and why.
type PartError struct{ Err error }

func (e *PartError) Error() string {
	return "only the refresh token could be stored: " + e.Err.Error()
}

func (e *PartError) Unwrap() error { return e.Err }

// A SealError says that the key of a store cannot be had.
type SealError struct{ Err error }

func (e *SealError) Error() string { return "the keyring: " + e.Err.Error() }

func (e *SealError) Unwrap() error { return e.Err }

// CheckName says what is wrong with the name of a session. Names are names of files, also
// where case does not count there, and arguments of commands.
func CheckName(name string) error {
	odd := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("._-", c)
	}
	if name == "" || len(name) > 64 || strings.ContainsFunc(name, odd) || strings.ContainsRune("._-", rune(name[0])) {
		return errors.New("the name of a session is of the characters a-z 0-9 . _ -, 64 at most, and begins with a " +
			"letter or digit")
	}
	return nil
}

// A WaitError says that the wait for another process, which has a session, ended without
// it. Nothing was sent.
type WaitError struct {
	Name string
	Err  error
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("waiting for another process that renews session %s: %v", e.Name, e.Err)
}

func (e *WaitError) Unwrap() error { return e.Err }

// Wait locks a session as [Store].Lock does, and waits for [limit.SessionLock] at most. The
// error of a wait that ended is a [*WaitError].
func Wait(ctx context.Context, store Store, name string, waiting func() bool) (unlock func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit.SessionLock,
		fmt.Errorf("it took longer than %s", limit.SessionLock))
	defer cancel()
	unlock, err = store.Lock(ctx, name, waiting)
	if err != nil && ctx.Err() != nil {
		err = &WaitError{name, err}
	}
	return unlock, err
}

// Hold locks a session that is about to be changed, and waits for whoever renews it.
func Hold(ctx context.Context, store Store, name string) (unlock func(), err error) {
	return Wait(ctx, store, name, func() bool { return false })
}

// StateOf is the state of a session in a store. A refresh that was begun may still be under
// way.
func StateOf(store Store, s *Session, now time.Time) State {
	state := s.State(now)
	if state != Spent || s.Claim.Why != "" {
		return state
	}
	unlock, err := store.Lock(context.Background(), s.Name, func() bool { return true })
	if unlock == nil && err == nil {
		return Renewing
	}
	if err == nil {
		unlock()
	}
	return state
}

// Save stores a session, which need not be there. One that was not read from the store replaces
// whatever is there.
func Save(store Store, s *Session) error {
	unlock, err := Hold(context.Background(), store, s.Name)
	if err != nil {
		return err
	}
	defer unlock()
	s.Serial = cmp.Or(s.Serial, Any)
	return Write(store, s)
}

// SaveTokens is [Save] for a session that has new tokens, which it stores as [Keep] does.
func SaveTokens(store Store, room Reservation, s *Session) error {
	unlock, err := Hold(context.Background(), store, s.Name)
	if err != nil {
		if room != nil {
			_ = room.Discard() // a temporary file that stays behind holds nothing
		}
		return err
	}
	defer unlock()
	s.Serial = cmp.Or(s.Serial, Any)
	return Keep(store, room, s)
}

// Delete forgets a session.
func Delete(ctx context.Context, store Store, name string) error {
	unlock, err := Hold(ctx, store, name)
	if err != nil {
		return err
	}
	defer unlock()
	return store.Delete(name, Any)
}

// ErrChanged says that a session is not as it was read any more.
var ErrChanged = errors.New("the session was changed by another process")

// Write stores a session that was read before, unless it was changed since: then the error is
// [ErrChanged].
func Write(store Store, s *Session) error {
	r, err := store.Reserve(s.Name)
	if err != nil {
		return err
	}
	return r.Commit(s)
}

// Keep is [Write] for a session that has new tokens: into room, which was reserved for it, or, if
// that is nil or fails, anew. If there is no room for all of it, what renews it is stored, and the
// error is a [*PartError].
func Keep(store Store, room Reservation, s *Session) error {
	if room != nil {
		err := room.Commit(s, s.less()...)
		if err == nil || errors.Is(err, ErrChanged) || errors.As(err, new(*PartError)) {
			return err
		}
	}
	room, err := store.Reserve(s.Name)
	if err != nil {
		return err
	}
	return room.Commit(s, s.less()...)
}

// admits reports whether a session with one serial may take the place of what has the other, 0 if
// that is nothing.
func admits(serial, stored int64) bool { return serial == Any || serial == stored }

// successor is the serial that follows another. It is a time at least, so that a session that is
// made anew never has the serial of one that was deleted.
func successor(stored int64) int64 { return max(stored+1, time.Now().UnixMicro()) }
