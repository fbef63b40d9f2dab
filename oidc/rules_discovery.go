// The rules of provider metadata: OpenID Connect Discovery 1.0 sections 3 and
// 4.3, RFC 8414 sections 2 and 3.3.

package oidc

import (
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/check"
)

// discoveryInput is what the rules of metadata look at.
type discoveryInput struct {
	Provider      *Provider
	Issuer        string   // that the metadata must be of
	Uses          []string // the members that will be used, nil if all of them
	Malformed     []string // what is wrong with the types of members that are not used
	Unpublished   bool     // there is no metadata: the endpoints were set by hand
	TLSUnverified bool     // certificates were not looked at
}

var discoveryRules = []check.Rule[discoveryInput]{
	{
		ID: "discovery.tls", Spec: discovery("7.1"), Level: check.Must,
		Text: "The provider's TLS certificate was verified.",
		Eval: func(in discoveryInput) check.Verdict {
			if in.TLSUnverified {
				return check.Undecided("verification of certificates is switched off")
			}
			if in.Unpublished {
				return check.Inapplicable("no metadata was fetched")
			}
			if strings.HasPrefix(in.Provider.URL, "http://") {
				return check.Inapplicable("plain http, on the loopback address")
			}
			return check.Verdict{Outcome: check.Pass}
		},
	},
	{
		ID: "discovery.issuer_named", Spec: discovery("3"), Level: check.Must, Essential: true,
		Text: "The metadata names an issuer.",
		Eval: func(in discoveryInput) check.Verdict { return there(in.Provider.Issuer, "issuer") },
	},
	{
		ID: "discovery.issuer", Spec: discovery("4.3"), Level: check.Must,
		Text: "issuer is exactly the issuer that was asked for.",
		Eval: func(in discoveryInput) check.Verdict {
			if in.Provider.Issuer == "" {
				return check.Inapplicable("the metadata names no issuer")
			}
			v := check.Equal(in.Provider.Issuer, in.Issuer)
			if v.Outcome == check.Fail {
				v.Note = issuerDifference(in.Provider.Issuer, in.Issuer)
			}
			return v
		},
	},
	{
		ID: "discovery.endpoint_urls", Spec: discovery("7.1"), Level: check.Must, Essential: true,
		Text: "Every endpoint that is used is an https URL (or http on the loopback address) without fragment or " +
			"user name.",
		Eval: func(in discoveryInput) check.Verdict {
			bad := in.insecure(true)
			v := check.That(len(bad) == 0, check.List(bad), "https URLs")
			if len(bad) == 0 {
				v.Got = ""
			}
			return v
		},
	},
	{
		ID: "discovery.endpoint_hosts", Spec: check.Spec{Doc: "RFC 9700", Section: "4.4"}, Level: check.May,
		Text: "Every endpoint is at the issuer's host. No standard demands it; metadata that names another's " +
			"endpoints is how mix-up begins.",
		Eval: func(in discoveryInput) check.Verdict {
			elsewhere := in.Provider.elsewhere(in.Issuer)
			return check.That(len(elsewhere) == 0, check.List(elsewhere), "none at another host")
		},
	},
	{
		ID: "discovery.token_endpoint", Spec: discovery("3"), Level: check.Must, Essential: true,
		Text: "There is a token_endpoint.",
		Eval: func(in discoveryInput) check.Verdict {
			if !in.uses("token_endpoint") {
				return check.Inapplicable(notUsed)
			}
			return there(in.Provider.TokenEndpoint, "token_endpoint")
		},
	},
	{
		ID: "discovery.jwks_uri", Spec: discovery("3"), Level: check.Must,
		Text: "There is a jwks_uri.",
		Eval: func(in discoveryInput) check.Verdict {
			switch {
			case !in.uses("jwks_uri"):
				return check.Inapplicable(notUsed)
			case in.Provider.OAuthOnly && in.Provider.JWKSURI == "":
				return check.Inapplicable("RFC 8414 leaves it out where nothing is signed")
			}
			return there(in.Provider.JWKSURI, "jwks_uri")
		},
	},
	{
		ID: "discovery.authorization_endpoint", Spec: discovery("3"), Level: check.Must,
		Text: "There is an authorization_endpoint.",
		Eval: func(in discoveryInput) check.Verdict {
			switch {
			case !in.uses("authorization_endpoint"):
				return check.Inapplicable(notUsed)
			case in.Provider.OAuthOnly && in.Provider.AuthorizationEndpoint == "":
				return check.Inapplicable("RFC 8414 leaves it out where no grant uses it")
			}
			return there(in.Provider.AuthorizationEndpoint, "authorization_endpoint")
		},
	},
	{
		ID: "discovery.unused", Spec: discovery("3"), Level: check.Should,
		Text: "Members that are not used are valid too: https URLs, values of the right type, and no required " +
			"endpoint is missing.",
		Eval: func(in discoveryInput) check.Verdict {
			if in.Uses == nil {
				return check.Inapplicable("every member is judged by its own rule")
			}
			if bad := in.unusedProblems(); len(bad) > 0 {
				return check.That(false, check.List(bad), "none")
			}
			return check.That(true, "", "")
		},
	},
	{
		ID: "discovery.response_types_supported", Spec: discovery("3"), Level: check.Should,
		Text: "response_types_supported is there.",
		Eval: func(in discoveryInput) check.Verdict {
			if in.Unpublished {
				return check.Inapplicable("there is no metadata")
			}
			return listed(in.Provider.ResponseTypesSupported, "response_types_supported")
		},
	},
	{
		ID: "discovery.subject_types_supported", Spec: discovery("3"), Level: check.Should,
		Text: "subject_types_supported is there.",
		Eval: func(in discoveryInput) check.Verdict {
			if in.Provider.OAuthOnly {
				return check.Inapplicable("an authorization server's metadata (RFC 8414)")
			}
			return listed(in.Provider.SubjectTypesSupported, "subject_types_supported")
		},
	},
	{
		ID: "discovery.id_token_signing_alg_values_supported", Spec: discovery("3"), Level: check.Should,
		Text: "id_token_signing_alg_values_supported is there and holds RS256.",
		Eval: func(in discoveryInput) check.Verdict {
			if in.Provider.OAuthOnly {
				return check.Inapplicable("an authorization server's metadata (RFC 8414)")
			}
			return check.Contains(in.Provider.IDTokenSigningAlgorithms, "RS256")
		},
	},
	{
		ID: "discovery.scopes_supported", Spec: discovery("3"), Level: check.Should,
		Text: "scopes_supported, if there, holds openid.",
		Eval: func(in discoveryInput) check.Verdict {
			if in.Provider.OAuthOnly || in.Provider.ScopesSupported == nil {
				return check.Inapplicable("no scopes_supported")
			}
			return check.Contains(in.Provider.ScopesSupported, "openid")
		},
	},
	{
		ID: "discovery.pkce", Spec: check.Spec{Doc: "RFC 9700", Section: "2.1.1"}, Level: check.Should,
		Text: "code_challenge_methods_supported holds S256.",
		Eval: func(in discoveryInput) check.Verdict {
			if in.Unpublished || in.Provider.AuthorizationEndpoint == "" {
				return check.Inapplicable("no authorization_endpoint in the metadata")
			}
			return check.Contains(in.Provider.CodeChallengeMethods, "S256")
		},
	},
}

const notUsed = "it is not used"

func there(value, name string) check.Verdict {
	return check.That(value != "", value, name)
}

func listed(values []string, name string) check.Verdict {
	return check.That(len(values) > 0, check.List(values), name)
}

// issuerDifference says in words how the metadata's issuer differs from the
// one asked for, and which to set, "" if it is simply another.
func issuerDifference(got, want string) string {
	switch {
	case strings.TrimSuffix(got, "/") == strings.TrimSuffix(want, "/"):
		return "they differ in the closing slash, which counts"
	case strings.EqualFold(got, want):
		return "they differ in upper and lower case, which counts"
	case slices.ContainsFunc(
		[]string{"{tenantid}", "{tenant}", "%7Btenantid%7D"}, func(s string) bool { return strings.Contains(got, s) },
	):
		return "the metadata's issuer is a template; ask for the issuer of one tenant, with its id in the place of " +
			"the braces"
	}
	return ""
}
