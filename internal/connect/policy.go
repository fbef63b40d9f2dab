// From configuration to policy: what tokens must say, and what they are decrypted
// with.

package connect

import (
	"context"
	"time"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/oidc"
)

// Policy is what tokens are judged by. An error is about the decryption keys.
func (s *Setup) Policy(ctx context.Context) (oidc.Policy, error) {
	cfg := s.Config
	keys, err := s.Credentials.DecryptionKeys(ctx)
	if err != nil {
		return oidc.Policy{}, err
	}
	policy := oidc.Policy{
		Algorithms: cfg.TokenSigningAlgorithms, Secret: cfg.ClientSecret, RequireIDToken: cfg.RequireIDToken,
		TrustedAudiences: cfg.TrustedAudiences, MaxAge: MaxAge(cfg),
		ACRValues: cfg.ACRList, AMRValues: cfg.AMRList, AllowStringAMR: cfg.AllowStringAMR,
		IDTokenEncryptedResponseAlg: cfg.TokenEncryptionAlgorithms, DecryptionKeys: keys,
		AuthorizationSignedResponseAlg:    cfg.AuthorizationSigningAlgorithm,
		IntrospectionSignedResponseAlg:    cfg.IntrospectionSigningAlgorithm,
		AuthorizationEncryptedResponseAlg: cfg.AuthorizationEncryptionAlgorithms,
		IntrospectionEncryptedResponseAlg: cfg.IntrospectionEncryptionAlgorithms,
		UserInfoSignedResponseAlg:         cfg.UserInfoSigningAlgorithm,
		UserInfoEncryptedResponseAlg:      cfg.UserInfoEncryptionAlgorithms,
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

// MaxAge is the configured max_age, nil if there is none, as far as a time.Duration holds it.
func MaxAge(cfg *config.Config) *time.Duration {
	if cfg.MaxAge == nil {
		return nil
	}
	const most = 100 * 365 * 24 * 3600
	age := time.Duration(min(*cfg.MaxAge, most)) * time.Second
	return &age
}
