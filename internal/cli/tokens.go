// Tokens, of whatever grant: kept, shown, looked into, and UserInfo fetched.

package cli

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/keep"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// tokenOptions are the flags of every command that asks for tokens.
type tokenOptions struct {
	client      clientFlags
	skipIDToken bool
	params      []string
	paramShort  string // the letter that stands for --param, "" if none does
	refresh     bool   // a refresh token is what is sent
	save        saveFlags
	own         bool             // the grant is the client's own
	key         *connect.KeyNeed // nil is that of a command that asks for tokens anew
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
	addParams(f, &o.params, o.paramShort)
}

// addParams adds --param, and a letter that stands for it, if there is one.
func addParams(f *pflag.FlagSet, params *[]string, short string) {
	f.StringArrayVarP(params, "param", short, nil, "further parameter of the request, as `name=value` (repeatable)")
}

// ownParams are the parameters of a request that have ways of their own to be
// set, or are the program's.
var ownParams = []string{
	"grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "refresh_token", "code",
	"code_verifier",
	"state", "nonce", "redirect_uri", "scope", "max_age", "response_type", "response_mode", "code_challenge",
	"code_challenge_method", "request", "request_uri", "device_code", "auth_req_id",
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
			return failure.Usage("--param %s: set by oidc-client itself; use its own flag", name)
		}
		add(name, value)
	}
	return nil
}

// with adds the parameters that any grant may have.
func (o *tokenOptions) with(grant oidc.Grant, cfg *connect.Setup) (oidc.Grant, error) {
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

// loginEndpoints are where a login begins.
var loginEndpoints = []string{
	"authorization_endpoint", "device_authorization_endpoint", "backchannel_authentication_endpoint",
}

// A tokenRequest is a request for tokens: who asks, for what, and what becomes of the
// response.
type tokenRequest struct {
	*run.Run
	options *tokenOptions
	cfg     *connect.Setup
	client  *connect.Client
	plan    keep.Plan
	login   bool         // a person logs in for it
	keeper  *keep.Keeper // of the response to the request that was sent last, nil if none was sent
}

// newTokenRequest finds out, before anything is sent, where tokens can be kept, finds the
// provider and makes the client. plan says what is known of that, and uses are the members of
// the metadata that the request uses.
func newTokenRequest(ctx context.Context, r *run.Run, cfg *connect.Setup, o *tokenOptions,
	plan keep.Plan, uses []string,
) (*tokenRequest, error) {
	var err error
	if plan.Session, err = beginSaving(ctx, r, cfg, o); err != nil {
		return nil, err
	}
	client, err := cfg.Client(ctx, r, cfg.Issuer, cmp.Or(o.key, &connect.KeyNeed{Create: true}), uses...)
	if err != nil {
		return nil, err
	}
	client.Policy.InsecureSkipVerification = o.skipIDToken
	t := &tokenRequest{Run: r, options: o, cfg: cfg, client: client, plan: plan}
	t.login = slices.ContainsFunc(uses, func(name string) bool { return slices.Contains(loginEndpoints, name) })
	r.Advise("tokens", func(err error, f *failure.Failure) { t.keeper.Advise(err, f) })
	return t, nil
}

// uses are the members of the metadata that a request for tokens uses: endpoints, and what it
// takes to verify ID Tokens and to fetch UserInfo if openID is asked for.
func (o *tokenOptions) uses(cfg *connect.Setup, openID bool, endpoints ...string) []string {
	if !openID {
		return endpoints
	}
	if !o.skipIDToken {
		endpoints = append(endpoints, connect.VerifyingUses(cfg.Config)...)
	}
	if !cfg.SkipUserInfo {
		endpoints = append(endpoints, "userinfo_endpoint")
	}
	return endpoints
}

// prepareLogin is prepare for a login.
func prepareLogin(ctx context.Context, r *run.Run, cmd *cobra.Command, o *tokenOptions) (*connect.Setup, error) {
	if discardsTokens(r, o) { // no error: whether a login works is worth knowing, too
		r.Warn("the tokens of this login will be lost: standard output is closed or the null device; " +
			"--save NAME or -o keeps them")
	}
	return prepareTokens(ctx, r, cmd, o)
}

// prepareTokens makes sure that results can be kept, and reads the configuration.
func prepareTokens(ctx context.Context, r *run.Run, cmd *cobra.Command, o *tokenOptions) (*connect.Setup, error) {
	if err := keep.ProbeOutput(r); err != nil {
		return nil, err
	}
	return loadConfig(ctx, r, cmd, &o.client, "issuer", "client_id")
}

// discardsTokens reports whether tokens go nowhere: standard output discards them, and nothing else
// keeps them.
func discardsTokens(r *run.Run, o *tokenOptions) bool {
	return !r.Options.Output && o.save.name == "" && run.Nowhere(r.Env.Stdout)
}

// filtersOut reports whether --jq may filter out tokens that only standard output is to have.
func filtersOut(r *run.Run, o *tokenOptions) bool {
	return r.Options.Filter != nil && !r.Options.Output && o.save.name == ""
}

// requestTokens gets tokens by the grant that grantOf makes, and does what is done with
// tokens.
func requestTokens(r *run.Run, cmd *cobra.Command, o *tokenOptions,
	grantOf func(context.Context, *connect.Setup) (oidc.Grant, error),
) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	cfg, err := prepareTokens(ctx, r, cmd, o)
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
	openID := slices.Contains(strings.Fields(grant.Params.Get("scope")), "openid")
	t, err := newTokenRequest(ctx, r, cfg, o, keep.Plan{}, o.uses(cfg, openID, "token_endpoint"))
	if err != nil {
		return err
	}
	if t.plan.Session != nil && o.own {
		t.plan.Session.Blank.Secret.Again = grant.Params
	}
	tokens, err := t.send(ctx, grant)
	return t.settle(ctx, tokens, err)
}

// begin makes ready for a response, before anything is sent, and returns the hook that
// receives it.
func (t *tokenRequest) begin() func(*oidc.Tokens) error {
	t.keeper = t.plan.Begin(t.Run)
	return func(tokens *oidc.Tokens) error {
		t.keeper.Receive(t.client, tokens)
		return nil
	}
}

// send sends a grant.
func (t *tokenRequest) send(ctx context.Context, grant oidc.Grant) (*oidc.Tokens, error) {
	grant.Received = t.begin()
	if !grant.Once {
		return t.client.Token(ctx, grant)
	}
	return run.Guard(t.Run, func() (*oidc.Tokens, error) { return t.client.Token(ctx, grant) })
}

// settle does what is done with tokens once they were verified: err is what came of that.
// tokens is nil if none came.
func (t *tokenRequest) settle(ctx context.Context, tokens *oidc.Tokens, err error) error {
	t.keeper.Judge(t.client, tokens, err)
	if tokens != nil {
		err = errors.Join(err, t.showTokens(tokens, err == nil))
	}
	if err == nil {
		err = t.jwtTokens(ctx, tokens)
	}
	if err == nil {
		err = t.userInfo(ctx, tokens)
	}
	t.Explain()
	if err = errors.Join(err, t.keeper.Lost()); err == nil {
		t.Show(transcript.Result{Title: "Stopping server"})
	}
	return err
}

// remarks tells what is worth knowing of a response that broke no rule.
func (t *tokenRequest) remarks(tokens *oidc.Tokens) {
	refresh := t.options.refresh
	switch {
	case refresh && tokens.RefreshToken == "":
		t.Inform("the provider sent no new refresh token: the one that was sent stays valid")
	case refresh && t.plan.File == nil && t.plan.Session == nil && !t.Options.Output:
		t.Inform("the new refresh token above replaces the one that was sent; --refresh-token @FILE keeps a file up " +
			"to date")
	}
	switch {
	case refresh && tokens.IssuedIDToken == "":
		t.Inform("the provider sent no ID Token: nothing proves anew who the user is")
	case tokens.IssuedTokenType != "" && tokens.IssuedTokenType != oidc.TokenTypeAccessToken:
		t.Inform("what access_token holds is a token of the type %s", tokens.IssuedTokenType)
	}
	t.keeper.Tell()
}

// showTokens shows the ID Token and what was found about it. A result file is
// made only of claims that held, or that nobody wanted judged.
func (t *tokenRequest) showTokens(tokens *oidc.Tokens, held bool) error {
	if held {
		t.remarks(tokens)
	}
	switch {
	case !t.options.skipIDToken:
		t.Found(tokens.Checks)
	case tokens.IssuedIDToken != "" || t.options.refresh:
		t.FoundBeside(tokens.Checks)
		t.Warn("the ID Token was not verified (--skip-id-token-verification): its claims prove nothing")
	}
	if tokens.IDToken == nil {
		return nil
	}
	t.Show(transcript.TokenClaims("id_token", "IDToken Claims", "IDTokenClaims", run.IDToken(tokens.IDToken)))
	if !held {
		return nil
	}
	return t.Write(run.IDTokenFile, tokens.IDToken.JSON)
}

// jwtTokens looks into access and refresh token, if they are JWTs by the
// configuration.
func (t *tokenRequest) jwtTokens(ctx context.Context, tokens *oidc.Tokens) error {
	var errs []error
	verifyAccess := func(ctx context.Context, raw string) (*oidc.JWT, error) {
		// Its audience is whoever it is shown to, and who has its key is theirs to judge.
		return t.client.VerifyAccessToken(ctx, raw, oidc.AccessTokenExpectation{InsecureSkipKeyBinding: true})
	}
	for _, token := range []struct {
		wanted        bool
		raw           string
		member, title string
		file          string
		verify        func(context.Context, string) (*oidc.JWT, error)
	}{
		{
			t.cfg.AccessTokenJWT && tokens.AccessToken != "", tokens.AccessToken, "access_token", "Access Token",
			run.AccessTokenFile, verifyAccess,
		},
		{
			t.cfg.RefreshTokenJWT && tokens.RefreshToken != "", tokens.RefreshToken, "refresh_token", "Refresh Token",
			run.RefreshTokenFile, t.client.VerifyRefreshToken,
		},
	} {
		if !token.wanted {
			continue
		}
		jwt, err := token.verify(ctx, token.raw)
		t.Found(jwt.Checks)
		if jwt.JSON != nil {
			shown := &transcript.Token{Header: jwt.Header, Claims: jwt.JSON, Verified: jwt.Verified}
			t.Show(transcript.TokenClaims(token.member, token.title+" Claims", "TokenClaims", shown))
		}
		if err == nil {
			err = t.Write(token.file, jwt.JSON)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// openID reports whether the tokens are of a login with the scope openid: it has an ID Token,
// or its scope says so, which is the one that was asked for unless the response has another.
func (t *tokenRequest) openID(tokens *oidc.Tokens) bool {
	switch {
	case tokens.IssuedIDToken != "":
		return true
	case tokens.Scope != "":
		return slices.Contains(strings.Fields(tokens.Scope), "openid")
	case t.cfg.Scopes != nil:
		return slices.Contains(t.cfg.Scopes, "openid")
	}
	return !t.client.Provider.OAuthOnly
}

// userInfo fetches UserInfo, unless it is not wanted, or the tokens are of nobody
// that it could be about.
func (t *tokenRequest) userInfo(ctx context.Context, tokens *oidc.Tokens) error {
	if t.cfg.SkipUserInfo {
		t.Inform("Skipping Userinfo")
		return nil
	}
	switch openID := t.openID(tokens); {
	case !openID && (t.options.refresh || t.login):
		t.Inform("no UserInfo: the scope of the tokens has no openid")
		return nil
	case !t.options.refresh && (tokens.IDToken == nil || tokens.AccessToken == ""):
		return nil // no user logged in: UserInfo would refuse
	}
	adviseUserInfo(t.Run, t.cfg, t.client.Client, tokens.AccessToken)
	info, err := t.client.UserInfo(ctx, tokens)
	if errors.Is(err, oidc.ErrNoUserInfo) {
		t.Inform("no UserInfo: the provider's metadata has no userinfo_endpoint")
		return nil
	}
	if info == nil {
		return err
	}
	t.Found(info.Checks)
	if err != nil {
		return err // claims of somebody else are not shown
	}
	t.Show(transcript.JSONResult("userinfo", "Userinfo Claims", "UserInfoClaims", info.JSON))
	return t.Write(run.UserInfoFile, info.JSON)
}
