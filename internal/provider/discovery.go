// The provider's metadata: OpenID Connect Discovery 1.0, RFC 8414, and what the
// library's lacks of the specifications that add to them.

package provider

import (
	"maps"
	"net/http"
	"slices"
)

const (
	openIDMetadata = "/.well-known/openid-configuration"
	oauthMetadata  = "/.well-known/oauth-authorization-server"
)

// trueMetadata completes the metadata, and serves it at the place of RFC 8414 too.
func (p *Provider) trueMetadata(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != openIDMetadata && r.URL.Path != oauthMetadata {
			next.ServeHTTP(w, r)
			return
		}
		r = r.Clone(r.Context())
		r.URL.Path = openIDMetadata
		res := responseOf(next, r)
		res.Edit(p.completeMetadata)
		res.Send(w)
	})
}

func (p *Provider) completeMetadata(m map[string]any) {
	delete(m, "authorization_details_supported") // RFC 9396 section 10 registers the types only
	maps.Copy(m, map[string]any{
		"request_parameter_supported":     true,
		"request_uri_parameter_supported": false, // true if it were left out
		"prompt_values_supported":         []string{"none", "login", "consent", "select_account"},
		"ui_locales_supported":            []string{"en"},
		"protected_resources":             []string{p.Issuer + resourcePath},

		"introspection_signing_alg_values_supported":    p.options.signatures(),
		"introspection_encryption_alg_values_supported": encryptionAlgs(),
		"introspection_encryption_enc_values_supported": contentAlgs(),

		"backchannel_logout_supported": true, "backchannel_logout_session_supported": true,
		"frontchannel_logout_supported": true, "frontchannel_logout_session_supported": true,
	})
	grants, _ := m["grant_types_supported"].([]any)
	grants = slices.Clone(grants)
	if p.options.Password {
		grants = append(grants, grantPassword)
	}
	if p.options.SAML {
		grants = append(grants, grantSAML)
	}
	m["grant_types_supported"] = grants
	if aliases, ok := m["mtls_endpoint_aliases"].(map[string]any); ok {
		aliases["device_authorization_endpoint"] = p.at.mtls + "/device_authorization"
	}
}
