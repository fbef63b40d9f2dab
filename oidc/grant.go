// Grants in general: RFC 6749 section 4 and 4.5.

package oidc

import (
	"context"
	"net/url"
	"slices"
	"time"
)

// A Grant is what a client shows the token endpoint to be given tokens. It is
// plain data: a grant this package does not know is written as a literal, and
// the constructors' values can be changed before they are used.
type Grant struct {
	Type   string     // grant_type
	Params url.Values // the grant's own parameters and any others

	// Once says that the credential works one time only. The request is then
	// never repeated, and a caller that gives up while it is on its way does
	// not keep the answer from coming home for another five seconds.
	Once bool

	// Expect is what an ID Token that comes back must say.
	Expect Expectation

	Hooks
}

// Hooks are called while tokens are asked for. The zero value calls nothing.
type Hooks struct {
	// Sending is called when the connection is there and the next thing to leave
	// is the credential: the place to note that it may be spent from now on. An
	// error keeps it from leaving. It may be called twice, since a provider that
	// wants a DPoP nonce is asked again. It is only called for a credential that
	// works one time ([Grant.Once]).
	Sending func() error

	// Received is called as soon as the token endpoint has responded and the
	// response was read, before anything in it is verified. A rotated refresh token
	// is the only one that still works, so this is the place to make it durable. An
	// error ends the call.
	Received func(*Tokens) error

	// Wait waits between two requests of one poll, for device authorization and
	// CIBA. Whoever shows a count-down puts it here. An error ends the poll.
	Wait func(context.Context, time.Duration) error
}

// An Expectation is what a caller knows the answer must say. Fields left empty
// expect nothing.
type Expectation struct {
	Nonce string // of the ID Token: as sent in the authentication request

	// ACRValues are the acr_values that were asked for. That the ID Token's acr
	// is none of them is a remark, not an error: they are a wish (OpenID Connect
	// Core 1.0 section 3.1.2.1). See [Policy.ACRValues] for a demand.
	ACRValues []string

	// Claims is the claims parameter that was sent (OpenID Connect Core 1.0 section
	// 5.5), JSON. That a claim which was asked for as essential did not come is a
	// remark.
	Claims string

	// AuthorizationDetails are those that were asked for (RFC 9396), JSON.
	AuthorizationDetails string

	// Refreshed says that the token answers a refresh: OpenID Connect Core 1.0
	// section 12.2 applies, and the token may be absent.
	Refreshed bool

	// Optional says that no ID Token is due, such as when the scope openid was
	// not asked for.
	Optional bool

	// Previous is the ID Token that a refreshed one continues, as the provider
	// sent it. "" means it is not known.
	Previous string
}

// With returns the grant with one more parameter, such as resource (RFC 8707)
// or audience (RFC 8693). Values of the same name add up.
func (g Grant) With(name string, values ...string) Grant {
	params := url.Values{}
	for k, v := range g.Params {
		params[k] = slices.Clone(v)
	}
	params[name] = append(params[name], values...)
	g.Params = params
	return g
}

// sending is the hook for a credential that works one time, nil for any other.
func (g Grant) sending() func() error {
	if !g.Once {
		return nil
	}
	return g.Sending
}
