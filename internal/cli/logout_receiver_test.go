package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// Whoever reaches the receiver can call it: it ends when there were enough calls, or when they
// were large enough.
func TestLogoutsAreBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		size, most int
	}{
		"many":  {0, 10_000},
		"large": {1 << 20, 17},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		r := &logoutReceiver{logouts: make(chan logout)}
		go func() {
			for sid := strings.Repeat("x", c.size); ctx.Err() == nil; {
				r.tell(ctx, logout{channel: "front", sid: sid})
			}
		}()
		run := run.New(quiet(), run.Options{}, "logout-receiver")
		if err := showLogouts(ctx, run, r, 0); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		result, _ := run.Record.Get("logouts")
		if list, ok := result.Value.([]strictjson.Ordered); !ok || len(list) != c.most {
			t.Errorf("%s: %d, not %d", name, len(list), c.most)
		}
	}
}
