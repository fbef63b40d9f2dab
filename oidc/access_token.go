// Access and refresh tokens that are JWTs: RFC 7519. To a client they are
// opaque; a tool that looks into them anyway should believe only what is signed.

package oidc

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/reason"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// A JWT is a token or response that is a JWT, other than an ID Token, with the result
// of verifying it.
type JWT struct {
	Header     []byte        // the JOSE header, JSON as received
	Encryption []byte        // the JOSE header of the encryption, nil if it was not encrypted
	JSON       []byte        // the claims, JSON as received
	Checks     check.Results // of every rule
	Verified   bool          // every rule that is a MUST passed, and none was waived
}

// An AccessTokenExpectation is what a resource server demands of an access token, and
// how the token was presented to it.
type AccessTokenExpectation struct {
	// Audience are the identifiers of the resource server, of which aud must contain
	// one (RFC 9068 section 4). A resource server always sets it: iss and exp are then
	// required, too. Without it the audience is not judged, and a token for any other
	// resource server of the provider is accepted.
	Audience []string

	// Scope are the scopes that the request needs; scope must contain all of them.
	Scope []string

	// KeyThumbprint is the thumbprint (RFC 7638) of the key whose DPoP proof came with
	// the token and was verified: see [DPoPVerifier]. The token must be bound to it (cnf.jkt, RFC 9449
	// section 6.1). "" means that there was no proof: a token that is bound to a key is
	// then rejected, since whoever stole it could present it so.
	KeyThumbprint string

	// Certificate is the client certificate of the TLS connection that the token came
	// over. A token that is bound to a certificate (cnf.x5t#S256, RFC 8705 section 3.1)
	// must be bound to this one. nil means that there was none.
	Certificate *x509.Certificate

	// InsecureSkipKeyBinding accepts a token that is bound to a key which nobody proved
	// to have. It is for tools that look at tokens, not for resource servers.
	InsecureSkipKeyBinding bool
}

// VerifyAccessToken verifies an access token that is a JWT (RFC 7519 section 7.2,
// RFC 9068 section 4): that the provider signed it, by an algorithm that ID Tokens may
// use too, that the issuer and the times in it are right, and that it is not a token of
// another kind. A token whose typ is at+jwt must have all claims of RFC 9068 section
// 2.2. If the token is bound to a key, it must have been presented with that key.
//
// A resource server uses a Client that has a Provider and no ID. A client that verifies
// its own access token has an ID, which the client_id of the token must be, and needs no
// expectation about its own DPoP key and certificate.
//
// Errors are as for [Client.VerifyIDToken]. The JWT is never nil; if raw is none, it has
// only Checks. A token that is not a JWT can be introspected: [Client.Introspect].
func (c *Client) VerifyAccessToken(ctx context.Context, raw string, expect AccessTokenExpectation) (*JWT, error) {
	return c.verifyOpaque(ctx, raw, accessTokenRules, expect)
}

// VerifyRefreshToken verifies a refresh token that is a JWT, as
// [Client.VerifyAccessToken] does, for tools that test providers: to clients refresh
// tokens are opaque (RFC 6749 section 1.5).
func (c *Client) VerifyRefreshToken(ctx context.Context, raw string) (*JWT, error) {
	return c.verifyOpaque(ctx, raw, refreshTokenRules, AccessTokenExpectation{})
}

func (c *Client) verifyOpaque(
	ctx context.Context, raw string, rules []check.Rule[*accessTokenInput], expect AccessTokenExpectation,
) (*JWT, error) {
	if c.Provider == nil {
		return &JWT{}, errNoProvider
	}
	in := accessTokenInput{jwtInput: c.newJWTInput(), Expect: expect}
	in.JKT, in.X5T = expect.KeyThumbprint, certificateThumbprint(expect.Certificate)
	if c.DPoP != nil {
		in.Thumbprint = c.DPoP.Thumbprint()
		in.JKT = cmp.Or(in.JKT, in.Thumbprint)
	}
	in.X5T = cmp.Or(in.X5T, certificateThumbprint(c.Certificate))
	c.read(ctx, &in.jwtInput, raw, keyUse{})
	return judgeJWT(c, &in.jwtInput, rules, &in)
}

// verifyJWT reads a token into in and judges it.
func (c *Client) verifyJWT(ctx context.Context, in jwtInput, raw string, rules []check.Rule[*jwtInput]) (*JWT, error) {
	c.read(ctx, &in, raw, keyUse{})
	in.Envelope = in.Envelope.signedOnly() // UserInfo alone may be encrypted and not signed
	return judgeJWT(c, &in, rules, &in)
}

// judgeJWT applies rules to an input that holds a JWT, and returns the token.
func judgeJWT[In any](c *Client, jwt *jwtInput, rules []check.Rule[In], in In) (*JWT, error) {
	results, verified := judge(c, jwt, rules, in)
	token := &JWT{
		Header: jwt.header(), Encryption: jwt.Envelope.header(), JSON: jwt.claimsJSON(), Checks: results,
		Verified: verified,
	}
	return token, decide(results, unreachable(jwt.Signature))
}

var errNotInHeader = errors.New("the access token cannot be sent in a header: " +
	"it is empty, begins or ends with a space, or contains other characters than printable ASCII")

var errNoProvider = errors.New("oidc: a Client needs a Provider")

// present sends a request with an access token: in the header, as a token of its
// type is sent (RFC 6750 section 2.1, RFC 9449 section 7.1). A server that wants a
// nonce in the proof is asked once more (RFC 9449 section 9).
func (c *Client) present(ctx context.Context, t *Tokens, r request) (*response, error) {
	if !wire.InHeader(t.AccessToken) {
		return nil, &ProtocolError{Endpoint: r.endpoint, Err: errNotInHeader}
	}
	if !t.bound() {
		r.header = withHeader(r.header, "Authorization", "Bearer "+t.AccessToken)
		return send(ctx, c.HTTP, r)
	}
	if c.DPoP == nil {
		return nil, errNoDPoP
	}
	r.header = withHeader(r.header, "Authorization", "DPoP "+t.AccessToken)
	answer, err := c.presentProof(ctx, t, r)
	if err == nil && c.DPoP.wanted(answer) {
		answer, err = c.presentProof(ctx, t, r)
	}
	return answer, err
}

// bound reports whether the access token is sent with a DPoP proof.
func (t *Tokens) bound() bool { return strings.EqualFold(t.TokenType, "DPoP") }

func (c *Client) presentProof(ctx context.Context, t *Tokens, r request) (*response, error) {
	r.header = r.header.Clone()
	if err := c.DPoP.prove(r.header, proof{r.verb(), r.url, t.AccessToken, resourceServer}, c.now()); err != nil {
		return nil, err
	}
	answer, err := send(ctx, c.HTTP, r)
	if answer == nil {
		return nil, err
	}
	return answer, errors.Join(err, c.DPoP.keep(answer, resourceServer))
}

// withHeader returns a header with one field more.
func withHeader(h http.Header, name, value string) http.Header {
	h = h.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set(name, value)
	return h
}

// refusal is the error of a protected resource: RFC 6750 section 3, where the
// reasons are in the header, and some providers put them into the body.
func (r *response) refusal() error {
	challenge, found := r.challenge()
	if refusal := r.oauthError(); refusal != nil {
		refusal.Scope = challenge.params["scope"]
		return refusal
	}
	if found || r.status == http.StatusUnauthorized || r.status == http.StatusForbidden {
		return &Error{
			Code: challenge.params["error"], Description: challenge.params["error_description"],
			URI: challenge.params["error_uri"], Scope: challenge.params["scope"],
			Endpoint: r.endpoint, Status: r.status,
		}
	}
	return r.broken(wrongStatus(r))
}

// challenge is the challenge of a scheme that access tokens are sent by: the one that has an
// error, since a resource that knows both schemes names the other one, too (RFC 9449 section 7.1).
func (r *response) challenge() (challenge, bool) {
	headers := r.header.Values("Www-Authenticate")
	dpop, found := findChallenge(headers, "DPoP")
	bearer, also := findChallenge(headers, "Bearer")
	if also && (!found || dpop.params["error"] == "" && bearer.params["error"] != "") {
		return bearer, true
	}
	return dpop, found
}

// wrongStatus says that a status is not one of a response.
func wrongStatus(r *response) error {
	return reason.Errorf(reason.ResponseStatus, "HTTP status %d without an OAuth error%s", r.status, r.snippet())
}
