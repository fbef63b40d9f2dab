// refresh-token: OpenID Connect Core 1.0 section 12, RFC 6749 section 6.

package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// refreshOptions are the flags of refresh-token.
type refreshOptions struct {
	client          clientFlags
	refreshToken    string
	previousIDToken string
	skipIDToken     bool
	params          []string
}

func (p *program) refreshTokenCommand() *cobra.Command {
	var o refreshOptions
	cmd := &cobra.Command{
		Use:   "refresh-token",
		Short: "Renew tokens with Refresh Token",
		Long: `Renew tokens with Refresh Token

Discovers the provider, trades the refresh token for new tokens, verifies the ID
Token (signature, claims, amr_list and acr_list), fetches UserInfo, and shows it
all. The refresh token is sent once only. --refresh-token @FILE reads it from
FILE and writes the new one back to FILE before anything else is done.`,
		Example: `  oidc-client refresh-token --config config.yaml --refresh-token @refresh-token
  pass show op/refresh-token | oidc-client refresh-token -c config.yaml --refresh-token -
  oidc-client refresh-token -c config.yaml --format json --explain`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.refreshToken(cmd, &o) },
	}
	o.client.add(cmd)
	f := cmd.Flags()
	f.StringVar(&o.refreshToken, "refresh-token", "", "Refresh Token (- reads standard input, @FILE a file that is then kept up to date; or OIDC_REFRESH_TOKEN)")
	f.StringVar(&o.previousIDToken, "previous-id-token", "", "ID Token that the new one must continue (- reads standard input, @FILE a file; or OIDC_PREVIOUS_ID_TOKEN)")
	f.BoolVar(&o.skipIDToken, "skip-id-token-verification", false, "Skip validation of id_token after renewing tokens")
	f.StringArrayVar(&o.params, "param", nil, "further parameter of the token request, as `name=value` (repeatable)")
	return cmd
}

// ownParams are the parameters of a token request that have ways of their own
// to be set, or are the program's.
var ownParams = []string{
	"grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "refresh_token", "code", "code_verifier",
}

// noArguments refuses arguments, which a value without its flag looks like.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("there is an argument too many, which belongs to no flag") // it may be a secret
	}
	return nil
}

func (p *program) refreshToken(cmd *cobra.Command, o *refreshOptions) error {
	ctx, cancel := p.bounded(cmd.Context())
	defer cancel()
	keep, err := p.keepRotated(ctx, o.refreshToken)
	if err != nil {
		return err
	}
	defer keep.end()
	p.keep = keep
	grant, cfg, err := p.refreshGrant(ctx, cmd, o)
	if err != nil {
		return err
	}
	client, err := p.refreshClient(ctx, cfg, o)
	if err != nil {
		return err
	}
	client.Received = func(t *oidc.Tokens) error { return p.receive(t, keep) }
	if p.env.Shield != nil {
		p.env.Shield()
	}
	p.recorder.Hold() // nothing that is shown may keep the new token from being kept
	tokens, err := client.Token(ctx, grant)
	p.recorder.Release()
	if tokens != nil {
		err = errors.Join(err, p.showTokens(tokens, o, err == nil))
	}
	if err == nil {
		err = p.jwtTokens(ctx, client, tokens, cfg)
	}
	if err == nil {
		err = p.userInfo(ctx, client, tokens, cfg)
	}
	p.explain()
	if err = errors.Join(err, keep.failed); err == nil && !p.options.json() {
		p.out.Line(transcript.LevelInfo, "Stopping server")
	}
	return err
}

// refreshClient finds the provider and makes the client.
func (p *program) refreshClient(ctx context.Context, cfg *config.Config, o *refreshOptions) (*oidc.Client, error) {
	httpClient, err := p.httpClient(cfg, cfg.Issuer)
	if err != nil {
		return nil, err
	}
	provider, err := p.discover(ctx, cfg, httpClient)
	if err != nil {
		return nil, err
	}
	client, err := p.newClient(cfg, o.client.kid, provider, httpClient)
	if err != nil {
		return nil, err
	}
	client.Policy.Skip = o.skipIDToken
	p.keys = client.Policy.DecryptionKeys
	return client, nil
}

// refreshGrant gathers what is asked for.
func (p *program) refreshGrant(ctx context.Context, cmd *cobra.Command, o *refreshOptions) (oidc.Grant, *config.Config, error) {
	token, err := p.secret(ctx, "refresh-token", o.refreshToken, "OIDC_REFRESH_TOKEN")
	switch {
	case err != nil:
		return oidc.Grant{}, nil, err
	case token == "" && !cmd.Flags().Changed("refresh-token"):
		return oidc.Grant{}, nil, usage("--refresh-token is missing (- reads standard input, @FILE a file; or set OIDC_REFRESH_TOKEN)")
	case o.refreshToken == "" && cmd.Flags().Changed("refresh-token"):
		return oidc.Grant{}, nil, usage("--refresh-token is empty")
	}
	if err := checkToken(token); err != nil {
		return oidc.Grant{}, nil, usage("the refresh token cannot be right: %v", err)
	}
	cfg, err := p.load(ctx, cmd, &o.client, "issuer", "client_id")
	if err != nil {
		return oidc.Grant{}, nil, err
	}
	if keys := cfg.LoginKeys(); len(keys) > 0 {
		p.inform("%d keys of the configuration are for logging in, and not used here (config validate lists them)", len(keys))
	}
	grant, err := refreshParams(oidc.RefreshToken(token), cfg, o.params)
	if err != nil {
		return grant, nil, err
	}
	keys, err := decryptionKeys(cfg)
	if err != nil {
		return grant, nil, err
	}
	grant.Expect.Previous, err = p.secret(ctx, "previous-id-token", o.previousIDToken, "OIDC_PREVIOUS_ID_TOKEN")
	if err == nil && grant.Expect.Previous != "" {
		if _, unreadable := oidc.DecodeIDToken(grant.Expect.Previous, keys...); unreadable != nil {
			err = usage("--previous-id-token: %v", unreadable)
		}
	}
	return grant, cfg, err
}

// refreshParams adds what else is asked for. The scopes and audiences of the
// file are those of other grants, and sending them could narrow or widen what
// was granted: only the flags count.
func refreshParams(grant oidc.Grant, cfg *config.Config, params []string) (oidc.Grant, error) {
	if cfg.Origin["scopes"].Name == "--scope" {
		grant = grant.With("scope", strings.Join(cfg.Scopes, " "))
	}
	if cfg.Origin["audiences"].Name == "--audience" {
		grant = grant.With("audience", cfg.Audiences...)
	}
	if len(cfg.Resource) > 0 {
		grant = grant.With("resource", cfg.Resource...)
	}
	for _, param := range params {
		name, value, ok := strings.Cut(param, "=")
		if !ok || name == "" {
			return grant, usage("a --param is not name=value")
		}
		if grant.Params.Has(name) || slices.Contains(ownParams, name) {
			return grant, usage("--param %s: the parameter is not yours to set here", name)
		}
		grant = grant.With(name, value)
	}
	return grant, nil
}

// receive makes the response durable and shows it, as soon as it is there.
func (p *program) receive(t *oidc.Tokens, keep *rotation) error {
	p.run.TokenResponse, p.run.ExpiresAt = t.Raw, t.ExpiresAt
	p.redactor.Learn(t.AccessToken, t.RefreshToken, t.IssuedIDToken)
	keep.put(t.RefreshToken)
	keep.failed = errors.Join(keep.failed, p.write("access_token_resp.json", t.Raw))
	p.recorder.Release()
	if id, err := oidc.DecodeIDToken(t.IssuedIDToken, p.keys...); err == nil {
		p.run.IDToken = &transcript.Token{Header: id.Header, Encryption: id.Encryption, Claims: id.JSON}
	}
	if !p.options.json() {
		p.out.TokenResponse(p.run, p.env.Now())
	}
	return nil
}

// remarks tells what is worth knowing of a response that broke no rule.
func (p *program) remarks(t *oidc.Tokens) {
	switch {
	case t.RefreshToken == "":
		p.inform("the provider sent no new refresh token: the one that was sent stays valid")
	case p.keep.file == "" && !p.options.output:
		p.inform("the new refresh token above replaces the one that was sent; --refresh-token @FILE keeps a file up to date")
	}
	if t.IssuedIDToken == "" {
		p.inform("the provider sent no ID Token: nothing proves anew who the user is")
	}
}

// showTokens shows the ID Token and what was found about it. A result file is
// made only of claims that held, or that nobody wanted judged.
func (p *program) showTokens(t *oidc.Tokens, o *refreshOptions, held bool) error {
	p.run.Checks = append(p.run.Checks, t.Checks...)
	if held {
		p.remarks(t)
	}
	if o.skipIDToken {
		p.warn("the ID Token was not verified (--skip-id-token-verification): its claims prove nothing")
	} else {
		p.warnings(t.Checks)
	}
	if t.IDToken == nil {
		return nil
	}
	p.showIDToken(t.IDToken)
	if !held {
		return nil
	}
	return p.write("id_token.json", t.IDToken.JSON)
}

// jwtTokens looks into access and refresh token, if they are JWTs by the
// configuration.
func (p *program) jwtTokens(ctx context.Context, client *oidc.Client, t *oidc.Tokens, cfg *config.Config) error {
	var errs []error
	for _, token := range []struct {
		wanted      bool
		raw, title  string
		file        string
		verify      func(context.Context, string) (*oidc.JWT, error)
		destination **transcript.Token
	}{
		{cfg.AccessTokenJWT, t.AccessToken, "Access Token", "access_token.json", client.VerifyAccessToken, &p.run.AccessToken},
		{cfg.RefreshTokenJWT && t.RefreshToken != "", t.RefreshToken, "Refresh Token", "refresh_token.json", client.VerifyRefreshToken, &p.run.RefreshToken},
	} {
		if !token.wanted {
			continue
		}
		jwt, err := token.verify(ctx, token.raw)
		p.run.Checks = append(p.run.Checks, jwt.Checks...)
		p.warnings(jwt.Checks)
		if jwt.JSON != nil {
			*token.destination = &transcript.Token{Header: jwt.Header, Claims: jwt.JSON, Verified: jwt.Verified}
			p.showClaims(token.title+" Claims", "TokenClaims", jwt.JSON, jwt.Verified)
		}
		if err == nil {
			err = p.write(token.file, jwt.JSON)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// userInfo fetches UserInfo, unless it is not wanted.
func (p *program) userInfo(ctx context.Context, client *oidc.Client, t *oidc.Tokens, cfg *config.Config) error {
	if cfg.SkipUserInfo {
		p.inform("Skipping Userinfo")
		return nil
	}
	info, err := client.UserInfo(ctx, t)
	if errors.Is(err, oidc.ErrNoUserInfo) {
		p.inform("no UserInfo: the provider's metadata has no userinfo_endpoint")
		return nil
	}
	if info == nil {
		return err
	}
	p.run.Checks = append(p.run.Checks, info.Checks...)
	p.warnings(info.Checks)
	if err != nil {
		return err // claims of somebody else are not shown
	}
	p.showUserInfo(info)
	return p.write("userinfo.json", info.JSON)
}
