// The configuration of a session.

package connect

import (
	"context"
	"encoding/json"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
)

// FromSession returns the configuration of a session, whose secret is open. A
// configuration file that was changed since the login counts, unless it is now that
// of another client. Of the flags, Given and KeyID outweigh those of the login.
func FromSession(ctx context.Context, r *run.Run, s *session.Session, f Flags) (*Setup, error) {
	var kept Sources
	if err := json.Unmarshal(s.Secret.Client, &kept); err != nil {
		return nil, &session.BrokenError{Path: s.Name, Err: err}
	}
	kept = kept.with(f.Given)
	if f.KeyID != "" {
		kept.KID = f.KeyID
	}
	r.Learn(s.Secret.RefreshToken, s.Tokens.AccessToken, s.Tokens.IDToken)
	cfg, err := kept.read(ctx, r.Warn)
	if err != nil {
		return nil, err
	}
	if cfg.Issuer != s.Grant.Issuer || cfg.ClientID != s.Grant.ClientID {
		return nil, failure.Config("session %s is of client %s at %s, and %s is of client %s at %s now",
			s.Name, s.Grant.ClientID, s.Grant.Issuer, kept.Name, cfg.ClientID, cfg.Issuer).
			Try("log in again with --save " + s.Name + " --replace, or put the file back as it was")
	}
	if r.Options.Cache != "" {
		cfg.NoCache = r.Options.NoCache()
	}
	setup := newSetup(cfg, kept, r.Input)
	setup.ofSession = true
	setup.Bound, setup.User = BindingOf(s, cfg), s.Grant.Subject
	return setup, setup.loaded(r)
}
