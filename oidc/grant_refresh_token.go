// The refresh token grant: RFC 6749 section 6, OpenID Connect Core 1.0 section
// 12.

package oidc

import (
	"net/url"
	"strings"
)

// RefreshToken requests new tokens with a refresh token (RFC 6749 section 6). If scope is given, the
// new access token is asked to have only that scope; otherwise it has the
// scope first granted.
//
// A provider that rotates refresh tokens revokes them all if one is presented
// twice (RFC 9700 section 4.14.2). So the request is sent once only; if its response
// is lost, [MayBeSpent] reports it. A [TokenSource] takes care of that.
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
