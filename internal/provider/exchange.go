// Token exchange: RFC 8693.

package provider

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/luikyv/go-oidc/pkg/goidc"
)

// presented is what a subject or actor token says.
type presented struct {
	subject string
	scope   string         // "" for an ID Token, which has none
	claims  map[string]any // of the login behind it, and act
}

// scopeKey is where a grant keeps the scope of the subject token.
const scopeKey = "_subject_scope"

// exchange says whose the token of an exchange will be.
func (e tokenEndpoint) exchange(ctx context.Context, r goidc.TokenExchangeRequest) (goidc.TokenExchangeResult, error) {
	none := goidc.TokenExchangeResult{}
	subject, err := e.presented(ctx, r.SubjectToken, r.SubjectTokenType)
	if err != nil {
		return none, err
	}
	for _, audience := range r.Audience {
		if audience != e.Issuer && e.clients.find(audience) == nil && !slices.Contains(e.resources(), audience) {
			return none, goidc.NewError(goidc.ErrorCodeInvalidTarget, "there is no such audience")
		}
	}
	store := maps.Clone(subject.claims)
	store[scopeKey] = subject.scope
	if r.ActorToken != "" {
		actor, err := e.presented(ctx, r.ActorToken, r.ActorTokenType)
		if err != nil {
			return none, err
		}
		act := map[string]any{"sub": actor.subject}
		if before := store["act"]; before != nil {
			act["act"] = before // RFC 8693 section 4.1: the newest is outermost
		}
		store["act"] = act
	}
	return goidc.TokenExchangeResult{Subject: subject.subject, Store: store}, nil
}

// presented reads a token of this provider.
func (e tokenEndpoint) presented(ctx context.Context, token string, kind goidc.TokenTypeIdentifier) (
	*presented, error,
) {
	invalid := goidc.NewError(goidc.ErrorCodeInvalidRequest, "a token is expired, revoked, unknown, or of another type")
	var grant *goidc.Grant
	var err error
	switch kind {
	case goidc.TokenTypeIdentifierIDToken:
		return e.presentedID(token)
	case goidc.TokenTypeIdentifierRefreshToken:
		grant, err = e.store.GrantByRefreshToken(ctx, token)
		if err != nil || grant.RevokedAt != 0 || int64(grant.RefreshTokenExpiresAt) < time.Now().Unix() {
			return nil, invalid
		}
		return &presented{grant.Subject, grant.Scopes, loginOf(grant)}, nil
	case goidc.TokenTypeIdentifierAccessToken, goidc.TokenTypeIdentifierJWT:
		if _, err = e.store.Token(ctx, token); err != nil && ParseJWT(token) == nil {
			return nil, invalid
		}
		info, err := e.library.Introspect(ctx, token)
		if err != nil || !info.IsActive {
			return nil, invalid
		}
		if grant, err = e.store.Grant(ctx, info.GrantID); err != nil {
			return nil, invalid
		}
		return &presented{grant.Subject, info.Scopes, loginOf(grant)}, nil
	default:
		return nil, goidc.NewError(goidc.ErrorCodeInvalidRequest, "tokens of this type are not understood")
	}
}

// presentedID reads an ID Token.
func (e tokenEndpoint) presentedID(token string) (*presented, error) {
	invalid := goidc.NewError(goidc.ErrorCodeInvalidRequest, "the ID Token is expired, or not by this provider")
	parsed, err := jwt.ParseSigned(token, e.options.signatures())
	if err != nil {
		return nil, invalid
	}
	key, err := e.keys.Key(parsed.Headers[0].KeyID)
	if err != nil {
		return nil, invalid
	}
	var claims jwt.Claims
	all := map[string]any{}
	if parsed.Claims(key.Public().Key, &claims, &all) != nil || claims.Expiry == nil ||
		claims.ValidateWithLeeway(jwt.Expected{Issuer: e.Issuer}, 0) != nil || e.users.of(claims.Subject).Name == "" {
		return nil, invalid
	}
	return &presented{claims.Subject, "", loginOf(&goidc.Grant{Store: all})}, nil
}

// loginOf are the claims of a login that go on to another token.
func loginOf(g *goidc.Grant) map[string]any {
	claims := map[string]any{}
	for _, name := range []string{"auth_time", "amr", "acr", "sid", "act"} {
		if v := g.Store[name]; v != nil {
			claims[name] = v
		}
	}
	return claims
}

// completeExchange gives a grant the scope of the subject token, or less, and
// its audience.
func (e tokenEndpoint) completeExchange(ctx context.Context, g *goidc.Grant) error {
	g.Username = e.users.of(g.Subject).Name
	scope := text(g.Store[scopeKey])
	delete(g.Store, scopeKey)
	if scope != "" {
		for _, s := range strings.Fields(g.Scopes) {
			if !has(scope, s) {
				return goidc.NewError(goidc.ErrorCodeInvalidScope, "the subject token has not the scope "+s)
			}
		}
	}
	if g.Scopes == "" {
		g.Scopes = scope
	}
	g.Resources = append(slices.Clone(g.Resources), formOf(ctx)["audience"]...)
	if len(g.Resources) == 0 {
		g.Resources = nil
	}
	return nil
}

// exchangeForJWT asks the library for an access token, which is a JWT, and calls
// it so.
func (e tokenEndpoint) exchangeForJWT(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if !e.options.JWTAccessTokens {
		refuse(w, http.StatusBadRequest, "invalid_request", "access tokens are no JWTs here")
		return
	}
	r.PostForm.Set("requested_token_type", string(goidc.TokenTypeIdentifierAccessToken))
	res := responseOf(next, r)
	res.Edit(func(m map[string]any) { m["issued_token_type"] = goidc.TokenTypeIdentifierJWT })
	res.Send(w)
}
