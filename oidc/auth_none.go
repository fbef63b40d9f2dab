// Client authentication in general, and the method none: OpenID Connect Core
// 1.0 section 9.

package oidc

import (
	"net/http"
	"net/url"
	"time"
)

// A ClientAuth is a way for a client to prove itself to a provider's
// endpoints. The zero value is the method none. A method that this package
// does not know is written as a literal.
type ClientAuth struct {
	Method string // as in token_endpoint_auth_methods_supported

	// Apply adds the proof to a request that is about to be sent. nil adds
	// client_id to the form and no proof.
	Apply func(*AuthTarget) error

	// MutualTLS says that the proof is the TLS client certificate, which the
	// HTTP client shows: requests go to mtls_endpoint_aliases where the
	// provider has them (RFC 8705 section 5).
	MutualTLS bool
}

// An AuthTarget is the request a [ClientAuth] adds to.
type AuthTarget struct {
	Provider *Provider
	ClientID string
	Endpoint string // the endpoint's name, such as "token"
	URL      string // where the request goes
	Form     url.Values
	Header   http.Header
	Now      time.Time
}

func (a ClientAuth) apply(t *AuthTarget) error {
	if a.Apply == nil {
		t.Form.Set("client_id", t.ClientID)
		return nil
	}
	return a.Apply(t)
}
