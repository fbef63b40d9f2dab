// The claims of users and logins: OpenID Connect Core 1.0 sections 5.4, 5.5 and
// 5.5.1.1, RFC 9068, RFC 9470.

package provider

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

// finish ends a login with success, unless the client has demanded what the
// user cannot have.
// The login is that of a browser, if there is one.
func (p *Provider) finish(session *goidc.AuthnSession, u User, v *ssoSession) (goidc.Status, error) {
	acr, err := p.acrOf(p.clients.withDefaults(session.ClientID, session.AuthorizationParameters), u)
	if err != nil {
		return goidc.StatusFailure, err
	}
	if c := session.Claims; c != nil {
		if sub := c.IDToken["sub"].Value; sub != "" && sub != u.Subject {
			return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeLoginRequired, "another user is asked for (sub)")
		}
	}
	session.Subject, session.Username = u.Subject, u.Name
	session.GrantedScopes, session.GrantedResources, session.GrantedAuthDetails = session.Scopes, session.Resources,
		session.AuthDetails
	maps.Copy(session.Store, p.newLogin(session.ClientID, u, acr, v))
	return goidc.StatusSuccess, nil
}

// withDefaults are the parameters of a request, with what its client is registered with in the
// place of those that are not there (Dynamic Client Registration 1.0 section 2).
func (c *clients) withDefaults(id string, asked goidc.AuthorizationParameters) goidc.AuthorizationParameters {
	if c := c.find(id); c != nil && asked.ACRValues == "" {
		asked.ACRValues = c.DefaultACRValues
	}
	return asked
}

// acrs are the values of acr, the weakest first: users may have their own, and
// those before it. Others that users have stand for themselves.
func (o Options) acrs() []goidc.ACR {
	all := []goidc.ACR{"1", "2"}
	for _, u := range o.Users {
		if u.ACR != "" && !slices.Contains(all, goidc.ACR(u.ACR)) {
			all = append(all, goidc.ACR(u.ACR))
		}
	}
	return all
}

func ownACR(u User) string {
	if u.ACR == "" {
		return "1"
	}
	return u.ACR
}

// reaches reports whether a login of the user may have an acr.
func reaches(u User, acr string) bool {
	return acr == ownACR(u) || acr == "1" && ownACR(u) == "2"
}

// acrOf is the acr of a login: the first that is asked for and that the user may
// have. If it is essential, there is no login without one.
func (p *Provider) acrOf(asked goidc.AuthorizationParameters, u User) (string, error) {
	wanted, essential := strings.Fields(asked.ACRValues), false
	if asked.Claims != nil {
		if c, ok := asked.Claims.IDTokenClaim("acr"); ok {
			essential = c.IsEssential
			if asked := append(slices.Clone(c.Values), strings.Fields(c.Value)...); len(asked) > 0 {
				wanted = asked
			}
		}
	}
	for _, acr := range wanted {
		if reaches(u, acr) {
			return acr, nil
		}
	}
	if essential && len(wanted) > 0 {
		return "",
			goidc.NewError("unmet_authentication_requirements", "the user cannot log in with the acr that is asked for")
	}
	return ownACR(u), nil
}

// idTokenClaims are those of the login that a grant came from, and what the
// claims parameter asks for. Where there is no access token, those of the scopes
// are in the ID Token too.
func (known users) idTokenClaims(_ context.Context, g *goidc.Grant) map[string]any {
	claims := loginOf(g)
	delete(claims, "act")
	if g.AuthParams.Claims != nil {
		maps.Copy(claims, known.askedClaims(g, g.AuthParams.Claims.IDToken))
	}
	if g.AuthParams.ResponseType == goidc.ResponseTypeIDToken {
		maps.Copy(claims, known.scopeClaims(g))
	}
	return claims
}

func (known users) userClaims(_ context.Context, g *goidc.Grant) map[string]any {
	claims := known.scopeClaims(g)
	if g.AuthParams.Claims != nil {
		maps.Copy(claims, known.askedClaims(g, g.AuthParams.Claims.UserInfo))
	}
	return claims
}

// scopeClaims are those that the scopes of a grant stand for. A claim without a value
// is left out (OpenID Connect Core 1.0 section 5.3.2).
func (known users) scopeClaims(g *goidc.Grant) map[string]any {
	claims, u := map[string]any{}, known[g.Username]
	for _, scope := range strings.Fields(g.Scopes) {
		switch {
		case scope == "profile":
			claims["preferred_username"] = u.Name
			if u.FullName != "" {
				claims["name"] = u.FullName
			}
		case scope == "email" && u.Email != "":
			claims["email"], claims["email_verified"] = u.Email, true
		}
	}
	return claims
}

// askedClaims are those of the claims parameter that the provider knows.
func (known users) askedClaims(g *goidc.Grant, asked map[string]goidc.ClaimObjectInfo) map[string]any {
	everything := *g
	everything.Scopes = allScopes
	claims := known.scopeClaims(&everything)
	maps.DeleteFunc(claims, func(name string, _ any) bool { _, ok := asked[name]; return !ok })
	return claims
}

// tokenClaims are those of access tokens, and of introspection: RFC 9068
// requires an aud, and RFC 9470 section 6 has acr and auth_time.
func (p *Provider) tokenClaims(_ context.Context, t *goidc.Token, g *goidc.Grant) map[string]any {
	claims := loginOf(g)
	delete(claims, "amr")
	delete(claims, "sid")
	claims["aud"] = p.Issuer
	if len(t.Resources) > 0 {
		claims["aud"] = t.Resources
	}
	return claims
}
