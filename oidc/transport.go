// An http.RoundTripper that sends access tokens: RFC 6750, RFC 9449 section 7.

package oidc

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/oidc-client/oidc-client/internal/wire"
)

// A Transport is an [http.RoundTripper] that sends requests to one resource
// server with an access token of a source: in the header, as a token of its type
// is sent, with a DPoP proof where the client has a key. A token that the
// resource refuses as invalid is replaced once, where the request can be sent
// again.
//
// The token goes to no other origin: a request elsewhere, such as one that a
// redirect leads to, is an error.
type Transport struct {
	Source *TokenSource

	// Resource is the resource server: an https URL (http on the loopback address),
	// whose scheme, host and port all requests have to have.
	Resource string

	// Base sends the requests. nil means http.DefaultTransport.
	Base http.RoundTripper
}

// ErrOtherOrigin says that a request was not for the resource server. Nothing
// was sent.
var ErrOtherOrigin = errors.New("oidc: the request is not for the resource server of the access token")

// RoundTrip implements [http.RoundTripper]. The request is not changed.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	resource, err := url.Parse(t.Resource)
	if err != nil || !wire.Secure(resource) || !sameOrigin(r.URL.String(), t.Resource) {
		closeBody(r)
		return nil, fmt.Errorf("%w: %s", ErrOtherOrigin, withoutQuery(r.URL.String()))
	}
	client, err := t.Source.Client(r.Context())
	if err != nil {
		closeBody(r)
		return nil, err
	}
	tokens, err := t.Source.Token(r.Context())
	if err != nil {
		closeBody(r)
		return nil, err
	}
	response, err := t.send(client, tokens, r)
	if err != nil || !invalid(response) {
		return response, err
	}
	again, ok := repeat(r)
	if !ok {
		return response, nil
	}
	t.Source.Reject(tokens.AccessToken)
	other, err := t.Source.Token(r.Context())
	if err != nil || other.AccessToken == tokens.AccessToken {
		return response, nil //nolint:nilerr // the resource's own words say more
	}
	_ = response.Body.Close() // what it said is the other token's to hear
	return t.send(client, other, again)
}

// send sends a request with a token. A resource that wants a nonce in the proof
// is asked once more (RFC 9449 section 9).
func (t *Transport) send(client *Client, tokens *Tokens, r *http.Request) (*http.Response, error) {
	if !strings.EqualFold(tokens.TokenType, "DPoP") {
		return t.base().RoundTrip(withAuthorization(r, "Bearer "+tokens.AccessToken))
	}
	if client.DPoP == nil {
		closeBody(r)
		return nil, errNoDPoP
	}
	response, err := t.prove(client, tokens, r)
	if err != nil {
		return nil, err
	}
	answer := proofResponse(response)
	again, ok := repeat(r)
	if !ok || !client.DPoP.wanted(answer) {
		return response, nil
	}
	_ = response.Body.Close() // all it says is the nonce
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
	return response, client.DPoP.keep(proofResponse(response), resourceServer)
}

func (t *Transport) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}

// proofResponse is what the DPoP code reads of a response: never its body.
func proofResponse(r *http.Response) *response {
	return &response{endpoint: resourceEndpoint, url: withoutQuery(r.Request.URL.String()), status: r.StatusCode, header: r.Header}
}

// invalid reports whether a resource refused a token as invalid (RFC 6750
// section 3.1).
func invalid(r *http.Response) bool {
	if r.StatusCode != http.StatusUnauthorized {
		return false
	}
	answer := &response{header: r.Header}
	challenge, found := answer.challenge()
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

// repeat is a copy of a request that can be sent once more, if it has no body
// or one that can be had again.
func repeat(r *http.Request) (*http.Request, bool) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, true
	}
	if r.GetBody == nil {
		return nil, false
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, false
	}
	r = r.Clone(r.Context())
	r.Body = body
	return r, true
}

// closeBody closes the body of a request that is not sent, as a RoundTripper
// must.
func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}
