// Requests that a client makes as itself: with its authentication (OpenID Connect
// Core 1.0 section 9) and, if tokens are to be bound, a DPoP proof (RFC 9449).

package oidc

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// A question is a form for an endpoint of the provider.
type question struct {
	endpoint string // its name
	metadata string // its name in the metadata
	form     url.Values
	fresh    func() (url.Values, error) // makes the form, anew for each attempt, if it is not nil
	accept   string                     // "" means JSON
	once     bool                       // see request.once
	sending  func() error               // see request.sending
	bound    bool                       // it carries a DPoP proof, if the client has a key for one
	ready    func()                     // called when nothing stands against sending; nil does nothing
}

// ask sends a question. A provider that wants a nonce in the proof is asked
// once more, with all of it made anew: it has looked at nothing else by then
// (RFC 9449 section 8).
func (c *Client) ask(ctx context.Context, q question) (*response, error) {
	if c.Provider == nil || c.ID == "" || c.Provider.Issuer == "" {
		return nil, errors.New("oidc: a Client needs an ID and a Provider with an Issuer")
	}
	endpoint := c.at(q.metadata)
	if endpoint == "" {
		return nil, &ProtocolError{Endpoint: q.endpoint, Err: errNoEndpoint}
	}
	answer, err := c.attempt(ctx, q, endpoint)
	if err == nil && q.bound && c.DPoP.wanted(answer) {
		q.ready = nil
		answer, err = c.attempt(ctx, q, endpoint)
	}
	return answer, err
}

// at is the endpoint of a metadata name, "" if the provider does not have it:
// its alias if a client certificate is shown (RFC 8705 section 5).
func (c *Client) at(metadata string) string {
	return c.Provider.at(metadata, c.Auth.MutualTLS || c.Certificate != nil)
}

func (c *Client) attempt(ctx context.Context, q question, endpoint string) (*response, error) {
	form, header := url.Values{}, http.Header{}
	if q.fresh != nil {
		made, err := q.fresh()
		if err != nil {
			return nil, err
		}
		q.form = made
	}
	maps.Copy(form, q.form)
	if q.accept != "" {
		header.Set("Accept", q.accept)
	}
	target := &AuthTarget{
		Provider: c.Provider, ClientID: c.ID, Endpoint: q.endpoint, URL: endpoint, Form: form, Header: header,
		Now: c.now(), ctx: ctx,
	}
	if err := c.Auth.apply(target); err != nil {
		return nil, err
	}
	if q.bound {
		if err := c.DPoP.prove(header, proof{http.MethodPost, endpoint, "", authorizationServer}, c.now()); err != nil {
			return nil, err
		}
	}
	if q.ready != nil {
		q.ready()
	}
	r := request{
		endpoint: q.endpoint, url: endpoint, form: form, header: header, limit: orElse(c.MaxBody, limit.Body),
		once: q.once, sending: q.sending,
	}
	answer, err := send(ctx, c.HTTP, r)
	if answer == nil || !q.bound {
		return answer, err
	}
	return answer, errors.Join(err, c.DPoP.keep(answer, authorizationServer))
}

// refused is the error of a response that is not the one asked for: the
// provider's refusal, or a status that says nothing.
func (r *response) refused() error {
	if refusal := r.oauthError(); refusal != nil {
		return refusal
	}
	return r.broken(wrongStatus(r))
}
