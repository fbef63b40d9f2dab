// Pushed authorization requests: RFC 9126.

package oidc

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// pushed reports whether the request goes to the provider directly.
func (l *Login) pushed(p *Provider) bool {
	return l.Request.Push || p.RequirePushedAuthorizationRequests
}

// push pushes the request and returns the parameters that stand for it: nothing
// but client_id and request_uri (RFC 9126 section 4).
func (c *Client) push(ctx context.Context, login *Login, request func() (url.Values, error)) (url.Values, error) {
	answer, err := c.ask(ctx, question{
		endpoint: parEndpoint, metadata: "pushed_authorization_request_endpoint", bound: true,
		fresh: func() (url.Values, error) {
			params, err := request()
			form := url.Values{}
			maps.Copy(form, login.Request.PushParams)
			maps.Copy(form, params) // what Authorize made outweighs the rest
			return form, err
		},
	})
	if err != nil {
		return nil, err
	}
	if answer.status != http.StatusCreated {
		return nil, answer.refused()
	}
	doc, err := answer.object()
	if err != nil {
		return nil, err
	}
	in := pushedAuthorizationInput{Response: doc}
	login.Checks = append(login.Checks, check.Run(pushedAuthorizationRules, in, c.Waive...)...)
	if err := login.Checks.Err(); err != nil {
		return nil, answer.broken(err)
	}
	login.RequestURI, _ = doc.String("request_uri")
	login.ExpiresAt = c.now().Add(lifetime(doc))
	return url.Values{"client_id": {c.ID}, "request_uri": {login.RequestURI}}, nil
}

// pushedAuthorizationInput is what the rules of the response look at.
type pushedAuthorizationInput struct{ Response *strictjson.Object }

var pushedAuthorizationRules = []check.Rule[pushedAuthorizationInput]{
	{
		ID: "pushed_authorization.request_uri", Spec: rfc9126("2.2"), Level: check.Must, Essential: true,
		Text: "request_uri is a string of printable ASCII characters without a space.",
		Eval: func(in pushedAuthorizationInput) check.Verdict {
			if uri, _ := in.Response.String("request_uri"); strings.Contains(uri, " ") {
				return check.That(false, "a string with a space", "a URI")
			}
			return tokenString(in.Response, "request_uri", true)
		},
	},
	{
		ID: "pushed_authorization.expires_in", Spec: rfc9126("2.2"), Level: check.Must,
		Text: "expires_in is a number of seconds, more than 0.",
		Eval: func(in pushedAuthorizationInput) check.Verdict { return lifetimeOf(in.Response) },
	},
}

// lifetimeOf judges an expires_in that has to be there.
func lifetimeOf(doc *strictjson.Object) check.Verdict {
	lifetime, ok, err := expiresIn(doc)
	switch {
	case err != nil:
		return check.That(false, err.Error(), "a number of seconds")
	case !ok:
		return check.That(false, "none", "a number of seconds")
	}
	return check.That(lifetime > 0, lifetime.String(), "more than 0 seconds")
}

// lifetime is an expires_in that was judged.
func lifetime(doc *strictjson.Object) time.Duration {
	lifetime, _, _ := expiresIn(doc)
	return lifetime
}
