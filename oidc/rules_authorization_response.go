// The rules of authorization responses: RFC 6749 section 4.1.2, RFC 9207.

package oidc

import (
	"net/url"
	"slices"

	"github.com/oidc-client/oidc-client/check"
)

// authorizationResponseInput is what the rules of an authorization response
// look at.
type authorizationResponseInput struct {
	Response    url.Values
	State       string // as sent
	Issuer      string // of the provider's metadata
	IssRequired bool   // the metadata promises iss
}

var authorizationResponseRules = []check.Rule[authorizationResponseInput]{
	{
		ID: "authorization_response.once", Spec: oauth("3.1"), Level: check.Must,
		Text: "No parameter comes more than once.",
		Eval: func(in authorizationResponseInput) check.Verdict {
			var twice []string
			for name, values := range in.Response {
				if len(values) > 1 {
					twice = append(twice, name)
				}
			}
			slices.Sort(twice)
			return check.That(len(twice) == 0, check.List(twice), "none twice")
		},
	},
	{
		ID: "authorization_response.state", Spec: oauth("10.12"), Level: check.Must, Essential: true,
		Text: "state is the value that was sent.",
		Eval: func(in authorizationResponseInput) check.Verdict {
			got := in.Response.Get("state")
			v := check.That(got == in.State && in.State != "", "another value", "the value that was sent")
			switch {
			case v.Outcome == check.Pass:
				v.Got = "the value that was sent"
			case got == "":
				v.Got = "none"
			}
			return v
		},
	},
	{
		ID: "authorization_response.iss", Spec: check.Spec{Doc: "RFC 9207", Section: "2.4"}, Level: check.Must,
		Text: "iss is the provider's issuer identifier; it may be absent only if the metadata does not promise it.",
		Eval: func(in authorizationResponseInput) check.Verdict {
			if !in.Response.Has("iss") && !in.IssRequired {
				return check.Inapplicable("no iss, and none was promised")
			}
			return check.Equal(in.Response.Get("iss"), in.Issuer)
		},
	},
	{
		ID: "authorization_response.code", Spec: oauth("4.1.2"), Level: check.Must, Essential: true,
		Text: "There is either a code or an error.",
		Eval: func(in authorizationResponseInput) check.Verdict {
			code, refused := in.Response.Get("code") != "", in.Response.Get("error") != ""
			got := map[[2]bool]string{{true, true}: "both", {false, false}: "neither", {true, false}: "a code", {false, true}: "an error"}
			return check.That(code != refused, got[[2]bool{code, refused}], "a code or an error")
		},
	},
}
