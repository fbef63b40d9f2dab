// The resource owner password credentials grant: RFC 6749 section 4.3.

package oidc

import (
	"net/url"
	"strings"
)

// Password requests tokens with a user's name and password (RFC 6749 section 4.3). The
// client sees the password, and no second factor is possible: RFC 9700 section 2.4
// forbids the grant. It is for testing providers that still have it. If the response
// has an ID Token, it is verified.
func Password(username, password string, scope ...string) Grant {
	g := Grant{
		Type:   "password",
		Params: url.Values{"username": {username}, "password": {password}},
		Expect: Expectation{Optional: true},
	}
	if len(scope) > 0 {
		g.Params.Set("scope", strings.Join(scope, " "))
	}
	return g
}
