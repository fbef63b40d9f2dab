// Tokens, of whatever grant: kept, shown, looked into, and UserInfo fetched.

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// tokenOptions are the flags of every command that asks for tokens.
type tokenOptions struct {
	client      clientFlags
	skipIDToken bool
	params      []string
	refresh     bool // a refresh token is what is sent
	save        saveFlags
	own         bool     // the grant is the client's own
	key         *keyNeed // nil is that of a command that asks for tokens anew
}

// add adds the flags to a command whose tokens can be kept.
func (o *tokenOptions) add(cmd *cobra.Command, more ...[]string) {
	o.addUnsaved(cmd, more...)
	o.save.add(cmd.Flags())
	does(cmd, showsRequests, showsRules, fetchesUserInfo, writesResults)
}

// addUnsaved adds the flags but for those that keep tokens.
func (o *tokenOptions) addUnsaved(cmd *cobra.Command, more ...[]string) {
	o.client.add(cmd, slices.Concat(grantFlags, slices.Concat(more...)))
	f := cmd.Flags()
	f.BoolVar(&o.skipIDToken, "skip-id-token-verification", false, "Skip validation of id_token")
	addParams(f, &o.params)
}

// addParams adds --param.
func addParams(f *pflag.FlagSet, params *[]string) {
	f.StringArrayVar(params, "param", nil, "further parameter of the request, as `name=value` (repeatable)")
}

// ownParams are the parameters of a request that have ways of their own to be
// set, or are the program's.
var ownParams = []string{
	"grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "refresh_token", "code", "code_verifier",
	"state", "nonce", "redirect_uri", "scope", "max_age", "response_type", "response_mode", "code_challenge", "code_challenge_method", "request", "request_uri", "device_code", "auth_req_id",
	"password", "assertion", "subject_token", "actor_token", "token",
}

// parameters reads --param. taken reports whether a name is set already.
func parameters(params []string, taken func(name string) bool, add func(name, value string)) error {
	for _, param := range params {
		name, value, ok := strings.Cut(param, "=")
		if !ok || name == "" {
			return failure.Usage("a --param is not name=value")
		}
		if taken(name) || slices.Contains(ownParams, name) {
			return failure.Usage("--param %s: the parameter is not yours to set here", name)
		}
		add(name, value)
	}
	return nil
}

// with adds the parameters that any grant may have.
func (o *tokenOptions) with(grant oidc.Grant, cfg *config.Config) (oidc.Grant, error) {
	if len(cfg.Resource) > 0 && !grant.Params.Has("resource") {
		grant = grant.With("resource", cfg.Resource...)
	}
	if details := cfg.Login.AuthorizationDetails; details != "" && grant.Type != "refresh_token" {
		grant = grant.With("authorization_details", details)
		grant.Expect.AuthorizationDetails = details
	}
	given := grant
	err := parameters(o.params, func(name string) bool { return given.Params.Has(name) }, func(name, value string) {
		grant = grant.With(name, value)
	})
	return grant, err
}

// newTokenClient finds the provider and makes the client, which keeps and shows
// what it gets.
func (p *program) newTokenClient(ctx context.Context, cfg *config.Config, o *tokenOptions) (*oidc.Client, error) {
	if err := p.beginSaving(ctx, cfg, o); err != nil {
		return nil, err
	}
	client, err := p.clientOf(ctx, cfg, o.client.kid, cfg.Issuer, cmp.Or(o.key, &keyNeed{create: true}))
	if err != nil {
		return nil, err
	}
	client.Policy.InsecureSkipVerification = o.skipIDToken
	p.keys = client.Policy.DecryptionKeys
	return client, nil
}

// prepareLogin is prepare for a login.
func (p *program) prepareLogin(ctx context.Context, cmd *cobra.Command, o *tokenOptions) (*config.Config, error) {
	if p.discards(o) { // no error: whether a login works is worth knowing, too
		p.Warn("the tokens of this login will be lost: standard output is closed or the null device; " +
			"--save NAME or -o keeps them")
	}
	return p.prepare(ctx, cmd, o)
}

// prepare makes sure that results can be kept, and reads the configuration.
func (p *program) prepare(ctx context.Context, cmd *cobra.Command, o *tokenOptions) (*config.Config, error) {
	if err := p.probeOutput(); err != nil {
		return nil, err
	}
	return p.load(ctx, cmd, &o.client, "issuer", "client_id")
}

// discards reports whether tokens go nowhere: standard output discards them, and nothing else
// keeps them.
func (p *program) discards(o *tokenOptions) bool {
	return !p.Options.Output && o.save.name == "" && run.Nowhere(p.Env.Stdout)
}

// trade gets tokens by the grant that grantOf makes, and does what is done with
// tokens.
func (p *program) trade(cmd *cobra.Command, o *tokenOptions, grantOf func(context.Context, *config.Config) (oidc.Grant, error)) error {
	ctx, cancel := p.Bounded(cmd.Context())
	defer cancel()
	cfg, err := p.prepare(ctx, cmd, o)
	if err != nil {
		return err
	}
	grant, err := grantOf(ctx, cfg)
	if err == nil {
		grant, err = o.with(grant, cfg)
	}
	if err != nil {
		return err
	}
	o.own = grant.Type == "client_credentials"
	client, err := p.newTokenClient(ctx, cfg, o)
	if err != nil {
		return err
	}
	if p.saving != nil && o.own {
		p.saving.blank.Secret.Again = grant.Params
	}
	tokens, err := p.ask(ctx, client, grant)
	return p.settle(ctx, client, cfg, o, tokens, err)
}

// ask sends a grant.
func (p *program) ask(ctx context.Context, client *oidc.Client, grant oidc.Grant) (*oidc.Tokens, error) {
	p.beginKeeping()
	grant.Received = p.receiving(client)
	if !grant.Once {
		return client.Token(ctx, grant)
	}
	return run.Guard(p.Run, func() (*oidc.Tokens, error) { return client.Token(ctx, grant) })
}

// settle does what is done with tokens once they were judged: err is what came of
// that. tokens is nil if none came.
func (p *program) settle(ctx context.Context, client *oidc.Client, cfg *config.Config, o *tokenOptions, tokens *oidc.Tokens, err error) error {
	p.judgeKept(client, tokens, err)
	p.keeper.end()
	if tokens != nil {
		err = errors.Join(err, p.showTokens(tokens, o, err == nil))
	}
	if err == nil {
		err = p.jwtTokens(ctx, client, tokens, cfg)
	}
	if err == nil {
		err = p.userInfo(ctx, client, tokens, cfg, o)
	}
	p.Explain()
	if err = errors.Join(err, p.lost()); err == nil {
		p.Show(transcript.Result{Title: "Stopping server"})
	}
	return err
}

// lost says that the new refresh token, or a result, could not be written.
func (p *program) lost() error {
	err := errors.Join(p.keeper.problem(), p.unwritten)
	if p.keep != nil {
		err = errors.Join(p.keep.failed, err)
	}
	return err
}

// receiving returns the hook that receives the tokens of a client.
func (p *program) receiving(client *oidc.Client) func(*oidc.Tokens) error {
	return func(t *oidc.Tokens) error { return p.receive(client, t) }
}

// receive makes the response durable and shows it, as soon as it is there.
func (p *program) receive(client *oidc.Client, t *oidc.Tokens) error {
	p.Learn(t.AccessToken, t.RefreshToken, t.IssuedIDToken)
	if p.keep != nil {
		p.keep.put(p.Env, t.RefreshToken)
	}
	p.keepTokens(client, t)
	p.unwritten = errors.Join(p.unwritten, p.Write(run.TokenResponseFile, t.Raw))
	p.Recorder.Release()
	p.showResponse(t)
	return nil
}

// showResponse shows the response. A refresh token that only standard output was to have is kept
// elsewhere if it cannot be shown.
func (p *program) showResponse(t *oidc.Tokens) {
	kept := p.keep != nil && p.keep.written || p.keeper != nil && p.keeper.stored ||
		p.Options.Output && p.unwritten == nil
	keep := func(cause error) error {
		versions := [][]byte{t.Raw, []byte(t.RefreshToken)}
		f := fallback{"the token response", "oidc-client-tokens-*.json", versions, t.RefreshToken}
		return keepElsewhere(p.Env, f, fmt.Errorf("the new refresh token could not be shown: %w", cause))
	}
	only := t.RefreshToken != "" && !kept
	if only && p.Options.JSON() {
		p.IfUnshown(keep)
	}
	var id *transcript.Token
	if decoded, err := oidc.DecodeIDToken(t.IssuedIDToken, p.keys...); err == nil {
		id = recorded(decoded)
	}
	p.Show(transcript.TokenResponse{Raw: t.Raw, Expires: t.ExpiresAt, IDToken: id}.Result(p.Env.Now()))
	if id != nil {
		p.Note("id_token", id) // shown once it was judged
	}
	if err := p.Unshown(); err != nil && only {
		p.unwritten = errors.Join(p.unwritten, keep(err))
	}
}

// recorded is an ID Token as the record has it.
func recorded(t *oidc.IDToken) *transcript.Token {
	return &transcript.Token{Header: t.Header, Encryption: t.Encryption, Claims: t.JSON, Verified: t.Verified}
}

// remarks tells what is worth knowing of a response that broke no rule.
func (p *program) remarks(t *oidc.Tokens, refresh bool) {
	switch {
	case refresh && t.RefreshToken == "":
		p.Inform("the provider sent no new refresh token: the one that was sent stays valid")
	case refresh && p.keep.file == "" && p.saving == nil && !p.Options.Output:
		p.Inform("the new refresh token above replaces the one that was sent; --refresh-token @FILE keeps a file up to date")
	}
	switch {
	case refresh && t.IssuedIDToken == "":
		p.Inform("the provider sent no ID Token: nothing proves anew who the user is")
	case t.IssuedTokenType != "" && t.IssuedTokenType != oidc.TokenTypeAccessToken:
		p.Inform("what access_token holds is a token of the type %s", t.IssuedTokenType)
	}
	if p.keeper != nil && p.keeper.stored {
		p.tellSaved()
	}
}

// showTokens shows the ID Token and what was found about it. A result file is
// made only of claims that held, or that nobody wanted judged.
func (p *program) showTokens(t *oidc.Tokens, o *tokenOptions, held bool) error {
	if held {
		p.remarks(t, o.refresh)
	}
	switch {
	case !o.skipIDToken:
		p.Found(t.Checks)
	case t.IssuedIDToken != "" || o.refresh:
		p.FoundBeside(t.Checks)
		p.Warn("the ID Token was not verified (--skip-id-token-verification): its claims prove nothing")
	}
	if t.IDToken == nil {
		return nil
	}
	p.Show(transcript.TokenClaims("id_token", "IDToken Claims", "IDTokenClaims", recorded(t.IDToken)))
	if !held {
		return nil
	}
	return p.Write(run.IDTokenFile, t.IDToken.JSON)
}

// jwtTokens looks into access and refresh token, if they are JWTs by the
// configuration.
func (p *program) jwtTokens(ctx context.Context, client *oidc.Client, t *oidc.Tokens, cfg *config.Config) error {
	var errs []error
	verifyAccess := func(ctx context.Context, raw string) (*oidc.JWT, error) {
		return client.VerifyAccessToken(ctx, raw, oidc.AccessTokenExpectation{}) // its audience is whoever it is shown to
	}
	for _, token := range []struct {
		wanted        bool
		raw           string
		member, title string
		file          string
		verify        func(context.Context, string) (*oidc.JWT, error)
	}{
		{cfg.AccessTokenJWT && t.AccessToken != "", t.AccessToken, "access_token", "Access Token", run.AccessTokenFile, verifyAccess},
		{cfg.RefreshTokenJWT && t.RefreshToken != "", t.RefreshToken, "refresh_token", "Refresh Token", run.RefreshTokenFile, client.VerifyRefreshToken},
	} {
		if !token.wanted {
			continue
		}
		jwt, err := token.verify(ctx, token.raw)
		p.Found(jwt.Checks)
		if jwt.JSON != nil {
			shown := &transcript.Token{Header: jwt.Header, Claims: jwt.JSON, Verified: jwt.Verified}
			p.Show(transcript.TokenClaims(token.member, token.title+" Claims", "TokenClaims", shown))
		}
		if err == nil {
			err = p.Write(token.file, jwt.JSON)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// userInfo fetches UserInfo, unless it is not wanted, or the tokens are of nobody
// that it could be about.
func (p *program) userInfo(ctx context.Context, client *oidc.Client, t *oidc.Tokens, cfg *config.Config, o *tokenOptions) error {
	if cfg.SkipUserInfo {
		p.Inform("Skipping Userinfo")
		return nil
	}
	if !o.refresh && (t.IDToken == nil || t.AccessToken == "") {
		return nil // no user logged in: UserInfo would refuse
	}
	info, err := client.UserInfo(ctx, t)
	if errors.Is(err, oidc.ErrNoUserInfo) {
		p.Inform("no UserInfo: the provider's metadata has no userinfo_endpoint")
		return nil
	}
	if info == nil {
		return err
	}
	p.Found(info.Checks)
	if err != nil {
		return err // claims of somebody else are not shown
	}
	p.Show(transcript.JSONResult("userinfo", "Userinfo Claims", "UserInfoClaims", info.JSON))
	return p.Write(run.UserInfoFile, info.JSON)
}
