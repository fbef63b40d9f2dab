// Logging out at the provider: OpenID Connect RP-Initiated Logout 1.0.

package oidc

import (
	"context"
	"crypto/rand"
	"net/url"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/reason"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// An EndSessionRequest is a logout request of a relying party (OpenID Connect
// RP-Initiated Logout 1.0 section 2).
type EndSessionRequest struct {
	IDTokenHint           string // an ID Token of the session, which may be expired
	PostLogoutRedirectURI string // as registered; "" if the browser need not come back
	Params                url.Values
}

// A Logout is a logout request that is ready to send, with the state that its response
// is checked against.
type Logout struct {
	Request EndSessionRequest
	URL     string // where to send the user
	State   string // "" if the browser does not come back

	Checks check.Results // of the response, once VerifyLogoutResponse has checked it
}

// EndSession makes a logout request, whose URL the user's browser opens. Nothing is
// sent: the session at the provider is the browser's. The error is a [*ProtocolError] if
// the provider has no usable end_session_endpoint.
func (c *Client) EndSession(_ context.Context, r EndSessionRequest) (*Logout, error) {
	if c.Provider == nil {
		return nil, errNoProvider
	}
	if c.Provider.EndSessionEndpoint == "" {
		return nil, &ProtocolError{Endpoint: endSessionEndpoint, Err: errNoEndpoint}
	}
	u, err := url.Parse(c.Provider.EndSessionEndpoint)
	if err != nil || !wire.Secure(u) {
		return nil, &ProtocolError{
			Endpoint: endSessionEndpoint, Err: reason.Errorf(reason.EndpointURL, "not an https URL"),
		}
	}
	logout, query := &Logout{Request: r}, u.Query()
	for name, values := range r.Params {
		query[name] = values
	}
	if r.PostLogoutRedirectURI != "" {
		logout.State = rand.Text()
	}
	for name, value := range map[string]string{
		"id_token_hint": r.IDTokenHint, "client_id": c.ID,
		"post_logout_redirect_uri": r.PostLogoutRedirectURI, "state": logout.State,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	u.RawQuery = query.Encode()
	logout.URL = u.String()
	return logout, nil
}

// VerifyLogoutResponse checks response, the parameters that the
// post_logout_redirect_uri received (OpenID Connect RP-Initiated Logout 1.0 section 3).
// The error is a [*check.Error].
func (c *Client) VerifyLogoutResponse(logout *Logout, response url.Values) error {
	if logout == nil {
		logout = &Logout{} // no response is the response to none
	}
	logout.Checks = check.Run(endSessionRules, endSessionInput{response, logout.State}, c.Waive...)
	return logout.Checks.Err()
}

type endSessionInput struct {
	Response url.Values
	State    string // as sent
}

var endSessionRules = []check.Rule[endSessionInput]{
	{
		ID: "end_session.state", Spec: check.Spec{Doc: "OpenID Connect RP-Initiated Logout 1.0", Section: "3"},
		Level: check.Must,
		Text:  "state is the value that was sent: the browser comes back from this logout.",
		Eval:  func(in endSessionInput) check.Verdict { return sameState(in.Response, in.State) },
	},
}

// sameState judges the state of a response. It is a secret until it came back,
// so evidence does not quote it.
func sameState(response url.Values, sent string) check.Verdict {
	const want = "the value that was sent"
	got := response.Get("state")
	switch {
	case got == "":
		return check.That(false, "none", want)
	case got != sent:
		return check.That(false, "another value", want)
	}
	return check.That(true, want, want)
}
