// The rules of access and refresh tokens that are JWTs: RFC 7519, RFC 8725, and
// RFC 9068 for access tokens that say that they keep it.

package oidc

import (
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// accessTokenInput is what the rules of access and refresh tokens look at.
type accessTokenInput struct {
	jwtInput
	Expect     AccessTokenExpectation
	Thumbprint string // of the key that the token was to be bound to by DPoP, "" if to none
	JKT        string // of the key that the token was presented with, "" if with none
	X5T        string // of the certificate that it was presented with, "" if with none
}

var (
	accessTokenRules  = slices.Concat(opaqueTokenRules("access_token"), accessTokenOnlyRules)
	refreshTokenRules = slices.Concat(
		opaqueTokenRules("refresh_token"), of((*accessTokenInput).token, refreshTokenOnlyRules),
	)
)

// refreshTokenOnlyRules are those that only refresh tokens have.
var refreshTokenOnlyRules = []check.Rule[*jwtInput]{
	{
		ID: "refresh_token.typ", Spec: rfc8725("3.11"), Level: check.Must,
		Text: "The header's typ is not that of a token of another kind.",
		Eval: readable(func(in *jwtInput) check.Verdict { return typNot(in, otherKinds...) }),
	},
	{
		ID: "refresh_token.kind", Spec: rfc8725("3.12"), Level: check.Must,
		Text: foreignClaimsText,
		Eval: readable(func(in *jwtInput) check.Verdict { return notThere(&in.Claims, foreignClaims...) }),
	},
}

func (in *accessTokenInput) token() *jwtInput { return &in.jwtInput }

// otherKinds are the types of JWTs that are no refresh tokens, whatever a
// provider makes its refresh tokens of.
var otherKinds = []string{
	"at+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "oauth-authz-req+jwt", "client-authentication+jwt",
	"token-introspection+jwt",
}

// foreignClaims are claims by which a JWT shows that it is neither an access token nor
// a refresh token.
var foreignClaims = []string{
	"at_hash", "c_hash", "s_hash", "events", "code", "state", "error", "token_introspection", "response_type",
}

const foreignClaimsText = "The claims are not those of an ID Token (at_hash, c_hash, s_hash), a security event " +
	"(events), " +
	"an authorization response (code, state, error), an introspection response or a request object (response_type)."

// opaqueTokenRules are the rules of a token whose form is the provider's own
// affair: what it says is to be right.
func opaqueTokenRules(kind string) []check.Rule[*accessTokenInput] {
	return of((*accessTokenInput).token, slices.Concat(jwtRules(kind), []check.Rule[*jwtInput]{
		{
			ID: kind + ".iss", Spec: rfc7519("4.1.1"), Level: check.Must,
			Text: "iss, if there, is the provider's issuer identifier.",
			Eval: readable(func(in *jwtInput) check.Verdict {
				if !in.Claims.there("iss") {
					return check.Inapplicable("no iss")
				}
				return check.Equal(in.Claims.Issuer, in.Issuer)
			}),
		},
		{
			ID: kind + ".exp", Spec: rfc7519("4.1.4"), Level: check.Must,
			Text: "The current time is before exp, if there.",
			Eval: readable(func(in *jwtInput) check.Verdict {
				return in.before("exp", in.Claims.Expiry)
			}),
		},
	}))
}

// accessTokenOnlyRules are those that only access tokens have.
var accessTokenOnlyRules = slices.Concat(of((*accessTokenInput).token, []check.Rule[*jwtInput]{
	{
		ID: "access_token.typ", Spec: rfc9068("4"), Level: check.Must,
		Text: "The header's typ, if there, is at+jwt, or JWT as before RFC 9068: the token is not one of another kind.",
		Eval: readable(func(in *jwtInput) check.Verdict { return typIs(in, "at+jwt", "jwt") }),
	},
	{
		ID: "access_token.kind", Spec: rfc8725("3.12"), Level: check.Must,
		Text: foreignClaimsText,
		Eval: readable(func(in *jwtInput) check.Verdict { return notThere(&in.Claims, foreignClaims...) }),
	},
	{
		ID: "access_token.not_id_token", Spec: rfc8725("3.12"), Level: check.Must,
		Text: "The token does not look like an ID Token, which has a nonce, an at_hash or this client as aud, " +
			"and none of scope, client_id and the typ at+jwt.",
		Eval: readable(func(in *jwtInput) check.Verdict {
			if mediaType(in.jwt) == "at+jwt" || in.Claims.accessTokenMarks() != nil {
				return check.Verdict{Outcome: check.Pass}
			}
			marks := in.Claims.present("nonce", "at_hash")
			if in.ClientID != "" && slices.Contains(in.Claims.Audience, in.ClientID) {
				marks = append(marks, "this client as aud")
			}
			return check.That(len(marks) == 0, check.List(marks), "scope, client_id or the typ at+jwt")
		}),
	},
	{
		ID: "access_token.claims", Spec: rfc9068("2.2"), Level: check.Must,
		Text: "With the typ at+jwt, the claims iss, exp, aud, sub, client_id, iat and jti are there.",
		Eval: profiled(func(in *jwtInput) check.Verdict {
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
		ID: "access_token.client_id", Spec: rfc9068("2.2"), Level: check.Must,
		Text: "With the typ at+jwt, client_id is this client's.",
		Eval: profiled(func(in *jwtInput) check.Verdict {
			if in.ClientID == "" || !in.Claims.there("client_id") {
				return check.Inapplicable("no client_id to compare")
			}
			return in.Claims.typed(
				"client_id", func() check.Verdict { return check.Equal(in.Claims.clientID, in.ClientID) },
			)
		}),
	},
	{
		ID: "access_token.iat", Spec: rfc9068("2.2"), Level: check.Must,
		Text: "iat, if there, is not in the future.",
		Eval: readable(func(in *jwtInput) check.Verdict {
			return in.notAfter("iat", in.Claims.IssuedAt)
		}),
	},
}), []check.Rule[*accessTokenInput]{
	{
		ID: "access_token.aud", Spec: rfc9068("4"), Level: check.Must,
		Text: "aud contains an identifier of the resource server that the token is shown to, if that is known.",
		Eval: func(in *accessTokenInput) check.Verdict {
			switch {
			case in.jwt == nil:
				return check.Inapplicable("the token cannot be read")
			case len(in.Expect.Audience) == 0:
				return check.Inapplicable("the audience was not judged: none was expected")
			}
			return in.Claims.typed("aud", func() check.Verdict {
				return check.AnyOf(in.Claims.Audience, in.Expect.Audience)
			})
		},
	},
	{
		ID: "access_token.required", Spec: rfc9068("2.2"), Level: check.Must,
		Text: "iss and exp are there, if a resource server verifies the token: it expects an audience.",
		Eval: func(in *accessTokenInput) check.Verdict {
			switch {
			case in.jwt == nil:
				return check.Inapplicable("the token cannot be read")
			case len(in.Expect.Audience) == 0:
				return check.Inapplicable("no audience was expected")
			}
			there := in.Claims.present("iss", "exp")
			return check.That(len(there) == 2, check.List(there), `"iss", "exp"`)
		},
	},
	{
		ID: "access_token.cnf", Spec: check.Spec{Doc: "RFC 9449", Section: "6.1"}, Level: check.Must,
		Text: "A token that was to be bound to the client's key says so: cnf.jkt is the key's thumbprint.",
		Eval: func(in *accessTokenInput) check.Verdict {
			if in.jwt == nil || in.Thumbprint == "" {
				return check.Inapplicable("no key that the token was to be bound to, or no token to look into")
			}
			got, _ := in.confirmation()
			return check.That(
				got.jkt == in.Thumbprint, check.List(oneOrNone(got.jkt)), check.List([]string{in.Thumbprint}),
			)
		},
	},
	{
		ID: "access_token.possession", Spec: check.Spec{Doc: "RFC 7800", Section: "3.1"}, Level: check.Must,
		Text: "A token that is bound to a key (cnf) was presented with it: cnf.jkt is the thumbprint of the key of " +
			"the " +
			"DPoP proof, and cnf.x5t#S256 that of the client certificate. With a proof, the token is bound to its key.",
		Eval: (*accessTokenInput).possession,
	},
	{ // the last: a token that lacks nothing but a scope is answered with 403, and any other with 401
		ID: "access_token.scope", Spec: rfc9068("4"), Level: check.Must,
		Text: "scope contains every scope that the resource server needs, if any is known.",
		Eval: func(in *accessTokenInput) check.Verdict {
			switch {
			case in.jwt == nil:
				return check.Inapplicable("the token cannot be read")
			case len(in.Expect.Scope) == 0:
				return check.Inapplicable("no scope was expected")
			}
			return in.Claims.typed("scope", func() check.Verdict {
				got := strings.Fields(in.Claims.scope)
				missing := slices.ContainsFunc(in.Expect.Scope, func(s string) bool { return !slices.Contains(got, s) })
				return check.That(!missing, check.List(got), "all of "+check.List(in.Expect.Scope))
			})
		},
	},
})

// possession judges whether who presented the token has the key that it is bound to.
func (in *accessTokenInput) possession() check.Verdict {
	switch {
	case in.jwt == nil:
		return check.Inapplicable("the token cannot be read")
	case in.Expect.InsecureSkipKeyBinding:
		return check.Inapplicable("how the token was presented was not judged")
	case !in.Claims.there("cnf") && in.Expect.KeyThumbprint == "":
		return check.Inapplicable("the token is not bound to a key")
	}
	got, ok := in.confirmation()
	switch {
	case !ok || got == (confirmation{}):
		return check.That(false, "cnf without jkt and x5t#S256, or no cnf", "the key that the token was presented with")
	case (got.jkt != "" || in.Expect.KeyThumbprint != "") && got.jkt != in.JKT:
		return check.That(false, check.List(oneOrNone(got.jkt)), "jkt "+check.List(oneOrNone(in.JKT)))
	case got.x5t != "" && got.x5t != in.X5T:
		return check.That(false, check.List(oneOrNone(got.x5t)), "x5t#S256 "+check.List(oneOrNone(in.X5T)))
	}
	return check.Verdict{Outcome: check.Pass}
}

// present are those of some claims that are there.
func (c *claimSet) present(names ...string) []string {
	var found []string
	for _, name := range names {
		if c.there(name) {
			found = append(found, name)
		}
	}
	return found
}

// accessTokenMarks are the claims that show that a JWT is an access token, nil if none does.
func (c *claimSet) accessTokenMarks() []string { return c.present("scope", "client_id") }

// A confirmation is the claim cnf: the thumbprints of what a token is bound to (RFC 7800
// section 3.1), "" for none.
type confirmation struct {
	jkt string // of a key (RFC 9449 section 6.1)
	x5t string // of a certificate, x5t#S256 (RFC 8705 section 3.1)
}

// confirmation reads the claim cnf. ok is false if it is not there, or malformed.
func (in *accessTokenInput) confirmation() (c confirmation, ok bool) {
	raw, _ := in.jwt.Claims.Get("cnf")
	cnf, err := strictjson.Parse(raw)
	if err != nil {
		return confirmation{}, false
	}
	var jktErr, x5tErr error
	c.jkt, jktErr = cnf.String("jkt")
	c.x5t, x5tErr = cnf.String("x5t#S256")
	return c, jktErr == nil && x5tErr == nil
}

// profiled makes a rule for tokens whose typ says that they keep RFC 9068.
func profiled(eval func(*jwtInput) check.Verdict) func(*jwtInput) check.Verdict {
	return readable(func(in *jwtInput) check.Verdict {
		if mediaType(in.jwt) != "at+jwt" {
			return check.Inapplicable("the typ is not at+jwt")
		}
		return eval(in)
	})
}
