package session

import (
	"errors"
	"slices"
	"testing"
)

// unreachable is a store that cannot be asked.
type unreachable struct{ Store }

var errUnreachable = errors.New("it does not respond")

func (unreachable) Names() ([]string, error)      { return nil, errUnreachable }
func (unreachable) Load(string) (*Session, error) { return nil, errUnreachable }

// What the second store has can be used while the first cannot be asked, which is told. Whether
// the first has anything else is not known.
func TestSecondStoreAlone(t *testing.T) {
	t.Parallel()
	second := &Memory{}
	var told []error
	both := Both{First: unreachable{}, Second: second, Missing: func(err error) { told = append(told, err) }}
	if names, err := both.Names(); !errors.Is(err, errUnreachable) || len(names) > 0 || len(told) > 0 {
		t.Errorf("%v, %v, %v was told", names, err, told)
	}
	if err := Save(second, good()); err != nil {
		t.Fatal(err)
	}
	if names, err := both.Names(); err != nil || !slices.Equal(names, []string{"work"}) || len(told) != 1 {
		t.Errorf("%v, %v, %v was told", names, err, told)
	}
	if s, err := both.Load("work"); err != nil || s.Name != "work" || len(told) != 2 {
		t.Errorf("%v, %v, %v was told", s, err, told)
	}
	if _, err := both.Load("other"); !errors.Is(err, errUnreachable) || len(told) != 2 {
		t.Errorf("%v, %v was told", err, told)
	}
	if err := Delete(t.Context(), both, "work"); err != nil {
		t.Error(err)
	}
	if _, err := second.Load("work"); !errors.Is(err, ErrNoSession) {
		t.Error(err)
	}
}
