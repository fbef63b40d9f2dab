package roundtrip_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/roundtrip"
)

// get makes a request to a server that behaves in some way, with a time-out.
func get(t *testing.T, behaviour string, most int64) (*roundtrip.Response, time.Duration, error) {
	t.Helper()
	h := fakeop.StartHostile(fakeop.Behaviours()[behaviour])
	defer h.Close()
	client := h.Client()
	client.Timeout = 300 * time.Millisecond
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	res, err := roundtrip.Do(client, r, most)
	return res, time.Since(began), err
}

// A response that is there is returned, even if the transport does not let go of it.
func TestResponseOfAStuckTransport(t *testing.T) {
	t.Parallel()
	res, took, err := get(t, "HTTP/2 ping after data", 2)
	if err != nil || res == nil || string(res.Body) != " {}" || took > limit.Abandon+5*time.Second {
		t.Errorf("%+v, %v after %s", res, err, took)
	}
}

// A transport that does not return is abandoned, and the error is why the request ended.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	res, took, err := get(t, "HTTP/2 ping after data", 100)
	if !errors.Is(err, context.DeadlineExceeded) || took > limit.Abandon+5*time.Second {
		t.Errorf("%+v, %v after %s", res, err, took)
	}
	h := fakeop.StartHostile(fakeop.Behaviours()["HTTP/2 ping after data"])
	defer h.Close()
	reason := errors.New("nobody waits any more")
	ctx, cancel := context.WithCancelCause(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { cancel(reason) })
	if _, err := roundtrip.Do(h.Client(), r, 100); !errors.Is(err, reason) {
		t.Errorf("cancelled: %v", err)
	}
}

// What net/http quotes of a response is not repeated; names, and what the program says itself, are.
func TestUnquoted(t *testing.T) {
	t.Parallel()
	quoting := errors.New(`malformed HTTP response "canary"`)
	own := &roundtrip.OwnError{Err: errors.New(`the store: "work" is full`)}
	name := &net.OpError{
		Op: "dial", Net: "tcp",
		Err: &net.DNSError{Err: `no such host "op.example"`, Name: "op.example"},
	}
	for err, want := range map[error]string{
		quoting:                           "malformed HTTP response (not shown, because it could hold secrets)",
		fmt.Errorf("broken: %w", quoting): "broken: malformed HTTP response (not shown, because it could hold secrets)",
		own:                               own.Error(),
		&url.Error{
			Op: "Post", URL: "https://op.example",
			Err: own,
		}: `Post "https://op.example": the store: "work" is full`,
		name:            name.Error(),
		errors.New("x"): "x",
	} {
		if got := roundtrip.Unquoted(err); got.Error() != want {
			t.Errorf("%v: %v", err, got)
		}
	}
	if roundtrip.Unquoted(nil) != nil {
		t.Error("nil is an error")
	}
}
