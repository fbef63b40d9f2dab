// The rules of a token response: RFC 6749 section 5.1.

package oidc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// tokenResponseInput is what the rules of a token response look at.
type tokenResponseInput struct {
	Response *strictjson.Object
	Bound    bool   // a DPoP proof was sent
	Exchange bool   // it answers a token exchange
	Details  string // authorization_details that were asked for, JSON, "" if none
	Now      time.Time
}

var tokenResponseRules = []check.Rule[tokenResponseInput]{
	{
		ID: "token_response.access_token", Spec: oauth("5.1"), Level: check.Must, Essential: true,
		Text: "access_token is a string of printable ASCII characters.",
		Eval: func(in tokenResponseInput) check.Verdict { return tokenString(in.Response, "access_token", true) },
	},
	{
		ID: "token_response.token_type", Spec: oauth("7.1"), Level: check.Must,
		Text: "token_type is Bearer, in any case, or DPoP if a proof was sent, or N_A for what is no access token: " +
			"a client must not use a token of a type it does not know.",
		Eval: func(in tokenResponseInput) check.Verdict {
			got, err := in.Response.String("token_type")
			if err != nil {
				return check.That(false, err.Error(), "a string")
			}
			known := in.tokenTypes()
			same := func(name string) bool { return strings.EqualFold(name, got) }
			return check.That(slices.ContainsFunc(known, same), check.List(oneOrNone(got)), "one of "+check.List(known))
		},
	},
	{
		ID: "token_response.dpop", Spec: check.Spec{Doc: "RFC 9449", Section: "5"}, Level: check.Must,
		Text: "A token that was asked for with a DPoP proof is bound to its key: token_type is DPoP.",
		Eval: func(in tokenResponseInput) check.Verdict {
			got, _ := in.Response.String("token_type")
			if !in.Bound || !strings.EqualFold(got, "Bearer") {
				return check.Inapplicable("no proof was sent, or the type is no access token's")
			}
			return check.That(false, "a token that anybody can use (Bearer)", "a token bound to the key (DPoP)")
		},
	},
	{
		ID: "token_response.issued_token_type", Spec: check.Spec{Doc: "RFC 8693", Section: "2.2.1"}, Level: check.Must,
		Text: "The response to a token exchange says what it issued (issued_token_type).",
		Eval: func(in tokenResponseInput) check.Verdict {
			if !in.Exchange {
				return check.Inapplicable("no token exchange")
			}
			got, err := in.Response.String("issued_token_type")
			if err != nil {
				return check.That(false, err.Error(), "a URI")
			}
			return check.That(got != "", check.List(oneOrNone(got)), "a URI")
		},
	},
	{
		ID: "token_response.authorization_details", Spec: check.Spec{Doc: "RFC 9396", Section: "7"}, Level: check.Must,
		Text: "authorization_details, if there, are a list of objects, each with a type.",
		Eval: func(in tokenResponseInput) check.Verdict {
			raw, ok := in.Response.Get("authorization_details")
			if !ok {
				return check.Inapplicable("no authorization_details")
			}
			types, err := detailTypes(raw)
			if err != nil {
				return check.That(false, err.Error(), "a list of objects with a type")
			}
			return check.Verdict{Outcome: check.Pass, Got: check.List(types)}
		},
	},
	{
		ID: "token_response.authorization_details_granted", Spec: check.Spec{Doc: "RFC 9396", Section: "7"},
		Level: check.Should,
		Text:  "The authorization_details that were granted are there, if any were asked for, and of no other type.",
		Eval: func(in tokenResponseInput) check.Verdict {
			raw, _ := in.Response.Get("authorization_details")
			asked, askedErr := detailTypes([]byte(in.Details))
			got, err := detailTypes(raw)
			switch {
			case askedErr != nil || len(asked) == 0:
				return check.Inapplicable("none were asked for")
			case raw == nil:
				return check.That(false, "none", check.List(asked))
			case err != nil:
				return check.Inapplicable("they cannot be read")
			}
			other := func(name string) bool { return !slices.Contains(asked, name) }
			return check.That(!slices.ContainsFunc(got, other), check.List(got), "none but "+check.List(asked))
		},
	},
	{
		ID: "token_response.expires_in", Spec: oauth("5.1"), Level: check.Must,
		Text: "expires_in, if there, is a number of seconds.",
		Eval: func(in tokenResponseInput) check.Verdict {
			lifetime, ok, err := expiresIn(in.Response)
			switch {
			case !ok:
				return check.Inapplicable("no expires_in")
			case err != nil:
				return check.That(false, err.Error(), "a number")
			}
			return check.Verdict{Outcome: check.Pass, Got: lifetime.String()}
		},
	},
	{
		ID: "token_response.lifetime", Spec: oauth("5.1"), Level: check.Should,
		Text: "The access token is not expired already, and its lifetime is at most ten years.",
		Eval: func(in tokenResponseInput) check.Verdict {
			lifetime, ok, err := expiresIn(in.Response)
			if !ok || err != nil {
				return check.Inapplicable("no lifetime")
			}
			raw, _ := in.Response.Get("expires_in")
			return check.That(
				lifetime > 0 && lifetime < limit.Lifetime, fmt.Sprintf("%.40s seconds", raw),
				"more than 0 seconds and less than ten years",
			)
		},
	},
	{
		ID: "token_response.refresh_token", Spec: oauth("5.1"), Level: check.Must,
		Text: "refresh_token, if there, is a string of printable ASCII characters; an empty one counts as absent.",
		Eval: func(in tokenResponseInput) check.Verdict {
			if got, err := in.Response.String("refresh_token"); err == nil && got == "" {
				return check.Inapplicable("no refresh_token")
			}
			return tokenString(in.Response, "refresh_token", true)
		},
	},
	{
		ID: "token_response.id_token", Spec: core("3.1.3.3", 0), Level: check.Must,
		Text: "id_token, if there, is a string of printable ASCII characters.",
		Eval: func(in tokenResponseInput) check.Verdict { return tokenString(in.Response, "id_token", false) },
	},
	{
		ID: "token_response.scope", Spec: oauth("5.1"), Level: check.Must,
		Text: "scope, if there, is a string.",
		Eval: func(in tokenResponseInput) check.Verdict {
			if !in.Response.Has("scope") {
				return check.Inapplicable("no scope")
			}
			got, err := in.Response.String("scope")
			if err != nil {
				return check.That(false, err.Error(), "a string")
			}
			return check.Verdict{Outcome: check.Pass, Got: check.List(oneOrNone(got))}
		},
	},
}

// tokenTypes are the types of tokens that can be used.
func (in tokenResponseInput) tokenTypes() []string {
	types := []string{"Bearer"}
	if in.Bound {
		types = append(types, "DPoP")
	}
	issued, _ := in.Response.String("issued_token_type")
	if in.Exchange && issued != TokenTypeAccessToken {
		types = append(types, "N_A")
	}
	return types
}

// detailTypes are the types of authorization_details (RFC 9396 section 2).
func detailTypes(raw []byte) ([]string, error) {
	list, err := strictjson.Array(raw)
	if err != nil {
		return nil, errors.New("not a list")
	}
	types := make([]string, len(list))
	for i, detail := range list {
		doc, err := strictjson.Parse(detail)
		if err != nil {
			return nil, errors.New("not a list of objects")
		}
		if types[i], err = doc.String("type"); err != nil || types[i] == "" {
			return nil, errors.New("an object without a type")
		}
	}
	return types, nil
}

// tokenString judges a member that is sent back to the provider some day, in
// a form or a header: RFC 6749 appendix A allows 1*VSCHAR. Evidence tells its
// length, never the token.
func tokenString(doc *strictjson.Object, name string, required bool) check.Verdict {
	if !doc.Has(name) && !required {
		return check.Inapplicable("no " + name)
	}
	got, err := doc.String(name)
	if err != nil {
		return check.That(false, err.Error(), "a string")
	}
	if got == "" {
		return check.That(false, "none", "a string")
	}
	const want = "printable ASCII characters only (%x20-7E)"
	return check.That(wire.Valid(got), fmt.Sprintf("a string of %d characters", len(got)), want)
}

// oneOrNone is a list of one, or of none if s is "".
func oneOrNone(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
