// refresh-token: OpenID Connect Core 1.0 section 12, RFC 6749 section 6.

package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/keep"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// refreshOptions are the flags of refresh-token.
type refreshOptions struct {
	tokenOptions
	refreshToken    string
	previousIDToken string
	retry           bool
}

func refreshTokenCommand(p *program) *cobra.Command {
	var o refreshOptions
	o.refresh = true
	cmd := &cobra.Command{
		Use:   "refresh-token",
		Short: "Renew tokens with Refresh Token",
		Long: `Renew tokens with Refresh Token

Discovers the provider, trades the refresh token for new tokens, verifies the ID
Token (signature, claims, amr_list and acr_list), fetches UserInfo, and shows it
all. The refresh token is sent once only. --refresh-token @FILE reads it from
FILE and writes the new one back to FILE before anything else is done.

If a run is interrupted after it sent the token of FILE, the next run reports this
and sends nothing, because sending the token again can end the session at the
provider. --retry sends it again. The note about it is in .FILE.lock.`,
		Example: `  oidc-client refresh-token --config config.yaml --refresh-token @refresh-token
  pass show op/refresh-token | oidc-client refresh-token -c config.yaml --refresh-token -
  oidc-client refresh-token -c config.yaml --format json --explain
  oidc-client refresh-token -c config.yaml --refresh-token @refresh-token --jq .token_response.access_token`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return refreshToken(p.run, cmd, &o) },
	}
	o.add(cmd)
	f := cmd.Flags()
	f.Lookup("skip-id-token-verification").Usage = "Skip validation of id_token after renewing tokens"
	f.StringVar(&o.refreshToken, "refresh-token", "",
		"Refresh Token (- reads standard input, @FILE a file that is then kept up to date; or OIDC_REFRESH_TOKEN)")
	f.StringVar(&o.previousIDToken, "previous-id-token", "",
		"ID Token that the new one must continue (- reads standard input, @FILE a file; or OIDC_PREVIOUS_ID_TOKEN)")
	f.BoolVar(&o.retry, "retry", false, "with --refresh-token @FILE: send the token even if it may be spent")
	return cmd
}

// noArguments refuses arguments, which a value without its flag looks like.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return failure.Usage("unexpected argument") // it may be a secret
	}
	return nil
}

func refreshToken(r *run.Run, cmd *cobra.Command, o *refreshOptions) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	if err := checkKept(r, o); err != nil {
		return err
	}
	if err := keep.ProbeOutput(r); err != nil {
		return err
	}
	plan, done, err := refreshPlan(ctx, r, o)
	if err != nil {
		return err
	}
	defer done()
	cfg, err := refreshConfig(ctx, r, cmd, o, &plan)
	if err != nil {
		return err
	}
	grant, err := refreshGrant(ctx, r, cfg, o, plan.Sent)
	if err != nil {
		return err
	}
	if plan.File != nil {
		grant.Sending = plan.File.Sending
		if err := plan.File.Check(plan.Sent, r.Env.Now()); err != nil {
			return err
		}
	}
	o.key = &connect.KeyNeed{Create: cfg.DPoP.Key == "" && connect.Authenticates(cfg.Config)}
	t, err := newTokenRequest(ctx, r, cfg, &o.tokenOptions, plan,
		o.uses(cfg, connect.WantsOpenID(cfg.Config), "token_endpoint"))
	if err != nil {
		return err
	}
	tokens, err := t.send(ctx, grant)
	if plan.File != nil {
		if warning := plan.File.Settle(tokens, err, r.Message); warning != nil {
			r.Warn("%v", warning)
		}
	}
	return t.settle(ctx, tokens, err)
}

// refreshPlan prepares the file of the refresh token, if it is in one.
func refreshPlan(ctx context.Context, r *run.Run, o *refreshOptions) (plan keep.Plan, done func(), err error) {
	name, ok := keep.TokenFile(o.refreshToken)
	if !ok {
		return plan, func() {}, nil
	}
	if plan.File, err = keep.OpenFile(ctx, r, name, o.retry); err != nil {
		return plan, nil, err
	}
	return plan, plan.File.Close, nil
}

// checkKept refuses to spend a refresh token where the one that replaces it would be lost.
func checkKept(r *run.Run, o *refreshOptions) error {
	_, file := keep.TokenFile(o.refreshToken)
	switch {
	case o.retry && !file:
		return failure.Usage("--retry goes with --refresh-token @FILE: only there is it noted that a token was sent")
	case !file && discardsTokens(r, &o.tokenOptions):
		return failure.Usage("nothing was sent, because a new refresh token would be lost: standard output is closed " +
			"or " +
			"the null device, and none of --refresh-token @FILE, --save and -o is given")
	case !file && filtersOut(r, &o.tokenOptions):
		return failure.Usage("nothing was sent: --jq could filter out the new refresh token, and nothing else stores " +
			"it").
			Try("add --refresh-token @FILE, --save NAME or -o")
	}
	return nil
}

// refreshConfig reads the refresh token and the configuration.
func refreshConfig(ctx context.Context, r *run.Run, cmd *cobra.Command, o *refreshOptions,
	plan *keep.Plan,
) (*connect.Setup, error) {
	token, err := r.Input.Secret(ctx, "refresh-token", o.refreshToken, "OIDC_REFRESH_TOKEN")
	switch {
	case err != nil:
		return nil, err
	case token == "" && o.refreshToken == "":
		return nil, failure.Usage("--refresh-token is missing (- reads standard input, @FILE a file; or set " +
			"OIDC_REFRESH_TOKEN)")
	}
	if err := run.CheckToken(token); err != nil {
		return nil, failure.Usage("the refresh token cannot be right: %v", err)
	}
	plan.Sent = token
	return loadConfig(ctx, r, cmd, &o.client, "issuer", "client_id")
}

// refreshGrant is what is asked for.
func refreshGrant(ctx context.Context, r *run.Run, cfg *connect.Setup, o *refreshOptions,
	token string,
) (oidc.Grant, error) {
	grant, err := o.refreshParams(oidc.RefreshToken(token), cfg)
	if err != nil {
		return grant, err
	}
	keys, err := cfg.Credentials.DecryptionKeys(ctx)
	if err != nil {
		return grant, err
	}
	grant.Expect.Previous, err = r.Input.Token(ctx, "previous-id-token", o.previousIDToken, "OIDC_PREVIOUS_ID_TOKEN")
	if err == nil && grant.Expect.Previous != "" {
		if _, unreadable := oidc.DecodeIDToken(grant.Expect.Previous, keys...); unreadable != nil {
			err = failure.Usage("--previous-id-token: %v", unreadable)
		}
	}
	return grant, err
}

// refreshParams adds what else is asked for. The scopes and audiences of the
// file are those of other grants, and sending them could narrow or widen what
// was granted: only the flags count.
func (o *refreshOptions) refreshParams(grant oidc.Grant, cfg *connect.Setup) (oidc.Grant, error) {
	if cfg.Origin["scopes"].Name == "--scope" {
		grant = grant.With("scope", strings.Join(cfg.Scopes, " "))
	}
	if cfg.Origin["audiences"].Name == "--audience" {
		grant = grant.With("audience", cfg.Audiences...)
	}
	return o.with(grant, cfg)
}
