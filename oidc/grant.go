// Grants in general: RFC 6749 section 4 and 4.5.

package oidc

import (
	"context"
	"net/url"
	"slices"
	"time"
)

// A Grant is a request for tokens (RFC 6749 section 4): a credential of some type
// with its parameters. It is plain data: a grant that this package does not know is
// written as a literal, and what the constructors return can be changed before it is
// used.
type Grant struct {
	Type   string     // grant_type
	Params url.Values // the grant's own parameters and any others

	// Once says that the credential works one time only. The request is then never
	// repeated. If the caller's context ends after the credential was sent, the client
	// waits for the response for 5 more seconds, since it may hold the next one.
	Once bool

	// Expect is what the ID Token of the response must say.
	Expect Expectation

	Hooks
}

// Hooks are functions that a request for tokens calls on its way. The zero value
// calls nothing.
type Hooks struct {
	// Sending is called once there is a connection and right before the credential is
	// sent: the place to note that it may be spent from now on. If it returns an error,
	// the credential is not sent. It may be called twice, since a provider that wants
	// a DPoP nonce gets the request again. It is only called for a credential that
	// works one time ([Grant.Once]).
	Sending func() error

	// Received is called as soon as the response was read, before anything in it is
	// verified. A rotated refresh token is the only one that still works, so this is
	// the place to make it durable. An error ends the call.
	Received func(*Tokens) error

	// Wait waits between two polls of device authorization or CIBA, for instance to
	// show a countdown. An error ends the polling. nil sleeps.
	Wait func(context.Context, time.Duration) error
}

// An Expectation is what a caller knows that an ID Token must say. Fields left empty
// expect nothing.
type Expectation struct {
	Nonce string // of the ID Token: as sent in the authentication request

	// ACRValues are the acr_values of the request. If the acr of the ID Token is none
	// of them, that is a warning and no error, since acr_values is a voluntary claim
	// (OpenID Connect Core 1.0 section 3.1.2.1). [Policy.ACRValues] demands one.
	ACRValues []string

	// Claims is the claims parameter of the request (OpenID Connect Core 1.0 section
	// 5.5), as JSON. An essential claim that is missing is a warning.
	Claims string

	// AuthorizationDetails are those of the request (RFC 9396), as JSON.
	AuthorizationDetails string

	// Refreshed says that the token comes from a refresh: OpenID Connect Core 1.0
	// section 12.2 applies, and the token may be absent.
	Refreshed bool

	// Optional says that the response may have no ID Token, such as when the scope
	// openid was not requested.
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
