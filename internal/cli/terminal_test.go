package cli

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/run"
)

// The wait for a person counts down to what ends it first: the code, or --timeout.
func TestCountdown(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct {
		until, deadline time.Duration
		want            string
	}{
		"the code expires":      {time.Minute, time.Hour, "waiting for you; 1m0s left"},
		"--timeout runs out":    {time.Hour, 2 * time.Minute, "waiting for you; 2m0s left"},
		"the code has no end":   {0, 2 * time.Minute, "waiting for you; 2m0s left"},
		"only the code has one": {time.Minute, 0, "waiting for you; 1m0s left"},
	} {
		var stderr bytes.Buffer
		env := quiet()
		env.Stderr, env.Now = &stderr, func() time.Time { return now }
		env.Terminal = func(w io.Writer) bool { return w == env.Stderr }
		ctx, cancel := context.WithCancel(t.Context())
		if c.deadline > 0 {
			cancel()
			ctx, cancel = context.WithDeadline(t.Context(), now.Add(c.deadline))
		}
		var until time.Time
		if c.until > 0 {
			until = now.Add(c.until)
		}
		if err := countdown(ctx, run.New(env, run.Options{}, "device"), time.Millisecond, until); err != nil {
			t.Error(err)
		}
		cancel()
		if !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%s: %q", name, stderr.String())
		}
	}
}

// A mistake on the command line is colored as any other error is, and not where that is not wanted.
func TestColorOfMistakes(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"cleint":                      "\x1b[31m[ERROR]\x1b[0m oidc-client: unknown command",
		"client --isuer x":            "\x1b[31m[ERROR]\x1b[0m oidc-client: unknown flag",
		"cleint --no-color":           "[ERROR] oidc-client: unknown command",
		"client --no-color --isuer x": "[ERROR] oidc-client: unknown flag",
	} {
		var stderr bytes.Buffer
		env := quiet()
		env.Stderr = &stderr
		env.Terminal = func(io.Writer) bool { return true }
		code := Main(t.Context(), env, strings.Fields(line))
		if code != 2 || !strings.HasPrefix(stderr.String(), want) {
			t.Errorf("%s: exit code %d, %q", line, code, stderr.String())
		}
	}
}
