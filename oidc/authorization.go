// The authorization endpoint: OpenID Connect Core 1.0 sections 3.1 to 3.3, with
// PKCE (RFC 7636) and the issuer of the response (RFC 9207).

package oidc

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/reason"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// An AuthorizationRequest is an authentication request (OpenID Connect Core 1.0
// section 3.1.2.1), or an authorization request of OAuth 2.0 if Scope has no openid.
type AuthorizationRequest struct {
	RedirectURI string   // redirect_uri, as registered
	Scope       []string // nil means openid, or none where the provider is [Provider.OAuthOnly]

	// ResponseType is the response_type: "" means "code". The others send tokens through
	// the browser (RFC 9700 section 2.1.2), and exist for testing providers.
	ResponseType string
	// ResponseMode is the response_mode: query, fragment, form_post (OAuth 2.0
	// Form Post Response Mode), or a signed response: jwt, query.jwt,
	// fragment.jwt, form_post.jwt (JARM). "" leaves it to the provider.
	ResponseMode string

	// Params are any other parameters, sent as they are, such as prompt, login_hint,
	// claims, acr_values, resource (RFC 8707) or authorization_details (RFC
	// 9396). Those that Authorize makes (state, nonce, PKCE) take precedence.
	Params url.Values

	// Push sends the request to the provider directly, so that neither the user nor
	// the browser can see or change it (RFC 9126). A provider that accepts no other
	// requests gets it so anyway.
	Push bool
	// PushParams are further parameters of a pushed request.
	PushParams url.Values

	// Object signs the request (RFC 9101). nil leaves it unsigned.
	Object *RequestObject

	// InsecureSkipPKCE sends no PKCE challenge, against RFC 9700 section 2.1.1. It is for
	// providers that reject one.
	InsecureSkipPKCE bool
}

// A Login is an authorization request that is ready to send, with the values that
// its response is checked against. It works for one response. It is plain data, which
// an application keeps in the session of the user's browser until the callback.
type Login struct {
	Request      AuthorizationRequest
	URL          string // where to send the user
	State        string
	Nonce        string
	CodeVerifier string // "" means that PKCE is not used

	// RequestURI is the request_uri of a request that was pushed, "" if none was. It
	// works one time only, until ExpiresAt.
	RequestURI string
	ExpiresAt  time.Time

	// Checks are those of the response to a pushed request, and those of the
	// authorization response once Exchange has checked it.
	Checks check.Results

	// Tokens are those that came through the browser, once Exchange has checked them;
	// nil if the response type has none.
	Tokens *Tokens

	// Hooks are called while Exchange redeems the code.
	Hooks
}

// Authorize makes an authorization request, whose URL the user's browser opens. state,
// nonce and the PKCE verifier (RFC 7636, method S256) are new for each, with at least
// 128 random bits.
//
// Nothing is sent, unless the request is pushed or encrypted. The error is a
// [*ProtocolError] if the provider has no usable authorization_endpoint; other errors
// are those of pushing, as for [Client.Token].
func (c *Client) Authorize(ctx context.Context, r AuthorizationRequest) (*Login, error) {
	return c.authorize(
		ctx, &Login{Request: r, State: rand.Text(), Nonce: rand.Text(), CodeVerifier: rand.Text() + rand.Text()},
	)
}

// AuthorizeWith is [Client.Authorize] with the values of login that are not "". It is
// for testing how a provider handles bad ones: predictable values are not secure.
func (c *Client) AuthorizeWith(ctx context.Context, login Login) (*Login, error) {
	for _, value := range []*string{&login.State, &login.Nonce} {
		*value = cmp.Or(*value, rand.Text())
	}
	login.CodeVerifier = cmp.Or(login.CodeVerifier, rand.Text()+rand.Text())
	return c.authorize(ctx, &login)
}

func (c *Client) authorize(ctx context.Context, login *Login) (*Login, error) {
	if c.Provider == nil || c.ID == "" {
		return nil, errors.New("oidc: a Client needs an ID and a Provider")
	}
	endpoint := c.Provider.AuthorizationEndpoint
	if endpoint == "" {
		return nil, &ProtocolError{Endpoint: authorizationEndpoint, Err: errNoEndpoint}
	}
	u, err := url.Parse(endpoint)
	if err != nil || !wire.Secure(u) {
		return nil, &ProtocolError{
			Endpoint: authorizationEndpoint, Err: reason.Errorf(reason.EndpointURL, "not an https URL"),
		}
	}
	if login.Request.Scope == nil {
		login.Request.Scope = c.Provider.defaultScope()
	}
	if login.Request.InsecureSkipPKCE {
		login.CodeVerifier = ""
	}
	// A request object is used once: a second attempt makes another.
	request := func() (url.Values, error) {
		params := c.authorizationParams(login)
		if login.Request.Object == nil {
			return params, nil
		}
		return c.requestObject(ctx, login, params)
	}
	var params url.Values
	if login.pushed(c.Provider) {
		params, err = c.push(ctx, login, request)
	} else {
		params, err = request()
	}
	if err != nil {
		return nil, err
	}
	query := u.Query()
	maps.Copy(query, params)
	u.RawQuery = query.Encode()
	login.URL = u.String()
	return login, nil
}

// authorizationParams are the parameters of the request (OpenID Connect Core 1.0
// section 3.1.2.1).
func (c *Client) authorizationParams(login *Login) url.Values {
	r := login.Request
	params := url.Values{}
	maps.Copy(params, r.Params)
	for name, value := range map[string]string{
		"response_type": r.responseType(), "response_mode": r.ResponseMode, "client_id": c.ID,
		"redirect_uri": r.RedirectURI,
		"scope":        strings.Join(r.Scope, " "), "state": login.State, "nonce": login.Nonce,
	} {
		if value != "" {
			params.Set(name, value)
		}
	}
	if login.CodeVerifier != "" {
		params.Set("code_challenge", hash256([]byte(login.CodeVerifier)))
		params.Set("code_challenge_method", "S256")
	}
	if age := c.Policy.MaxAge; age != nil && !params.Has("max_age") {
		params.Set("max_age", strconv.FormatInt(int64(*age/time.Second), 10))
	}
	if c.DPoP != nil && r.expects("code") {
		params.Set("dpop_jkt", c.DPoP.Thumbprint()) // RFC 9449 section 10
	}
	return params
}

func (r AuthorizationRequest) responseType() string { return cmp.Or(r.ResponseType, "code") }

// expects reports whether a part of the response type is asked for: "code",
// "id_token" or "token".
func (r AuthorizationRequest) expects(part string) bool {
	return slices.Contains(strings.Fields(r.responseType()), part)
}

// signed reports whether the response comes as a JWT (JARM).
func (r AuthorizationRequest) signed() bool {
	return r.ResponseMode == "jwt" || strings.HasSuffix(r.ResponseMode, ".jwt")
}

// openID reports whether an ID Token is due.
func (r AuthorizationRequest) openID() bool {
	return r.Scope == nil || slices.Contains(r.Scope, "openid")
}

// expectation is what the tokens of the login must say.
func (l *Login) expectation() Expectation {
	return Expectation{
		Nonce: l.Nonce, Optional: !l.Request.openID(), ACRValues: strings.Fields(l.Request.Params.Get("acr_values")),
		AuthorizationDetails: l.Request.Params.Get("authorization_details"), Claims: l.Request.Params.Get("claims"),
	}
}
