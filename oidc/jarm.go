// Signed responses: JWT Secured Authorization Response Mode (JARM).

package oidc

import (
	"context"
	"net/url"
	"slices"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/jose"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// readJARM verifies the response that a JWT is, and returns the parameters in it
// (JARM section 2.4).
func (c *Client) readJARM(ctx context.Context, login *Login, response url.Values) (url.Values, error) {
	raw := ""
	if values := response["response"]; len(values) == 1 {
		raw = values[0]
	}
	token, err := c.VerifyJARM(ctx, raw)
	login.Checks = append(login.Checks, token.Checks...)
	if err != nil {
		return nil, err
	}
	return token.parameters(), nil
}

// VerifyJARM verifies an authorization response that is a JWT (JARM section 2.4),
// the parameter response. Errors are as for [Client.VerifyIDToken]. The JWT is
// never nil; if raw is none it only has Checks.
func (c *Client) VerifyJARM(ctx context.Context, raw string) (*JWT, error) {
	if c.Provider == nil {
		return &JWT{}, errNoProvider
	}
	in := c.newJWTInput()
	in.signedBy(c.Policy.AuthorizationSignedResponseAlg)
	in.Encryption = c.Policy.AuthorizationEncryptedResponseAlg
	in.Encrypted = len(in.Encryption) > 0
	in.parse = jose.ParseRepeating // Keycloak repeats iss
	return c.verifyJWT(ctx, in, raw, jarmRules)
}

// parameters are the claims as the parameters that they stand for.
func (t *JWT) parameters() url.Values {
	values := url.Values{}
	doc, err := strictjson.Parse(t.JSON)
	if err != nil {
		return values
	}
	for _, m := range doc.Members {
		text, isString := strictjson.Text(m.Value)
		if !isString {
			text = string(m.Value)
		}
		if m.Name != "aud" && m.Name != "exp" {
			values.Set(m.Name, text)
		}
	}
	return values
}

// jarmRules are in the order of JARM section 2.4.
var jarmRules = slices.Concat(sealedRules("jarm"), partyRules("jarm", jarm("2.4")), []check.Rule[*jwtInput]{
	{
		ID: "jarm.exp", Spec: jarm("2.4"), Level: check.Must,
		Text: "The current time is before exp.",
		Eval: readable(expIs),
	},
	{
		ID: "jarm.unique", Spec: rfc7519("4"), Level: check.Should,
		Text: "No claim is there twice. One that is repeated with the identical value counts once; with another " +
			"value the response cannot be read.",
		Eval: readable(func(in *jwtInput) check.Verdict {
			return check.That(len(in.jwt.Repeated) == 0, check.List(in.jwt.Repeated)+" twice", "each claim once")
		}),
	},
	{
		ID: "jarm.typ", Spec: rfc8725("3.11"), Level: check.Must,
		Text: "The header's typ is not that of a token of another kind.",
		Eval: readable(func(in *jwtInput) check.Verdict { return typNot(in, otherKinds...) }),
	},
	{
		ID: "jarm.kind", Spec: rfc8725("3.12"), Level: check.Must,
		Text: "The claims are those of an authorization response (code, error, id_token, access_token or state), " +
			"not of a token about a user (sub, nonce, at_hash) or of a security event (events).",
		Eval: readable(func(in *jwtInput) check.Verdict {
			parameters := []string{"code", "error", "id_token", "access_token", "state"}
			if !slices.ContainsFunc(parameters, in.Claims.there) {
				return check.That(false, check.List(nil), "one of "+check.List(parameters))
			}
			return notThere(&in.Claims, "sub", "nonce", "at_hash", "events")
		}),
	},
}, jwtRules("jarm"))
