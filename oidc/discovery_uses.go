// Which members of the metadata count: those that are used (RFC 8414 section 2, OpenID
// Connect Discovery 1.0 section 3), and those that were set by hand.

package oidc

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// aliasesMember is the member of the endpoints for mutual TLS (RFC 8705 section 5).
const aliasesMember = "mtls_endpoint_aliases"

// readWith are members that are read wherever another member is used.
var readWith = map[string]string{
	"authorization_response_iss_parameter_supported": "authorization_endpoint",
	"require_pushed_authorization_requests":          "authorization_endpoint",
	"code_challenge_methods_supported":               "device_authorization_endpoint",
	"id_token_signing_alg_values_supported":          "jwks_uri",
}

// uses reports whether a member of the metadata will be used. issuer always is. An alias
// is used if its endpoint is, by a client that shows a certificate.
func (in discoveryInput) uses(member string) bool {
	if in.Uses == nil || member == "issuer" || slices.Contains(in.Uses, member) {
		return true
	}
	if endpoint, ok := strings.CutPrefix(member, aliasesMember+"."); ok {
		return slices.Contains(in.Uses, aliasesMember) && slices.Contains(in.Uses, endpoint)
	}
	with, ok := readWith[member]
	return ok && slices.Contains(in.Uses, with)
}

// required are the endpoints without which there is no OpenID Provider (OpenID Connect
// Discovery 1.0 section 3).
var required = []string{"token_endpoint", "jwks_uri", "authorization_endpoint"}

// unusedProblems says what is wrong with the members that are not used.
func (in discoveryInput) unusedProblems() []string {
	problems := in.insecure(false)
	for _, name := range required {
		if !in.Provider.OAuthOnly && !in.uses(name) && *in.Provider.endpoints()[name] == "" {
			problems = append(problems, "no "+name)
		}
	}
	return slices.Concat(problems, in.Malformed)
}

// openID reports whether metadata are an OpenID Provider's: they have one of the members
// that OpenID Connect Discovery 1.0 section 3 adds and requires, or know the scope openid.
func openID(doc *strictjson.Object) bool {
	scopes, _ := doc.Strings("scopes_supported") // a malformed list knows nothing
	return doc.Has("id_token_signing_alg_values_supported") || doc.Has("subject_types_supported") ||
		slices.Contains(scopes, "openid")
}

// defaultScope is what is asked for if nothing was said about it.
func (p *Provider) defaultScope() []string {
	if p != nil && p.OAuthOnly {
		return []string{}
	}
	return []string{"openid"}
}

// unpublished reports whether a response says that there is no metadata: it is a refusal, or
// a page for people.
func (r *response) unpublished() bool {
	if r.status == http.StatusOK {
		return r.mediaType() == "text/html"
	}
	return r.status >= http.StatusBadRequest && r.status < http.StatusInternalServerError &&
		r.status != http.StatusTooManyRequests
}

// redirected reports whether an error is that of a redirect, such as to a login page.
func redirected(err error) bool {
	var protocol *ProtocolError
	return errors.As(err, &protocol) && protocol.Status >= http.StatusMultipleChoices &&
		protocol.Status < http.StatusBadRequest
}

// Missing returns the endpoints that are used and not set by hand, and without which a
// provider that has no metadata cannot be used.
func (d Discovery) Missing() []string {
	var missing []string
	for _, name := range d.Uses {
		switch name {
		case "userinfo_endpoint", "jwks_uri", "pushed_authorization_request_endpoint",
			"revocation_endpoint": // used where they are
			continue
		}
		if (&Provider{}).endpoints()[name] != nil && d.Endpoints[name] == "" {
			missing = append(missing, name)
		}
	}
	return missing
}

// suffice reports whether the endpoints that were set by hand make up for metadata that
// are not there. Where somebody named the URL of the metadata, they have to be there.
func (d Discovery) suffice() bool {
	return d.URL == "" && len(d.Uses) > 0 && len(d.Endpoints) > 0 && len(d.Missing()) == 0
}

// fromEndpoints is the provider of the endpoints that were set by hand. One that has keys
// can sign ID Tokens, and counts as an OpenID Provider.
func (d Discovery) fromEndpoints(issuer string) (*Provider, error) {
	p := &Provider{Issuer: cmp.Or(d.ExpectedIssuer, issuer)}
	if err := p.replace(d.Endpoints); err != nil {
		return nil, err
	}
	p.OAuthOnly = p.JWKSURI == ""
	p.Checks = check.Run(discoveryRules, discoveryInput{
		Provider: p, Uses: d.Uses, Issuer: p.Issuer, TLSUnverified: d.TLSUnverified, Unpublished: true,
	}, d.Waive...)
	if err := p.Checks.Err(); err != nil {
		return p, &ProtocolError{Endpoint: discoveryEndpoint, Err: err}
	}
	return p, nil
}
