package session

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// A keep is a keeper of the test's: a store, whose sessions are never renewed.
type keep struct {
	store Store
	name  string // of the keeper
	err   error  // that it does not respond
	asked []string
}

func (k *keep) Names() ([]string, error) {
	if k.err != nil {
		return nil, k.err
	}
	return k.store.Names()
}

func (k *keep) View(name string) (*View, error) {
	if k.err != nil {
		return nil, k.err
	}
	s, err := k.store.Load(name)
	return &View{Session: s}, err
}

func (k *keep) Token(_ context.Context, name string, _ Need) (*Token, error) {
	k.asked = append(k.asked, "token")
	if _, err := k.View(name); err != nil {
		return nil, err
	}
	return &Token{Session: name, Value: "of " + k.name}, nil
}

func (k *keep) Refresh(_ context.Context, name string, _ Need) (*View, error) {
	k.asked = append(k.asked, "refresh")
	return k.View(name)
}

func (k *keep) Logout(context.Context, string) error {
	k.asked = append(k.asked, "logout")
	return k.err
}

func (k *keep) Put(_ context.Context, s *Session) error {
	return errors.Join(k.err, Save(k.store, s))
}

func (k *keep) Delete(ctx context.Context, name string) error {
	return errors.Join(k.err, Delete(ctx, k.store, name))
}

func pair(t *testing.T) (p Pair, first, second *keep, told *int) {
	t.Helper()
	first, second = &keep{store: &Memory{}, name: "first"}, &keep{store: &Memory{}, name: "second"}
	told = new(int)
	p = Pair{First: first, Second: second, Missing: func(error) { *told++ }}
	for name, k := range map[string]*keep{"work": first, "home": second} {
		s := good()
		s.Name = name
		if err := k.Put(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return p, first, second, told
}

// Whoever has a session answers for it. The first is asked for each token, and for no more.
func TestPair(t *testing.T) {
	t.Parallel()
	p, first, second, told := pair(t)
	ctx := t.Context()
	if names, err := p.Names(); err != nil || !slices.Equal(names, []string{"home", "work"}) {
		t.Errorf("%v, %v", names, err)
	}
	for name, want := range map[string]string{"work": "of first", "home": "of second"} {
		for _, need := range []Need{{}, {Not: "x"}, {Retry: true}} {
			if got, err := p.Token(ctx, name, need); err != nil || got.Value != want {
				t.Errorf("%s, %+v: %v, %v", name, need, got, err)
			}
		}
		if v, err := p.View(name); err != nil || v.Name != name {
			t.Errorf("%v, %v", v, err)
		}
		if v, err := p.Refresh(ctx, name, Need{}); err != nil || v.Name != name {
			t.Errorf("%v, %v", v, err)
		}
		if err := p.Logout(ctx, name); err != nil {
			t.Error(err)
		}
	}
	count := func(k *keep, what string) int {
		return len(slices.DeleteFunc(slices.Clone(k.asked), func(s string) bool { return s != what }))
	}
	if count(first, "token") != 4 || count(second, "token") != 3 || count(first, "refresh") != 1 ||
		count(second, "logout") != 1 {
		t.Errorf("asked %v and %v", first.asked, second.asked)
	}
	if _, err := p.Token(ctx, "none", Need{}); !errors.Is(err, ErrNoSession) {
		t.Error(err)
	}
	if err := p.Delete(ctx, "work"); err != nil {
		t.Error(err)
	}
	if _, err := first.View("work"); !errors.Is(err, ErrNoSession) || *told != 0 {
		t.Errorf("%v, told %d times", err, *told)
	}
}

// What the second has can be used while the first does not respond, which is told. Whether the first
// has anything else is not known.
func TestPairWithoutTheFirst(t *testing.T) {
	t.Parallel()
	p, first, _, told := pair(t)
	first.err = ErrUnreachable
	if names, err := p.Names(); err != nil || !slices.Equal(names, []string{"home"}) || *told != 1 {
		t.Errorf("%v, %v, told %d times", names, err, *told)
	}
	if got, err := p.Token(t.Context(), "home", Need{}); err != nil || got.Value != "of second" || *told != 2 {
		t.Errorf("%v, %v, told %d times", got, err, *told)
	}
	if _, err := p.Token(t.Context(), "work", Need{}); !errors.Is(err, ErrUnreachable) || *told != 2 {
		t.Errorf("%v, told %d times", err, *told)
	}
	if err := p.Delete(t.Context(), "home"); err != nil {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Token(gone, "work", Need{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
