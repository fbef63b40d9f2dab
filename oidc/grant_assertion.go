// Assertions as grants: RFC 7521 section 4.1, with JWTs (RFC 7523 section 2.1)
// and SAML 2.0 (RFC 7522 section 2.1).

package oidc

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// JWTBearer requests an access token for the subject of a JWT, whose issuer the
// provider trusts (RFC 7523 section 2.1). See [Assertion.Sign] to make one.
func JWTBearer(assertion string, scope ...string) Grant {
	return assertionGrant("urn:ietf:params:oauth:grant-type:jwt-bearer", assertion, scope)
}

// SAML2Bearer is [JWTBearer] with a SAML 2.0 assertion, XML as its issuer signed
// it (RFC 7522 section 2.1).
func SAML2Bearer(assertion []byte, scope ...string) Grant {
	return assertionGrant(
		"urn:ietf:params:oauth:grant-type:saml2-bearer", base64.URLEncoding.EncodeToString(assertion), scope,
	)
}

func assertionGrant(grantType, assertion string, scope []string) Grant {
	g := Grant{
		Type:   grantType,
		Params: url.Values{"assertion": {assertion}},
		Once:   true, // a provider may take each assertion one time only (RFC 7523 section 3)
		Expect: Expectation{Optional: true},
	}
	if len(scope) > 0 {
		g.Params.Set("scope", strings.Join(scope, " "))
	}
	return g
}
