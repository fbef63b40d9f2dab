// The rules of access and refresh tokens that are JWTs: RFC 7519, RFC 8725.

package oidc

import (
	"github.com/oidc-client/oidc-client/check"
)

var (
	accessTokenRules  = jwtTokenRules("access_token")
	refreshTokenRules = jwtTokenRules("refresh_token")
)

// jwtTokenRules is the table for one kind of token.
func jwtTokenRules(kind string) []check.Rule[jwtTokenInput] {
	jwt := func(section string) check.Spec { return check.Spec{Doc: "RFC 7519", Section: section} }
	about := func(eval func(jwtTokenInput) check.Verdict) func(jwtTokenInput) check.Verdict {
		return func(in jwtTokenInput) check.Verdict {
			if in.Unreadable != nil {
				return check.Inapplicable("the token cannot be read")
			}
			return eval(in)
		}
	}
	return []check.Rule[jwtTokenInput]{
		{
			ID: kind + ".readable", Spec: jwt("7.2"), Level: check.Must,
			Text: "The token is a well-formed signed JWT.",
			Eval: func(in jwtTokenInput) check.Verdict {
				if in.Unreadable != nil {
					return check.That(false, in.Unreadable.Error(), "a signed JWT")
				}
				return check.Verdict{Outcome: check.Pass}
			},
		},
		{
			ID: kind + ".signature", Spec: jwt("7.2"), Level: check.Must,
			Text: "The signature is the provider's.",
			Eval: about(func(in jwtTokenInput) check.Verdict { return signatureVerdict(in.jwt, in.Signature) }),
		},
		{
			ID: kind + ".alg_none", Spec: check.Spec{Doc: "RFC 8725", Section: "3.2"}, Level: check.Must, Essential: true,
			Text: "alg is not none: the token is signed at all.",
			Eval: about(func(in jwtTokenInput) check.Verdict { return algNone(in.jwt) }),
		},
		{
			ID: kind + ".alg", Spec: check.Spec{Doc: "RFC 8725", Section: "3.1"}, Level: check.Must,
			Text: "alg is one that the client expects.",
			Eval: about(func(in jwtTokenInput) check.Verdict { return algExpected(in.jwt, in.Algorithms) }),
		},
		{
			ID: kind + ".iss", Spec: jwt("4.1.1"), Level: check.Must,
			Text: "iss, if there, is the provider's issuer identifier.",
			Eval: about(func(in jwtTokenInput) check.Verdict {
				if !in.Claims.there("iss") {
					return check.Inapplicable("no iss")
				}
				return check.Equal(in.Claims.Issuer, in.Issuer)
			}),
		},
		{
			ID: kind + ".exp", Spec: jwt("4.1.4"), Level: check.Must,
			Text: "The current time is before exp, if there.",
			Eval: about(func(in jwtTokenInput) check.Verdict {
				switch {
				case !in.Claims.there("exp"):
					return check.Inapplicable("no exp")
				case in.Claims.malformed["exp"] != "":
					return check.That(false, in.Claims.malformed["exp"], "a time")
				}
				return check.That(in.Now.Before(in.Claims.Expiry.Add(in.Tolerance)), stamp(in.Claims.Expiry), "after "+stamp(in.Now))
			}),
		},
	}
}
