// jwt verify: RFC 7519 section 7.2, and the rules of each kind of token.

package cli

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/internal/wire"
	"github.com/oidc-client/oidc-client/oidc"
)

// verifyOptions are the flags of jwt verify.
type verifyOptions struct {
	client            clientFlags
	token, jwks, as   string
	nonce, withAccess string
	audience, scope   []string
}

// A verification is what a command line says of the tokens that it verifies.
type verification struct {
	client   *oidc.Client
	judge    judge
	unjudged string // what was not judged of a token that is valid, "" if nothing
	assumed  bool   // nobody said what kind of token it is: it is judged as an ID Token
}

// A judge verifies one token of a kind.
type judge func(context.Context, string) (*oidc.JWT, error)

// kinds are what a token can be verified as.
var kinds = []string{"id_token", "access_token", "logout_token", "userinfo", "jarm", "jwt"}

func jwtVerifyCommand(p *program) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify [-|@FILE]",
		Short: "Verify JWTs",
		Long: `Verify JWTs

Verifies a token by all rules of its kind, with the keys of the issuer or of --jwks.
Without --as it is an ID Token if issuer and client_id are known, and any JWT if not:
then only signature and times are judged.

An access token is judged as a resource server must (RFC 9068): --audience is the
resource server's identifier, --scope what it needs. Without --audience the result says
that the audience was not judged.

Several tokens on standard input, one a line, are verified in parallel; the answers
come in the order of the lines, and the exit code is 5 if one is bad.`,
		Example: `  pbpaste | oidc-client jwt verify -c config.yaml
  oidc-client jwt verify @token --issuer https://op.example.com --as access_token --audience https://api.example.com
  oidc-client jwt verify --jwks keys.json --format json < tokens.txt`,
		Args: counted(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if o.token != "" {
					return failure.Usage("the token is given twice")
				}
				o.token = args[0]
			}
			return verifyJWTs(p.run, cmd, &o)
		},
	}
	does(cmd, showsRequests, showsRules)
	f := cmd.Flags()
	f.StringArrayVar(&o.audience, "audience", nil, "audience that an access token must have one of (repeatable)")
	f.StringArrayVar(&o.scope, "scope", nil, "scope that an access token must have (repeatable)")
	o.client.add(cmd, judgeFlags)
	f.StringVar(&o.token, "token", "", "the token (- reads standard input, @FILE a file; or OIDC_TOKEN)")
	f.StringVar(&o.jwks, "jwks", "", "JWK Set to verify with: a `file` or a URL")
	f.StringVar(&o.as, "as", "", "what the token is: "+strings.Join(kinds, ", "))
	f.StringVar(&o.nonce, "nonce", "", "nonce that an ID Token must have")
	f.StringVar(&o.withAccess, "access-token", "",
		"access token that came with an ID Token, for its at_hash (- reads standard input, @FILE a file; or "+
			"OIDC_ACCESS_TOKEN)")
	complete(cmd, "as", func() []string { return kinds })
	return cmd
}

func verifyJWTs(r *run.Run, cmd *cobra.Command, o *verifyOptions) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	if o.as != "" && !slices.Contains(kinds, o.as) {
		return failure.Usage("--as is one of %s", strings.Join(kinds, ", "))
	}
	stream := o.token == "-" || o.token == "" && r.Env.Getenv("OIDC_TOKEN") == ""
	var raw string
	var err error
	if !stream {
		if raw, err = run.Required(ctx, r.Input.Token, "token", o.token, "OIDC_TOKEN"); err != nil {
			return err
		}
	}
	v, err := newVerification(ctx, r, cmd, o)
	if err != nil {
		return err
	}
	if !stream {
		return verifyOne(ctx, r, v, raw)
	}
	if !r.Input.Free() {
		return failure.Usage("another flag reads standard input already")
	}
	return verifyLines(ctx, r, v)
}

// newVerification makes what tokens are verified by.
func newVerification(
	ctx context.Context, r *run.Run, cmd *cobra.Command, o *verifyOptions,
) (v verification, err error) {
	require := []string{"issuer"}
	if o.jwks != "" {
		require = nil
	}
	cfg, network, err := loadAndConnect(ctx, r, cmd, &o.client, require...)
	if err != nil {
		return v, err
	}
	kind := o.as
	if kind == "" {
		kind = "jwt"
		if cfg.Issuer != "" && cfg.ClientID != "" {
			kind = "id_token"
		}
	}
	if missing := missingFor(kind, cfg); missing != "" {
		return v, failure.Usage("--as %s needs %s", kind, missing)
	}
	if kind != "access_token" && len(o.audience)+len(o.scope) > 0 {
		return v, failure.Usage("--audience and --scope are about access tokens: they go with --as access_token")
	}
	expect := oidc.Expectation{Nonce: o.nonce, Optional: true}
	access, err := r.Input.Token(ctx, "access-token", o.withAccess, "OIDC_ACCESS_TOKEN")
	if err != nil {
		return v, err
	}
	client, err := verifier(ctx, r, cfg, network, o.jwks)
	if err != nil {
		return v, err
	}
	v = verification{client: client, assumed: o.as == "" && kind == "id_token"}
	if kind == "access_token" && len(o.audience) == 0 {
		v.unjudged = "; the audience was not judged, because --audience was not given"
	}
	v.judge = map[string]judge{
		"id_token": func(ctx context.Context, raw string) (*oidc.JWT, error) {
			return idTokenAsJWT(ctx, client, raw, access, expect)
		},
		"logout_token": func(ctx context.Context, raw string) (*oidc.JWT, error) {
			token, err := client.VerifyLogoutToken(ctx, raw, oidc.LogoutExpectation{})
			return &token.JWT, err
		},
		"access_token": func(ctx context.Context, raw string) (*oidc.JWT, error) {
			expect := oidc.AccessTokenExpectation{
				Audience: o.audience, Scope: words(o.scope), InsecureSkipKeyBinding: true, // nobody presents it
			}
			return client.VerifyAccessToken(ctx, raw, expect)
		},
		"userinfo": client.VerifyUserInfo, "jarm": client.VerifyJARM, "jwt": client.VerifyJWT,
	}[kind]
	return v, nil
}

// words are the words of several texts.
func words(texts []string) []string { return strings.Fields(strings.Join(texts, " ")) }

// missingFor names what a kind of token is judged by and is not known.
func missingFor(kind string, cfg *connect.Setup) string {
	var missing []string
	if kind != "jwt" && cfg.Issuer == "" {
		missing = append(missing, "--issuer")
	}
	if !slices.Contains([]string{"jwt", "access_token"}, kind) && cfg.ClientID == "" {
		missing = append(missing, "--client-id")
	}
	return strings.Join(missing, " and ")
}

// idTokenAsJWT verifies an ID Token.
func idTokenAsJWT(ctx context.Context, client *oidc.Client, raw, access string,
	expect oidc.Expectation,
) (*oidc.JWT, error) {
	token, err := client.VerifyIDToken(ctx, raw, access, expect)
	if token == nil {
		var broken *check.Error
		jwt := &oidc.JWT{}
		if errors.As(err, &broken) {
			jwt.Checks = broken.Results
		}
		return jwt, err
	}
	return &oidc.JWT{
		Header: token.Header, Encryption: token.Encryption, JSON: token.JSON, Checks: token.Checks,
		Verified: token.Verified,
	}, err
}

// verifier is a client that verifies, with the provider's keys or with those of a
// JWK Set.
func verifier(ctx context.Context, r *run.Run, cfg *connect.Setup, network *connect.Network,
	jwks string,
) (*oidc.Client, error) {
	policy, err := cfg.Policy(ctx)
	if err != nil {
		return nil, err
	}
	client := &oidc.Client{
		ID: cfg.ClientID, HTTP: network.HTTP, Now: r.Env.Now, MaxBody: cfg.HTTP.MaxResponseSize,
		Waive: cfg.Waive, Policy: policy,
	}
	if jwks == "" {
		client.Provider, err = cfg.Discover(ctx, r, network, "jwks_uri")
		return client, err
	}
	r.Issuer(cfg.Issuer)
	client.Provider = &oidc.Provider{Issuer: cfg.Issuer, IDTokenSigningAlgorithms: oidc.SignatureAlgorithms()}
	if wire.SecureURL(jwks) {
		client.Provider.JWKSURI = jwks
		return client, nil
	}
	data, err := r.Input.ReadFile(ctx, jwks)
	if err != nil {
		return nil, failure.Usage("--jwks: %w", err)
	}
	connect.WarnExposed(r, jwks, connect.WhatIsValid)
	if client.Keys, err = oidc.ReadKeySet(data); err != nil {
		return nil, failure.Usage("--jwks: %v", err)
	}
	return client, nil
}

// adviseOpaque says what to do with an access token that is no JWT.
func adviseOpaque(err error, f *failure.Failure) {
	var broken *check.Error
	if errors.As(err, &broken) && broken.First.ID == "access_token.readable" {
		f.Hint = "a token that is no JWT means something to the provider only: `oidc-client introspect` asks it"
	}
}

// adviseKind says that a token that was verified as an ID Token looks like an access token.
func adviseKind(err error, f *failure.Failure) {
	var broken *check.Error
	if errors.As(err, &broken) && strings.HasPrefix(broken.First.ID, "id_token.") {
		f.Hint = "the token looks like an access token: --as access_token verifies it as one"
	}
}

// looksLikeAccessToken reports whether a token that was not said to be an access token is probably one: by the
// typ of its header (RFC 9068 section 2.1) or, at Keycloak, of its claims, or by what only access tokens say.
func looksLikeAccessToken(raw string) bool {
	token, err := oidc.DecodeIDToken(raw)
	if err != nil {
		return false
	}
	header, headerErr := strictjson.Parse(token.Header)
	claims, claimsErr := strictjson.Parse(token.JSON)
	if headerErr != nil || claimsErr != nil {
		return false
	}
	typ, _ := header.String("typ") // of another type it says nothing
	kind, _ := claims.String("typ")
	access := claims.Has("scope") || claims.Has("scp") || claims.Has("client_id")
	return strings.EqualFold(strings.TrimPrefix(typ, "application/"), "at+jwt") || kind == "Bearer" ||
		access && !claims.Has("nonce") && !claims.Has("at_hash")
}

// verifyOne verifies a token and shows all of it.
func verifyOne(ctx context.Context, r *run.Run, v verification, raw string) error {
	r.Advise("access token", adviseOpaque)
	raw = regexp.MustCompile(authorizationHeader).ReplaceAllString(raw, "")
	if v.assumed && looksLikeAccessToken(raw) {
		r.Advise("kind of token", adviseKind)
	}
	token, err := v.judge(ctx, raw)
	r.Found(token.Checks)
	if token.JSON != nil {
		r.Show(transcript.JSONResult("", "JWT Header", "Header", token.Header))
		r.Show(transcript.TokenClaims("jwt", "JWT Claims", "Claims", &transcript.Token{
			Header: token.Header, Encryption: token.Encryption, Claims: token.JSON,
			Verified: token.Verified && err == nil,
		}))
	}
	r.Explain()
	if err == nil {
		r.Inform("the token is valid%s", v.unjudged)
	}
	if err == nil && v.unjudged != "" && !looksLikeAccessToken(raw) {
		r.Warn("nothing in the token says that it is an access token (a scope, a client_id or the typ at+jwt), so it " +
			"may be an ID Token: --client-id and --audience tell them apart")
	}
	return err
}
