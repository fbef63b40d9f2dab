// The client's keys: those that it signs with.

package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

func assertion(cfg *config.Config) oidc.Assertion {
	a := oidc.Assertion{
		Algorithm: cfg.Assertion.Algorithm, Audience: cfg.Assertion.TokenAudience,
		EndpointAudience: cfg.Assertion.EndpointAudience, SendClientID: cfg.AlwaysSendClientID,
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

func privateKeyJWT(ctx context.Context, cfg *config.Config, kid string) (oidc.ClientAuth, error) {
	key, err := signingKey(ctx, cfg, kid)
	if err != nil {
		return oidc.ClientAuth{}, err
	}
	a := assertion(cfg)
	if a.Algorithm == "" {
		if a.Algorithm, err = signingAlgorithm(cfg, key); err != nil {
			return oidc.ClientAuth{}, err
		}
	}
	if err := key.Fits(a.Algorithm); err != nil {
		return oidc.ClientAuth{}, failure.Config("%s: it cannot sign by %s: %v", origin(cfg, "private_key"), a.Algorithm, err)
	}
	return oidc.PrivateKeyJWT(key, a), nil
}

// signingKey reads the client's private key. kid, if it is not "", outweighs the
// name that it has.
func signingKey(ctx context.Context, cfg *config.Config, kid string) (oidc.SigningKey, error) {
	data, err := run.ReadFile(ctx, path(cfg, "private_key", cfg.PrivateKey))
	if err != nil {
		return oidc.SigningKey{}, failure.Config("%s: %w", origin(cfg, "private_key"), err)
	}
	key, err := oidc.ReadSigningKey(data)
	if err != nil {
		return key, failure.Config("%s: %s: %v", origin(cfg, "private_key"), cfg.PrivateKey, err)
	}
	for _, id := range []string{cfg.PrivateKeyID, kid} {
		if id != "" {
			key = key.WithID(id)
		}
	}
	return key, nil
}

// signingAlgorithm is what a key signs by if nobody says: its own, but that the
// profiles allow PS256 only where others use RS256.
func signingAlgorithm(cfg *config.Config, key oidc.SigningKey) (string, error) {
	alg := key.Algorithm()
	if cfg.Profile == "" {
		return alg, nil
	}
	if alg == "RS256" && key.Fits("PS256") == nil {
		return "PS256", nil
	}
	if !slices.Contains(config.FAPI2Algorithms(), alg) {
		return "", failure.Config("%s: the profile %s signs by %s, and the key by %s", origin(cfg, "profile"), cfg.Profile, strings.Join(config.FAPI2Algorithms(), ", "), alg)
	}
	return alg, nil
}
