// The rules of access and refresh tokens that are JWTs: RFC 7519, RFC 8725, and
// RFC 9068 for access tokens that say that they keep it.

package oidc

import (
	"slices"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/jose"
)

// jwtTokenInput is what the rules of such tokens look at.
type jwtTokenInput struct {
	Unreadable error // why it is not a JWT, nil if it is
	Claims     claimSet
	Signature  error // what came of checking the signature

	Issuer     string
	ClientID   string   // "" if it is not known
	Algorithms []string // that it may use
	Tolerance  time.Duration
	Now        time.Time

	jwt *jose.JWT // nil if unreadable
}

var (
	accessTokenRules  = append(jwtTokenRules("access_token"), accessTokenOnlyRules...)
	refreshTokenRules = append(jwtTokenRules("refresh_token"), check.Rule[jwtTokenInput]{
		ID: "refresh_token.typ", Spec: check.Spec{Doc: "RFC 8725", Section: "3.11"}, Level: check.Must,
		Text: "The header's typ is not that of a token of another kind.",
		Eval: readable(func(in jwtTokenInput) check.Verdict {
			return check.That(!slices.Contains(otherKinds, mediaType(in.jwt)), check.List(oneOrNone(in.jwt.Type)), "none of "+check.List(otherKinds))
		}),
	})
)

// otherKinds are the types of JWTs that are no refresh tokens, whatever a
// provider makes its refresh tokens of.
var otherKinds = []string{"at+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "oauth-authz-req+jwt", "client-authentication+jwt", "token-introspection+jwt"}

// readable makes a rule that looks into a token.
func readable(eval func(jwtTokenInput) check.Verdict) func(jwtTokenInput) check.Verdict {
	return func(in jwtTokenInput) check.Verdict {
		if in.Unreadable != nil {
			return check.Inapplicable("the token cannot be read")
		}
		return eval(in)
	}
}

// jwtTokenRules is the table for one kind of token.
func jwtTokenRules(kind string) []check.Rule[jwtTokenInput] {
	jwt := func(section string) check.Spec { return check.Spec{Doc: "RFC 7519", Section: section} }
	return []check.Rule[jwtTokenInput]{
		{
			ID: kind + ".readable", Spec: jwt("7.2"), Level: check.Must, Essential: true,
			Text: "The token is a well-formed signed JWT.",
			Eval: func(in jwtTokenInput) check.Verdict {
				if in.Unreadable != nil {
					return refused(in.Unreadable, "a signed JWT")
				}
				return check.Verdict{Outcome: check.Pass}
			},
		},
		{
			ID: kind + ".signature", Spec: jwt("7.2"), Level: check.Must,
			Text: "The signature is the provider's.",
			Eval: readable(func(in jwtTokenInput) check.Verdict { return signatureVerdict(in.jwt, in.Signature) }),
		},
		{
			ID: kind + ".alg_none", Spec: check.Spec{Doc: "RFC 8725", Section: "3.2"}, Level: check.Must, Essential: true,
			Text: "alg is not none: the token is signed at all.",
			Eval: readable(func(in jwtTokenInput) check.Verdict { return algNone(in.jwt) }),
		},
		{
			ID: kind + ".alg", Spec: check.Spec{Doc: "RFC 8725", Section: "3.1"}, Level: check.Must,
			Text: "alg is one that the client expects.",
			Eval: readable(func(in jwtTokenInput) check.Verdict { return algExpected(in.jwt, in.Algorithms) }),
		},
		{
			ID: kind + ".iss", Spec: jwt("4.1.1"), Level: check.Must,
			Text: "iss, if there, is the provider's issuer identifier.",
			Eval: readable(func(in jwtTokenInput) check.Verdict {
				if !in.Claims.there("iss") {
					return check.Inapplicable("no iss")
				}
				return check.Equal(in.Claims.Issuer, in.Issuer)
			}),
		},
		{
			ID: kind + ".exp", Spec: jwt("4.1.4"), Level: check.Must,
			Text: "The current time is before exp, if there.",
			Eval: readable(func(in jwtTokenInput) check.Verdict {
				return in.Claims.before("exp", in.Claims.Expiry, in.Now, in.Tolerance)
			}),
		},
		{
			ID: kind + ".nbf", Spec: jwt("4.1.5"), Level: check.Must,
			Text: "nbf, if there, is not in the future.",
			Eval: readable(func(in jwtTokenInput) check.Verdict {
				return in.Claims.notAfter("nbf", in.Claims.NotBefore, in.Now, in.Tolerance)
			}),
		},
	}
}

// before judges that the current time is before a claim, if it is there.
func (c claimSet) before(name string, at, now time.Time, tolerance time.Duration) check.Verdict {
	return c.optionalTime(name, at, now.Before(at.Add(tolerance)), "after "+stamp(now))
}

// notAfter judges that a claim, if it is there, is not in the future.
func (c claimSet) notAfter(name string, at, now time.Time, tolerance time.Duration) check.Verdict {
	return c.optionalTime(name, at, !at.After(now.Add(tolerance)), "not after "+stamp(now))
}

func (c claimSet) optionalTime(name string, at time.Time, ok bool, want string) check.Verdict {
	switch {
	case !c.there(name):
		return check.Inapplicable("no " + name)
	case c.malformed[name] != "":
		return check.That(false, c.malformed[name], want)
	}
	return check.That(ok, stamp(at), want)
}

// accessTokenOnlyRules are those that only access tokens have.
var accessTokenOnlyRules = []check.Rule[jwtTokenInput]{
	{
		ID: "access_token.typ", Spec: profile("4"), Level: check.Must,
		Text: "The header's typ, if there, is at+jwt, or JWT as before RFC 9068: the token is not one of another kind.",
		Eval: readable(func(in jwtTokenInput) check.Verdict { return typIs(in.jwt, "at+jwt", "jwt") }),
	},
	{
		ID: "access_token.kind", Spec: check.Spec{Doc: "RFC 8725", Section: "3.12"}, Level: check.Must,
		Text: "The claims are not those of an ID Token (at_hash, c_hash) or a security event (events).",
		Eval: readable(func(in jwtTokenInput) check.Verdict { return notThere(in.Claims, "at_hash", "c_hash", "events") }),
	},
	{
		ID: "access_token.claims", Spec: profile("2.2"), Level: check.Must,
		Text: "With the typ at+jwt, the claims iss, exp, aud, sub, client_id, iat and jti are there.",
		Eval: profiled(func(in jwtTokenInput) check.Verdict {
			var missing []string
			for _, name := range []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} {
				if !in.Claims.there(name) {
					missing = append(missing, "no "+name)
				}
			}
			return check.That(len(missing) == 0, check.List(missing), "all of them")
		}),
	},
	{
		ID: "access_token.client_id", Spec: profile("2.2"), Level: check.Must,
		Text: "With the typ at+jwt, client_id is this client's.",
		Eval: profiled(func(in jwtTokenInput) check.Verdict {
			switch {
			case in.ClientID == "" || !in.Claims.there("client_id"):
				return check.Inapplicable("no client_id to compare")
			case in.Claims.malformed["client_id"] != "":
				return check.That(false, in.Claims.malformed["client_id"], "a string")
			}
			return check.Equal(in.Claims.clientID, in.ClientID)
		}),
	},
	{
		ID: "access_token.iat", Spec: profile("2.2"), Level: check.Must,
		Text: "iat, if there, is not in the future.",
		Eval: readable(func(in jwtTokenInput) check.Verdict {
			return in.Claims.notAfter("iat", in.Claims.IssuedAt, in.Now, in.Tolerance)
		}),
	},
}

func profile(section string) check.Spec { return check.Spec{Doc: "RFC 9068", Section: section} }

// profiled makes a rule for tokens whose typ says that they keep RFC 9068.
func profiled(eval func(jwtTokenInput) check.Verdict) func(jwtTokenInput) check.Verdict {
	return readable(func(in jwtTokenInput) check.Verdict {
		if mediaType(in.jwt) != "at+jwt" {
			return check.Inapplicable("the typ is not at+jwt")
		}
		return eval(in)
	})
}
