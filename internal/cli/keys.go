// The client's keys: those that it signs with, and the one that tokens are bound to.

package cli

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/durable"
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
		return oidc.ClientAuth{}, misconfigured("%s: it cannot sign by %s: %v", origin(cfg, "private_key"), a.Algorithm, err)
	}
	return oidc.PrivateKeyJWT(key, a), nil
}

// signingKey reads the client's private key. kid, if it is not "", outweighs the
// name that it has.
func signingKey(ctx context.Context, cfg *config.Config, kid string) (oidc.SigningKey, error) {
	data, err := readFile(ctx, path(cfg, "private_key", cfg.PrivateKey))
	if err != nil {
		return oidc.SigningKey{}, misconfigured("%s: %w", origin(cfg, "private_key"), err)
	}
	key, err := oidc.ReadSigningKey(data)
	if err != nil {
		return key, misconfigured("%s: %s: %v", origin(cfg, "private_key"), cfg.PrivateKey, err)
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
		return "", misconfigured("%s: the profile %s signs by %s, and the key by %s", origin(cfg, "profile"), cfg.Profile, strings.Join(config.FAPI2Algorithms(), ", "), alg)
	}
	return alg, nil
}

// dpop is the key that tokens are bound to, nil if they are not.
func (p *program) dpop(ctx context.Context, cfg *config.Config, provider *oidc.Provider) (*oidc.DPoP, error) {
	if !cfg.DPoP.Use {
		return nil, nil
	}
	key, err := p.dpopKey(ctx, cfg, provider)
	if err != nil {
		return nil, err
	}
	alg := cfg.DPoP.Algorithm
	if alg == "" {
		if alg, err = signingAlgorithm(cfg, key); err != nil {
			return nil, err
		}
	}
	if allowed := provider.DPoPSigningAlgorithms; len(allowed) > 0 && !slices.Contains(allowed, alg) {
		p.warn("DPoP proofs are signed by %s, and the metadata allows %s", alg, strings.Join(allowed, ", "))
	}
	dpop, err := oidc.NewDPoP(key, alg)
	if err != nil {
		return nil, misconfigured("%s: %v", origin(cfg, "dpop_key"), err)
	}
	return dpop, nil
}

// dpopKey reads the key, or makes one, and keeps it if there is a file for it.
func (p *program) dpopKey(ctx context.Context, cfg *config.Config, provider *oidc.Provider) (oidc.SigningKey, error) {
	file := path(cfg, "dpop_key", cfg.DPoP.Key)
	if file == "" && p.boundKey != nil { // of the session
		return oidc.ReadSigningKey(p.boundKey)
	}
	if file != "" {
		data, err := readFile(ctx, file)
		if err == nil {
			key, err := oidc.ReadSigningKey(data)
			if err != nil {
				err = misconfigured("%s: %s: %v", origin(cfg, "dpop_key"), cfg.DPoP.Key, err)
			}
			return key, err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return oidc.SigningKey{}, misconfigured("%s: %w", origin(cfg, "dpop_key"), err)
		}
	}
	alg := cfg.DPoP.Algorithm
	if alg == "" {
		alg = provider.DPoPAlgorithm()
	}
	if alg == "" {
		return oidc.SigningKey{}, misconfigured("%s: the provider allows DPoP proofs by %s only, which no key can be made for", origin(cfg, "dpop"), strings.Join(provider.DPoPSigningAlgorithms, ", "))
	}
	key, err := oidc.GenerateKey(alg)
	if err != nil {
		return key, err
	}
	jwk, err := key.PrivateJWK("sig")
	if file == "" {
		p.boundKey = jwk // for the session, if there is to be one
		return key, err
	}
	if err == nil {
		err = durable.WriteFile(file, append(jwk, '\n'))
	}
	if err != nil {
		return key, misconfigured("%s: the new key cannot be kept, so nothing was asked for: %v", origin(cfg, "dpop_key"), err)
	}
	p.inform("a new DPoP key was made and is kept in %s", file)
	return key, nil
}
