package cli

import (
	"errors"
	"testing"

	"github.com/oidc-client/oidc-client/internal/keep"
	"github.com/oidc-client/oidc-client/internal/session"
)

// trouble is a store that cannot be asked.
type trouble struct{ session.Store }

func (trouble) Load(string) (*session.Session, error) { return nil, errors.New("it does not answer") }

// A store that does not answer may have a session of the name.
func TestOtherStoreInTrouble(t *testing.T) {
	t.Parallel()
	k := &keep.Session{Store: trouble{}, All: trouble{}}
	if err := inOtherStore(k, saveFlags{name: "work"}); err != nil {
		t.Errorf("there is one store only: %v", err)
	}
	k.All = session.Both{First: trouble{}, Second: &session.Memory{}}
	for _, replace := range []bool{false, true} {
		if err := inOtherStore(k, saveFlags{name: "work", replace: replace}); err == nil || k.Other != nil {
			t.Errorf("replace %v: %v, %v", replace, err, k.Other)
		}
	}
}
