// The client credentials grant: RFC 6749 section 4.4.

package oidc

import (
	"net/url"
	"strings"
)

// ClientCredentials asks for an access token for the client itself (RFC 6749
// section 4.4), of the scope, or of the one that the provider has for it. No ID
// Token is due; one that comes all the same is verified.
func ClientCredentials(scope ...string) Grant {
	g := Grant{Type: "client_credentials", Params: url.Values{}, Expect: Expectation{Optional: true}}
	if len(scope) > 0 {
		g.Params.Set("scope", strings.Join(scope, " "))
	}
	return g
}
