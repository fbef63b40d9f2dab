// jwt-bearer and saml2-bearer: RFC 7523 section 2.1, RFC 7522 section 2.1.

package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// assertionOptions are the flags of jwt-bearer.
type assertionOptions struct {
	tokenOptions
	assertion         string
	subject, issuer   string
	assertionAudience string
	lifetime          time.Duration
}

func jwtBearerCommand(p *program) *cobra.Command {
	var o assertionOptions
	cmd := &cobra.Command{
		Use:   "jwt-bearer",
		Short: "Trade a JWT for an access token",
		Long: `Trade a JWT for an access token

The JWT is given by --assertion, or made of --subject and signed with private_key.`,
		Example: `  oidc-client jwt-bearer -c config.yaml --assertion @assertion.jwt --scope api
  oidc-client jwt-bearer -c config.yaml --pem-key key.pem --subject alice --scope api`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return requestTokens(p.run, cmd, &o.tokenOptions,
				func(ctx context.Context, cfg *connect.Setup) (oidc.Grant, error) {
					assertion, err := givenAssertion(ctx, p.run, cfg, &o)
					connect.AdviseGrant(p.run, assertion)
					return withAudience(oidc.JWTBearer(assertion, serviceScopes(cfg)...), cfg), err
				})
		},
	}
	o.add(cmd)
	f := cmd.Flags()
	f.StringVar(&o.assertion, "assertion", "", "the JWT (- reads standard input, @FILE a file; or OIDC_ASSERTION)")
	f.StringVar(&o.subject, "subject", "", "make a JWT with this sub, signed with private_key")
	f.StringVar(&o.issuer, "assertion-issuer", "", "iss of the JWT that is made (default client_id)")
	f.StringVar(&o.assertionAudience, "assertion-audience", "", "aud of the JWT that is made (default issuer)")
	f.DurationVar(&o.lifetime, "assertion-lifetime", 0, "lifetime of the JWT that is made (default 5m)")
	return cmd
}

// givenAssertion is the JWT that was given, or one that is made.
func givenAssertion(ctx context.Context, r *run.Run, cfg *connect.Setup, o *assertionOptions) (string, error) {
	if o.subject == "" {
		if o.issuer != "" || o.assertionAudience != "" || o.lifetime != 0 {
			return "", failure.Usage("--assertion-issuer, --assertion-audience and --assertion-lifetime go with " +
				"--subject, which makes a JWT")
		}
		return run.Required(ctx, r.Input.Token, "assertion", o.assertion, "OIDC_ASSERTION")
	}
	switch {
	case o.assertion != "":
		return "", failure.Usage("--assertion is a JWT that is there already, --subject makes one")
	case cfg.PrivateKey == "":
		return "", failure.Usage("--subject needs a private_key (a file), or --pem-key, to sign with")
	}
	key, err := cfg.Credentials.SigningKey(ctx)
	if err != nil {
		return "", err
	}
	a := oidc.Assertion{Algorithm: cfg.Assertion.Algorithm, Audience: o.assertionAudience, Lifetime: o.lifetime}
	if a.Audience == "" {
		a.Audience = cfg.Issuer
	}
	issuer := o.issuer
	if issuer == "" {
		issuer = cfg.ClientID
	}
	signed, err := a.Sign(key, issuer, o.subject, r.Env.Now(), nil)
	if err != nil {
		return "", failure.Config("%s: %v", connect.Origin(cfg.Config, "private_key"), err)
	}
	r.Learn(signed)
	return signed, nil
}

func saml2BearerCommand(p *program) *cobra.Command {
	var o tokenOptions
	var assertion string
	cmd := &cobra.Command{
		Use:   "saml2-bearer",
		Short: "Trade a SAML 2.0 assertion for an access token",
		Long: `Trade a SAML 2.0 assertion for an access token

The assertion is XML, as its issuer signed it. It is sent as it is.`,
		Example: `  oidc-client saml2-bearer -c config.yaml --assertion @assertion.xml --scope api`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return requestTokens(p.run, cmd, &o, func(ctx context.Context, cfg *connect.Setup) (oidc.Grant, error) {
				xml, err := p.run.Input.Text(ctx, "assertion", assertion, "OIDC_ASSERTION")
				if err == nil && xml == "" {
					err = failure.Usage("--assertion is missing (- reads standard input, @FILE a file; or set " +
						"OIDC_ASSERTION)")
				}
				return withAudience(oidc.SAML2Bearer([]byte(xml), serviceScopes(cfg)...), cfg), err
			})
		},
	}
	o.add(cmd)
	cmd.Flags().StringVar(&assertion, "assertion", "",
		"the assertion (- reads standard input, @FILE a file; or OIDC_ASSERTION)")
	return cmd
}
