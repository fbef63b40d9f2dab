// The rules of UserInfo responses: OpenID Connect Core 1.0 section 5.3.2.

package oidc

import (
	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/jose"
)

// userInfoInput is what the rules of UserInfo look at.
type userInfoInput struct {
	Claims    claimSet
	Signature error // what came of checking the signature of a signed answer

	Issuer     string // of the provider's metadata
	ClientID   string
	Algorithms []string // that a signed answer may use
	Subject    string   // of the ID Token, "" if there is none

	jwt *jose.JWT // nil if the answer was not signed
}

// signed makes a rule that applies to signed answers only.
func signed(eval func(userInfoInput) check.Verdict) func(userInfoInput) check.Verdict {
	return func(in userInfoInput) check.Verdict {
		if in.jwt == nil {
			return check.Inapplicable("the answer is not signed")
		}
		return eval(in)
	}
}

var userInfoRules = []check.Rule[userInfoInput]{
	{
		ID: "userinfo.sub_present", Spec: core("5.3.2", 0), Level: check.Must,
		Text: "sub is there and a string.",
		Eval: func(in userInfoInput) check.Verdict {
			if what := in.Claims.malformed["sub"]; what != "" {
				return check.That(false, what, "a string")
			}
			return check.That(in.Claims.Subject != "", check.List(oneOrNone(in.Claims.Subject)), "a string")
		},
	},
	{
		ID: "userinfo.sub", Spec: core("5.3.2", 0), Level: check.Must,
		Text: "sub is exactly that of the ID Token: the claims are of the user who logged in.",
		Eval: func(in userInfoInput) check.Verdict {
			switch {
			case in.Subject == "":
				return check.Inapplicable("there is no ID Token to compare with")
			case in.Claims.Subject == "":
				return check.Inapplicable("no sub")
			}
			return check.Equal(in.Claims.Subject, in.Subject)
		},
	},
	{
		ID: "userinfo.signature", Spec: core("5.3.4", 0), Level: check.Must,
		Text: "A signed answer's signature is the provider's.",
		Eval: signed(func(in userInfoInput) check.Verdict { return signatureVerdict(in.jwt, in.Signature) }),
	},
	{
		ID: "userinfo.alg_none", Spec: check.Spec{Doc: "RFC 8725", Section: "3.2"}, Level: check.Must, Essential: true,
		Text: "A JWT's alg is not none: the answer is signed at all.",
		Eval: signed(func(in userInfoInput) check.Verdict { return algNone(in.jwt) }),
	},
	{
		ID: "userinfo.alg", Spec: core("5.3.2", 0), Level: check.Must,
		Text: "A signed answer's alg is one that the client expects.",
		Eval: signed(func(in userInfoInput) check.Verdict { return algExpected(in.jwt, in.Algorithms) }),
	},
	{
		ID: "userinfo.iss", Spec: core("5.3.2", 0), Level: check.Must,
		Text: "A signed answer's iss is the provider's issuer identifier.",
		Eval: signed(func(in userInfoInput) check.Verdict { return check.Equal(in.Claims.Issuer, in.Issuer) }),
	},
	{
		ID: "userinfo.aud", Spec: core("5.3.2", 0), Level: check.Must,
		Text: "A signed answer's aud contains this client's client_id.",
		Eval: signed(func(in userInfoInput) check.Verdict { return check.Contains(in.Claims.Audience, in.ClientID) }),
	},
}
