package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// A waiter is a clock that nobody has to wait for.
type waiter struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
}

func (w *waiter) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *waiter) Wait(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits, w.now = append(w.waits, d), w.now.Add(d)
	return ctx.Err()
}

// polling is a device authorization at a provider whose token endpoint gives these
// answers, the last one for ever.
func polling(
	t *testing.T, interval time.Duration, answers ...http.HandlerFunc,
) (*Client, *DeviceAuthorization, *waiter) {
	t.Helper()
	op := fakeop.Start()
	t.Cleanup(op.Close)
	n := 0
	op.Handlers["/token"] = func(w http.ResponseWriter, r *http.Request) {
		op.Lock()
		answer := answers[min(n, len(answers)-1)]
		n++
		op.Unlock()
		answer(w, r)
	}
	w := &waiter{now: time.Now()}
	p, err := Discover(t.Context(), op.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{Provider: p, ID: fakeop.ClientID, Now: w.Now}
	return c, &DeviceAuthorization{
		DeviceCode: "d", Interval: interval, ExpiresAt: w.now.Add(2 * time.Minute),
		Hooks: Hooks{Wait: w.Wait}, expect: Expectation{Optional: true},
	}, w
}

func says(code string) http.HandlerFunc {
	return fakeop.Says(400, map[string]string{"Content-Type": "application/json"}, fmt.Sprintf(`{"error":%q}`, code))
}

var (
	pending = says("authorization_pending")
	granted = fakeop.Says(200, map[string]string{"Content-Type": "application/json"},
		`{"access_token":"at","token_type":"Bearer"}`)
	fails = fakeop.Says(503, nil, "")
)

// V85, V87, K05, K06: the pace of the questions.
func TestPace(t *testing.T) {
	t.Parallel()
	s := time.Second
	for name, c := range map[string]struct {
		interval time.Duration
		answers  []http.HandlerFunc
		waits    []time.Duration
	}{
		"at once": {5 * s, []http.HandlerFunc{granted}, []time.Duration{5 * s}},
		"pending": {
			5 * s, []http.HandlerFunc{pending, pending, granted}, []time.Duration{5 * s, 5 * s, 5 * s},
		},
		"K05: every 31 s": {31 * s, []http.HandlerFunc{pending, granted}, []time.Duration{31 * s, 31 * s}},
		"slow_down stays (V85)": {
			5 * s,
			[]http.HandlerFunc{says("slow_down"), pending, says("slow_down"), granted},
			[]time.Duration{5 * s, 10 * s, 10 * s, 15 * s},
		},
		"no answer backs off": {
			5 * s, []http.HandlerFunc{fails, fails, pending, granted}, []time.Duration{5 * s, 10 * s, 20 * s, 20 * s},
		},
		"never slower than so": {
			time.Minute, []http.HandlerFunc{fails, granted}, []time.Duration{time.Minute, time.Minute},
		},
		"slow_down by a 429": {
			5 * s,
			[]http.HandlerFunc{
				fakeop.Says(429, map[string]string{"Content-Type": "application/json"}, `{"error":"slow_down"}`),
				granted,
			},
			[]time.Duration{5 * s, 10 * s},
		},
		"K06: slow_down with 503s": {
			5 * s, []http.HandlerFunc{says("slow_down"), fails, granted}, []time.Duration{5 * s, 10 * s, 20 * s},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, device, w := polling(t, c.interval, c.answers...)
			if name == "never slower than so" {
				device.ExpiresAt = device.ExpiresAt.Add(time.Hour)
				c.waits[1] = 2 * time.Minute
			}
			tokens, err := client.DeviceToken(t.Context(), device)
			if err != nil || tokens.AccessToken != "at" {
				t.Fatalf("%+v, %v", tokens, err)
			}
			if fmt.Sprint(w.waits) != fmt.Sprint(c.waits) {
				t.Errorf("waited %v, want %v", w.waits, c.waits)
			}
		})
	}
}

// V86, V88, K12 to K14: what ends the questions.
func TestPollEnds(t *testing.T) {
	t.Parallel()
	html := fakeop.Says(200, map[string]string{"Content-Type": "text/html"}, "<html>")
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		reason  string
		asked   int
	}{
		"denied":  {[]http.HandlerFunc{pending, says("access_denied")}, "access_denied", 2},
		"expired": {[]http.HandlerFunc{says("expired_token")}, "expired_token", 1},
		"unknown": {[]http.HandlerFunc{pending, pending, says("invalid_request")}, "invalid_request", 3},
		"denied, 503": {
			[]http.HandlerFunc{fakeop.Says(503, map[string]string{"Content-Type": "application/json"},
				`{"error":"access_denied"}`)},
			"access_denied", 1,
		},
		"a page":    {[]http.HandlerFunc{html}, "response.content_type", 1},
		"for ever":  {[]http.HandlerFunc{pending}, "expired_token", 23},
		"no answer": {[]http.HandlerFunc{fails}, "expired_token", 4},
		"a wrong type": {
			[]http.HandlerFunc{fakeop.Says(200, map[string]string{"Content-Type": "application/json"},
				`{"access_token":"at","token_type":"mac"}`)},
			"token_response.token_type", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, device, w := polling(t, 5*time.Second, c.answers...)
			_, err := client.DeviceToken(t.Context(), device)
			if Reason(err) != c.reason {
				t.Errorf("%v: %q, want %q", err, Reason(err), c.reason)
			}
			if asked := len(w.waits); asked != c.asked && asked != c.asked+1 {
				t.Errorf("waited %d times, want %d", asked, c.asked)
			}
			if w.now.After(device.ExpiresAt) {
				t.Errorf("asked until %s, past %s", w.now, device.ExpiresAt)
			}
		})
	}
}

// A caller that gives up is not kept waiting.
func TestPollGivesUp(t *testing.T) {
	t.Parallel()
	client, device, _ := polling(t, time.Hour, pending)
	device.Wait = nil // the real clock
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone home")
	cancel(gone)
	if _, err := client.DeviceToken(ctx, device); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
}

// CIBA section 10.2, K26: a call by the provider ends the wait at once; one that is
// not for this request does not.
func TestPing(t *testing.T) {
	t.Parallel()
	client, _, _ := polling(t, time.Second, granted)
	client.Now = nil
	b := &Backchannel{
		RequestID: "r", ExpiresAt: time.Now().Add(time.Hour), Interval: time.Second, notification: "secret",
		called: make(chan struct{}), expect: Expectation{Optional: true},
	}
	for _, wrong := range [][2]string{
		{"Bearer secret1", "r"},
		{"Bearer secret", "s"},
		{"Basic secret", "r"},
		{"secret", "r"},
		{"", ""},
		{"Bearer ", "r"},
	} {
		if b.VerifyPing(wrong[0], wrong[1]) {
			t.Errorf("%v: taken", wrong)
		}
	}
	if (&Backchannel{RequestID: "r"}).VerifyPing("Bearer ", "r") {
		t.Error("a request that nobody is to call for")
	}
	if !b.VerifyPing("bearer secret", "r") || !b.VerifyPing("Bearer secret", "r") {
		t.Error("the right call: refused")
	}
	tokens, err := client.BackchannelToken(t.Context(), b)
	if err != nil || tokens.AccessToken != "at" {
		t.Errorf("%+v, %v", tokens, err)
	}
}
