// Client authentication in general, and the method none: OpenID Connect Core
// 1.0 section 9.

package oidc

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// A ClientAuth is a way for a client to authenticate at a provider's endpoints (OpenID
// Connect Core 1.0 section 9). The zero value is the method none. A method that this
// package does not know is written as a literal.
type ClientAuth struct {
	Method string // as in token_endpoint_auth_methods_supported

	// Apply adds the credentials to a request that is about to be sent. nil adds
	// client_id to the form, and no credentials.
	Apply func(*AuthTarget) error

	// MutualTLS says that the client authenticates with the TLS client certificate that
	// the HTTP client presents: requests go to mtls_endpoint_aliases where the provider
	// has them (RFC 8705 section 5).
	MutualTLS bool
}

// An AuthTarget is the request that a [ClientAuth] adds credentials to.
type AuthTarget struct {
	Provider *Provider
	ClientID string
	Endpoint string // the endpoint's name, such as "token"
	URL      string // where the request goes
	Form     url.Values
	Header   http.Header
	Now      time.Time

	ctx context.Context //nolint:containedctx // of the request, as http.Request has it
}

// Context returns the context of the request, which bounds what it takes to get the
// credentials. It is never nil.
func (t *AuthTarget) Context() context.Context {
	if t.ctx == nil {
		return context.Background()
	}
	return t.ctx
}

func (a ClientAuth) apply(t *AuthTarget) error {
	if a.Apply == nil {
		t.Form.Set("client_id", t.ClientID)
		return nil
	}
	return a.Apply(t)
}
