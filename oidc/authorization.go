// The authorization code flow: OpenID Connect Core 1.0 section 3.1, with PKCE
// (RFC 7636) and the issuer of the response (RFC 9207).

package oidc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/reason"
)

// An AuthorizationRequest is what a client asks of the authorization endpoint
// (OpenID Connect Core 1.0 section 3.1.2.1).
type AuthorizationRequest struct {
	RedirectURI string     // redirect_uri, as registered
	Scope       []string   // nil means openid
	Params      url.Values // anything else, sent as it is; state, nonce and PKCE are not to be set here
}

// A Login is an authorization request that is ready to send, with the values
// its response is judged by. It is plain data; a tool that tests providers may
// spoil its fields on purpose.
type Login struct {
	Request      AuthorizationRequest
	URL          string // where to send the user
	State        string
	Nonce        string
	CodeVerifier string // "" means that PKCE is not used

	// Checks are those of the response, once Exchange has judged it.
	Checks check.Results
}

// Authorize makes an authorization request ready to send. state, nonce and the
// PKCE verifier (RFC 7636, S256) are made anew for each, of 128 bits or more.
// Nothing is sent. A provider without a usable authorization_endpoint is a
// [*ProtocolError].
func (c *Client) Authorize(_ context.Context, r AuthorizationRequest) (*Login, error) {
	if c.Provider == nil || c.ID == "" {
		return nil, errors.New("oidc: a Client needs an ID and a Provider")
	}
	endpoint := c.Provider.AuthorizationEndpoint
	if endpoint == "" {
		return nil, &ProtocolError{Endpoint: authorizationEndpoint, Err: errNoEndpoint}
	}
	u, err := url.Parse(endpoint)
	if err != nil || !secure(u) {
		return nil, &ProtocolError{Endpoint: authorizationEndpoint, Err: reason.Errorf(reason.EndpointURL, "not an https URL")}
	}
	scope := r.Scope
	if scope == nil {
		scope = []string{"openid"}
	}
	login := &Login{Request: r, State: rand.Text(), Nonce: rand.Text(), CodeVerifier: rand.Text() + rand.Text()}
	challenge := sha256.Sum256([]byte(login.CodeVerifier))
	query := u.Query()
	for name, values := range r.Params {
		query[name] = values
	}
	for name, value := range map[string]string{
		"response_type": "code", "client_id": c.ID, "redirect_uri": r.RedirectURI,
		"scope": strings.Join(scope, " "), "state": login.State, "nonce": login.Nonce,
		"code_challenge": base64.RawURLEncoding.EncodeToString(challenge[:]), "code_challenge_method": "S256",
	} {
		query.Set(name, value)
	}
	u.RawQuery = query.Encode()
	login.URL = u.String()
	return login, nil
}

// Exchange judges response, the parameters that came back to the redirect URI
// of login, and redeems its code. A response that is not login's, or that
// names another issuer, is a [*check.Error], and nothing is redeemed; a
// refusal is an [*Error]. The Tokens are as [Client.Token] returns them.
func (c *Client) Exchange(ctx context.Context, login *Login, response url.Values) (*Tokens, error) {
	if c.Provider == nil || login == nil {
		return nil, errors.New("oidc: Exchange needs a Client with a Provider, and a Login")
	}
	in := authorizationResponseInput{
		Response: response, State: login.State, Issuer: c.Provider.Issuer,
		IssRequired: c.Provider.AuthorizationResponseIss,
	}
	login.Checks = check.Run(authorizationResponseRules, in, c.Waive...)
	if err := login.Checks.Err(); err != nil {
		return nil, err
	}
	if code := response.Get("error"); code != "" {
		return nil, &Error{
			Code: code, Description: response.Get("error_description"), URI: response.Get("error_uri"),
			Endpoint: authorizationEndpoint,
		}
	}
	g := authorizationCode(response.Get("code"), login)
	scope := login.Request.Scope
	g.Expect.Optional = scope != nil && !slices.Contains(scope, "openid")
	return c.Token(ctx, g)
}
