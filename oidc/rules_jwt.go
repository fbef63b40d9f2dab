// The rules that every signed JWT has to keep, whatever it is for: RFC 7519, RFC
// 8725. Each kind of token has a table that begins with them.

package oidc

import (
	"slices"
	"strconv"
	"time"

	"github.com/oidc-client/oidc-client/check"
)

// readable makes a rule that looks into a token.
func readable(eval func(*jwtInput) check.Verdict) func(*jwtInput) check.Verdict {
	return func(in *jwtInput) check.Verdict {
		if in.jwt == nil {
			return check.Inapplicable("the token cannot be read")
		}
		return eval(in)
	}
}

// of makes rules of a part, such as a JWT, those of an input that holds one.
func of[In, Part any](part func(In) Part, rules []check.Rule[Part]) []check.Rule[In] {
	list := make([]check.Rule[In], len(rules))
	for i, r := range rules {
		list[i] = check.Rule[In]{
			ID: r.ID, Spec: r.Spec, Level: r.Level, Text: r.Text, Essential: r.Essential,
			Eval: func(in In) check.Verdict { return r.Eval(part(in)) },
		}
	}
	return list
}

// jwtRules are the rules of any JWT, for one kind.
func jwtRules(kind string) []check.Rule[*jwtInput] {
	return []check.Rule[*jwtInput]{
		{
			ID: kind + ".readable", Spec: rfc7519("7.2"), Level: check.Must, Essential: true,
			Text: "The token is a well-formed signed JWT.",
			Eval: (*jwtInput).readable,
		},
		{
			ID: kind + ".signature", Spec: rfc7519("7.2"), Level: check.Must,
			Text: "The signature is the provider's.",
			Eval: readable(signatureVerdict),
		},
		{
			ID: kind + ".alg_none", Spec: rfc8725("3.2"), Level: check.Must, Essential: true,
			Text: "alg is not none: the token is signed at all.",
			Eval: readable(algNone),
		},
		{
			ID: kind + ".alg", Spec: rfc8725("3.1"), Level: check.Must,
			Text: "alg is one that the client expects.",
			Eval: readable(algExpected),
		},
		{
			ID: kind + ".nbf", Spec: rfc7519("4.1.5"), Level: check.Must,
			Text: "nbf, if there, is not in the future.",
			Eval: readable(func(in *jwtInput) check.Verdict {
				return in.notAfter("nbf", in.Claims.NotBefore)
			}),
		},
	}
}

// sealedRules are the rules of a kind of token that may be encrypted.
func sealedRules(kind string) []check.Rule[*jwtInput] {
	return []check.Rule[*jwtInput]{
		{
			ID: kind + ".encryption", Spec: rfc8725("3.1"), Level: check.Must,
			Text: "The token is encrypted by an algorithm that was agreed upon, and only if one was.",
			Eval: func(in *jwtInput) check.Verdict { return in.Envelope.agreed(in.Encryption, in.Encrypted) },
		},
		{
			ID: kind + ".decryption", Spec: check.Spec{Doc: "RFC 7516", Section: "5.2"}, Level: check.Must,
			Essential: true,
			Text:      "An encrypted token is well-formed, and decrypts with the client's key.",
			Eval:      func(in *jwtInput) check.Verdict { return in.Envelope.decrypted(in.Encryption) },
		},
	}
}

// partyRules are the rules of a kind of token that is from the provider, for this
// client.
func partyRules(kind string, spec check.Spec) []check.Rule[*jwtInput] {
	return []check.Rule[*jwtInput]{
		{
			ID: kind + ".iss", Spec: spec, Level: check.Must,
			Text: "iss is exactly the provider's issuer identifier.",
			Eval: readable(issIs),
		},
		{
			ID: kind + ".aud", Spec: spec, Level: check.Must,
			Text: "aud contains this client's client_id.",
			Eval: readable(audIs),
		},
	}
}

// readable judges whether there is a signed JWT.
func (in *jwtInput) readable() check.Verdict {
	switch {
	case in.Envelope.sealed:
		return check.Inapplicable("it is encrypted")
	case in.Envelope.err != nil:
		return refused(in.Envelope.err, "a signed JWT")
	case in.jwt == nil:
		return check.That(false, "encrypted, but not signed", "a signed JWT")
	}
	return check.Verdict{Outcome: check.Pass}
}

// issIs judges a claim iss that has to be there.
func issIs(in *jwtInput) check.Verdict {
	return in.Claims.typed("iss", func() check.Verdict {
		if !in.Claims.there("iss") {
			return check.That(false, check.List(nil), strconv.Quote(in.Issuer))
		}
		return check.Equal(in.Claims.Issuer, in.Issuer)
	})
}

// audIs judges an aud that has to contain the client's client_id.
func audIs(in *jwtInput) check.Verdict {
	return in.Claims.typed("aud", func() check.Verdict { return check.Contains(in.Claims.Audience, in.ClientID) })
}

// expIs judges an exp that has to be there.
func expIs(in *jwtInput) check.Verdict {
	return in.time("exp", in.Claims.Expiry, in.Now.Before(in.Claims.Expiry.Add(in.Tolerance)), "after ", in.Now)
}

// iatIs judges an iat that has to be there.
func iatIs(in *jwtInput) check.Verdict {
	return in.time("iat", in.Claims.IssuedAt, !in.Claims.IssuedAt.After(in.Now.Add(in.Tolerance)), "not after ", in.Now)
}

// typed fails a rule whose claim has the wrong type.
func (c *claimSet) typed(name string, eval func() check.Verdict) check.Verdict {
	if what := c.malformed[name]; what != "" {
		return check.That(false, what, "")
	}
	return eval()
}

// that is check.That. The evidence is written only where it can be seen: most of what
// judging a good token costs would be that.
func (in *jwtInput) that(ok bool, evidence func() (got, want string)) check.Verdict {
	if ok && in.Terse {
		return check.Verdict{Outcome: check.Pass}
	}
	got, want := evidence()
	return check.That(ok, got, want)
}

// time judges a claim that is a time and has to be there. It is as it should be if ok,
// which is not looked at if it is not there; it should be in a relation to a time.
func (in *jwtInput) time(name string, at time.Time, ok bool, relation string, to time.Time) check.Verdict {
	return in.Claims.typed(name, func() check.Verdict {
		if !in.Claims.there(name) {
			return check.That(false, "none", relation+stamp(to))
		}
		return in.that(ok, func() (string, string) { return stamp(at), relation + stamp(to) })
	})
}

// before judges that the current time is before a claim, if it is there.
func (in *jwtInput) before(name string, at time.Time) check.Verdict {
	return in.optionalTime(name, at, in.Now.Before(at.Add(in.Tolerance)), "after ")
}

// notAfter judges that a claim, if it is there, is not in the future.
func (in *jwtInput) notAfter(name string, at time.Time) check.Verdict {
	return in.optionalTime(name, at, !at.After(in.Now.Add(in.Tolerance)), "not after ")
}

func (in *jwtInput) optionalTime(name string, at time.Time, ok bool, relation string) check.Verdict {
	switch {
	case !in.Claims.there(name):
		return check.Inapplicable("no " + name)
	case in.Claims.malformed[name] != "":
		return check.That(false, in.Claims.malformed[name], relation+stamp(in.Now))
	}
	return in.that(ok, func() (string, string) { return stamp(at), relation + stamp(in.Now) })
}

// typNot judges that a header's typ is not one of other kinds of tokens.
func typNot(in *jwtInput, kinds ...string) check.Verdict {
	return check.That(
		!slices.Contains(kinds, mediaType(in.jwt)), check.List(oneOrNone(in.jwt.Type)), "none of "+check.List(kinds),
	)
}
