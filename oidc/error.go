// Errors: what the other side said, and what it failed to say.

package oidc

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// An Error is the provider's refusal, in the form of RFC 6749 section 5.2,
// section 4.1.2.1 or RFC 6750 section 3. Its texts are the provider's own and
// may hold anything: escape them before they reach a terminal.
type Error struct {
	Code        string // such as "invalid_grant"; "" if the provider named none
	Description string // error_description, "" if there is none
	URI         string // error_uri, "" if there is none
	Scope       string // the scope a resource asks for (RFC 6750 section 3), "" if none
	Endpoint    string // the endpoint's name, such as "token"
	GrantType   string // grant_type of the token request, "" if it was none
	Status      int    // the HTTP status, 0 for an authorization response
}

// Error returns endpoint, code and description.
func (e *Error) Error() string {
	text := e.Endpoint + " endpoint: "
	switch {
	case e.Code != "":
		text += e.Code
	default:
		text += fmt.Sprintf("HTTP status %d", e.Status)
	}
	if e.Description != "" {
		text += ": " + e.Description
	}
	return text
}

// A ProtocolError reports a response that the standards do not allow, such as a page
// of HTML from the token endpoint or metadata of another issuer.
type ProtocolError struct {
	Endpoint  string // the endpoint's name, such as "discovery"
	GrantType string // grant_type of the token request, "" if it was none
	URL       string // where the response came from, without its query
	Status    int    // the HTTP status, 0 if nothing was sent
	Err       error  // what is wrong; a *check.Error if a rule was broken
}

// Error returns the endpoint and what is wrong with its response.
func (e *ProtocolError) Error() string { return fmt.Sprintf("%s: %v", place(e.Endpoint), e.Err) }

// Unwrap returns what is wrong.
func (e *ProtocolError) Unwrap() error { return e.Err }

// A TransportError reports that there is no usable response: a name that does not
// resolve, a connection that is refused or breaks, TLS that fails, a timeout, or a
// status of 429 or 5xx.
type TransportError struct {
	Endpoint   string // the endpoint's name, such as "token"
	GrantType  string // grant_type of the token request, "" if it was none
	URL        string // where the request went, without its query
	Status     int    // the HTTP status, 0 if there was no response
	RetryAfter string // the header Retry-After as sent, "" if there is none

	// Sent reports whether any of the request may have reached the provider.
	// If so, a refresh token or code that was in it may be spent.
	Sent bool

	Err error
}

// Error returns the endpoint and the cause.
func (e *TransportError) Error() string { return fmt.Sprintf("%s: %v", place(e.Endpoint), e.Err) }

// Unwrap returns the cause.
func (e *TransportError) Unwrap() error { return e.Err }

// Unprocessed reports whether the provider itself said that it did not process the
// request, so that a refresh token or code in it is still good: with the status 429
// (RFC 6585 section 4), or with 503 (RFC 9110 section 15.6.4) beside Retry-After or an
// OAuth error code. A bare 503 says nothing: proxies also send it after they forwarded a
// request and lost the response.
func (e *TransportError) Unprocessed() bool {
	switch e.Status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusServiceUnavailable:
		var refusal *Error
		return e.RetryAfter != "" || errors.As(e.Err, &refusal) && isCode(refusal.Code)
	}
	return false
}

// isCode reports whether text looks like an error code of OAuth, such as
// temporarily_unavailable. Proxies and frameworks put the words of the status there
// ("Service Unavailable").
func isCode(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c != '_' && (c < 'a' || c > 'z') })
}

func place(endpoint string) string {
	switch endpoint {
	case discoveryEndpoint:
		return endpoint
	case jwksEndpoint:
		return "JWK Set"
	}
	return endpoint + " endpoint"
}

// MayBeSpent reports whether the refresh token or code of a token request that failed
// with err may have been used up: the request was sent, and there is no response, or
// none that is clear. A status of 429 or 503 counts as such, too: see
// [TransportError.Unprocessed].
func MayBeSpent(err error) bool {
	var transport *TransportError
	if errors.As(err, &transport) {
		return transport.Endpoint == tokenEndpoint && transport.Sent
	}
	var protocol *ProtocolError
	return errors.As(err, &protocol) && protocol.Endpoint == tokenEndpoint && protocol.Status != 0
}

// ofGrant notes in an error of a token request which grant was sent.
func ofGrant(err error, grantType string) error {
	var (
		refusal   *Error
		transport *TransportError
		protocol  *ProtocolError
	)
	if errors.As(err, &refusal) {
		refusal.GrantType = grantType
	}
	if errors.As(err, &transport) {
		transport.GrantType = grantType
	}
	if errors.As(err, &protocol) {
		protocol.GrantType = grantType
	}
	return err
}
