package oidc_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/oidc"
)

// askAt makes one request to each endpoint of a server at base.
func askAt(base string, client *http.Client) map[string]func(context.Context) error {
	p := &oidc.Provider{
		Issuer: base, RegistrationEndpoint: base, TokenEndpoint: base, UserInfoEndpoint: base, JWKSURI: base,
		IntrospectionEndpoint: base, RevocationEndpoint: base,
		AuthorizationEndpoint: base, PushedAuthorizationRequestEndpoint: base, DeviceAuthorizationEndpoint: base,
		BackchannelAuthenticationEndpoint: base,
	}
	c := &oidc.Client{ID: "cli", Provider: p, HTTP: client}
	d, r := oidc.Discovery{HTTP: client}, oidc.Registrar{HTTP: client, Provider: p}
	tokens := &oidc.Tokens{AccessToken: "a"}
	known := oidc.Registration{ClientID: "cli", URI: base, AccessToken: "r"}
	return map[string]func(context.Context) error{
		"discovery": func(ctx context.Context) error { _, err := d.Provider(ctx, base); return err },
		"jwks":      func(ctx context.Context) error { _, err := d.Keys(ctx, p); return err },
		"token":     func(ctx context.Context) error { _, err := c.Token(ctx, oidc.RefreshToken("r")); return err },
		"userinfo":  func(ctx context.Context) error { _, err := c.UserInfo(ctx, tokens); return err },
		"introspection": func(ctx context.Context) error {
			_, err := c.Introspect(ctx, oidc.IntrospectionRequest{Token: "a"})
			return err
		},
		"revocation": func(ctx context.Context) error { return c.Revoke(ctx, "a", "") },
		"pushed request": func(ctx context.Context) error {
			_, err := c.Authorize(ctx, oidc.AuthorizationRequest{RedirectURI: "http://127.0.0.1/", Push: true})
			return err
		},
		"device": func(ctx context.Context) error {
			_, err := c.AuthorizeDevice(ctx, oidc.DeviceAuthorizationRequest{})
			return err
		},
		"CIBA": func(ctx context.Context) error {
			_, err := c.AuthenticateBackchannel(ctx, oidc.BackchannelRequest{LoginHint: "u"})
			return err
		},
		"register":     func(ctx context.Context) error { _, err := r.Create(ctx, []byte("{}"), ""); return err },
		"registration": func(ctx context.Context) error { _, err := r.Read(ctx, known); return err },
		"deregister":   func(ctx context.Context) error { return r.Delete(ctx, known) },
		"resource": func(ctx context.Context) error {
			_, err := c.Resource(ctx, tokens, oidc.ResourceRequest{URL: base})
			return err
		},
		"resource data": func(ctx context.Context) error { _, err := d.ProtectedResource(ctx, base, nil); return err },
	}
}

const (
	patience = 300 * time.Millisecond
	margin   = 3 * time.Second // for a busy machine
)

// ends checks that a request to a hostile server ends soon after its time-out, in an error that
// says that the server is at fault.
func ends(t *testing.T, name, endpoint string, behaviour fakeop.Behaviour) {
	t.Helper()
	h := fakeop.StartHostile(behaviour)
	defer h.Close()
	client := h.Client()
	client.Timeout = patience
	began := time.Now()
	err := askAt(h.URL, client)[endpoint](t.Context())
	if took := time.Since(began); took > patience+limit.Abandon+margin {
		t.Errorf("%s: it took %s", name, took)
	}
	if !errors.As(err, new(*oidc.TransportError)) && !errors.As(err, new(*oidc.ProtocolError)) {
		t.Errorf("%s: error %v", name, err)
	}
}

// Whatever a server does instead of answering, a request ends by its time-out.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for name, behaviour := range fakeop.Behaviours() {
		all.Go(func() { ends(t, name, "introspection", behaviour) })
	}
	all.Wait()
}

// Whatever endpoint it is: an HTTP/2 server that sends without end and never reads makes Go's
// transport wait for ever.
func TestEveryEndpointIsBounded(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for endpoint := range askAt("", nil) {
		all.Go(func() { ends(t, endpoint, endpoint, fakeop.Behaviours()["HTTP/2 ping in a body"]) })
	}
	all.Wait()
}

// A refresh token that was sent has its response waited for, but not for ever.
func TestAbandonedRefreshMayBeSpent(t *testing.T) {
	t.Parallel()
	h := fakeop.StartHostile(fakeop.Behaviours()["HTTP/2 ping in a body"])
	defer h.Close()
	client := h.Client()
	client.Timeout = patience
	err := askAt(h.URL, client)["token"](t.Context())
	if !errors.Is(err, context.DeadlineExceeded) || !oidc.MayBeSpent(err) {
		t.Errorf("error %v, may be spent: %v", err, oidc.MayBeSpent(err))
	}
}

// What is not HTTP can be a token in the wrong place: no error quotes it.
func TestWhatIsNotHTTPIsNotQuoted(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, text := range map[string]string{
		"no status line":    `{"access_token":"canary"}`,
		"no version":        "canary 200 OK\r\n\r\n",
		"no status":         "HTTP/1.1 canary\r\n\r\n",
		"version":           "HTTP/canary 200 OK\r\n\r\n",
		"header line":       ok + "{\"access_token\":\"canary\"}\r\n\r\n",
		"first header line": ok + " canary: x\r\n\r\n",
		"header name":       ok + "canary token: x\r\n\r\n",
		"length":            ok + "Content-Length: canary\r\n\r\n",
		"two lengths":       ok + "Content-Length: 1\r\nContent-Length: canary\r\n\r\n",
		"encoding":          ok + "Transfer-Encoding: canary\r\n\r\n",
		"chunk":             ok + "Transfer-Encoding: chunked\r\n\r\ncanary\r\n",
		"trailer": ok +
			"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\ncanary\r\n\r\n",
		"trailer's name": ok + "Transfer-Encoding: chunked\r\nTrailer: canary canary\r\n\r\n0\r\n\r\n",
	} {
		h := fakeop.StartHostile(fakeop.Behaviour{Protocol: "http/1.1", Start: []byte(text), End: true})
		err := askAt(h.URL, h.Client())["introspection"](t.Context())
		h.Close()
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	h := fakeop.StartHostile(fakeop.Farewell("canary"))
	defer h.Close()
	if err := askAt(h.URL, h.Client())["introspection"](t.Context()); err == nil ||
		strings.Contains(err.Error(), "canary") {
		t.Errorf("HTTP/2: %v", err)
	}
}

// The time-out of the HTTP client is one like any other, and is told so.
func TestClientTimeoutIsTold(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"HTTP/1.1 silence", "HTTP/1.1 half a body", "HTTP/2 silence", "HTTP/2 half a body"} {
		h := fakeop.StartHostile(fakeop.Behaviours()[name])
		client := h.Client()
		client.Timeout = patience
		err := askAt(h.URL, client)["introspection"](t.Context())
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no response within "+patience.String()) ||
			strings.Contains(err.Error(), "deadline") {
			t.Errorf("%s: %v", name, err)
		}
		h.Close()
	}
}
