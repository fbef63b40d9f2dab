// Access and refresh tokens that are JWTs: RFC 7519. To a client they are
// opaque; a tool that looks into them anyway should believe only what is signed.

package oidc

import (
	"context"
	"errors"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/jose"
)

// A JWT is an access or refresh token that is a JWT, and what came of verifying
// it.
type JWT struct {
	Header   []byte        // the JOSE header, JSON as received
	JSON     []byte        // the claims, JSON as received
	Checks   check.Results // of every rule
	Verified bool          // every rule that is a MUST held, and none was waived
}

// VerifyAccessToken verifies an access token that is a JWT (RFC 7519 section 7.2):
// that the provider signed it, by an algorithm that ID Tokens may use too, that
// issuer and times, if it names them, are right, and that it is no token of
// another kind. One whose typ is at+jwt must also have the claims of RFC 9068
// section 2.2, and this client's client_id. The audience is not judged: it is the
// resource, not the client. Errors are as for [Client.VerifyIDToken]. The JWT is
// never nil; if raw is none it only has Checks.
func (c *Client) VerifyAccessToken(ctx context.Context, raw string) (*JWT, error) {
	return c.verifyJWT(ctx, raw, accessTokenRules)
}

// VerifyRefreshToken is [Client.VerifyAccessToken] for a refresh token, whose form
// is the provider's own affair (RFC 6749 section 1.5).
func (c *Client) VerifyRefreshToken(ctx context.Context, raw string) (*JWT, error) {
	return c.verifyJWT(ctx, raw, refreshTokenRules)
}

func (c *Client) verifyJWT(ctx context.Context, raw string, rules []check.Rule[jwtTokenInput]) (*JWT, error) {
	if c.Provider == nil {
		return &JWT{}, errors.New("oidc: a Client needs a Provider")
	}
	in := jwtTokenInput{Issuer: c.Provider.Issuer, ClientID: c.ID, Algorithms: c.algorithms(), Tolerance: c.Policy.tolerance(), Now: c.now()}
	token := &JWT{}
	if in.jwt, in.Unreadable = jose.Parse(raw); in.Unreadable == nil {
		in.Signature = c.verifySignature(ctx, in.jwt, nil)
		in.Claims, _ = readClaims(in.jwt.Claims)
		token.Header, token.JSON = in.jwt.Header.Raw, in.jwt.Claims.Raw
	}
	token.Checks = check.Run(rules, in, c.Waive...)
	token.Verified = token.Checks.Verified() && c.Provider.trusted()
	return token, decide(token.Checks, unreachable(in.Signature))
}
