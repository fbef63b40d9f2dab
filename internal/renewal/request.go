// The request that renews a session, or gets a token for a part of its grant.

package renewal

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/oidc"
)

// grant is what gets a token for a target. The session's own refresh names its scope once a token
// for a part of it was asked for: some providers take the last request for the scope of the grant.
func grant(s *session.Session, target session.Target) oidc.Grant {
	if s.Secret.RefreshToken == "" {
		again := oidc.ClientCredentials()
		again.Params = aimed(s.Secret.Again, target)
		return again
	}
	g := oidc.RefreshToken(s.Secret.RefreshToken)
	params := aimed(s.Secret.Params, target)
	if target.IsZero() && s.Whole != "" {
		params.Set("scope", s.Whole)
	}
	for name, values := range params {
		g = g.With(name, values...)
	}
	g.Expect.Previous = s.VerifiedIDToken()
	return g
}

// aimed returns the parameters of a request with those of a target instead of their own.
func aimed(params map[string][]string, target session.Target) url.Values {
	all := url.Values{}
	maps.Copy(all, params)
	if len(target.Scopes) > 0 {
		all.Set("scope", strings.Join(target.Scopes, " "))
	}
	if len(target.Resources) > 0 {
		all["resource"] = target.Resources
	}
	if len(target.Audiences) > 0 {
		all["audience"] = target.Audiences
	}
	return all
}

// wholeScope is the scope that a session's own refresh asks for by name: what was granted, or else
// what the login asked for. Some providers leave out of the granted scope what asked for the ID
// Token and the refresh token.
func wholeScope(s *session.Session) string {
	scopes := strings.Fields(cmp.Or(s.Tokens.Scope, strings.Join(s.Grant.Scopes, " ")))
	for _, scope := range []string{"openid", "offline_access"} {
		if slices.Contains(s.Grant.Scopes, scope) && !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return strings.Join(scopes, " ")
}

// narrowed says what the provider took away from the scope of a session because of a request for a
// part of it, "" if nothing is known to be missing. granted is what the response to a request for
// the whole scope says.
func narrowed(whole, granted string) string {
	if granted == "" {
		return ""
	}
	there := append(strings.Fields(granted), "openid", "offline_access") // which some do not mention
	missing := slices.DeleteFunc(strings.Fields(whole), func(scope string) bool {
		return slices.Contains(there, scope)
	})
	if len(missing) == 0 {
		return ""
	}
	return "since a token for a part of its scope was asked for, the provider no longer grants " +
		strings.Join(missing, " ")
}
