// An http.RoundTripper that sends access tokens: RFC 6750, RFC 9449 section 7.

package oidc

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/oidc-client/oidc-client/internal/wire"
)

// A Transport is an [http.RoundTripper] that sends requests to one resource server
// with an access token of a source, in the Authorization header: as a bearer token
// (RFC 6750 section 2.1), or with a DPoP proof if the token is bound to the client's
// key (RFC 9449 section 7.1). An Authorization header of the request is replaced.
//
// If the resource server refuses the token as invalid_token, and if the request can
// be sent again, it is sent once more with a new token. A request with a body can be
// sent again if it has a GetBody, as [http.NewRequest] makes for bodies in memory.
//
// The token goes to no other origin: a request elsewhere, such as one that a
// redirect leads to, is refused with [ErrOtherOrigin].
type Transport struct {
	// Source returns the access tokens. It is required.
	Source *TokenSource

	// Resource is a URL of the resource server: https, or http on the loopback
	// address. The scheme, host and port of every request must be the same; paths
	// are not compared.
	Resource string

	// Base sends the requests. nil means http.DefaultTransport.
	Base http.RoundTripper
}

// ErrOtherOrigin says that a request is not for the resource server of a
// [Transport], or that Resource is no URL that tokens may be sent to. Nothing was
// sent.
var ErrOtherOrigin = errors.New("oidc: the request is not for the resource server of the access token")

var errNoSource = errors.New("oidc: a Transport needs a Source")

// RoundTrip implements [http.RoundTripper]. Besides those of Base, its errors are
// [ErrOtherOrigin] and those of [TokenSource.Token].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	tokens, err := t.token(r)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	response, err := t.send(tokens, r)
	if err != nil || !invalid(response) || !repeatable(r) {
		return response, err
	}
	t.Source.Reject(tokens.AccessToken)
	other, err := t.Source.Token(r.Context())
	if err != nil || other.AccessToken == tokens.AccessToken {
		return response, nil //nolint:nilerr // the resource server's own words say more
	}
	again, err := repeat(r)
	if err != nil {
		return response, nil //nolint:nilerr // likewise
	}
	discard(response)
	return t.send(other, again)
}

// token returns the tokens to send a request with, if it may be sent.
func (t *Transport) token(r *http.Request) (*Tokens, error) {
	resource, err := url.Parse(t.Resource)
	if err != nil || !wire.Secure(resource) || !sameOrigin(r.URL.String(), t.Resource) {
		return nil, fmt.Errorf("%w: %s", ErrOtherOrigin, withoutQuery(r.URL.String()))
	}
	if t.Source == nil {
		return nil, errNoSource
	}
	return t.Source.Token(r.Context())
}

// send sends a request with a token. If the resource server wants a nonce in the
// proof, the request is sent once more (RFC 9449 section 9).
func (t *Transport) send(tokens *Tokens, r *http.Request) (*http.Response, error) {
	if !wire.InHeader(tokens.AccessToken) {
		closeBody(r)
		return nil, errNotInHeader
	}
	if !tokens.bound() { // for which no client is needed, and no provider
		return t.base().RoundTrip(withAuthorization(r, "Bearer "+tokens.AccessToken))
	}
	client, err := t.Source.client(r.Context())
	if err == nil && client.DPoP == nil {
		err = errNoDPoP
	}
	if err != nil {
		closeBody(r)
		return nil, err
	}
	response, err := t.prove(client, tokens, r)
	if err != nil || !repeatable(r) || !client.DPoP.wanted(proofResponse(r, response)) {
		return response, err
	}
	again, err := repeat(r)
	if err != nil {
		return response, nil //nolint:nilerr // the resource server's own words say more
	}
	discard(response)
	return t.prove(client, tokens, again)
}

// prove sends a request with a proof of the key, and keeps the nonce that comes
// back.
func (t *Transport) prove(client *Client, tokens *Tokens, r *http.Request) (*http.Response, error) {
	bound := withAuthorization(r, "DPoP "+tokens.AccessToken)
	p := proof{bound.Method, bound.URL.String(), tokens.AccessToken, resourceServer}
	if p.method == "" {
		p.method = http.MethodGet
	}
	if err := client.DPoP.prove(bound.Header, p, client.now()); err != nil {
		closeBody(r)
		return nil, err
	}
	response, err := t.base().RoundTrip(bound)
	if err != nil {
		return nil, err
	}
	if err := client.DPoP.keep(proofResponse(r, response), resourceServer); err != nil {
		discard(response)
		return nil, err
	}
	return response, nil
}

func (t *Transport) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}

// proofResponse is what the DPoP code reads of a response: never its body.
func proofResponse(to *http.Request, r *http.Response) *response {
	return &response{
		endpoint: resourceEndpoint, url: withoutQuery(to.URL.String()), status: r.StatusCode, header: r.Header,
	}
}

// invalid reports whether a resource refused a token as invalid (RFC 6750
// section 3.1).
func invalid(r *http.Response) bool {
	if r.StatusCode != http.StatusUnauthorized {
		return false
	}
	challenge, found := (&response{header: r.Header}).challenge()
	return found && challenge.params["error"] == "invalid_token"
}

// withAuthorization is a copy of a request with a credential.
func withAuthorization(r *http.Request, credential string) *http.Request {
	r = r.Clone(r.Context())
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Authorization", credential)
	return r
}

// repeatable reports whether a request can be sent once more: it has no body, or one
// that can be had again.
func repeatable(r *http.Request) bool {
	return r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
}

// repeat returns a copy of a repeatable request, with its body from the beginning.
func repeat(r *http.Request) (*http.Request, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = body
	return r, nil
}

// discard closes a response that nobody reads. What little there may be is read first, so
// that the connection can be used again.
func discard(r *http.Response) {
	_, _ = io.CopyN(io.Discard, r.Body, 4<<10)
	_ = r.Body.Close()
}

// closeBody closes the body of a request that is not sent, as a RoundTripper
// must.
func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}
