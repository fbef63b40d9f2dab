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

func (p *Provider) settings() []oidcprovider.Option {
	options := slices.Concat(
		p.options.profile(), p.grants(), authorizationResponses{p}.settings(), authorizationRequests{p}.settings(),
		p.tokens(), p.authentication(), tokenEndpoint{p}.settings(), cibaEndpoint{p}.settings(),
		registrationEndpoint{p}.settings(), logoutEndpoint{p}.settings(),
		[]oidcprovider.Option{
			oidcprovider.WithPolicies(goidc.NewPolicy("login",
				func(*http.Request, *goidc.AuthnSession, *goidc.Client) bool { return true }, loginPage{p}.login)),
			oidcprovider.WithErrorHandler(p.options.report),
			oidcprovider.WithErrorRenderer(errorPage{p}.render),
		})
	if p.at.mtls != "" {
		options = append(options,
			oidcprovider.WithMTLS(p.at.mtls, certificateOf),
			oidcprovider.WithTLSAuthn(), oidcprovider.WithSelfSignedTLSAuthn(), oidcprovider.WithTLSTokenBinding())
	}
	return options
}

func (p *Provider) grants() []oidcprovider.Option {
	return []oidcprovider.Option{
		oidcprovider.WithAuthCodeLifetime(int(codeLifetime / time.Second)),
		p.options.pkce(),
		oidcprovider.WithRefreshTokenGrant(p.store),
		oidcprovider.WithRefreshTokenLifetime(orElse(p.options.RefreshTokenLifetime, defaultRefreshToken)),
		oidcprovider.WithRefreshTokenShouldIssue(refreshable),
		oidcprovider.WithGrantHandler(tokenEndpoint{p}.completeGrant),
		oidcprovider.WithClientCredentialsGrant(),
		oidcprovider.WithDeviceGrant(p.store, deviceForm, loginPage{p}.showDeviceDone),
		oidcprovider.WithDPoP(p.options.clientSignatures()[0], p.options.clientSignatures()[1:]...),
	}
}

// pkce demands PKCE of all clients, or of public ones only (RFC 9700 section 2.1.1).
func (o Options) pkce() oidcprovider.Option {
	if o.PKCEOptional {
		return oidcprovider.WithPKCE(goidc.CodeChallengeMethodSHA256)
	}
	return oidcprovider.WithPKCERequired(goidc.CodeChallengeMethodSHA256)
}

func (p *Provider) tokens() []oidcprovider.Option {
	access := orElse(p.options.AccessTokenLifetime, defaultAccessToken)
	return []oidcprovider.Option{
		oidcprovider.WithScopes(goidc.ScopeOpenID, goidc.ScopeProfile, goidc.ScopeEmail, goidc.ScopeOfflineAccess),
		oidcprovider.WithClaims("sub", "name", "preferred_username", "email", "email_verified", "auth_time", "amr",
			"acr", "sid"),
		oidcprovider.WithACRs(p.options.acrs()[0], p.options.acrs()[1:]...),
		oidcprovider.WithIDTokenSignatureAlgs(p.options.signatures()[0], p.options.signatures()[1:]...),
		oidcprovider.WithUserInfoSignatureAlgs(p.options.signatures()[0], p.options.signatures()[1:]...),
		oidcprovider.WithIDTokenLifetime(orElse(p.options.IDTokenLifetime, defaultIDToken)),
		oidcprovider.WithTokenOptions(func(context.Context, *goidc.Grant, *goidc.Client) goidc.TokenOptions {
			if p.options.JWTAccessTokens {
				return goidc.NewJWTTokenOptions(p.options.signatures()[0], access)
			}
			return goidc.NewOpaqueTokenOptions(access)
		}),
		oidcprovider.WithOpaqueTokens(p.store),
		oidcprovider.WithTokenClaims(p.tokenClaims),
		// For the metadata and registration, as with JARM.
		oidcprovider.WithIDTokenEncryption(encryptionAlgs()[0], encryptionAlgs()[1:]...),
		oidcprovider.WithIDTokenContentEncryptionAlgs(contentAlgs()[0], contentAlgs()[1:]...),
		oidcprovider.WithUserInfoEncryption(encryptionAlgs()[0], encryptionAlgs()[1:]...),
		oidcprovider.WithUserInfoContentEncryptionAlgs(contentAlgs()[0], contentAlgs()[1:]...),
		oidcprovider.WithIDTokenClaims(p.users.idTokenClaims),
		oidcprovider.WithUserInfoClaims(p.users.userClaims),
		oidcprovider.WithTokenIntrospection(func(_ context.Context, c *goidc.Client, _ goidc.TokenInfo) bool {
			return !c.IsPublic()
		}),
		oidcprovider.WithTokenRevocation(func(context.Context, *goidc.Client) bool { return true }),
		oidcprovider.WithTokenRevocationRevokeGrantOnAccessToken(),
	}
}

func (p *Provider) authentication() []oidcprovider.Option {
	clients := make([]*goidc.Client, 0, len(p.clients.fixed))
	for _, c := range p.clients.fixed {
		clients = append(clients, forLibrary(c))
	}
	options := []oidcprovider.Option{
		oidcprovider.WithPrivateKeyJWTAuthn(p.options.clientSignatures()[0], p.options.clientSignatures()[1:]...),
		oidcprovider.WithClientSecretVerifier(sameSecret),
		oidcprovider.WithJTIConsumer(p.once),
		oidcprovider.WithJWTLeewayTime(60),
	}
	if p.options.FAPI2 == "" {
		options = append(options,
			oidcprovider.WithNoneAuthn(), oidcprovider.WithSecretBasicAuthn(), oidcprovider.WithSecretPostAuthn(),
			oidcprovider.WithSecretJWTAuthn(goidc.HS256, goidc.HS384, goidc.HS512))
	}
	if len(clients) > 0 {
		options = append(options, oidcprovider.WithStaticClients(clients[0], clients[1:]...))
	}
	return options
}

// report tells the owner of the provider of an error.
func (o Options) report(ctx context.Context, err error) {
	if t, ok := ctx.Value(traceKey{}).(*trace); ok {
		t.note(err)
	}
	if o.OnError != nil {
		o.OnError(endpointOf(ctx), err)
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
