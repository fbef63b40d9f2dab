// revoke: RFC 7009.

package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
)

func revokeCommand(p *program) *cobra.Command {
	var flags clientFlags
	var token, hint string
	cmd := &cobra.Command{
		Use:   "revoke",
		Short: "Make the provider forget a token",
		Long: `Make the provider forget a token

A refresh token takes the access tokens of its login with it. A token that the
provider does not know counts as revoked.`,
		Example: `  oidc-client revoke -c config.yaml --token @refresh-token --token-type-hint refresh_token`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return revokeToken(p.run, cmd, &flags, token, hint)
		},
	}
	flags.add(cmd, authFlags)
	does(cmd, showsRequests, showsRules)
	f := cmd.Flags()
	f.StringVar(&token, "token", "", "the token (- reads standard input, @FILE a file; or OIDC_TOKEN)")
	f.StringVar(&hint, "token-type-hint", "", "what the token is: access_token or refresh_token")
	complete(cmd, "token-type-hint", func() []string { return tokenHints })
	return cmd
}

func revokeToken(r *run.Run, cmd *cobra.Command, flags *clientFlags, flag, hint string) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	token, err := run.Required(ctx, r.Input.Token, "token", flag, "OIDC_TOKEN")
	if err != nil {
		return err
	}
	if hint != "" && !slices.Contains(tokenHints, hint) {
		return failure.Usage("--token-type-hint is one of %s", strings.Join(tokenHints, ", "))
	}
	_, client, err := clientFor(ctx, r, cmd, flags, "revocation_endpoint")
	if err != nil {
		return err
	}
	err = client.Revoke(ctx, token, hint)
	if err == nil {
		r.Note("revoked", true)
		r.Inform("the token is revoked, or was unknown to the provider")
	}
	r.Explain()
	return err
}
