package oidc_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/oidc"
)

// silent is a transport whose answers never come: it takes what is sent and
// waits until it is given up.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func silentClient() *oidc.Client {
	return &oidc.Client{
		ID: "cli", HTTP: &http.Client{Transport: silent{}}, Policy: oidc.Policy{Algorithms: []string{"ES256"}},
		Provider: &oidc.Provider{
			Issuer: "https://op.example", TokenEndpoint: "https://op.example/token",
			UserInfoEndpoint: "https://op.example/userinfo", JWKSURI: "https://op.example/jwks",
		},
	}
}

// H04, H30: the bounds of waits, in seconds of a clock of their own.
func TestWaitsAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		call func(context.Context, *oidc.Client) error
		want time.Duration
	}{
		"a request that nothing else bounds": {func(ctx context.Context, c *oidc.Client) error {
			_, err := c.UserInfo(ctx, &oidc.Tokens{AccessToken: "at"})
			return err
		}, 30 * time.Second},
		"keys": {func(ctx context.Context, c *oidc.Client) error {
			_, err := c.VerifyAccessToken(
				ctx, fakeop.Sign(fakeop.NewKey(), "k", map[string]any{}), oidc.AccessTokenExpectation{},
			)
			return err
		}, 30 * time.Second},
		"metadata": {func(ctx context.Context, c *oidc.Client) error {
			_, err := oidc.Discovery{HTTP: c.HTTP}.Provider(ctx, "https://op.example")
			return err
		}, 30 * time.Second},
		"a sent refresh token, after its caller gave up": {func(ctx context.Context, c *oidc.Client) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := c.Token(ctx, oidc.RefreshToken("old"))
			if !oidc.MayBeSpent(err) {
				t.Errorf("not said to be spent perhaps: %v", err)
			}
			return err
		}, 6 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			err := c.call(context.Background(), silentClient())
			if took := time.Since(start); took != c.want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v after %v, want %v", name, err, took, c.want)
			}
			if got := oidc.Reason(err); got != "network.timeout" {
				t.Errorf("%s: reason %q", name, got)
			}
		})
	}
}
