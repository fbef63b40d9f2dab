package optest

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/oidc-client/oidc-client/internal/provider"
	"github.com/oidc-client/oidc-client/internal/provider/fault"
)

// A Request is one request that the provider received, as it came.
type Request struct {
	// Endpoint is "discovery", "jwks", "authorization", "token", "userinfo",
	// "pushed_authorization_request", "device_authorization", "backchannel_authentication",
	// "introspection", "revocation", "end_session", "registration", "resource" or
	// "resource_metadata"; "bait" for a URL that nobody should request, to which redirects
	// and headers of forged tokens lead; and else the path.
	Endpoint string

	Method string
	Path   string
	Query  url.Values
	Form   url.Values // the body, if it is a form
	Body   []byte     // any other body
	Header http.Header
}

// Value returns a parameter of the form, or else of the query.
func (r Request) Value(name string) string { return fault.Recorded(r).Value(name) }

// Requests returns the requests so far, in the order in which they came: all of them, or
// those to some endpoints. Of more than 1,000 only the last are kept.
func (p *Provider) Requests(endpoints ...string) []Request {
	var requests []Request
	for _, r := range p.op.Recorded() {
		if len(endpoints) == 0 || slices.Contains(endpoints, r.Endpoint) {
			requests = append(requests, Request(r))
		}
	}
	return requests
}

// RefreshToken returns a refresh token, as a login of a user at a client would have
// brought it. It is for tests of what happens after a login.
func (p *Provider) RefreshToken(clientID, user string) string {
	p.t.Helper()
	token, err := p.op.IssueRefreshToken(clientID, user, "")
	if err != nil {
		p.t.Fatalf("optest: %v", err)
	}
	return token
}

// patience is how long LogIn waits for the provider.
const patience = 30 * time.Second

// LogIn opens an authorization URL as a browser does, and returns the parameters of the
// authorization response, in whatever response mode it comes. It does not go on to the
// redirect URI: the test hands the parameters to the relying party. For a relying party
// with pages of its own no LogIn is needed: an [http.Client] with cookies that opens its
// login page is sent to the provider and back.
func (p *Provider) LogIn(authorizationURL string) url.Values {
	p.t.Helper()
	browser := *p.http
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, authorizationURL, nil)
	if err != nil {
		p.t.Fatalf("optest: the authorization URL: %v", err)
		return nil
	}
	res, err := browser.Do(r)
	if err != nil {
		p.t.Fatalf("optest: open the authorization URL: %v", err)
		return nil
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatalf("optest: read the authorization response: %v", err)
		return nil
	}
	response := &provider.Response{Request: res.Request, Status: res.StatusCode, Header: res.Header, Body: body}
	back := response.Authorization()
	if back == nil {
		p.t.Fatalf("optest: the provider did not send the browser back (HTTP status %d): %s", res.StatusCode, body)
		return nil
	}
	return back.Values
}

// LogOut logs a user out of a client: it sends a logout token to the
// backchannel_logout_uri of the client (OpenID Connect Back-Channel Logout 1.0). The error
// says that the client did not accept it.
func (p *Provider) LogOut(clientID, user string) error { return p.op.BackchannelLogout(clientID, user) }
