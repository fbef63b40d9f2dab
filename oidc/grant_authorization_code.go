// The authorization code grant: RFC 6749 section 4.1.3, RFC 7636 section 4.5.

package oidc

import (
	"net/url"
	"slices"
)

// authorizationCode redeems a code. Only [Client.Exchange] makes one, so that
// no code is redeemed whose response was not judged.
func authorizationCode(code string, login *Login) Grant {
	g := Grant{
		Type:   "authorization_code",
		Params: url.Values{"code": {code}, "redirect_uri": {login.Request.RedirectURI}},
		Once:   true,
		Expect: login.expectation(),
		Hooks:  login.Hooks,
	}
	if login.CodeVerifier != "" {
		g.Params.Set("code_verifier", login.CodeVerifier)
	}
	if resource := login.Request.Params["resource"]; len(resource) > 0 { // RFC 8707 section 2.2
		g.Params["resource"] = slices.Clone(resource)
	}
	return g
}
