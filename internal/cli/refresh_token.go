// refresh-token: OpenID Connect Core 1.0 section 12, RFC 6749 section 6.

package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
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

func (p *program) refreshTokenCommand() *cobra.Command {
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
  oidc-client refresh-token -c config.yaml --format json --explain`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.refreshToken(cmd, &o) },
	}
	o.add(cmd)
	f := cmd.Flags()
	f.Lookup("skip-id-token-verification").Usage = "Skip validation of id_token after renewing tokens"
	f.StringVar(&o.refreshToken, "refresh-token", "", "Refresh Token (- reads standard input, @FILE a file that is then kept up to date; or OIDC_REFRESH_TOKEN)")
	f.StringVar(&o.previousIDToken, "previous-id-token", "", "ID Token that the new one must continue (- reads standard input, @FILE a file; or OIDC_PREVIOUS_ID_TOKEN)")
	f.BoolVar(&o.retry, "retry", false, "with --refresh-token @FILE: send the token even if it may be spent")
	return cmd
}

// noArguments refuses arguments, which a value without its flag looks like.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return failure.Usage("there is an argument too many, which belongs to no flag") // it may be a secret
	}
	return nil
}

func (p *program) refreshToken(cmd *cobra.Command, o *refreshOptions) error {
	ctx, cancel := p.Bounded(cmd.Context())
	defer cancel()
	if err := p.checkKept(o); err != nil {
		return err
	}
	keep, err := p.keepRotated(ctx, o)
	if err != nil {
		return err
	}
	defer keep.end()
	p.keep = keep
	grant, cfg, err := p.refreshGrant(ctx, cmd, o)
	if err != nil {
		return err
	}
	if err := keep.note.check(p.sent, p.Env.Now()); err != nil {
		return err
	}
	o.key = &keyNeed{create: cfg.DPoP.Key == "" && authenticates(cfg)}
	client, err := p.newTokenClient(ctx, cfg, &o.tokenOptions)
	if err != nil {
		return err
	}
	if keep.note != nil {
		grant.Sending = keep.note.sending
	}
	tokens, err := p.ask(ctx, client, grant)
	if warning := keep.settle(tokens, err, p.redacted); warning != nil {
		p.Warn("%v", warning)
	}
	return p.settle(ctx, client, cfg, &o.tokenOptions, tokens, err)
}

// authenticates reports whether a client proves who it is. The refresh token of one that does not
// is bound to the key that it was issued for (RFC 9449 section 5).
func authenticates(cfg *config.Config) bool {
	if cfg.AuthMethod != "" {
		return cfg.AuthMethod != "none"
	}
	return cfg.ClientSecret != "" || cfg.TLSClientCertificate != "" || cfg.PrivateKey != ""
}

// checkKept refuses to spend a refresh token where the one that replaces it would be lost.
func (p *program) checkKept(o *refreshOptions) error {
	_, file := tokenFile(o.refreshToken)
	switch {
	case o.retry && !file:
		return failure.Usage("--retry goes with --refresh-token @FILE: only there is it noted that a token was sent")
	case !file && p.discards(&o.tokenOptions):
		return failure.Usage("nothing was sent, because a new refresh token would be lost: standard output is closed or " +
			"the null device, and none of --refresh-token @FILE, --save and -o is given")
	}
	return nil
}

// redacted is the text of an error without secrets.
func (p *program) redacted(err error) string { return p.Message(err) }

// refreshGrant gathers what is asked for.
func (p *program) refreshGrant(ctx context.Context, cmd *cobra.Command, o *refreshOptions) (oidc.Grant, *config.Config, error) {
	token, err := p.Input.Secret(ctx, "refresh-token", o.refreshToken, "OIDC_REFRESH_TOKEN")
	switch {
	case err != nil:
		return oidc.Grant{}, nil, err
	case token == "" && o.refreshToken == "":
		return oidc.Grant{}, nil, failure.Usage("--refresh-token is missing (- reads standard input, @FILE a file; or set OIDC_REFRESH_TOKEN)")
	}
	if err := run.CheckToken(token); err != nil {
		return oidc.Grant{}, nil, failure.Usage("the refresh token cannot be right: %v", err)
	}
	cfg, err := p.load(ctx, cmd, &o.client, "issuer", "client_id")
	if err != nil {
		return oidc.Grant{}, nil, err
	}
	p.sent = token
	grant, err := o.refreshParams(oidc.RefreshToken(token), cfg)
	if err != nil {
		return grant, nil, err
	}
	keys, err := decryptionKeys(ctx, cfg)
	if err != nil {
		return grant, nil, err
	}
	grant.Expect.Previous, err = p.Input.Token(ctx, "previous-id-token", o.previousIDToken, "OIDC_PREVIOUS_ID_TOKEN")
	if err == nil && grant.Expect.Previous != "" {
		if _, unreadable := oidc.DecodeIDToken(grant.Expect.Previous, keys...); unreadable != nil {
			err = failure.Usage("--previous-id-token: %v", unreadable)
		}
	}
	return grant, cfg, err
}

// refreshParams adds what else is asked for. The scopes and audiences of the
// file are those of other grants, and sending them could narrow or widen what
// was granted: only the flags count.
func (o *refreshOptions) refreshParams(grant oidc.Grant, cfg *config.Config) (oidc.Grant, error) {
	if cfg.Origin["scopes"].Name == "--scope" {
		grant = grant.With("scope", strings.Join(cfg.Scopes, " "))
	}
	if cfg.Origin["audiences"].Name == "--audience" {
		grant = grant.With("audience", cfg.Audiences...)
	}
	return o.with(grant, cfg)
}
