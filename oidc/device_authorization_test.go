package oidc_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/oidc"
)

// deviceProvider is a provider of device logins that gives these responses to the requests for a code.
func deviceProvider(t *testing.T, response map[string]any, methods ...string) (*fakeop.OP, *oidc.Client) {
	t.Helper()
	op := fakeop.Start()
	t.Cleanup(op.Close)
	op.Metadata["device_authorization_endpoint"] = op.URL + "/device"
	op.Metadata["code_challenge_methods_supported"] = methods
	op.Handlers["/device"] = func(w http.ResponseWriter, _ *http.Request) { fakeop.JSON(w, response) }
	p, err := oidc.Discover(t.Context(), op.URL)
	if err != nil {
		t.Fatal(err)
	}
	return op, &oidc.Client{Provider: p, ID: fakeop.ClientID}
}

func authorized() map[string]any {
	return map[string]any{
		"device_code": "d", "user_code": "WDJB", "verification_uri": "https://op.example/device", "expires_in": 60,
		"interval": 1,
	}
}

// A device login is bound to its verifier wherever the provider has S256.
func TestDevicePKCE(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		methods []string
		skip    bool
		want    bool
	}{
		"S256":      {methods: []string{"plain", "S256"}, want: true},
		"plain":     {methods: []string{"plain"}},
		"none":      {},
		"left out":  {methods: []string{"S256"}, skip: true},
		"not there": {methods: nil, skip: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, client := deviceProvider(t, authorized(), c.methods...)
			d, err := client.AuthorizeDevice(t.Context(), oidc.DeviceAuthorizationRequest{
				Params: url.Values{"code_challenge": {"mine"}}, InsecureSkipPKCE: c.skip,
			})
			if err != nil {
				t.Fatal(err)
			}
			d.Wait = func(context.Context, time.Duration) error { return nil }
			if _, err := client.DeviceToken(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			forms := op.Forms()
			challenge, method := forms[0].Get("code_challenge"), forms[0].Get("code_challenge_method")
			verifier := forms[1].Get("code_verifier")
			switch {
			case c.want && (method != "S256" || len(challenge) != 43 || challenge == "mine" || len(verifier) < 43):
				t.Errorf("challenge %q (%s), verifier %q", challenge, method, verifier)
			case !c.want && (method != "" || forms[1].Has("code_verifier")):
				t.Errorf("PKCE was not wanted: %v", forms)
			}
			if verifier != d.CodeVerifier {
				t.Errorf("the verifier is %q, and %q was sent", d.CodeVerifier, verifier)
			}
		})
	}
}

// Google names the address verification_url. Where both are there, the standard's counts.
func TestDeviceVerificationURL(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		uri, url any
		want     string // "" if the response is refused
	}{
		"url alone":        {nil, "https://op.example/google", "https://op.example/google"},
		"both":             {"https://op.example/device", "https://op.example/google", "https://op.example/device"},
		"url on http":      {nil, "http://op.example/google", ""},
		"url is a script":  {nil, "javascript:alert(1)", ""},
		"neither":          {nil, nil, ""},
		"uri is no string": {1, "https://op.example/google", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response := authorized()
			delete(response, "verification_uri")
			for name, value := range map[string]any{"verification_uri": c.uri, "verification_url": c.url} {
				if value != nil {
					response[name] = value
				}
			}
			_, client := deviceProvider(t, response)
			d, err := client.AuthorizeDevice(t.Context(), oidc.DeviceAuthorizationRequest{})
			if (err == nil) != (c.want != "") || err == nil && d.VerificationURI != c.want {
				t.Errorf("%v, %v", d, err)
			}
		})
	}
}
