// The refresh token grant: RFC 6749 section 6, OpenID Connect Core 1.0 section
// 12.

package oidc

import (
	"net/url"
	"strings"
)

// RefreshToken trades a refresh token for new tokens (RFC 6749 section 6). If scope is given, the
// new access token is asked to have only that scope; otherwise it has the
// scope first granted.
//
// A provider that rotates refresh tokens revokes them all if one is presented
// twice. So the request is sent once only; if its answer is lost, [MayBeSpent]
// tells.
func RefreshToken(token string, scope ...string) Grant {
	g := Grant{
		Type:   "refresh_token",
		Params: url.Values{"refresh_token": {token}},
		Once:   true,
		Expect: Expectation{Refreshed: true},
	}
	if len(scope) > 0 {
		g.Params.Set("scope", strings.Join(scope, " "))
	}
	return g
}
