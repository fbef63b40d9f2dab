// Profiles: FAPI 2.0 Security Profile and FAPI 2.0 Message Signing. A profile turns
// on what it asks of a client, and names the line that breaks it.

package config

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// fapi2Algorithms are those that FAPI 2.0 allows (Security Profile section 5.4.1).
var fapi2Algorithms = []string{"PS256", "ES256", "EdDSA", "Ed25519"}

// FAPI2Algorithms are those that the profiles allow.
func FAPI2Algorithms() []string { return slices.Clone(fapi2Algorithms) }

// profile applies the profile of the file.
func (l *loader) profile() {
	switch l.config.Profile {
	case FAPI2:
		l.fapi2()
	case FAPI2MessageSigning:
		l.fapi2()
		l.messageSigning()
	}
}

// breaks complains about a key that was set to what the profile forbids.
func (l *loader) breaks(key, why string) {
	if l.has(key) {
		l.about(key, "breaks the profile %s (%s): %s", l.config.Profile, l.config.Origin["profile"], why)
	}
}

// fapi2 is FAPI 2.0 Security Profile section 5.3.3.
func (l *loader) fapi2() {
	c := l.config
	methods := []string{"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"}
	if !slices.Contains(methods, c.AuthMethod) {
		l.breaks("auth_method", "a client authenticates by "+strings.Join(methods, ", "))
		switch {
		case c.AuthMethod != "":
		case c.Issued.Any():
			l.complain(c.Origin["profile"], "profile",
				"%s does not allow client_assertion: a client authenticates by %s", c.Profile,
				strings.Join(methods, ", "))
		case !l.has("private_key") && !l.has("tls_client_certificate"):
			l.complain(c.Origin["profile"], "profile",
				"%s needs a private_key or a tls_client_certificate to authenticate with", c.Profile)
		}
	}
	if c.AuthMethod == "" {
		l.breaks("client_secret", "a client does not authenticate with a secret")
	}
	if c.Login.UsePKCE != nil && !*c.Login.UsePKCE {
		l.breaks("use_pkce", "PKCE is always used")
	}
	if !c.Login.UsePAR {
		l.breaks("use_par", "authorization requests are pushed")
	}
	if c.Login.ResponseType != "code" {
		l.breaks("response_type", "it is code")
	}
	for _, key := range []string{
		"jwt_profile_token_audience", "jwt_profile_token_endpoint_audience", "jwt_profile_par_endpoint_audience",
		"jwt_profile_revocation_endpoint_audience", "jwt_profile_introspection_endpoint_audience",
	} {
		l.breaks(key, "the audience of a client assertion is the issuer")
	}
	if c.Assertion.EndpointAudience {
		l.breaks("jwt_profile_endpoint_audience", "the audience of a client assertion is the issuer")
	}
	if c.SkipTLSVerification {
		l.breaks("skip_tls_verification", "certificates are verified")
	}
	if c.InsecureWellKnown {
		l.breaks("insecure_wellknown_endpoint", "the metadata's issuer is compared")
	}
	if !wellKnown(c.ExpectedIssuer, c.AlternativeWellKnown) {
		l.breaks("alternative_wellknown_endpoint", "the metadata is at a well-known place of its issuer, which "+
			"expected_issuer names, so that the two are compared")
	}
	for _, key := range []string{
		"token_endpoint", "authorize_endpoint", "userinfo_endpoint", "jwks_endpoint", "introspect_endpoint",
		"par_endpoint", "endsession_endpoint",
		"revocation_endpoint", "device_authorization_endpoint", "backchannel_authentication_endpoint",
		"registration_endpoint", "par_endpoint_wellknown_key",
	} {
		l.breaks(key, "endpoints are those of the metadata")
	}
	l.breaks("waive", "no rule is waived")
	l.fapi2Algorithms()
	l.fapi2Defaults()
}

// wellKnown reports whether a URL is where the metadata of an issuer may be (OpenID Connect
// Discovery 1.0 section 4, RFC 8414 section 3). A closing slash of the issuer may stay.
func wellKnown(issuer, place string) bool {
	of, err := url.Parse(issuer)
	if err != nil || issuer == "" {
		return false
	}
	at, err := url.Parse(place)
	if err != nil || at.Scheme != of.Scheme || at.Host != of.Host || at.RawQuery != "" || at.Fragment != "" {
		return false
	}
	path := strings.TrimSuffix(of.EscapedPath(), "/")
	return slices.Contains([]string{
		path + "/.well-known/openid-configuration",
		"/.well-known/openid-configuration" + path,
		"/.well-known/oauth-authorization-server" + path,
	}, strings.TrimSuffix(at.EscapedPath(), "/"))
}

func (l *loader) fapi2Algorithms() {
	c := l.config
	why := "the algorithms are " + strings.Join(fapi2Algorithms, ", ")
	bad := func(alg string) bool { return alg != "" && !slices.Contains(fapi2Algorithms, alg) }
	if slices.ContainsFunc(c.TokenSigningAlgorithms, bad) {
		l.breaks("token_signing_alg", why)
	}
	for key, alg := range map[string]string{
		"jwt_signing_alg": c.Assertion.Algorithm, "request_object_signing_alg": c.Login.RequestObjectSigningAlgorithm,
		"dpop_signing_alg": c.DPoP.Algorithm, "userinfo_signed_response_alg": c.UserInfoSigningAlgorithm,
		"authorization_signed_response_alg": c.AuthorizationSigningAlgorithm,
		"introspection_signed_response_alg": c.IntrospectionSigningAlgorithm,
	} {
		if bad(alg) {
			l.breaks(key, why)
		}
	}
}

// fapi2IDTokenAge is how old an ID Token may be. It is made for the request that it
// answers, and so is seconds old; in CIBA it may be from when the user approved, which is
// at most as long ago as a request lives, minutes. An hour leaves room for both, and
// keeps out the ID Tokens of earlier logins, which have to be refused where no nonce ties
// a token to its request.
const fapi2IDTokenAge = time.Hour

// fapi2Defaults turns on what was left open.
func (l *loader) fapi2Defaults() {
	c := l.config
	if c.TokenSigningAlgorithms == nil {
		c.TokenSigningAlgorithms = slices.Clone(fapi2Algorithms)
	}
	if !l.has("use_par") {
		c.Login.UsePAR = true
	}
	if c.MaxIDTokenAge == nil {
		age := fapi2IDTokenAge
		c.MaxIDTokenAge = &age
	}
	switch bound := l.has("tls_client_certificate") && !l.has("client_assertion_certificate"); {
	case l.has("dpop") && !c.DPoP.Use && !bound:
		l.breaks("dpop", "access tokens are bound to a key (dpop) or to a certificate (tls_client_certificate)")
	case !l.has("dpop") && !bound:
		c.DPoP.Use = true
	}
	if c.DPoP.Use && c.DPoP.Key == "" {
		l.warn("profile", "tokens are bound to a key that is gone after this run; dpop_key names a file to keep it in")
	}
}

// messageSigning is FAPI 2.0 Message Signing sections 5.3 to 5.5.
func (l *loader) messageSigning() {
	c := l.config
	if !c.Login.UseRequestParameter {
		l.breaks("use_request_parameter", "authorization requests are signed")
	}
	if c.Login.ResponseMode != "jwt" && !strings.HasSuffix(c.Login.ResponseMode, ".jwt") {
		l.breaks("response_mode", "authorization responses are signed: jwt, query.jwt, fragment.jwt or form_post.jwt")
	}
	if !c.SignedIntrospection {
		l.breaks("use_signed_introspection", "introspection responses are signed")
	}
	if c.Login.LegacyRequestJWTHeader {
		l.breaks("legacy_request_jwt_header_type", "the typ of a request object is oauth-authz-req+jwt")
	}
	if !l.has("use_request_parameter") {
		c.Login.UseRequestParameter = true
	}
	if !l.has("response_mode") {
		c.Login.ResponseMode = "jwt"
	}
	if !l.has("use_signed_introspection") {
		c.SignedIntrospection = true
	}
}
