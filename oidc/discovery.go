// Provider metadata: OpenID Connect Discovery 1.0 and RFC 8414.

package oidc

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/reason"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// A Provider is the metadata of an OpenID Provider or authorization server (OpenID
// Connect Discovery 1.0 section 3, RFC 8414 section 2). A member that the provider
// does not have is empty.
type Provider struct {
	Issuer string // issuer; the iss of its tokens must be exactly this

	AuthorizationEndpoint              string // authorization_endpoint
	TokenEndpoint                      string // token_endpoint
	UserInfoEndpoint                   string // userinfo_endpoint
	JWKSURI                            string // jwks_uri
	IntrospectionEndpoint              string // introspection_endpoint
	RevocationEndpoint                 string // revocation_endpoint
	EndSessionEndpoint                 string // end_session_endpoint
	PushedAuthorizationRequestEndpoint string // pushed_authorization_request_endpoint
	DeviceAuthorizationEndpoint        string // device_authorization_endpoint
	BackchannelAuthenticationEndpoint  string // backchannel_authentication_endpoint
	RegistrationEndpoint               string // registration_endpoint

	// MTLSEndpointAliases are the endpoints, by their metadata names, for
	// clients that use mutual TLS (RFC 8705 section 5).
	MTLSEndpointAliases map[string]string

	TokenEndpointAuthMethods           []string // token_endpoint_auth_methods_supported
	TokenEndpointAuthSigningAlgorithms []string // token_endpoint_auth_signing_alg_values_supported
	IDTokenSigningAlgorithms           []string // id_token_signing_alg_values_supported
	ScopesSupported                    []string // scopes_supported
	GrantTypesSupported                []string // grant_types_supported
	ResponseTypesSupported             []string // response_types_supported
	SubjectTypesSupported              []string // subject_types_supported
	CodeChallengeMethods               []string // code_challenge_methods_supported
	ResponseModesSupported             []string // response_modes_supported
	DPoPSigningAlgorithms              []string // dpop_signing_alg_values_supported
	BackchannelTokenDeliveryModes      []string // backchannel_token_delivery_modes_supported

	// RequirePushedAuthorizationRequests says that the provider accepts no other:
	// require_pushed_authorization_requests (RFC 9126 section 5).
	RequirePushedAuthorizationRequests bool

	// AuthorizationResponseIss promises iss in authorization responses:
	// authorization_response_iss_parameter_supported (RFC 9207).
	AuthorizationResponseIss bool

	// OAuthOnly says that this is no OpenID Provider, as far as its metadata tell: they
	// are an authorization server's (RFC 8414), or there are none. Such a server is not
	// asked for openid, unless a scope names it.
	OAuthOnly bool

	URL    string        // where the metadata came from, "" if it was not fetched
	Raw    []byte        // the metadata as received, nil if it was not fetched
	Checks check.Results // of judging it
}

// A Discovery finds a provider's metadata. The zero value does what the
// standard says; see [Discover].
type Discovery struct {
	HTTP    *http.Client // sends the request; nil means http.DefaultClient
	MaxBody int64        // limits the response, in bytes; 0 means 1 MiB

	// URL is where the metadata is, if not at the issuer's well-known place.
	URL string

	// ExpectedIssuer is what the metadata's issuer must be, if that is not the issuer
	// to discover: a provider may be reached by one name and have another.
	ExpectedIssuer string

	// Endpoints replaces endpoints of the metadata, by their metadata names:
	// "token_endpoint", "jwks_uri" and so on, those that a [Provider] has.
	Endpoints map[string]string

	// Uses names the members of the metadata that the caller will use, such as
	// "token_endpoint" and "jwks_uri". What is wrong with any other member is recorded as
	// a failed SHOULD. nil means that all of them are used.
	//
	// If Uses is set and there is no metadata at the well-known places, the provider is
	// made of Endpoints, as long as they have every endpoint that is used.
	Uses []string

	// Waive names rules whose failure is recorded but is not an error.
	Waive []string

	// TLSUnverified says that HTTP does not verify certificates. It is judged
	// as a rule of its own, so that it never goes unseen.
	TLSUnverified bool
}

// Discover fetches the metadata of the provider whose issuer identifier is issuer,
// and checks that it is that issuer's: code point by code point, since two issuers may
// differ in a slash only.
//
// The metadata is fetched from the URL of OpenID Connect Discovery 1.0 section 4, and
// after a 404 from that of RFC 8414 section 3. The error is a [*TransportError], or a
// [*ProtocolError] whose cause is a [*check.Error] if a rule was broken; the
// [*Provider] is then returned, too, to show it only.
func Discover(ctx context.Context, issuer string) (*Provider, error) {
	return Discovery{}.Provider(ctx, issuer)
}

// Provider is [Discover] with the settings of d.
func (d Discovery) Provider(ctx context.Context, issuer string) (*Provider, error) {
	places, err := d.places(issuer)
	if err != nil {
		return nil, &ProtocolError{Endpoint: discoveryEndpoint, URL: withoutQuery(issuer), Err: err}
	}
	for i, place := range places {
		answer, err := send(
			ctx, d.HTTP, request{endpoint: discoveryEndpoint, url: place.url, limit: orElse(d.MaxBody, limit.Body)},
		)
		switch {
		case redirected(err) && d.suffice():
			return d.fromEndpoints(issuer)
		case err != nil:
			return nil, err
		}
		if answer.status == http.StatusNotFound && i < len(places)-1 {
			continue
		}
		if answer.unpublished() && d.suffice() {
			return d.fromEndpoints(issuer)
		}
		return d.read(answer, place, issuer)
	}
	panic("unreachable: places is never empty")
}

// A wellKnown is a place of metadata. OpenID metadata must say more than an
// authorization server's (RFC 8414).
type wellKnown struct {
	url    string
	openID bool
}

// places returns where an issuer's metadata may be, in the order to try.
func (d Discovery) places(issuer string) ([]wellKnown, error) {
	u, err := url.Parse(issuer)
	if err != nil || !wire.Secure(u) || u.RawQuery != "" || u.Fragment != "" {
		return nil, reason.Errorf(
			reason.EndpointURL,
			"the issuer %.200q is not an https URL without query and fragment (http is allowed on the loopback "+
				"address only)",
			issuer,
		)
	}
	if d.URL != "" {
		at, err := url.Parse(d.URL)
		if err != nil || !wire.Secure(at) {
			return nil, reason.Errorf(
				reason.EndpointURL, "%.200q is not an https URL (http is allowed on the loopback address only)", d.URL,
			)
		}
		return []wellKnown{{d.URL, !strings.Contains(at.Path, "oauth-authorization-server")}}, nil
	}
	// OpenID Connect Discovery 1.0 section 4.1 appends to the path; RFC 8414
	// section 3.1 puts its own before it. Both drop one closing slash.
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	at := func(p string) string { return u.Scheme + "://" + u.Host + p }
	return []wellKnown{
		{at(path + "/.well-known/openid-configuration"), true},
		{at("/.well-known/oauth-authorization-server" + path), false},
	}, nil
}

// tried names the places where metadata was looked for.
func (d Discovery) tried(issuer string) string {
	places, err := d.places(issuer)
	if err != nil {
		return issuer
	}
	urls := make([]string, len(places))
	for i, p := range places {
		urls[i] = p.url
	}
	return strings.Join(urls, " and ")
}

func (d Discovery) read(answer *response, place wellKnown, issuer string) (*Provider, error) {
	if answer.status != http.StatusOK {
		return nil, answer.broken(reason.Errorf(
			reason.ResponseStatus, "HTTP status %d where the metadata should be, at %s%s", answer.status,
			d.tried(issuer), answer.snippet(),
		))
	}
	doc, err := answer.object()
	if err != nil {
		return nil, err
	}
	p := &Provider{URL: answer.url, Raw: answer.body, OAuthOnly: !place.openID || !openID(doc)}
	in := discoveryInput{Provider: p, Uses: d.Uses, Issuer: issuer, TLSUnverified: d.TLSUnverified}
	for _, m := range p.decode(doc) {
		if in.uses(m.name) {
			return nil, answer.broken(m.err)
		}
		in.Malformed = append(in.Malformed, m.err.Error())
	}
	if err := p.replace(d.Endpoints); err != nil {
		return nil, err
	}
	if d.ExpectedIssuer != "" {
		in.Issuer = d.ExpectedIssuer
	}
	p.Checks = check.Run(discoveryRules, in, d.Waive...)
	if err := p.Checks.Err(); err != nil {
		return p, answer.broken(err)
	}
	return p, nil
}

// replace puts endpoints that were set by hand in the place of the provider's.
func (p *Provider) replace(endpoints map[string]string) error {
	for name, value := range endpoints {
		field, ok := p.endpoints()[name]
		if !ok {
			return fmt.Errorf("oidc: %q is not an endpoint that can be replaced", name)
		}
		*field = value
		delete(p.MTLSEndpointAliases, name) // what was set by hand outweighs all metadata
	}
	return nil
}

// A malformed member of the metadata has a value of another type than its own.
type malformed struct {
	name string
	err  error
}

// decode fills p from the metadata document. A malformed member is left out, and returned.
func (p *Provider) decode(doc *strictjson.Object) []malformed {
	var bad []malformed
	keep := func(name string, err error) {
		if err != nil {
			bad = append(bad, malformed{name, err})
		}
	}
	str := func(name string, to *string) {
		value, err := doc.String(name)
		*to = value
		keep(name, err)
	}
	list := func(name string, to *[]string) {
		values, err := doc.Strings(name)
		*to = values
		keep(name, err)
	}
	str("issuer", &p.Issuer)
	for name, field := range p.endpoints() {
		str(name, field)
	}
	list("token_endpoint_auth_methods_supported", &p.TokenEndpointAuthMethods)
	list("token_endpoint_auth_signing_alg_values_supported", &p.TokenEndpointAuthSigningAlgorithms)
	list("id_token_signing_alg_values_supported", &p.IDTokenSigningAlgorithms)
	list("scopes_supported", &p.ScopesSupported)
	list("grant_types_supported", &p.GrantTypesSupported)
	list("response_types_supported", &p.ResponseTypesSupported)
	list("subject_types_supported", &p.SubjectTypesSupported)
	list("code_challenge_methods_supported", &p.CodeChallengeMethods)
	list("response_modes_supported", &p.ResponseModesSupported)
	list("dpop_signing_alg_values_supported", &p.DPoPSigningAlgorithms)
	list("backchannel_token_delivery_modes_supported", &p.BackchannelTokenDeliveryModes)
	for name, to := range map[string]*bool{
		"authorization_response_iss_parameter_supported": &p.AuthorizationResponseIss,
		"require_pushed_authorization_requests":          &p.RequirePushedAuthorizationRequests,
	} {
		value, err := doc.Bool(name)
		*to = value
		keep(name, err)
	}
	keep(aliasesMember, p.decodeAliases(doc))
	slices.SortFunc(bad, func(a, b malformed) int { return strings.Compare(a.name, b.name) })
	return bad
}

func (p *Provider) decodeAliases(doc *strictjson.Object) error {
	raw, ok := doc.Get(aliasesMember)
	if !ok {
		return nil
	}
	aliases, err := strictjson.Parse(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", aliasesMember, err)
	}
	p.MTLSEndpointAliases = map[string]string{}
	for _, m := range aliases.Members {
		if s, ok := strictjson.Text(m.Value); ok {
			p.MTLSEndpointAliases[m.Name] = s
		}
	}
	return nil
}

// endpoints are the members of the metadata that are endpoints, by name.
func (p *Provider) endpoints() map[string]*string {
	return map[string]*string{
		"authorization_endpoint":                &p.AuthorizationEndpoint,
		"token_endpoint":                        &p.TokenEndpoint,
		"userinfo_endpoint":                     &p.UserInfoEndpoint,
		"jwks_uri":                              &p.JWKSURI,
		"introspection_endpoint":                &p.IntrospectionEndpoint,
		"revocation_endpoint":                   &p.RevocationEndpoint,
		"end_session_endpoint":                  &p.EndSessionEndpoint,
		"pushed_authorization_request_endpoint": &p.PushedAuthorizationRequestEndpoint,
		"device_authorization_endpoint":         &p.DeviceAuthorizationEndpoint,
		"backchannel_authentication_endpoint":   &p.BackchannelAuthenticationEndpoint,
		"registration_endpoint":                 &p.RegistrationEndpoint,
	}
}

// at returns the endpoint of a metadata name, "" if there is none: with mutual TLS the
// alias, if the provider has one (RFC 8705 section 5).
func (p *Provider) at(name string, mutualTLS bool) string {
	if p == nil {
		return ""
	}
	if alias := p.MTLSEndpointAliases[name]; alias != "" && mutualTLS {
		return alias
	}
	if endpoint := p.endpoints()[name]; endpoint != nil {
		return *endpoint
	}
	return ""
}

// insecure returns the endpoints whose URL is not to be used, as "name URL": those that
// are used, or the others.
func (in discoveryInput) insecure(used bool) []string {
	return in.Provider.where(func(name string, u *url.URL) bool {
		return in.uses(name) == used && (u == nil || !wire.Secure(u) || u.Fragment != "")
	})
}

// elsewhere returns the endpoints that are at another host than issuer. It is
// allowed, and it is how one provider's metadata could name another's.
func (p *Provider) elsewhere(issuerID string) []string {
	issuer, err := url.Parse(issuerID)
	if err != nil {
		return nil
	}
	return p.where(func(_ string, u *url.URL) bool {
		return u != nil && wire.Secure(u) && !strings.EqualFold(u.Hostname(), issuer.Hostname())
	})
}

// where returns the endpoints, aliases included, that are bad, as "name URL". A URL that
// cannot be parsed is nil.
func (p *Provider) where(bad func(name string, u *url.URL) bool) []string {
	var list []string
	judge := func(name, raw string) {
		if raw == "" {
			return
		}
		u, err := url.Parse(raw)
		if err != nil {
			u = nil
		}
		if bad(name, u) {
			list = append(list, name+" "+raw)
		}
	}
	for name, field := range p.endpoints() {
		judge(name, *field)
	}
	for name, raw := range p.MTLSEndpointAliases {
		judge(aliasesMember+"."+name, raw)
	}
	slices.Sort(list)
	return list
}

func orElse(set, standard int64) int64 {
	if set > 0 {
		return set
	}
	return standard
}
