// The authorization response and what follows from it: OpenID Connect Core 1.0
// sections 3.1.2.5, 3.2.2.5 and 3.3.2.5.

package oidc

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/jose"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// Exchange checks response, the parameters that the redirect URI of login received,
// and redeems its code (OpenID Connect Core 1.0 section 3.1.3). The error is an
// [*Error] if the provider refused, and a [*check.Error] if the response is not that of
// login or names another issuer (RFC 9207); nothing is redeemed then. Other errors and
// the Tokens are as for [Client.Token].
//
// What came through the browser is checked first: the signature of a response that is
// a JWT, an ID Token beside the code (sections 3.2.2.11 and 3.3.2.12), and that both ID
// Tokens are of the same user (section 3.3.3.6).
func (c *Client) Exchange(ctx context.Context, login *Login, response url.Values) (*Tokens, error) {
	if c.Provider == nil || login == nil {
		return nil, errors.New("oidc: Exchange needs a Client with a Provider, and a Login")
	}
	response, err := c.respond(ctx, login, response)
	if err != nil {
		return nil, err
	}
	front, err := c.frontTokens(ctx, login, response)
	if err != nil || !login.Request.expects("code") {
		return front, err
	}
	return c.redeem(ctx, login, response.Get("code"))
}

// Matches reports whether response has the state of login, in a JWT if it is one
// (JARM). Nothing is verified. A listener that any page can send requests to uses it to
// ignore those that are no response to the login.
func (c *Client) Matches(login *Login, response url.Values) bool {
	if login == nil {
		return false
	}
	if login.Request.signed() && response.Has("response") {
		e := c.openJARM(response)
		if e.jwt == nil {
			return false
		}
		state, _ := e.jwt.Claims.String("state")
		return state != "" && state == login.State
	}
	return login.State != "" && len(response["state"]) > 0 && response["state"][0] == login.State
}

// Unreadable returns why a response in a JWT (JARM) cannot be read, so that nobody knows
// which login it belongs to. It is nil for any other response. Nothing is verified.
func (c *Client) Unreadable(response url.Values) error {
	if !response.Has("response") {
		return nil
	}
	return c.openJARM(response).signedOnly().err
}

// openJARM opens the JWT that a response is.
func (c *Client) openJARM(response url.Values) envelope {
	return openWith(jose.ParseRepeating, response.Get("response"), c.Policy.encryptions(), c.Policy.DecryptionKeys)
}

// respond judges the response as a whole.
func (c *Client) respond(ctx context.Context, login *Login, response url.Values) (url.Values, error) {
	in := authorizationResponseInput{
		Response: response, Request: login.Request, State: login.State, Issuer: c.Provider.Issuer,
		IssRequired: c.Provider.AuthorizationResponseIss,
		IssJudged: login.Request.expects("id_token") && !c.Policy.InsecureSkipVerification &&
			!slices.Contains(c.Waive, "id_token.iss"),
	}
	if login.Request.signed() && response.Has("response") {
		values, err := c.readJARM(ctx, login, response)
		if err != nil {
			return nil, err
		}
		in.Response, in.Signed, in.Beside = values, true, len(response) > 1
	}
	results := check.Run(authorizationResponseRules, in, c.Waive...)
	login.Checks = append(login.Checks, results...)
	if err := results.Err(); err != nil {
		return nil, err
	}
	if code := in.Response.Get("error"); code != "" {
		return nil, &Error{
			Code: code, Description: in.Response.Get("error_description"), URI: in.Response.Get("error_uri"),
			Endpoint: authorizationEndpoint,
		}
	}
	return in.Response, nil
}

// frontChannel is what came through the browser with an ID Token.
type frontChannel struct {
	came        bool
	code, state string
}

// frontTokens judges the tokens that came through the browser.
func (c *Client) frontTokens(ctx context.Context, login *Login, response url.Values) (*Tokens, error) {
	r := login.Request
	if !r.expects("id_token") && !r.expects("token") {
		return nil, nil
	}
	t := &Tokens{IssuedIDToken: response.Get("id_token")}
	if r.expects("token") {
		t = tokensOf(members(response), tokenResponseInput{Now: c.now()}, c.Waive) // no proof was sent for them
	}
	login.Checks = append(login.Checks, t.Checks...)
	if err := t.Checks.Err(); err != nil {
		return nil, &ProtocolError{Endpoint: authorizationEndpoint, Err: err}
	}
	login.Tokens = t
	t.asked = r.Params.Get("claims")
	if !r.expects("id_token") {
		return t, nil
	}
	v, err := c.verifyIDToken(ctx, t.IssuedIDToken, judged{
		Expectation: Expectation{
			Nonce: login.Nonce, ACRValues: login.expectation().ACRValues, Claims: login.expectation().Claims,
		},
		accessToken: t.AccessToken,
		front:       frontChannel{came: true, code: response.Get("code"), state: login.State},
	})
	t.IDToken, t.broken = v.token, err
	login.Checks = append(login.Checks, v.checks...)
	return t, err
}

// members are the parameters of a response as an object, so that tokens are read
// the same way wherever they come from.
func members(response url.Values) *strictjson.Object {
	var o strictjson.Ordered
	for _, name := range []string{"access_token", "token_type", "expires_in", "scope", "id_token"} {
		if response.Has(name) {
			o.Add(name, response.Get(name))
		}
	}
	data, err := o.MarshalJSON()
	if err != nil {
		return &strictjson.Object{}
	}
	doc, err := strictjson.Parse(data)
	if err != nil { // text that is no Unicode: no rule accepts its absence
		return &strictjson.Object{}
	}
	return doc
}

// redeem trades the code for tokens, and compares them with what came before.
func (c *Client) redeem(ctx context.Context, login *Login, code string) (*Tokens, error) {
	tokens, err := c.Token(ctx, authorizationCode(code, login))
	if err != nil || login.Tokens == nil || login.Tokens.IDToken == nil || tokens.IDToken == nil ||
		c.Policy.InsecureSkipVerification {
		return tokens, err
	}
	results := check.Run(
		hybridRules, hybridInput{Front: login.Tokens.IDToken.StandardClaims, Back: tokens.IDToken.StandardClaims},
		c.Waive...,
	)
	tokens.Checks = append(tokens.Checks, results...)
	tokens.IDToken.Verified = tokens.IDToken.Verified && results.Verified()
	tokens.broken = results.Err()
	return tokens, tokens.broken
}
