// The rules of a refreshed ID Token: OpenID Connect Core 1.0 section 12.2.

package oidc

import (
	"slices"
	"time"

	"github.com/oidc-client/oidc-client/check"
)

// refreshInput is what the rules of a refreshed ID Token look at: its claims
// and those of the token it continues.
type refreshInput struct {
	Refreshed bool // an ID Token came as the response to a refresh
	Claims    claimSet
	Previous  *claimSet // nil if it is not known
	Tolerance time.Duration
}

// continued makes a rule that compares the token with the one before it.
func continued(eval func(now, before claimSet, in refreshInput) check.Verdict) func(refreshInput) check.Verdict {
	return func(in refreshInput) check.Verdict {
		switch {
		case !in.Refreshed:
			return check.Inapplicable("no refreshed ID Token")
		case in.Previous == nil:
			return check.Inapplicable("the previous ID Token is not known")
		}
		return eval(in.Claims, *in.Previous, in)
	}
}

var refreshRules = []check.Rule[refreshInput]{
	{
		ID: "refresh.iss", Spec: core("12.2", 1), Level: check.Must,
		Text: "iss is that of the previous ID Token.",
		Eval: continued(func(now, before claimSet, _ refreshInput) check.Verdict {
			return check.Equal(now.Issuer, before.Issuer)
		}),
	},
	{
		ID: "refresh.sub", Spec: core("12.2", 2), Level: check.Must,
		Text: "sub is that of the previous ID Token.",
		Eval: continued(func(now, before claimSet, _ refreshInput) check.Verdict {
			return check.Equal(now.Subject, before.Subject)
		}),
	},
	{
		ID: "refresh.iat", Spec: core("12.2", 3), Level: check.Must,
		Text: "iat is the time of the refresh: not before that of the previous ID Token.",
		Eval: continued(func(now, before claimSet, in refreshInput) check.Verdict {
			ok := !now.IssuedAt.IsZero() && !now.IssuedAt.Before(before.IssuedAt.Add(-in.Tolerance))
			return check.That(ok, stamp(now.IssuedAt), "not before "+stamp(before.IssuedAt))
		}),
	},
	{
		ID: "refresh.aud", Spec: core("12.2", 4), Level: check.Must,
		Text: "aud is that of the previous ID Token.",
		Eval: continued(func(now, before claimSet, _ refreshInput) check.Verdict {
			return check.That(
				sameSet(now.Audience, before.Audience), check.List(now.Audience), check.List(before.Audience),
			)
		}),
	},
	{
		ID: "refresh.auth_time", Spec: core("12.2", 5), Level: check.Must,
		Text: "auth_time, if there, is that of the previous ID Token.",
		Eval: continued(func(now, before claimSet, _ refreshInput) check.Verdict {
			if !now.there("auth_time") {
				return check.Inapplicable("no auth_time")
			}
			want := "none"
			if before.there("auth_time") {
				want = stamp(before.AuthTime)
			}
			return check.That(
				before.there("auth_time") && now.AuthTime.Equal(before.AuthTime), stamp(now.AuthTime), want,
			)
		}),
	},
	{
		ID: "refresh.azp", Spec: core("12.2", 6), Level: check.Must,
		Text: "azp is that of the previous ID Token, and not there if it was not.",
		Eval: continued(func(now, before claimSet, _ refreshInput) check.Verdict {
			return check.That(now.there("azp") == before.there("azp") && now.AuthorizedParty == before.AuthorizedParty,
				check.List(oneOrNone(now.AuthorizedParty)), check.List(oneOrNone(before.AuthorizedParty)))
		}),
	},
	{
		ID: "refresh.nonce", Spec: core("12.2", 7), Level: check.Must,
		Text: "nonce, if there, is that of the previous ID Token.",
		Eval: continued(func(now, before claimSet, _ refreshInput) check.Verdict {
			if !now.there("nonce") {
				return check.Inapplicable("no nonce")
			}
			return check.That(sameNonce(now, before),
				check.List(oneOrNone(now.Nonce)), check.List(oneOrNone(before.Nonce)))
		}),
	},
	{
		ID: "refresh.nonce_absent", Spec: core("12.2", 7), Level: check.Should,
		Text: "There is no nonce.",
		Eval: func(in refreshInput) check.Verdict {
			switch {
			case !in.Refreshed:
				return check.Inapplicable("no refreshed ID Token")
			case in.Previous != nil && in.Claims.there("nonce") && !sameNonce(in.Claims, *in.Previous):
				return check.Inapplicable("there is a wrong one (refresh.nonce)")
			}
			return check.That(!in.Claims.there("nonce"), check.List(oneOrNone(in.Claims.Nonce)), "none")
		},
	},
}

func sameNonce(a, b claimSet) bool { return a.there("nonce") == b.there("nonce") && a.Nonce == b.Nonce }

// sameSet reports whether a and b hold the same values in any order.
func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
