// password: RFC 6749 section 4.3.

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

func passwordCommand(p *program) *cobra.Command {
	var o tokenOptions
	var username, password string
	cmd := &cobra.Command{
		Use:   "password",
		Short: "Trade a user's name and password for tokens",
		Long: `Trade a user's name and password for tokens

The client sees the password, and no second factor is possible: RFC 9700 forbids
the grant. It is here for providers that still have it.`,
		Example: `  pass show op/alice | oidc-client password -c config.yaml --username alice --password -`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return requestTokens(p.run, cmd, &o, func(ctx context.Context, cfg *connect.Setup) (oidc.Grant, error) {
				secret, err := run.Required(ctx, p.run.Input.Secret, "password", password, "OIDC_PASSWORD")
				switch {
				case username == "":
					return oidc.Grant{}, failure.Usage("--username is missing")
				case err != nil:
					return oidc.Grant{}, err
				}
				p.run.Warn("the password grant shows the user's password to this client; RFC 9700 section 2.4 " +
					"forbids it")
				return withAudience(oidc.Password(username, secret, cfg.Scopes...), cfg), nil
			})
		},
	}
	o.add(cmd)
	f := cmd.Flags()
	f.StringVar(&username, "username", "", "name of the user")
	f.StringVar(&password, "password", "",
		"password of the user (- reads standard input, @FILE a file; or OIDC_PASSWORD)")
	return cmd
}
