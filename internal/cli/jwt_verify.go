// jwt verify: RFC 7519 section 7.2, and the rules of each kind of token.

package cli

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// verifyOptions are the flags of jwt verify.
type verifyOptions struct {
	client            clientFlags
	token, jwks, as   string
	nonce, withAccess string
}

// A judge verifies one token of a kind.
type judge func(context.Context, string) (*oidc.JWT, error)

// kinds are what a token can be verified as.
var kinds = []string{"id_token", "access_token", "logout_token", "userinfo", "jarm", "jwt"}

func (p *program) jwtVerifyCommand() *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify [-|@FILE]",
		Short: "Verify JWTs",
		Long: `Verify JWTs

Verifies a token by all rules of its kind, with the keys of the issuer or of --jwks.
Without --as it is an ID Token if issuer and client_id are known, and any JWT if not:
then only signature and times are judged.

Several tokens on standard input, one a line, are verified in parallel; the answers
come in the order of the lines, and the exit code is 5 if one is bad.`,
		Example: `  pbpaste | oidc-client jwt verify -c config.yaml
  oidc-client jwt verify @access-token --issuer https://op.example.com --as access_token
  oidc-client jwt verify --jwks keys.json --format json < tokens.txt`,
		Args: counted(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if o.token != "" {
					return usage("the token is given twice")
				}
				o.token = args[0]
			}
			return p.verifyJWTs(cmd, &o)
		},
	}
	o.client.add(cmd)
	f := cmd.Flags()
	f.StringVar(&o.token, "token", "", "the token (- reads standard input, @FILE a file; or OIDC_TOKEN)")
	f.StringVar(&o.jwks, "jwks", "", "JWK Set to verify with: a `file` or a URL")
	f.StringVar(&o.as, "as", "", "what the token is: "+strings.Join(kinds, ", "))
	f.StringVar(&o.nonce, "nonce", "", "nonce that an ID Token must have")
	f.StringVar(&o.withAccess, "access-token", "", "access token that came with an ID Token, for its at_hash (- reads standard input, @FILE a file; or OIDC_ACCESS_TOKEN)")
	complete(cmd, "as", func() []string { return kinds })
	return cmd
}

func (p *program) verifyJWTs(cmd *cobra.Command, o *verifyOptions) error {
	ctx, cancel := p.bounded(cmd.Context())
	defer cancel()
	if o.as != "" && !slices.Contains(kinds, o.as) {
		return usage("--as is one of %s", strings.Join(kinds, ", "))
	}
	stream := o.token == "-" || o.token == "" && p.env.Getenv("OIDC_TOKEN") == ""
	var raw string
	var err error
	if !stream {
		if raw, err = p.required(ctx, "token", o.token, "OIDC_TOKEN"); err != nil {
			return err
		}
	}
	client, judge, err := p.newJudge(ctx, cmd, o)
	if err != nil {
		return err
	}
	if !stream {
		return p.verifyOne(ctx, judge, raw)
	}
	if p.stdinUsed != "" {
		return usage("--%s reads standard input already", p.stdinUsed)
	}
	return p.verifyLines(ctx, client, judge)
}

// newJudge makes what tokens are verified by, and the client that does it.
func (p *program) newJudge(ctx context.Context, cmd *cobra.Command, o *verifyOptions) (*oidc.Client, judge, error) {
	require := []string{"issuer"}
	if o.jwks != "" {
		require = nil
	}
	cfg, httpClient, err := p.connect(ctx, cmd, &o.client, require...)
	if err != nil {
		return nil, nil, err
	}
	kind := o.as
	if kind == "" {
		kind = "jwt"
		if cfg.Issuer != "" && cfg.ClientID != "" {
			kind = "id_token"
		}
	}
	if missing := missingFor(kind, cfg); missing != "" {
		return nil, nil, usage("--as %s needs %s", kind, missing)
	}
	expect := oidc.Expectation{Nonce: o.nonce, Optional: true}
	access, err := p.optional(ctx, "access-token", o.withAccess, "OIDC_ACCESS_TOKEN")
	if err != nil {
		return nil, nil, err
	}
	client, err := p.verifier(ctx, cfg, httpClient, o.jwks)
	if err != nil {
		return nil, nil, err
	}
	return client, map[string]judge{
		"id_token": func(ctx context.Context, raw string) (*oidc.JWT, error) {
			return idTokenAsJWT(ctx, client, raw, access, expect)
		},
		"logout_token": func(ctx context.Context, raw string) (*oidc.JWT, error) {
			token, err := client.VerifyLogoutToken(ctx, raw, oidc.LogoutExpectation{})
			return &token.JWT, err
		},
		"access_token": client.VerifyAccessToken, "userinfo": client.VerifyUserInfo, "jarm": client.VerifyJARM, "jwt": client.VerifyJWT,
	}[kind], nil
}

// missingFor names what a kind of token is judged by and is not known.
func missingFor(kind string, cfg *config.Config) string {
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
func idTokenAsJWT(ctx context.Context, client *oidc.Client, raw, access string, expect oidc.Expectation) (*oidc.JWT, error) {
	token, err := client.VerifyIDToken(ctx, raw, access, expect)
	if token == nil {
		var broken *check.Error
		jwt := &oidc.JWT{}
		if errors.As(err, &broken) {
			jwt.Checks = broken.Results
		}
		return jwt, err
	}
	return &oidc.JWT{Header: token.Header, Encryption: token.Encryption, JSON: token.JSON, Checks: token.Checks, Verified: token.Verified}, err
}

// verifier is a client that verifies, with the provider's keys or with those of a
// JWK Set.
func (p *program) verifier(ctx context.Context, cfg *config.Config, httpClient *http.Client, jwks string) (*oidc.Client, error) {
	policy, err := policy(ctx, cfg)
	if err != nil {
		return nil, err
	}
	client := &oidc.Client{ID: cfg.ClientID, HTTP: httpClient, Now: p.env.Now, MaxBody: cfg.HTTP.MaxResponseSize, Waive: cfg.Waive, Policy: policy}
	if jwks == "" {
		client.Provider, err = p.discover(ctx, cfg, httpClient)
		return client, err
	}
	p.run.Issuer = cfg.Issuer
	client.Provider = &oidc.Provider{Issuer: cfg.Issuer, IDTokenSigningAlgorithms: oidc.SignatureAlgorithms()}
	if oidc.Browsable(jwks) {
		client.Provider.JWKSURI = jwks
		return client, nil
	}
	data, err := readFile(ctx, jwks)
	if err != nil {
		return nil, usage("--jwks: %w", err)
	}
	if client.Keys, err = oidc.ReadKeySet(data); err != nil {
		return nil, usage("--jwks: %v", err)
	}
	return client, nil
}

// verifyOne verifies a token and shows all of it.
func (p *program) verifyOne(ctx context.Context, judge judge, raw string) error {
	token, err := judge(ctx, strings.TrimPrefix(raw, "Bearer "))
	p.run.Checks = append(p.run.Checks, token.Checks...)
	p.warnings(token.Checks)
	if token.JSON != nil {
		p.run.Members.Add("jwt", (&transcript.Token{Header: token.Header, Encryption: token.Encryption, Claims: token.JSON, Verified: token.Verified && err == nil}).Document())
		if !p.options.json() {
			p.out.JSON("JWT Header", "Header", token.Header)
		}
		p.showClaims("JWT Claims", "Claims", token.JSON, token.Verified && err == nil)
	}
	p.explain()
	if err == nil {
		p.inform("the token is valid")
	}
	return err
}
