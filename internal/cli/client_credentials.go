// client-credentials: RFC 6749 section 4.4.

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/oidc"
)

func clientCredentialsCommand(p *program) *cobra.Command {
	var o tokenOptions
	cmd := &cobra.Command{
		Use:   "client-credentials",
		Short: "Get an access token for the client itself",
		Long: `Get an access token for the client itself

No user is involved: no UserInfo is fetched, and no ID Token is due. scopes of the
file are sent, but for openid and offline_access, which are about users.`,
		Example: `  oidc-client client-credentials -c config.yaml --scope api --resource https://api.example.com
  oidc-client client-credentials -c config.yaml --format json | jq -r .token_response.access_token`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return requestTokens(p.run, cmd, &o, func(_ context.Context, cfg *connect.Setup) (oidc.Grant, error) {
				return withAudience(oidc.ClientCredentials(serviceScopes(cfg)...), cfg), nil
			})
		},
	}
	o.add(cmd)
	return cmd
}

// serviceScopes are the scopes of the configuration that are not about users,
// unless they were asked for by hand.
func serviceScopes(cfg *connect.Setup) []string {
	if cfg.Origin["scopes"].Name == "--scope" {
		return cfg.Scopes
	}
	var scopes []string
	for _, scope := range cfg.Scopes {
		if scope != "openid" && scope != "offline_access" {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// withAudience adds the audiences that were asked for: a flag is for this command,
// the file's are for a token exchange.
func withAudience(grant oidc.Grant, cfg *connect.Setup) oidc.Grant {
	if cfg.Origin["audiences"].Name == "--audience" {
		return grant.With("audience", cfg.Audiences...)
	}
	return grant
}
