// Client assertions that others issue: RFC 7521 section 4.2, RFC 7523 section 2.2, and OAuth
// SPIFFE Client Authentication (draft-ietf-oauth-spiffe-client-auth) section 3.1.

package oidc

import "fmt"

// An IssuedAssertion is a client assertion that the client does not make itself: the platform
// that it runs on vouches for it.
type IssuedAssertion struct {
	// Get returns the assertion for a request. It is called for each request, since a platform
	// replaces assertions before they expire. An error ends the request before it is sent.
	Get func(*AuthTarget) (string, error)

	// OmitClientID leaves client_id out of the form: see [Assertion].
	OmitClientID bool
}

// ClientAssertion authenticates with a JWT that another issuer signed, such as the token of a
// CI job or of a Kubernetes service account (RFC 7523 section 2.2).
func ClientAssertion(a IssuedAssertion) ClientAuth {
	return a.auth("client_assertion", jwtBearerAssertion)
}

// SPIFFEJWT authenticates with a JWT-SVID of a SPIFFE workload.
func SPIFFEJWT(a IssuedAssertion) ClientAuth {
	return a.auth("spiffe_jwt", jwtSPIFFEAssertion)
}

func (a IssuedAssertion) auth(method, assertionType string) ClientAuth {
	return ClientAuth{Method: method, Apply: func(t *AuthTarget) error {
		assertion, err := a.Get(t)
		if err != nil {
			return fmt.Errorf("client assertion: %w", err)
		}
		t.assert(assertionType, assertion, a.OmitClientID)
		return nil
	}}
}
