package connect

import (
	"slices"
	"testing"

	"github.com/oidc-client/oidc-client/internal/config"
)

// A method that a configuration may name can be made.
func TestEveryMethodIsMade(t *testing.T) {
	t.Parallel()
	var named, made []string
	for _, p := range config.Parameters() {
		if p.Key == "auth_method" {
			named = slices.Sorted(slices.Values(p.Values))
		}
	}
	for _, m := range methods {
		made = append(made, m.name)
	}
	slices.Sort(made)
	if len(made) == 0 || !slices.Equal(named, made) {
		t.Errorf("auth_method may be %q, and methods has %q", named, made)
	}
}
