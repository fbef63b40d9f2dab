// Client authentication: from the configuration and the metadata to a method.

package connect

import (
	"context"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/oidc"
)

// A method is one method of client authentication.
type method struct {
	name string
	make func(context.Context, *config.Config, *Credentials) (oidc.ClientAuth, error)

	// able reports whether a configuration that names no method has what this one
	// needs. nil means that the method has to be named.
	able func(*config.Config) bool
}

// methods are all methods, in the order in which they are tried if the
// configuration names none.
var methods = []method{
	{"client_secret_basic", secretMethod(oidc.ClientSecretBasic), hasSecret},
	{"client_secret_post", secretMethod(oidc.ClientSecretPost), hasSecret},
	{"client_secret_jwt", func(_ context.Context, cfg *config.Config, _ *Credentials) (oidc.ClientAuth, error) {
		return oidc.ClientSecretJWT(cfg.ClientSecret, Assertion(cfg)), nil
	}, func(cfg *config.Config) bool { return len(cfg.ClientSecret) >= 32 }},
	{"tls_client_auth", plainMethod(oidc.TLSClientAuth), hasCertificate},
	{"self_signed_tls_client_auth", plainMethod(oidc.SelfSignedTLSClientAuth), hasCertificate},
	{"private_key_jwt", privateKeyJWT, func(cfg *config.Config) bool {
		return cfg.PrivateKey != "" && !hasSecret(cfg) && !hasCertificate(cfg)
	}},
	{"none", plainMethod(func() oidc.ClientAuth { return oidc.ClientAuth{Method: "none"} }), nil},
}

func hasSecret(cfg *config.Config) bool { return cfg.ClientSecret != "" }
func hasCertificate(cfg *config.Config) bool {
	return cfg.TLSClientCertificate != "" && !hasSecret(cfg)
}

func secretMethod(
	of func(string) oidc.ClientAuth,
) func(context.Context, *config.Config, *Credentials) (oidc.ClientAuth, error) {
	return func(_ context.Context, cfg *config.Config, _ *Credentials) (oidc.ClientAuth, error) {
		return of(cfg.ClientSecret), nil
	}
}

func plainMethod(
	of func() oidc.ClientAuth,
) func(context.Context, *config.Config, *Credentials) (oidc.ClientAuth, error) {
	return func(context.Context, *config.Config, *Credentials) (oidc.ClientAuth, error) { return of(), nil }
}

// authentication chooses the method: the configured one, or else what the
// metadata allows and the configuration has the means for. It is never found out
// by trying.
func authentication(
	ctx context.Context, cfg *config.Config, c *Credentials, p *oidc.Provider,
) (oidc.ClientAuth, error) {
	name := cfg.AuthMethod
	if name == "" {
		var err error
		if name, err = defaultMethod(cfg, p); err != nil {
			return oidc.ClientAuth{}, err
		}
	}
	i := slices.IndexFunc(methods, func(m method) bool { return m.name == name })
	return methods[i].make(ctx, cfg, c) // the configuration knows the same names
}

func defaultMethod(cfg *config.Config, p *oidc.Provider) (string, error) {
	allowed := p.TokenEndpointAuthMethods
	if allowed == nil {
		allowed = []string{"client_secret_basic"} // OpenID Connect Discovery 1.0 section 3
	}
	published := p.Raw != nil // a provider without metadata allows whatever it was told of
	var able []string
	for _, m := range methods {
		if m.able == nil || !m.able(cfg) {
			continue
		}
		if slices.Contains(allowed, m.name) || !published {
			return m.name, nil
		}
		able = append(able, m.name)
	}
	if len(able) == 0 {
		return "none", nil
	}
	return "", failure.Config("the client's secret, key or certificate could be used for %s, "+
		"but the provider's metadata only allows %s: set auth_method, and what it needs",
		strings.Join(able, " or "), strings.Join(allowed, ", "))
}

// Authenticates reports whether a configuration makes the client prove who it
// is. The refresh token of a client that does not is bound to the key that it was
// issued for (RFC 9449 section 5).
func Authenticates(cfg *config.Config) bool {
	if cfg.AuthMethod != "" {
		return cfg.AuthMethod != "none"
	}
	return cfg.ClientSecret != "" || cfg.TLSClientCertificate != "" || cfg.PrivateKey != ""
}

// omitsClientID reports whether client_id is left out beside a client assertion.
func omitsClientID(cfg *config.Config) bool {
	return cfg.AlwaysSendClientID != nil && !*cfg.AlwaysSendClientID
}

// Assertion says how client assertions are made.
func Assertion(cfg *config.Config) oidc.Assertion {
	a := oidc.Assertion{
		Algorithm: cfg.Assertion.Algorithm, Audience: cfg.Assertion.TokenAudience,
		EndpointAudience: cfg.Assertion.EndpointAudience, OmitClientID: omitsClientID(cfg),
		Audiences: map[string]string{
			"token": cfg.Assertion.TokenEndpointAudience, "pushed_authorization_request": cfg.Assertion.PARAudience,
			"revocation": cfg.Assertion.RevocationAudience, "introspection": cfg.Assertion.IntrospectionAudience,
		},
	}
	if d := cfg.Assertion.Duration; d != nil {
		a.Lifetime = *d
	}
	return a
}

func privateKeyJWT(ctx context.Context, cfg *config.Config, c *Credentials) (oidc.ClientAuth, error) {
	key, err := c.SigningKey(ctx)
	if err != nil {
		return oidc.ClientAuth{}, err
	}
	a := Assertion(cfg)
	if a.Algorithm == "" {
		if a.Algorithm, err = SigningAlgorithm(cfg, key); err != nil {
			return oidc.ClientAuth{}, err
		}
	}
	if err := key.Fits(a.Algorithm); err != nil {
		return oidc.ClientAuth{}, failure.Config(
			"%s: it cannot sign by %s: %v", Origin(cfg, "private_key"), a.Algorithm, err)
	}
	return oidc.PrivateKeyJWT(key, a), nil
}
