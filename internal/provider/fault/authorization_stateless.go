// Faults of authorization responses that report an error without the state, as some providers do.

package fault

import "net/url"

// statelessFaults are refusals without the state of the request (RFC 6749 section 4.1.2.1).
func statelessFaults() []Fault {
	return []Fault{
		authorizationFault("refused-stateless", "The authorization response is an error without the state",
			[]string{"authorization_response.state"}, nil, func(_ *Provider, v url.Values) {
				refused(v, "access_denied", "no")
				v.Del("state")
			}),
		demanding(signedResponse,
			authorizationFault("jarm-refused-stateless",
				"The authorization response, a JWT, is an error without the state: its signature proves whose it is",
				[]string{"access_denied"}, nil, func(p *Provider, v url.Values) {
					p.repack(v, func(t *token) {
						delete(t.claims, "code")
						delete(t.claims, "state")
						t.claims["error"], t.claims["error_description"] = "access_denied", "no"
					})
				})),
	}
}
