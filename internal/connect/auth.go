// Client authentication: from the configuration and the metadata to a method.

package connect

import (
	"context"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// A method is one method of client authentication.
type method struct {
	name string
	make func(context.Context, *run.Run, *Setup) (oidc.ClientAuth, error)

	// able reports whether a configuration that names no method has what this one
	// needs. nil means that the method has to be named.
	able func(*config.Config) bool
}

// methods are all methods, in the order in which they are tried if the
// configuration names none.
var methods = []method{
	{"client_secret_basic", secretMethod(oidc.ClientSecretBasic), hasSecret},
	{"client_secret_post", secretMethod(oidc.ClientSecretPost), hasSecret},
	{"client_secret_jwt", func(_ context.Context, _ *run.Run, s *Setup) (oidc.ClientAuth, error) {
		return oidc.ClientSecretJWT(s.ClientSecret, Assertion(s.Config)), nil
	}, func(cfg *config.Config) bool { return len(cfg.ClientSecret) >= 32 }},
	{"tls_client_auth", plainMethod(oidc.TLSClientAuth), hasCertificate},
	{"self_signed_tls_client_auth", plainMethod(oidc.SelfSignedTLSClientAuth), hasCertificate},
	{"private_key_jwt", func(ctx context.Context, _ *run.Run, s *Setup) (oidc.ClientAuth, error) {
		return privateKeyJWT(ctx, s.Config, s.Credentials)
	}, func(cfg *config.Config) bool {
		return cfg.PrivateKey != "" && !hasSecret(cfg) && !hasCertificate(cfg)
	}},
	{ClientAssertion, issuedMethod(oidc.ClientAssertion), nil},
	{"spiffe_jwt", issuedMethod(oidc.SPIFFEJWT), nil},
	{"none", plainMethod(func() oidc.ClientAuth { return oidc.ClientAuth{Method: "none"} }), nil},
}

// ClientAssertion is the method of a configuration that says where an assertion comes from, and
// names no method. The standards have no name for it, so that no metadata lists it.
const ClientAssertion = "client_assertion"

func hasSecret(cfg *config.Config) bool      { return cfg.ClientSecret != "" }
func hasCertificate(cfg *config.Config) bool { return cfg.ShowsCertificate() && !hasSecret(cfg) }

func secretMethod(
	of func(string) oidc.ClientAuth,
) func(context.Context, *run.Run, *Setup) (oidc.ClientAuth, error) {
	return func(_ context.Context, _ *run.Run, s *Setup) (oidc.ClientAuth, error) {
		return of(s.ClientSecret), nil
	}
}

func plainMethod(
	of func() oidc.ClientAuth,
) func(context.Context, *run.Run, *Setup) (oidc.ClientAuth, error) {
	return func(context.Context, *run.Run, *Setup) (oidc.ClientAuth, error) { return of(), nil }
}

// authentication chooses the method: the configured one, or else what the
// metadata allows and the configuration has the means for. It is never found out
// by trying.
func (s *Setup) authentication(ctx context.Context, r *run.Run, p *oidc.Provider) (oidc.ClientAuth, error) {
	name := s.AuthMethod
	if name == "" && s.Issued.Any() {
		name = ClientAssertion
	}
	if name == "" {
		var err error
		if name, err = defaultMethod(s.Config, p); err != nil {
			return oidc.ClientAuth{}, err
		}
	}
	i := slices.IndexFunc(methods, func(m method) bool { return m.name == name })
	return methods[i].make(ctx, r, s) // the configuration knows the same names
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
	return cfg.ClientSecret != "" || cfg.TLSClientCertificate != "" || cfg.PrivateKey != "" || cfg.Issued.Any()
}
