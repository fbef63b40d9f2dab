// Using a protected resource: RFC 6750, RFC 9449 section 7, RFC 9470, and RFC 9728
// for what the resource says of itself.

package oidc

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/reason"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// A ResourceRequest is a request to a protected resource.
type ResourceRequest struct {
	Method string // "" means GET
	URL    string // https, or http on the loopback address
	Header http.Header
	Body   []byte
}

// A ResourceResponse is the response of a protected resource.
type ResourceResponse struct {
	Status int
	Header http.Header
	Body   []byte

	Challenge *Challenge // what token the resource demands, nil if it does not say
}

// A Challenge is what a resource server demands of an access token, in the header
// WWW-Authenticate (RFC 6750 section 3).
type Challenge struct {
	Scheme      string // Bearer or DPoP
	Code        string // error, such as "invalid_token"; "" if the request had no token
	Description string
	Scope       string

	// ACRValues and MaxAge are the login that the token has to come from, with
	// the Code "insufficient_user_authentication" (RFC 9470 section 3).
	ACRValues []string
	MaxAge    *time.Duration

	ResourceMetadata string // where the resource's metadata is (RFC 9728 section 5.1), "" if it does not say
}

// String returns the challenge as a resource server sends it in the header
// WWW-Authenticate of a response with the status 401 or 403 (RFC 6750 section 3).
// Characters that the header or its parameters do not allow are replaced.
func (c Challenge) String() string {
	params := []struct{ name, value string }{
		{"error", c.Code},
		{"error_description", c.Description},
		{"scope", c.Scope},
		{"acr_values", strings.Join(c.ACRValues, " ")},
		{"max_age", ""},
		{"resource_metadata", c.ResourceMetadata},
	}
	if c.MaxAge != nil {
		params[4].value = strconv.FormatInt(int64(*c.MaxAge/time.Second), 10)
	}
	text := cmp.Or(c.Scheme, "Bearer")
	separator := " "
	for _, p := range params {
		if p.value != "" {
			text += separator + p.name + `="` + strings.Map(quotable, p.value) + `"`
			separator = ", "
		}
	}
	return text
}

// quotable replaces the characters that error_description does not allow (RFC 6750 section
// 3: %x20-21, %x23-5B and %x5D-7E).
func quotable(c rune) rune {
	switch {
	case c == '"':
		return '\''
	case c < ' ' || c > '~' || c == '\\':
		return '?'
	}
	return c
}

// Resource sends a request with the access token of t, or without one if t is nil.
// Redirects are not followed. A response of 401 or 403 is returned beside an [*Error],
// whose Code is that of the challenge, and another of 4xx beside a [*ProtocolError]; for
// 3xx, 429 and 5xx there is only an error. See [Transport] for ordinary HTTP clients.
func (c *Client) Resource(ctx context.Context, t *Tokens, r ResourceRequest) (*ResourceResponse, error) {
	if t != nil && t.broken != nil {
		return nil, fmt.Errorf("oidc: these tokens may not be used: %w", t.broken)
	}
	req := request{
		endpoint: resourceEndpoint, url: r.URL, method: cmp.Or(r.Method, http.MethodGet), body: r.Body,
		header: withHeader(r.Header, "Accept", cmp.Or(r.Header.Get("Accept"), "*/*")),
		limit:  orElse(c.MaxBody, limit.Body),
	}
	answer, err := c.resource(ctx, t, req)
	if answer == nil {
		return nil, err
	}
	response := &ResourceResponse{
		Status: answer.status, Header: answer.header, Body: answer.body, Challenge: answer.resourceChallenge(),
	}
	if err == nil && answer.status >= http.StatusBadRequest {
		err = answer.refusal()
	}
	return response, err
}

func (c *Client) resource(ctx context.Context, t *Tokens, r request) (*response, error) {
	if t == nil {
		return send(ctx, c.HTTP, r)
	}
	return c.present(ctx, t, r)
}

// resourceChallenge reads the challenge of a response, nil if there is none.
func (r *response) resourceChallenge() *Challenge {
	found, ok := r.challenge()
	if !ok {
		return nil
	}
	c := &Challenge{
		Scheme: found.scheme, Code: found.params["error"], Description: found.params["error_description"],
		Scope:     found.params["scope"],
		ACRValues: strings.Fields(found.params["acr_values"]), ResourceMetadata: found.params["resource_metadata"],
	}
	if n, err := strconv.ParseInt(found.params["max_age"], 10, 32); err == nil && n >= 0 {
		age := time.Duration(n) * time.Second
		c.MaxAge = &age
	}
	return c
}

// A ProtectedResource is the metadata of a protected resource (RFC 9728 section 2).
type ProtectedResource struct {
	Resource             string   // its identifier
	AuthorizationServers []string // issuers whose tokens it takes
	Scopes               []string // scopes_supported
	BoundTokensRequired  bool     // dpop_bound_access_tokens_required

	URL    string        // where this came from
	JSON   []byte        // as received
	Checks check.Results // of judging it
}

// ProtectedResource fetches what a resource says of itself: from the place that its
// challenge names, or else its well-known place (RFC 9728 section 3.1). The error
// is as for [Discover].
func (d Discovery) ProtectedResource(
	ctx context.Context, resource string, challenge *Challenge,
) (*ProtectedResource, error) {
	place, err := protectedResourcePlace(resource)
	if err != nil {
		return nil, &ProtocolError{Endpoint: protectedResourceEndpoint, URL: withoutQuery(resource), Err: err}
	}
	if challenge != nil && challenge.ResourceMetadata != "" {
		place = challenge.ResourceMetadata
		if !sameOrigin(place, resource) { // or a resource could make us ask anybody
			return nil, &ProtocolError{
				Endpoint: protectedResourceEndpoint, URL: withoutQuery(place),
				Err: reason.Errorf(reason.EndpointURL, "the resource's metadata is not at its own origin"),
			}
		}
	}
	answer, err := send(
		ctx, d.HTTP, request{endpoint: protectedResourceEndpoint, url: place, limit: orElse(d.MaxBody, limit.Body)},
	)
	if err != nil {
		return nil, err
	}
	if answer.status != http.StatusOK {
		return nil, answer.broken(reason.Errorf(
			reason.ResponseStatus, "HTTP status %d where the resource's metadata should be, at %s%s", answer.status,
			answer.url, answer.snippet(),
		))
	}
	doc, err := answer.object()
	if err != nil {
		return nil, err
	}
	return d.readProtectedResource(answer, doc, protectedResourceInput{Response: doc, URL: resource})
}

func (d Discovery) readProtectedResource(
	answer *response, doc *strictjson.Object, in protectedResourceInput,
) (*ProtectedResource, error) {
	p := &ProtectedResource{URL: answer.url, JSON: doc.Raw, Checks: check.Run(protectedResourceRules, in, d.Waive...)}
	p.Resource, _ = doc.String("resource") // all of them are judged
	p.AuthorizationServers, _ = doc.Strings("authorization_servers")
	p.Scopes, _ = doc.Strings("scopes_supported")
	p.BoundTokensRequired, _ = doc.Bool("dpop_bound_access_tokens_required")
	if err := p.Checks.Err(); err != nil {
		return p, answer.broken(err)
	}
	return p, nil
}

// protectedResourcePlace is the well-known place of a resource's metadata: before
// its path, and with its query.
func protectedResourcePlace(resource string) (string, error) {
	u, err := url.Parse(resource)
	if err != nil || !wire.Secure(u) || u.Fragment != "" {
		return "", reason.Errorf(
			reason.EndpointURL,
			"%.200q is not an https URL without fragment (http is allowed on the loopback address only)", resource,
		)
	}
	place := u.Scheme + "://" + u.Host + "/.well-known/oauth-protected-resource"
	place += strings.TrimSuffix(u.EscapedPath(), "/")
	if u.RawQuery != "" {
		place += "?" + u.RawQuery
	}
	return place, nil
}

func sameOrigin(a, b string) bool {
	first, err := url.Parse(a)
	if err != nil {
		return false
	}
	second, err := url.Parse(b)
	return err == nil && wire.Secure(first) && origin(first) == origin(second)
}

type protectedResourceInput struct {
	Response *strictjson.Object
	URL      string // that was asked for
}

var protectedResourceRules = []check.Rule[protectedResourceInput]{
	{
		ID: "protected_resource.resource", Spec: rfc9728("3.3"), Level: check.Must,
		Text: "resource is exactly the URL of the resource that was asked.",
		Eval: func(in protectedResourceInput) check.Verdict {
			got, err := in.Response.String("resource")
			if err != nil {
				return check.That(false, err.Error(), "a URL")
			}
			return check.Equal(got, in.URL)
		},
	},
	{
		ID: "protected_resource.authorization_servers", Spec: rfc9728("2"), Level: check.Must,
		Text: "authorization_servers, if there, are issuers: https URLs, or http on the loopback address.",
		Eval: func(in protectedResourceInput) check.Verdict {
			servers, err := in.Response.Strings("authorization_servers")
			if err != nil {
				return check.That(false, err.Error(), "a list of URLs")
			}
			if !in.Response.Has("authorization_servers") {
				return check.Inapplicable("none are named")
			}
			bad := func(s string) bool { return !wire.SecureURL(s) }
			return check.That(!slices.ContainsFunc(servers, bad), check.List(servers), "https URLs")
		},
	},
}
