// The client credentials grant: RFC 6749 section 4.4.

package oidc

import (
	"net/url"
	"strings"
)

// ClientCredentials requests an access token for the client itself (RFC 6749 section
// 4.4). Without scope the provider chooses the scope. The response needs no ID Token;
// if it has one, it is verified.
func ClientCredentials(scope ...string) Grant {
	g := Grant{Type: "client_credentials", Params: url.Values{}, Expect: Expectation{Optional: true}}
	if len(scope) > 0 {
		g.Params.Set("scope", strings.Join(scope, " "))
	}
	return g
}
