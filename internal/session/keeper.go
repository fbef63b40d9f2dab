// Keepers: whoever has sessions, and gives tokens of them.

package session

import (
	"context"
	"errors"
	"slices"
	"time"
)

// A Keeper has sessions and gives tokens of them. What renews a session goes in, and does not come
// out. Its errors are [ErrNoSession] if there is no session of a name, and [ErrUnreachable] if the
// keeper does not respond.
type Keeper interface {
	// Names lists the sessions, sorted.
	Names() ([]string, error)

	// View returns what is known of a session.
	View(name string) (*View, error)

	// Token returns a token of a session, and renews the session if need be. With an error it may
	// return what is known of the token, or nil.
	Token(ctx context.Context, name string, need Need) (*Token, error)

	// Refresh renews a session, whether its tokens are fresh or not. The target of need is not
	// looked at.
	Refresh(ctx context.Context, name string, need Need) (*View, error)

	// Logout revokes the tokens of a session and forgets it. What could not be revoked is kept.
	Logout(ctx context.Context, name string) error

	// Put stores a session, as [Save] does.
	Put(ctx context.Context, s *Session) error

	// Delete forgets a session.
	Delete(ctx context.Context, name string) error
}

// ErrUnreachable says that a keeper does not respond. What it has is not known.
var ErrUnreachable = errors.New("it does not respond")

// A View is what is known of a session, without what renews it.
type View struct {
	*Session // its Secret and Sealed are nil

	State    State
	Sealed   bool   // what renews it is encrypted
	InMemory bool   // it is in the memory of the agent, and nowhere else
	File     string // where it is stored, "" if in no file
}

// A Token is one that a keeper gives.
type Token struct {
	Session    string // its name
	Issuer     string
	Value      string
	Type       string    // of an access token, such as Bearer
	Received   time.Time // zero if nobody knows
	Expires    time.Time // likewise
	Unverified string    // why the ID Token counts as not verified, "" if it is
	Narrowed   string    // as [Session.Narrowed], if it was found out now
	From       string    // who gave it, "" if this process got it
	Behind     error     // why the token, which is about to expire, could not be renewed
}

// A Pair is a keeper of two. A session is with First if that has it, else with Second; what Second
// has can be used also while First does not respond. First may give tokens of the sessions of
// Second.
type Pair struct {
	First, Second Keeper

	// Missing is called with the error of First, if only Second is used because of it.
	Missing func(error)
}

// of is the keeper that a session is with.
func (p Pair) of(name string) Keeper {
	_, err := p.First.View(name)
	if err == nil {
		return p.First
	}
	if !errors.Is(err, ErrNoSession) {
		if _, second := p.Second.View(name); errors.Is(second, ErrNoSession) {
			return p.First // which may have it
		}
		p.Missing(err)
	}
	return p.Second
}

// Names implements [Keeper].
func (p Pair) Names() ([]string, error) {
	first, firstErr := p.First.Names()
	second, secondErr := p.Second.Names()
	if firstErr != nil && len(second) > 0 {
		p.Missing(firstErr)
		firstErr = nil
	}
	all := slices.Concat(first, second)
	slices.Sort(all)
	return slices.Compact(all), errors.Join(firstErr, secondErr)
}

// View implements [Keeper].
func (p Pair) View(name string) (*View, error) { return p.of(name).View(name) }

// Token implements [Keeper].
func (p Pair) Token(ctx context.Context, name string, need Need) (*Token, error) {
	if need.Not == "" && !need.Retry {
		t, err := p.First.Token(ctx, name, need)
		if !errors.Is(err, ErrNoSession) && !errors.Is(err, ErrUnreachable) {
			return t, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return p.of(name).Token(ctx, name, need)
}

// Refresh implements [Keeper].
func (p Pair) Refresh(ctx context.Context, name string, need Need) (*View, error) {
	return p.of(name).Refresh(ctx, name, need)
}

// Logout implements [Keeper].
func (p Pair) Logout(ctx context.Context, name string) error { return p.of(name).Logout(ctx, name) }

// Put implements [Keeper].
func (p Pair) Put(ctx context.Context, s *Session) error { return p.of(s.Name).Put(ctx, s) }

// Delete implements [Keeper].
func (p Pair) Delete(ctx context.Context, name string) error { return p.of(name).Delete(ctx, name) }
