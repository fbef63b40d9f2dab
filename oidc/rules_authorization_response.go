// The rules of authorization responses: RFC 6749 section 4.1.2, RFC 9207.

package oidc

import (
	"net/url"
	"slices"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// authorizationResponseInput is what the rules of an authorization response
// look at.
type authorizationResponseInput struct {
	Response    url.Values           // the parameters, taken out of the JWT if it was one
	Request     AuthorizationRequest // that it answers
	Signed      bool                 // it was a JWT (JARM)
	Beside      bool                 // there were other parameters beside the JWT
	State       string               // as sent
	Issuer      string               // of the provider's metadata
	IssRequired bool                 // the metadata promises iss
	IssJudged   bool                 // that of an ID Token beside it will be
}

var authorizationResponseRules = []check.Rule[authorizationResponseInput]{
	{
		ID: "authorization_response.mode", Spec: jarm("2.3"), Level: check.Must,
		Text: "The response is a signed JWT if one was asked for, with nothing beside it, and only then.",
		Eval: func(in authorizationResponseInput) check.Verdict {
			got, want := "parameters", "parameters"
			switch {
			case in.Signed && in.Beside:
				got = "a JWT with parameters beside it"
			case in.Signed:
				got = "a JWT"
			case in.Response.Has("response"):
				got = "a parameter response"
			}
			if in.Request.signed() {
				want = "a JWT"
			}
			return check.That(got == want, got, want)
		},
	},
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
		Text: "iss is the provider's issuer identifier; it may be absent only if the metadata does not promise it, " +
			"or beside an ID Token that is judged and names the issuer, too.",
		Eval: func(in authorizationResponseInput) check.Verdict {
			switch {
			case in.Response.Has("iss"):
			case !in.IssRequired:
				return check.Inapplicable("no iss, and none was promised")
			case in.IssJudged && in.Response.Has("id_token"):
				return check.Inapplicable("no iss; the ID Token beside it names the issuer")
			}
			return check.Equal(in.Response.Get("iss"), in.Issuer)
		},
	},
	{
		ID: "authorization_response.code", Spec: oauth("4.1.2"), Level: check.Must, Essential: true,
		Text: "There is what the response_type asks for (code, id_token, access_token), and nothing else of these; " +
			"or an error, and none of them. A code is of printable ASCII characters.",
		Eval: func(in authorizationResponseInput) check.Verdict {
			var want, got []string
			for part, name := range map[string]string{"code": "code", "id_token": "id_token", "token": "access_token"} {
				if in.Request.expects(part) {
					want = append(want, name)
				}
				if in.Response.Get(name) != "" {
					got = append(got, name)
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if in.Response.Get("error") != "" {
				return check.That(len(got) == 0, "an error, and "+check.List(got), "an error alone")
			}
			if code := in.Response.Get("code"); code != "" && !wire.Valid(code) {
				return check.That(false, "a code with other characters", "printable ASCII characters")
			}
			return check.That(slices.Equal(got, want), check.List(got), check.List(want)+", or an error")
		},
	},
}

// hybridInput is what the rules of two ID Tokens of one login look at.
type hybridInput struct {
	Front, Back StandardClaims // of the browser's, and of the token endpoint's
}

var hybridRules = []check.Rule[hybridInput]{
	{
		ID: "hybrid.iss", Spec: core("3.3.3.6", 0), Level: check.Must,
		Text: "iss is the same in both ID Tokens.",
		Eval: func(in hybridInput) check.Verdict { return check.Equal(in.Back.Issuer, in.Front.Issuer) },
	},
	{
		ID: "hybrid.sub", Spec: core("3.3.3.6", 0), Level: check.Must,
		Text: "sub is the same in both ID Tokens.",
		Eval: func(in hybridInput) check.Verdict { return check.Equal(in.Back.Subject, in.Front.Subject) },
	},
}
