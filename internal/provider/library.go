// The options of the library underneath.

package provider

import (
	"context"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/luikyv/go-oidc/pkg/goidc"
	oidcprovider "github.com/luikyv/go-oidc/pkg/provider"
)

// edDSA has no constant in the library.
const edDSA goidc.SignatureAlgorithm = jose.EdDSA

var signatureAlgorithms = []goidc.SignatureAlgorithm{
	goidc.RS256, goidc.ES256, edDSA, goidc.PS256,
}

// assertionAlgorithms are those of client assertions and DPoP proofs.
var assertionAlgorithms = []goidc.SignatureAlgorithm{
	goidc.RS256, goidc.RS384, goidc.RS512, goidc.PS256, goidc.PS384, goidc.PS512,
	goidc.ES256, goidc.ES384, goidc.ES512, edDSA,
}

func (p *Provider) library() []oidcprovider.Option {
	options := slices.Concat(p.grants(), p.tokens(), p.authentication(), p.logout(), []oidcprovider.Option{
		oidcprovider.WithPolicies(goidc.NewPolicy("login", func(*http.Request, *goidc.AuthnSession, *goidc.Client) bool { return true }, p.login)),
		oidcprovider.WithErrorHandler(p.report),
		oidcprovider.WithErrorRenderer(renderError),
	})
	if p.mtlsHost != "" {
		options = append(options,
			oidcprovider.WithMTLS(p.mtlsHost, certificateOf),
			oidcprovider.WithTLSAuthn(), oidcprovider.WithSelfSignedTLSAuthn(), oidcprovider.WithTLSTokenBinding())
	}
	return options
}

func (p *Provider) grants() []oidcprovider.Option {
	return []oidcprovider.Option{
		oidcprovider.WithAuthCodeGrant(p.store, goidc.ResponseTypeCode),
		oidcprovider.WithAuthCodeLifetime(int(codeLifetime / time.Second)),
		oidcprovider.WithPKCERequired(goidc.CodeChallengeMethodSHA256),
		oidcprovider.WithIssuerResponseParameter(),
		oidcprovider.WithFormPostResponseMode(),
		oidcprovider.WithPAR(p.store),
		oidcprovider.WithRefreshTokenGrant(p.store),
		oidcprovider.WithRefreshTokenRotation(),
		oidcprovider.WithRefreshTokenLifetime(orElse(p.options.RefreshTokenLifetime, defaultRefreshToken)),
		oidcprovider.WithRefreshTokenShouldIssue(func(context.Context, *goidc.Client, *goidc.Grant) bool { return true }),
		oidcprovider.WithGrantHandler(withoutNonce),
		oidcprovider.WithClientCredentialsGrant(),
		oidcprovider.WithDeviceGrant(p.store, showDevicePage, showDeviceDone),
		oidcprovider.WithDPoP(assertionAlgorithms[0], assertionAlgorithms[1:]...),
	}
}

// withoutNonce keeps the nonce of a login out of refreshed ID Tokens, where
// OpenID Connect Core 1.0 section 12.2 does not want it.
func withoutNonce(_ context.Context, grantType goidc.GrantType, g *goidc.Grant) error {
	if grantType == goidc.GrantRefreshToken {
		g.AuthParams.Nonce = ""
	}
	return nil
}

func (p *Provider) tokens() []oidcprovider.Option {
	access := orElse(p.options.AccessTokenLifetime, defaultAccessToken)
	return []oidcprovider.Option{
		oidcprovider.WithScopes(goidc.ScopeOpenID, goidc.ScopeProfile, goidc.ScopeEmail, goidc.ScopeOfflineAccess),
		oidcprovider.WithClaims("sub", "name", "preferred_username", "email", "email_verified", "auth_time", "amr", "acr"),
		oidcprovider.WithACRs("1", "2"),
		oidcprovider.WithIDTokenSignatureAlgs(signatureAlgorithms[0], signatureAlgorithms[1:]...),
		oidcprovider.WithUserInfoSignatureAlgs(signatureAlgorithms[0], signatureAlgorithms[1:]...),
		oidcprovider.WithIDTokenLifetime(orElse(p.options.IDTokenLifetime, defaultIDToken)),
		oidcprovider.WithTokenOptions(func(context.Context, *goidc.Grant, *goidc.Client) goidc.TokenOptions {
			if p.options.JWTAccessTokens {
				return goidc.NewJWTTokenOptions(goidc.RS256, access)
			}
			return goidc.NewOpaqueTokenOptions(access)
		}),
		oidcprovider.WithOpaqueTokens(p.store),
		oidcprovider.WithTokenClaims(func(context.Context, *goidc.Token, *goidc.Grant) map[string]any {
			return map[string]any{"aud": p.Issuer} // RFC 9068 requires one
		}),
		oidcprovider.WithIDTokenClaims(loginClaims),
		oidcprovider.WithUserInfoClaims(p.userClaims),
		oidcprovider.WithTokenIntrospection(func(_ context.Context, c *goidc.Client, _ goidc.TokenInfo) bool { return !c.IsPublic() }),
		oidcprovider.WithTokenRevocation(func(context.Context, *goidc.Client) bool { return true }),
		oidcprovider.WithTokenRevocationRevokeGrantOnAccessToken(),
	}
}

func (p *Provider) authentication() []oidcprovider.Option {
	clients := make([]*goidc.Client, 0, len(p.clients))
	for _, c := range p.clients {
		clients = append(clients, c)
	}
	options := []oidcprovider.Option{
		oidcprovider.WithNoneAuthn(), oidcprovider.WithSecretBasicAuthn(), oidcprovider.WithSecretPostAuthn(),
		oidcprovider.WithSecretJWTAuthn(goidc.HS256, goidc.HS384, goidc.HS512),
		oidcprovider.WithPrivateKeyJWTAuthn(assertionAlgorithms[0], assertionAlgorithms[1:]...),
		oidcprovider.WithClientSecretVerifier(sameSecret),
		oidcprovider.WithJTIConsumer(onceOnly(jtiLifetime)),
		oidcprovider.WithJWTLeewayTime(60),
	}
	if len(clients) > 0 {
		options = append(options, oidcprovider.WithStaticClients(clients[0], clients[1:]...))
	}
	return options
}

func (p *Provider) logout() []oidcprovider.Option {
	return []oidcprovider.Option{
		oidcprovider.WithLogout(nil, func(w http.ResponseWriter, _ *http.Request, _ *goidc.LogoutSession) error {
			return show(w, http.StatusOK, "message", "You are logged out.")
		}),
		oidcprovider.WithLogoutPolicies(goidc.NewLogoutPolicy("at once",
			func(*http.Request, *goidc.LogoutSession) bool { return true },
			func(http.ResponseWriter, *http.Request, *goidc.LogoutSession) (goidc.Status, error) {
				return goidc.StatusSuccess, nil
			})),
	}
}

// loginClaims are those of the login that a grant came from.
func loginClaims(_ context.Context, g *goidc.Grant) map[string]any {
	claims := map[string]any{}
	for _, name := range []string{"auth_time", "amr", "acr"} {
		if v, ok := g.Store[name]; ok {
			claims[name] = v
		}
	}
	return claims
}

func (p *Provider) userClaims(_ context.Context, g *goidc.Grant) map[string]any {
	claims := map[string]any{}
	u := p.users[g.Username]
	for _, scope := range strings.Fields(g.Scopes) {
		switch scope {
		case "profile":
			claims["name"], claims["preferred_username"] = u.FullName, u.Name
		case "email":
			claims["email"], claims["email_verified"] = u.Email, true
		}
	}
	return claims
}

func (p *Provider) report(ctx context.Context, err error) {
	if p.options.OnError != nil {
		p.options.OnError(endpointOf(ctx), err)
	}
}

// sameSecret accepts a secret as it is and in the form-urlencoded form of RFC
// 6749 section 2.3.1, which the library does not decode.
func sameSecret(_ context.Context, stored, presented string) error {
	decoded, err := url.QueryUnescape(presented)
	if subtle.ConstantTimeCompare([]byte(stored), []byte(presented)) == 1 ||
		err == nil && subtle.ConstantTimeCompare([]byte(stored), []byte(decoded)) == 1 {
		return nil
	}
	return errors.New("wrong client secret")
}

// onceOnly refuses a jti that was seen less than lifetime ago.
func onceOnly(lifetime time.Duration) goidc.ConsumeJTIFunc {
	var mu sync.Mutex
	seen := map[string]time.Time{}
	return func(_ context.Context, jti string) error {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		for old, end := range seen {
			if now.After(end) {
				delete(seen, old)
			}
		}
		if _, ok := seen[jti]; ok {
			return errors.New("jti was used before")
		}
		seen[jti] = now.Add(lifetime)
		return nil
	}
}

func certificateOf(ctx context.Context) (*x509.Certificate, error) {
	if c, ok := ctx.Value(certificateKey{}).(*x509.Certificate); ok {
		return c, nil
	}
	return nil, errors.New("no acceptable client certificate")
}
