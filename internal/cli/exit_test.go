package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// That the new refresh token could not be written does not go under, whatever
// else went wrong.
func TestALostTokenIsAlwaysSaid(t *testing.T) {
	t.Parallel()
	broken := check.Run([]check.Rule[int]{{
		ID: "id_token.amr", Level: check.Must, Text: "amr is right.", Eval: func(int) check.Verdict { return check.That(false, "a", "b") },
	}}, 0).Err()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	lost := errors.New("the new refresh token could not be written to FILE")
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		kind failure.Kind
	}{
		"nothing else": {context.Background(), lost, failure.KindInternal},
		"verification": {context.Background(), errors.Join(broken, lost), failure.KindVerification},
		"UserInfo":     {context.Background(), errors.Join(&oidc.Error{Code: "invalid_token", Endpoint: "userinfo"}, lost), failure.KindProvider},
		"network":      {context.Background(), errors.Join(&oidc.TransportError{Endpoint: "userinfo", Err: errors.New("reset")}, lost), failure.KindNetwork},
		"interrupted":  {cancelled, errors.Join(context.Canceled, lost), failure.KindInteraction},
	} {
		p := &program{Run: run.New(quiet(), run.Options{}, "refresh-token"), keep: &rotation{failed: lost}}
		p.Advise(p.advise)
		f := p.Failure(c.ctx, c.err)
		var shown bytes.Buffer
		(&transcript.Text{W: &shown}).Failure(f, p.Broken(c.err))
		if f.Kind != c.kind || strings.Count(f.Message, lost.Error()) != 1 || strings.Count(shown.String(), lost.Error()) != 1 {
			t.Errorf("%s: %s: %q, shown as %q", name, f.Kind, f.Message, shown.String())
		}
	}
}

// A clock_tolerance of zero means none, not the default.
func TestPolicyOfTheConfiguration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"": 0, "0s": -1, "90s": 90 * time.Second} {
		cfg := mustLoad(t, text)
		if got, err := policy(t.Context(), cfg); err != nil || got.ClockTolerance != want {
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
