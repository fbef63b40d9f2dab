// userinfo: OpenID Connect Core 1.0 section 5.3.

package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

func userInfoCommand(p *program) *cobra.Command {
	flags := clientFlags{anonymous: true}
	var token, session string
	cmd := &cobra.Command{
		Use:   "userinfo",
		Short: "Fetch UserInfo with an access token",
		Long: `Fetch UserInfo with an access token

Discovers the provider and asks its UserInfo endpoint for the claims of the user
that the access token is of. A signed answer is verified; then client_id must be
known, to compare its audience.`,
		Example: `  oidc-client userinfo -c config.yaml --token @access-token
  oidc-client userinfo --session work
  OIDC_TOKEN=... oidc-client userinfo --issuer https://op.example.com`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return fetchUserInfo(p.run, cmd, &flags, token, session) },
	}
	flags.add(cmd, judgeFlags, dpopFlags)
	does(cmd, showsRequests, showsRules, writesResults)
	cmd.Flags().StringVar(&token, "token", "", "access token (- reads standard input, @FILE a file; or OIDC_TOKEN)")
	cmd.Flags().StringVar(&session, "session", "", "`name` of the session whose token is used, with its configuration")
	return cmd
}

// userInfoToken is the access token that was given, or that of a session, and the
// configuration that goes with it.
func userInfoToken(ctx context.Context, r *run.Run, cmd *cobra.Command, flags *clientFlags, flag,
	name string,
) (string, *connect.Setup, error) {
	if name != "" {
		if err := sessionOnly(cmd, flag); err != nil {
			return "", nil, err
		}
		return ofSession(ctx, r, name)
	}
	token, err := r.Input.Secret(ctx, "token", flag, "OIDC_TOKEN")
	if err != nil {
		return "", nil, err
	}
	if token == "" && flag == "" {
		return "", nil,
			failure.Usage("--token is missing (- reads standard input, @FILE a file; or set OIDC_TOKEN), or --session")
	}
	if err := run.CheckToken(token); err != nil {
		return "", nil, failure.Usage("--token: the access token cannot be right: %v", err)
	}
	cfg, err := loadConfig(ctx, r, cmd, flags, "issuer")
	return token, cfg, err
}

// userInfoUses are the members of the metadata that asking for UserInfo uses: keys if the
// response has to be signed.
func userInfoUses(cfg *connect.Setup) []string {
	uses := []string{"userinfo_endpoint"}
	if cfg.UserInfoSigningAlgorithm != "" {
		uses = append(uses, "jwks_uri")
	}
	if cfg.TLSClientCertificate != "" {
		uses = append(uses, "mtls_endpoint_aliases")
	}
	return uses
}

func fetchUserInfo(r *run.Run, cmd *cobra.Command, flags *clientFlags, flag, name string) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	token, cfg, err := userInfoToken(ctx, r, cmd, flags, flag, name)
	if err != nil {
		return err
	}
	key, err := cfg.BoundKey(ctx, &connect.KeyNeed{Token: token}) // before anything is sent
	if err != nil {
		return err
	}
	cfg.AdviseBound(r, token)
	network, err := cfg.Network(ctx, r, "")
	if err != nil {
		return err
	}
	policy, err := cfg.Policy(ctx)
	if err != nil {
		return err
	}
	provider, err := cfg.Discover(ctx, r, network, userInfoUses(cfg)...)
	if err != nil {
		return err
	}
	client := &oidc.Client{
		Provider: provider, ID: cfg.ClientID, HTTP: network.HTTP, Now: r.Env.Now,
		MaxBody: cfg.HTTP.MaxResponseSize, Waive: cfg.Waive, Policy: policy,
		Auth: oidc.ClientAuth{MutualTLS: cfg.ShowsCertificate()},
	}
	if err := cfg.Prove(ctx, r, client, key); err != nil {
		return err
	}
	adviseUserInfo(r, cfg, client, token)
	info, err := client.UserInfo(ctx, presented(token, client))
	if errors.Is(err, oidc.ErrNoUserInfo) {
		return &oidc.ProtocolError{Endpoint: "userinfo", URL: provider.URL, Err: err}
	}
	if info == nil {
		return err
	}
	r.Found(info.Checks)
	if err == nil {
		r.Show(transcript.JSONResult("userinfo", "Userinfo Claims", "UserInfoClaims", info.JSON))
		err = r.Write(run.UserInfoFile, info.JSON)
	}
	r.Explain()
	return err
}
