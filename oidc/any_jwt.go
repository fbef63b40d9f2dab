// A JWT of which nothing is known but who signed it: RFC 7519 section 7.2.

package oidc

import (
	"context"
	"slices"

	"github.com/oidc-client/oidc-client/check"
)

// VerifyJWT verifies what holds of any JWT: its signature by one of the provider's
// keys, and exp and nbf, if it has them. Neither its audience nor its kind is checked:
// without that knowledge the claims must not be trusted. Errors are as for
// [Client.VerifyIDToken]. The JWT is never nil.
func (c *Client) VerifyJWT(ctx context.Context, raw string) (*JWT, error) {
	if c.Provider == nil {
		return &JWT{}, errNoProvider
	}
	in := c.newJWTInput()
	in.Encryption = c.Policy.encryptions()
	return c.verifyJWT(ctx, in, raw, anyJWTRules)
}

var anyJWTRules = slices.Concat(sealedRules("jwt"), jwtRules("jwt"), []check.Rule[*jwtInput]{
	{
		ID: "jwt.iss", Spec: rfc7519("4.1.1"), Level: check.Must,
		Text: "iss, if there, is the issuer's identifier, if that is known.",
		Eval: readable(func(in *jwtInput) check.Verdict {
			if in.Issuer == "" || !in.Claims.there("iss") {
				return check.Inapplicable("nothing to compare")
			}
			return issIs(in)
		}),
	},
	{
		ID: "jwt.exp", Spec: rfc7519("4.1.4"), Level: check.Must,
		Text: "The current time is before exp, if there.",
		Eval: readable(func(in *jwtInput) check.Verdict {
			return in.before("exp", in.Claims.Expiry)
		}),
	},
})
