// From configuration to policy: what tokens must say, and what they are decrypted
// with.

package cli

import (
	"context"
	"slices"
	"time"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// policy is what tokens are judged by. An error is about the decryption keys.
func policy(ctx context.Context, cfg *config.Config) (oidc.Policy, error) {
	keys, err := decryptionKeys(ctx, cfg)
	if err != nil {
		return oidc.Policy{}, err
	}
	policy := oidc.Policy{
		Algorithms: cfg.TokenSigningAlgorithms, Secret: cfg.ClientSecret, RequireIDToken: cfg.RequireIDToken,
		TrustedAudiences: cfg.TrustedAudiences, MaxAge: maxAge(cfg), ACRValues: cfg.ACRList, AMRValues: cfg.AMRList, AllowStringAMR: cfg.AllowStringAMR,
		IDTokenEncryptedResponseAlg: cfg.TokenEncryptionAlgorithms, DecryptionKeys: keys,
		AuthorizationSignedResponseAlg: cfg.AuthorizationSigningAlgorithm, IntrospectionSignedResponseAlg: cfg.IntrospectionSigningAlgorithm,
		AuthorizationEncryptedResponseAlg: cfg.AuthorizationEncryptionAlgorithms, IntrospectionEncryptedResponseAlg: cfg.IntrospectionEncryptionAlgorithms,
		UserInfoSignedResponseAlg: cfg.UserInfoSigningAlgorithm, UserInfoEncryptedResponseAlg: cfg.UserInfoEncryptionAlgorithms,
	}
	if cfg.MaxIDTokenAge != nil {
		policy.MaxIDTokenAge = *cfg.MaxIDTokenAge
	}
	if cfg.ClockTolerance != nil {
		policy.ClockTolerance = *cfg.ClockTolerance
		if policy.ClockTolerance == 0 {
			policy.ClockTolerance = -1 // none, which 0 does not say there
		}
	}
	return policy, nil
}

// decryptionKeys reads the keys that tokens are encrypted for, nil if none are
// to be.
func decryptionKeys(ctx context.Context, cfg *config.Config) ([]oidc.DecryptionKey, error) {
	algs := slices.Concat(cfg.TokenEncryptionAlgorithms, cfg.UserInfoEncryptionAlgorithms, cfg.AuthorizationEncryptionAlgorithms, cfg.IntrospectionEncryptionAlgorithms)
	if len(algs) == 0 {
		return nil, nil
	}
	return readDecryptionKeys(ctx, cfg, algs)
}

// readDecryptionKeys reads the keys, of which each algorithm has to have one.
func readDecryptionKeys(ctx context.Context, cfg *config.Config, algs []string) ([]oidc.DecryptionKey, error) {
	name, file := "decryption_key", cfg.DecryptionKey
	if file == "" {
		name, file = "private_key", cfg.PrivateKey
	}
	data, err := run.ReadFile(ctx, path(cfg, name, file))
	if err != nil {
		return nil, failure.Config("%s: %w", origin(cfg, name), err)
	}
	keys, err := oidc.ReadDecryptionKeys(data)
	if err != nil {
		return nil, failure.Config("%s: %s: %v", origin(cfg, name), file, err)
	}
	for _, alg := range algs {
		fits := func(k oidc.DecryptionKey) bool { return k.Fits(alg) == nil }
		if !slices.ContainsFunc(keys, fits) {
			return nil, failure.Config("%s: %s: it cannot decrypt by %s: %v", origin(cfg, name), file, alg, keys[0].Fits(alg))
		}
	}
	return keys, nil
}

// maxAge is the configured max_age, nil if there is none, as far as a time.Duration holds it.
func maxAge(cfg *config.Config) *time.Duration {
	if cfg.MaxAge == nil {
		return nil
	}
	const most = 100 * 365 * 24 * 3600
	age := time.Duration(min(*cfg.MaxAge, most)) * time.Second
	return &age
}
