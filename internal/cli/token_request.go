// token-request: a grant that the program has no command for (RFC 6749 section 4.5).

package cli

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

func tokenRequestCommand(p *program) *cobra.Command {
	o := tokenOptions{paramShort: "p"}
	var grantType string
	cmd := &cobra.Command{
		Use:   "token-request",
		Short: "Send a token request of any grant type",
		Long: `Send a token request of any grant type

For a grant that has no command of its own. The client authenticates as configured,
and the response is verified, stored and shown as with any other grant. The scopes of
the configuration are not sent: --scope is.

The value of a parameter may be - to read standard input, or @FILE to read a file. The
request is sent once only, because its credential may work one time only.`,
		Example: `  oidc-client token-request -c config.yaml --grant urn:example:grant -p ticket=@ticket -p level=2
  oidc-client token-request -c config.yaml --grant authorization_code -p code=- -p redirect_uri=https://app.example/cb`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			params := o.params
			o.params = nil // they are the grant's own
			return requestTokens(p.run, cmd, &o, func(ctx context.Context, cfg *connect.Setup) (oidc.Grant, error) {
				return anyGrant(ctx, p.run, cfg, grantType, params)
			})
		},
	}
	o.add(cmd)
	cmd.Flags().StringVar(&grantType, "grant", "", "`type` of the grant: the parameter grant_type")
	return cmd
}

// anyGrant is a grant of a type with the parameters of --param.
func anyGrant(
	ctx context.Context, r *run.Run, cfg *connect.Setup, grantType string, params []string,
) (oidc.Grant, error) {
	odd := func(c rune) bool { return c <= ' ' || c > '~' }
	switch {
	case grantType == "":
		return oidc.Grant{}, failure.Usage("--grant is missing: the grant_type")
	case strings.ContainsFunc(grantType, odd):
		return oidc.Grant{},
			failure.Usage("--grant is not a grant_type: it has a space or another character that none has")
	case grantType == "refresh_token":
		return oidc.Grant{},
			failure.Usage("a refresh token is sent by the command refresh-token, which stores the new one")
	}
	grant := oidc.Grant{Type: grantType, Params: url.Values{}, Once: true, Expect: oidc.Expectation{Optional: true}}
	if cfg.Origin["scopes"].Name == "--scope" {
		grant = grant.With("scope", strings.Join(cfg.Scopes, " "))
	}
	for _, param := range params {
		name, value, ok := strings.Cut(param, "=")
		switch {
		case !ok || name == "":
			return grant, failure.Usage("a --param is not name=value")
		case slices.Contains(clientParams, name):
			return grant, failure.Usage("--param %s: oidc-client sets this parameter itself", name)
		}
		if value == "-" || strings.HasPrefix(value, "@") {
			var err error
			if value, err = r.Input.Secret(ctx, "param "+name, value, ""); err != nil {
				return grant, err
			}
		}
		grant = grant.With(name, value)
	}
	return withAudience(grant, cfg), nil
}

// clientParams are the parameters of a token request that say who asks, for what.
var clientParams = []string{
	"grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "scope",
}
