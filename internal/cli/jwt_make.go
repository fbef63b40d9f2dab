// jwt jwks, keygen, profile and request: RFC 7517, RFC 7523 section 3, RFC 9101.

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// keySetOptions are the flags of jwt jwks.
type keySetOptions struct{ key, kid, use string }

func jwtJWKSCommand(p *program) *cobra.Command {
	var o keySetOptions
	cmd := &cobra.Command{
		Use:   "jwks",
		Short: "Show the public half of a private key as a JWK Set",
		Long: `Show the public half of a private key as a JWK Set

For the client's registration at a provider (jwks), or to be served (jwks_uri).`,
		Example: `  oidc-client jwt jwks --pem-key key.pem --kid 2026-11`,
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return publishKey(p.run, cmd, &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.key, "pem-key", "", "`file` of the private key: PEM, PKCS #12 (.p12, .pfx) or JWK")
	f.StringVar(&o.kid, "kid", "", "kid of the key")
	f.StringVar(&o.kid, "mock-jwt-kid", "", "likewise")
	f.StringVar(&o.use, "use", "sig", "use of the key: sig or enc")
	return cmd
}

func publishKey(r *run.Run, cmd *cobra.Command, o *keySetOptions) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	if o.key == "" {
		return failure.Usage("--pem-key is missing: the private key")
	}
	data, err := readKey(ctx, r, o.key)
	if err != nil {
		return failure.Usage("--pem-key: %w", err)
	}
	key, err := oidc.ReadSigningKey(data)
	if err != nil {
		return failure.Usage("--pem-key: %s: %v", o.key, err)
	}
	if o.kid != "" {
		key = key.WithID(o.kid)
	}
	jwk, err := key.PublicJWK(o.use)
	if err != nil {
		return err
	}
	return showKeySet(r, jwk)
}

// showKeySet shows a JWK Set and nothing else: it is for other programs.
func showKeySet(r *run.Run, keys ...json.RawMessage) error {
	set, err := json.MarshalIndent(map[string]any{"keys": keys}, "", "  ")
	if err != nil {
		return err
	}
	r.Print("jwks", json.RawMessage(set), string(set))
	return nil
}

// keygenOptions are the flags of jwt keygen.
type keygenOptions struct {
	alg, out, kid, format string
	force                 bool
}

func jwtKeygenCommand(p *program) *cobra.Command {
	o := keygenOptions{}
	cmd := &cobra.Command{
		Use:   "keygen --out FILE",
		Short: "Make a private key, and show its public half as a JWK Set",
		Long: `Make a private key, and show its public half as a JWK Set

The key goes to a file, mode 0600, and never to the terminal. It is for client
assertions, request objects and DPoP (private_key, dpop_key), or, made for an
algorithm of encryption, for what providers encrypt (decryption_key).`,
		Example: `  oidc-client jwt keygen --alg ES256 --out key.pem
  oidc-client jwt keygen --alg PS256 --out key.json --key-format jwk > jwks.json`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return makeKey(p.run, &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.alg, "alg", "ES256", "algorithm that the key is for")
	f.StringVar(&o.out, "out", "", "`file` of the private key")
	f.StringVar(&o.kid, "kid", "", "kid of the key (default its thumbprint, RFC 7638)")
	f.StringVar(&o.format, "key-format", "", "pem or jwk (default jwk if the file ends in .json or .jwk)")
	f.BoolVar(&o.force, "force", false, "replace a file that is there already")
	complete(cmd, "alg", func() []string {
		return slices.Concat(oidc.SignatureAlgorithms(), oidc.EncryptionAlgorithms())
	})
	return cmd
}

func makeKey(r *run.Run, o *keygenOptions) error {
	if o.out == "" {
		return failure.Usage("--out is missing: the file of the private key")
	}
	if _, err := os.Lstat(o.out); err == nil && !o.force {
		return failure.Usage("%s is there already; --force replaces it", o.out)
	}
	key, err := oidc.GenerateKey(o.alg)
	if err != nil {
		return failure.Usage("--alg: %v", err)
	}
	if o.kid != "" {
		key = key.WithID(o.kid)
	}
	use := "sig"
	if slices.Contains(oidc.EncryptionAlgorithms(), o.alg) {
		use = "enc"
	}
	data, err := keyFile(key, use, o)
	if err != nil {
		return err
	}
	if err := run.WriteNew(o.out, data, o.force); err != nil {
		return fmt.Errorf("the key could not be written: %w", err)
	}
	r.Inform("the private key is in %s", o.out)
	jwk, err := key.PublicJWK(use)
	if err != nil {
		return err
	}
	return showKeySet(r, jwk)
}

// keyFile is what the file of the key holds.
func keyFile(key oidc.SigningKey, use string, o *keygenOptions) ([]byte, error) {
	format := o.format
	if format == "" {
		format = "pem"
		if strings.HasSuffix(o.out, ".json") || strings.HasSuffix(o.out, ".jwk") {
			format = "jwk"
		}
	}
	switch format {
	case "pem":
		return key.PEM()
	case "jwk":
		jwk, err := key.PrivateJWK(use)
		return append(jwk, '\n'), err
	}
	return nil, failure.Usage("--key-format is pem or jwk")
}

func jwtProfileCommand(p *program) *cobra.Command {
	var flags clientFlags
	var endpoint string
	var claims []string
	cmd := &cobra.Command{
		Use:   "profile",
		Short: "Make a client assertion (private_key_jwt)",
		Long: `Make a client assertion (private_key_jwt)

Prints the assertion and nothing else. It works for a few minutes, for whoever has
it.`,
		Example: `  oidc-client jwt profile -c config.yaml --pem-key key.pem
  oidc-client jwt profile --issuer https://op.example.com --client-id me --pem-key key.pem --claim nonce=1`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := p.run.Bounded(cmd.Context())
			defer cancel()
			cfg, err := loadConfig(ctx, p.run, cmd, &flags, "issuer", "client_id")
			if err != nil {
				return err
			}
			return makeAssertion(ctx, p.run, cfg, endpoint, claims)
		},
	}
	flags.add(cmd, signFlags)
	f := cmd.Flags()
	f.StringVar(&endpoint, "endpoint", "",
		"audience of the assertion (default issuer, or what jwt_profile_token_audience says)")
	f.StringArrayVar(&claims, "claim", nil,
		"further claim, as `name=value`; the value is JSON, or else a string (repeatable)")
	return cmd
}

func makeAssertion(ctx context.Context, r *run.Run, cfg *connect.Setup, endpoint string, claims []string) error {
	if cfg.PrivateKey == "" {
		return failure.Usage("--pem-key is missing: the private key")
	}
	more, err := claimFlags(claims)
	if err != nil {
		return err
	}
	a, key, err := connect.SignedAssertion(ctx, cfg.Config, cfg.Credentials)
	if err != nil {
		return err
	}
	for _, audience := range []string{cfg.Issuer, a.Audience, a.Audiences["token"], endpoint} {
		if audience != "" {
			a.Audience = audience
		}
	}
	signed, err := a.Sign(key, cfg.ClientID, cfg.ClientID, r.Env.Now(), more)
	if err != nil {
		return failure.Config("%s: %v", connect.Origin(cfg.Config, "private_key"), err)
	}
	r.Print("client_assertion", signed, signed)
	return nil
}

// claimFlags reads --claim.
func claimFlags(claims []string) (map[string]any, error) {
	more := map[string]any{}
	for _, claim := range claims {
		name, value, ok := strings.Cut(claim, "=")
		if !ok || name == "" {
			return nil, failure.Usage("a --claim is not name=value")
		}
		more[name] = value
		if json.Valid([]byte(value)) {
			more[name] = json.RawMessage(value)
		}
	}
	return more, nil
}

func jwtRequestCommand(p *program) *cobra.Command {
	var o loginOptions
	var claims []string
	cmd := &cobra.Command{
		Use:   "request",
		Short: "Make a signed request object (RFC 9101)",
		Long: `Make a signed request object (RFC 9101)

Prints the request object of an authorization request and nothing else. Nothing is
sent; state, nonce and code_challenge are of nobody, unless the mocks set them.`,
		Example: `  oidc-client jwt request -c config.yaml --pem-key key.pem --prompt login`,
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return makeRequestObject(p.run, cmd, &o, claims) },
	}
	o.client.add(cmd, signFlags, []string{"client-secret"}, scopeFlags, wishFlags,
		[]string{"response-type", "response-mode", "prompt", "login-hint"})
	f := cmd.Flags()
	o.browser.addPlace(f)
	o.mock.add(f)
	addParams(f, &o.params, "")
	f.StringArrayVar(&claims, "claim", nil,
		"further claim, as `name=value`; the value is JSON, or else a string (repeatable)")
	return cmd
}

func makeRequestObject(r *run.Run, cmd *cobra.Command, o *loginOptions, claims []string) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	cfg, err := loadConfig(ctx, r, cmd, &o.client, "issuer", "client_id")
	if err != nil {
		return err
	}
	more, err := claimFlags(claims)
	if err != nil {
		return err
	}
	cfg.Login.UseRequestParameter, cfg.Login.RequestObjectEncryptionAlgorithm = true, ""
	request, err := authorizationRequest(ctx, cfg, o.params)
	if err != nil {
		return err
	}
	place, err := o.browser.place(callbackPath)
	if err != nil {
		return err
	}
	request.RedirectURI = orText(cfg.Login.OverrideRedirectURI,
		fmt.Sprintf("http://%s:%d%s", place.Host, place.Port, place.Path))
	if request.Object.Claims == nil {
		request.Object.Claims = map[string]any{}
	}
	request.Object.Claims = maps.Clone(request.Object.Claims)
	maps.Copy(request.Object.Claims, more)
	request.Push = false
	client := &oidc.Client{
		Provider: &oidc.Provider{Issuer: cfg.Issuer, AuthorizationEndpoint: "https://op.invalid/"},
		ID:       cfg.ClientID, Now: r.Env.Now, Policy: oidc.Policy{MaxAge: connect.MaxAge(cfg.Config)},
	}
	login, err := client.AuthorizeWith(ctx,
		oidc.Login{Request: request, Nonce: o.mock.nonce, State: o.mock.state, CodeVerifier: o.mock.verifier})
	if err != nil {
		return err
	}
	u, err := url.Parse(login.URL)
	if err != nil {
		return err
	}
	object := u.Query().Get("request")
	r.Print("request", object, object)
	return nil
}
