package cli

import (
	"bytes"
	"cmp"
	"context"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/loopback"
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

// What comes and is no logout is told, a few times, with where logouts go.
func TestStrangersAtTheReceiver(t *testing.T) {
	t.Parallel()
	var told []string
	receiver := &logoutReceiver{strange: func(what string) { told = append(told, what) }}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	handler := receiver.refusals(loopback.OwnHost(listener, "127.0.0.1:0", receiver))
	const places = "logout tokens are accepted by POST at /backchannel_logout (register it as " +
		"backchannel_logout_uri), front-channel calls by GET at /frontchannel_logout"
	for _, c := range []struct{ method, path, host, body, want string }{
		{"POST", "/", "", "", "refused POST /: " + places},
		{"GET", "/backchannel_logout", "", "", "refused GET /backchannel_logout: " + places},
		{"POST", "/%1b[31m", "", "", `refused POST /\u001b[31m: ` + places},
		{
			"POST", "/backchannel_logout", "", "logout_token=a&logout_token=b",
			"refused a request to /backchannel_logout that is not a logout token: not one logout_token",
		},
		{"POST", "/backchannel_logout", "host.example:5557", "", "refused POST /backchannel_logout: " +
			"its Host header is host.example:5557, which is not this listener; a tunnel has to set the header, and " +
			"--listen names another address"},
	} {
		told = nil
		req := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Host = cmp.Or(c.host, listener.Addr().String())
		handler.ServeHTTP(httptest.NewRecorder(), req)
		if len(told) != 1 || told[0] != c.want {
			t.Errorf("%+v: %q", c, told)
		}
	}
	var stderr bytes.Buffer
	env := quiet()
	env.Stderr = &stderr
	tell := strangers(run.New(env, run.Options{}, "logout-receiver"))
	for range 100 {
		tell("something came")
	}
	if got := strings.Count(stderr.String(), "something came"); got != limit.Strange {
		t.Errorf("told %d times", got)
	}
}
