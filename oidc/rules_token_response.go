// The rules of a token response: RFC 6749 section 5.1.

package oidc

import (
	"fmt"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// tokenResponseInput is what the rules of a token response look at.
type tokenResponseInput struct {
	Response *strictjson.Object
	Now      time.Time
}

func oauth(section string) check.Spec { return check.Spec{Doc: "RFC 6749", Section: section} }

var tokenResponseRules = []check.Rule[tokenResponseInput]{
	{
		ID: "token_response.access_token", Spec: oauth("5.1"), Level: check.Must, Essential: true,
		Text: "access_token is a string of visible ASCII characters.",
		Eval: func(in tokenResponseInput) check.Verdict { return tokenString(in.Response, "access_token", true) },
	},
	{
		ID: "token_response.token_type", Spec: oauth("7.1"), Level: check.Must,
		Text: "token_type is Bearer, in any case: a client must not use a token of a type it does not know.",
		Eval: func(in tokenResponseInput) check.Verdict {
			got, err := in.Response.String("token_type")
			if err != nil {
				return check.That(false, err.Error(), "a string")
			}
			return check.That(strings.EqualFold(got, "Bearer"), check.List(oneOrNone(got)), `"Bearer"`)
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
			return check.That(lifetime > 0 && lifetime < limit.Lifetime, fmt.Sprintf("%.40s seconds", raw), "more than 0 seconds and less than ten years")
		},
	},
	{
		ID: "token_response.refresh_token", Spec: oauth("5.1"), Level: check.Must,
		Text: "refresh_token, if there, is a string of visible ASCII characters.",
		Eval: func(in tokenResponseInput) check.Verdict { return tokenString(in.Response, "refresh_token", false) },
	},
	{
		ID: "token_response.id_token", Spec: core("3.1.3.3", 0), Level: check.Must,
		Text: "id_token, if there, is a string of visible ASCII characters.",
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
	return check.That(visible(got), fmt.Sprintf("a string of %d characters", len(got)), "visible ASCII characters only")
}

// visible reports whether s has only the characters '!' to '~', which need no
// care in a header or on a terminal.
func visible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// oneOrNone is a list of one, or of none if s is "".
func oneOrNone(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
