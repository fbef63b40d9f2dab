// Reading the JWTs of a provider, whatever they are for: RFC 7519 section 7.2.

package oidc

import (
	"context"
	"slices"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/call"
	"github.com/oidc-client/oidc-client/internal/jose"
)

// jwtInput is what the rules of every JWT look at: the token, and what any token
// of the provider has to be like. Gathering it may need the network; judging it
// never does.
type jwtInput struct {
	Envelope  envelope // the token as it came
	Claims    claimSet
	Signature error // what came of checking the signature

	Issuer     string // of the provider's metadata
	ClientID   string
	Algorithms algorithms // that it may be signed by
	Encryption []string   // that it may be encrypted by, nil if it must not be
	Encrypted  bool       // it has to be
	Tolerance  time.Duration
	Now        time.Time
	Terse      bool // of rules that are held nobody looks at the evidence
	quiet      bool // the caller wants no evidence of good tokens
	parse      parser

	jwt *jose.JWT // nil if there is no signed JWT to look into
}

// newJWTInput is what this client expects of any token.
func (c *Client) newJWTInput() jwtInput {
	return jwtInput{
		Issuer: c.Provider.Issuer, ClientID: c.ID, Algorithms: c.algorithms(), Tolerance: c.Policy.tolerance(),
		Now: c.now(), parse: jose.Parse,
	}
}

// signedBy expects the algorithm that the client is registered with, "" those of any
// token.
func (in *jwtInput) signedBy(alg string) {
	if alg != "" {
		in.Algorithms = newAlgorithms(alg)
	}
}

// read reads a token into the input and checks its signature. begun is a fetch of
// the keys that is under way, the zero value if none is. What is wrong is left to the rules.
func (c *Client) read(ctx context.Context, in *jwtInput, raw string, begun keyUse) {
	in.Envelope = openWith(in.parse, raw, in.Encryption, c.Policy.DecryptionKeys)
	in.quiet = call.Terse(ctx)
	if in.Envelope.jwt == nil {
		return
	}
	in.jwt = in.Envelope.jwt
	in.Claims, _ = readClaims(in.jwt.Claims)
	in.Signature = c.verifySignature(ctx, in.jwt, begun)
}

// judge applies rules to an input about a JWT. There are no results if all is well and
// the client is terse.
func judge[In any](c *Client, jwt *jwtInput, rules []check.Rule[In], in In) (results check.Results, verified bool) {
	jwt.Terse = jwt.quiet && len(c.Waive) == 0
	if jwt.Terse && check.Hold(rules, in) {
		return nil, c.Provider.trusted()
	}
	jwt.Terse = false
	results = check.Run(rules, in, c.Waive...)
	return results, results.Verified() && c.Provider.trusted()
}

// header is the JOSE header, JSON as received; nil if there is none to be read.
func (in *jwtInput) header() []byte {
	if in.jwt == nil {
		return nil
	}
	return in.jwt.Header.Raw
}

// claimsJSON are the claims, JSON as received; nil if there are none to be read.
func (in *jwtInput) claimsJSON() []byte {
	if in.jwt == nil {
		return nil
	}
	return in.jwt.Claims.Raw
}

// algorithms are names of algorithms, and how evidence writes them: that is worked
// out once, not for each token.
type algorithms struct {
	names []string
	text  string // "one of ..."
}

// only returns the algorithms without all but one: none if that is not among them.
func (a algorithms) only(name string) algorithms {
	if slices.Contains(a.names, name) {
		return newAlgorithms(name)
	}
	return newAlgorithms()
}

func newAlgorithms(names ...string) algorithms {
	return algorithms{names, "one of " + check.List(names)}
}
