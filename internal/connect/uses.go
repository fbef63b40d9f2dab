// What a command uses of a provider's metadata, and what the configuration has in its
// place.

package connect

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// An endpoint has a name in the metadata, and a key in the configuration that replaces it.
type endpoint struct {
	member, key string
	value       func(*config.Endpoints) string
}

var endpoints = []endpoint{
	{"authorization_endpoint", "authorize_endpoint", func(e *config.Endpoints) string { return e.Authorize }},
	{"token_endpoint", "token_endpoint", func(e *config.Endpoints) string { return e.Token }},
	{"userinfo_endpoint", "userinfo_endpoint", func(e *config.Endpoints) string { return e.UserInfo }},
	{"jwks_uri", "jwks_endpoint", func(e *config.Endpoints) string { return e.JWKS }},
	{"introspection_endpoint", "introspect_endpoint", func(e *config.Endpoints) string { return e.Introspect }},
	{"revocation_endpoint", "revocation_endpoint", func(e *config.Endpoints) string { return e.Revocation }},
	{"end_session_endpoint", "endsession_endpoint", func(e *config.Endpoints) string { return e.EndSession }},
	{
		"pushed_authorization_request_endpoint", "par_endpoint",
		func(e *config.Endpoints) string { return e.PAR },
	},
	{
		"device_authorization_endpoint", "device_authorization_endpoint",
		func(e *config.Endpoints) string { return e.DeviceAuthorization },
	},
	{"registration_endpoint", "registration_endpoint", func(e *config.Endpoints) string { return e.Registration }},
	{
		"backchannel_authentication_endpoint", "backchannel_authentication_endpoint",
		func(e *config.Endpoints) string { return e.BackchannelAuthentication },
	},
}

// replaced are the endpoints that the configuration sets, by their names in the metadata.
func replaced(cfg *config.Config) map[string]string {
	set := map[string]string{}
	for _, e := range endpoints {
		if value := e.value(&cfg.Endpoints); value != "" {
			set[e.member] = value
		}
	}
	return set
}

// keysOf are the keys of the configuration that replace endpoints.
func keysOf(members []string) []string {
	var keys []string
	for _, e := range endpoints {
		if slices.Contains(members, e.member) {
			keys = append(keys, e.key)
		}
	}
	return keys
}

// clientUses are the members of the metadata that making the client reads, beside those that
// the command uses. need is as for [Setup.Client].
func (s *Setup) clientUses(need *KeyNeed, uses []string) []string {
	if uses == nil {
		return nil
	}
	all := slices.Clone(uses)
	for member, read := range map[string]bool{
		"token_endpoint_auth_methods_supported": s.AuthMethod == "",
		"dpop_signing_alg_values_supported":     need != nil && s.DPoP.Use,
		"mtls_endpoint_aliases":                 s.TLSClientCertificate != "",
	} {
		if read {
			all = append(all, member)
		}
	}
	return all
}

// WantsOpenID reports whether a login asks for the scope openid, as far as the configuration
// says.
func WantsOpenID(cfg *config.Config) bool {
	return cfg.Scopes == nil || slices.Contains(cfg.Scopes, "openid")
}

// VerifyingUses are the members of the metadata that it takes to verify ID Tokens: none if
// all of them have to be signed with the client secret.
func VerifyingUses(cfg *config.Config) []string {
	mac := func(alg string) bool { return strings.HasPrefix(alg, "HS") }
	algs := cfg.TokenSigningAlgorithms
	if len(algs) > 0 && !slices.ContainsFunc(algs, func(alg string) bool { return !mac(alg) }) {
		return nil
	}
	return []string{"jwks_uri"}
}

// checkVerifiable refuses to ask for ID Tokens that nothing could verify, where the endpoints
// of the configuration are all that is known of the provider.
func (s *Setup) checkVerifiable(provider *oidc.Provider, uses []string) error {
	if provider.JWKSURI != "" || !slices.Contains(uses, "jwks_uri") || !slices.Contains(s.Scopes, "openid") {
		return nil
	}
	return failure.Config("%s: with openid the provider issues ID Tokens, and nothing can verify them: it publishes "+
		"no metadata, and jwks_endpoint is not set", Origin(s.Config, "scopes")).
		Try("set jwks_endpoint, or leave openid out of the scopes if the server is no OpenID Provider")
}

// adviseEndpoints says that endpoints in the configuration make up for metadata that are not
// there.
func adviseEndpoints(err error, f *failure.Failure, d oidc.Discovery) {
	var protocol *oidc.ProtocolError
	if !errors.As(err, &protocol) || protocol.Endpoint != "discovery" || d.URL != "" ||
		protocol.Status < http.StatusMultipleChoices || protocol.Status == http.StatusTooManyRequests {
		return
	}
	if keys := keysOf(d.Missing()); len(keys) > 0 {
		run.Advise(f, fmt.Sprintf("if the provider publishes no metadata, set its endpoints in the configuration: %s",
			strings.Join(keys, ", ")))
	}
}
