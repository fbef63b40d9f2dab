// The rules of UserInfo responses: OpenID Connect Core 1.0 section 5.3.2.

package oidc

import "github.com/oidc-client/oidc-client/check"

// userInfoInput is what the rules of UserInfo look at.
type userInfoInput struct {
	jwtInput        // the response, if it was a JWT
	Signing  string // that it has to be signed by, "" if it need not be
	Subject  string // of the ID Token, "" if there is none
	Asked    string // the claims parameter, JSON, "" if there was none
}

// signed makes a rule that applies to signed responses only.
func signed(eval func(*userInfoInput) check.Verdict) func(*userInfoInput) check.Verdict {
	return func(in *userInfoInput) check.Verdict {
		if in.jwt == nil {
			return check.Inapplicable("the response is not signed")
		}
		return eval(in)
	}
}

// opened makes a rule that looks at the claims, which a response that was not
// decrypted does not have.
func opened(eval func(*userInfoInput) check.Verdict) func(*userInfoInput) check.Verdict {
	return func(in *userInfoInput) check.Verdict {
		if in.Envelope.err != nil {
			return check.Inapplicable("the response cannot be read")
		}
		return eval(in)
	}
}

var userInfoRules = []check.Rule[*userInfoInput]{
	{
		ID: "userinfo.encryption", Spec: core("5.3.2", 0), Level: check.Must,
		Text: "The response is encrypted by an algorithm that was agreed upon, and only if one was.",
		Eval: func(in *userInfoInput) check.Verdict {
			return in.Envelope.agreed(in.Encryption, in.Encrypted)
		},
	},
	{
		ID: "userinfo.decryption", Spec: check.Spec{Doc: "RFC 7516", Section: "5.2"}, Level: check.Must,
		Essential: true,
		Text:      "An encrypted response is well-formed, and decrypts with the client's key.",
		Eval:      func(in *userInfoInput) check.Verdict { return in.Envelope.decrypted(in.Encryption) },
	},
	{
		ID: "userinfo.readable", Spec: rfc7519("7.2"), Level: check.Must, Essential: true,
		Text: "A response that is a JWT is well-formed, once it is decrypted.",
		Eval: func(in *userInfoInput) check.Verdict {
			if in.Envelope.err != nil && !in.Envelope.sealed {
				return refused(in.Envelope.err, "a JWT")
			}
			return check.Verdict{Outcome: check.Pass}
		},
	},
	{
		ID: "userinfo.signed", Spec: core("5.3.2", 0), Level: check.Must,
		Text: "The response is signed, by the algorithm that was agreed upon, if one was.",
		Eval: opened(func(in *userInfoInput) check.Verdict {
			switch {
			case in.Signing == "":
				return check.Inapplicable("no userinfo_signed_response_alg")
			case in.jwt == nil:
				return check.That(false, "a response that is not signed", in.Signing)
			}
			return check.Equal(in.jwt.Algorithm, in.Signing)
		}),
	},
	{
		ID: "userinfo.typ", Spec: rfc8725("3.11"), Level: check.Must,
		Text: "The header's typ of a signed response, if there, is JWT: it is not a token of another kind.",
		Eval: signed(func(in *userInfoInput) check.Verdict { return typIs(&in.jwtInput, "jwt") }),
	},
	{
		ID: "userinfo.kind", Spec: rfc8725("3.12"), Level: check.Must,
		Text: "The claims of a signed response are not those of an ID Token (nonce, at_hash, c_hash, s_hash), " +
			"a security event (events) or an access token (exp, and scope or client_id).",
		Eval: signed(func(in *userInfoInput) check.Verdict {
			if marks := in.Claims.accessTokenMarks(); marks != nil && in.Claims.there("exp") {
				return check.That(false, check.List(append(marks, "exp")), "the claims of a user")
			}
			return notThere(&in.Claims, "nonce", "at_hash", "c_hash", "s_hash", "events")
		}),
	},
	{
		ID: "userinfo.sub_present", Spec: core("5.3.2", 0), Level: check.Must,
		Text: "sub is there and a string.",
		Eval: opened(func(in *userInfoInput) check.Verdict {
			if what := in.Claims.malformed["sub"]; what != "" {
				return check.That(false, what, "a string")
			}
			return check.That(in.Claims.Subject != "", check.List(oneOrNone(in.Claims.Subject)), "a string")
		}),
	},
	{
		ID: "userinfo.sub", Spec: core("5.3.2", 0), Level: check.Must,
		Text: "sub is exactly that of the ID Token: the claims are of the user who logged in.",
		Eval: func(in *userInfoInput) check.Verdict {
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
		ID: "userinfo.essential", Spec: core("5.5.1", 0), Level: check.Should,
		Text: "The claims that were asked for as essential are there.",
		Eval: opened(func(in *userInfoInput) check.Verdict {
			return essentialThere(&in.Claims, essentialClaims(in.Asked, "userinfo"))
		}),
	},
	{
		ID: "userinfo.signature", Spec: core("5.3.4", 0), Level: check.Must,
		Text: "A signed response's signature is the provider's.",
		Eval: signed(func(in *userInfoInput) check.Verdict { return signatureVerdict(&in.jwtInput) }),
	},
	{
		ID: "userinfo.alg_none", Spec: rfc8725("3.2"), Level: check.Must, Essential: true,
		Text: "A JWT's alg is not none: the response is signed at all.",
		Eval: signed(func(in *userInfoInput) check.Verdict { return algNone(&in.jwtInput) }),
	},
	{
		ID: "userinfo.alg", Spec: core("5.3.2", 0), Level: check.Must,
		Text: "A signed response's alg is one that the client expects.",
		Eval: signed(func(in *userInfoInput) check.Verdict { return algExpected(&in.jwtInput) }),
	},
	{
		ID: "userinfo.iss", Spec: core("5.3.2", 0), Level: check.Must,
		Text: "A signed response's iss is the provider's issuer identifier.",
		Eval: signed(func(in *userInfoInput) check.Verdict { return check.Equal(in.Claims.Issuer, in.Issuer) }),
	},
	{
		ID: "userinfo.aud", Spec: core("5.3.2", 0), Level: check.Must,
		Text: "A signed response's aud contains this client's client_id.",
		Eval: signed(func(in *userInfoInput) check.Verdict { return check.Contains(in.Claims.Audience, in.ClientID) }),
	},
	{
		ID: "userinfo.exp", Spec: rfc7519("4.1.4"), Level: check.Must,
		Text: "The current time is before exp of a signed response, if there.",
		Eval: signed(func(in *userInfoInput) check.Verdict {
			return in.before("exp", in.Claims.Expiry)
		}),
	},
	{
		ID: "userinfo.nbf", Spec: rfc7519("4.1.5"), Level: check.Must,
		Text: "nbf of a signed response, if there, is not in the future.",
		Eval: signed(func(in *userInfoInput) check.Verdict {
			return in.notAfter("nbf", in.Claims.NotBefore)
		}),
	},
}
