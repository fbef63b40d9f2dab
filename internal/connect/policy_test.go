package connect

import (
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/config"
)

// A clock_tolerance of zero means none, not the default.
func TestPolicyOfTheConfiguration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"": 0, "0s": -1, "90s": 90 * time.Second} {
		setup := newSetup(mustLoad(t, text), Sources{}, nil)
		if got, err := setup.Policy(t.Context()); err != nil || got.ClockTolerance != want {
			t.Errorf("clock_tolerance %q: %v, %v", text, got.ClockTolerance, err)
		}
	}
}

func mustLoad(t *testing.T, tolerance string) *config.Config {
	t.Helper()
	file := "issuer: https://op.example\nclient_id: a\n"
	if tolerance != "" {
		file += "clock_tolerance: " + tolerance + "\n"
	}
	cfg, err := config.Load(config.Sources{Name: "config.yaml", File: []byte(file)})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}
