// token-exchange: RFC 8693.

package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// exchangeOptions are the flags of token-exchange.
type exchangeOptions struct {
	tokenOptions
	subjectToken, subjectTokenType string
	actorToken, actorTokenType     string
	requestedTokenType             string
}

// tokenTypes are the types of tokens by their short names.
var tokenTypes = map[string]string{
	"access_token": oidc.TokenTypeAccessToken, "refresh_token": oidc.TokenTypeRefreshToken,
	"id_token": oidc.TokenTypeIDToken,
	"jwt":      oidc.TokenTypeJWT, "saml1": oidc.TokenTypeSAML1, "saml2": oidc.TokenTypeSAML2,
}

func tokenExchangeCommand(p *program) *cobra.Command {
	var o exchangeOptions
	cmd := &cobra.Command{
		Use:   "token-exchange",
		Short: "Trade a token for another one",
		Long: `Trade a token for another one

A type of a token is a URI, or one of the short names access_token, refresh_token,
id_token, jwt, saml1 and saml2. audiences and resource of the file are sent. What
came is told by issued_token_type.`,
		Example: `  oidc-client token-exchange -c config.yaml --subject-token @access-token --audience api
  oidc-client token-exchange -c config.yaml --subject-token @id-token --subject-token-type id_token \
    --requested-token-type access_token`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return requestTokens(p.run, cmd, &o.tokenOptions,
				func(ctx context.Context, cfg *connect.Setup) (oidc.Grant, error) {
					return exchangeGrant(ctx, p.run, cfg, &o)
				})
		},
	}
	o.add(cmd)
	doesNot(cmd, fetchesUserInfo) // an ID Token would be a new one, of no login
	f := cmd.Flags()
	f.StringVar(&o.subjectToken, "subject-token", "",
		"token of whom it is about (- reads standard input, @FILE a file; or OIDC_SUBJECT_TOKEN)")
	f.StringVar(&o.subjectTokenType, "subject-token-type", "access_token", "what the subject token is")
	f.StringVar(&o.actorToken, "actor-token", "",
		"token of who acts (- reads standard input, @FILE a file; or OIDC_ACTOR_TOKEN)")
	f.StringVar(&o.actorTokenType, "actor-token-type", "access_token", "what the actor token is")
	f.StringVar(&o.requestedTokenType, "requested-token-type", "",
		"what to ask for; by default what the provider likes")
	for _, flag := range []string{"subject-token-type", "actor-token-type", "requested-token-type"} {
		complete(cmd, flag, func() []string {
			return []string{"access_token", "refresh_token", "id_token", "jwt", "saml1", "saml2"}
		})
	}
	return cmd
}

func exchangeGrant(ctx context.Context, r *run.Run, cfg *connect.Setup, o *exchangeOptions) (oidc.Grant, error) {
	subject, err := run.Required(ctx, r.Input.Token, "subject-token", o.subjectToken, "OIDC_SUBJECT_TOKEN")
	if err != nil {
		return oidc.Grant{}, err
	}
	actor, err := r.Input.Token(ctx, "actor-token", o.actorToken, "OIDC_ACTOR_TOKEN")
	if err != nil {
		return oidc.Grant{}, err
	}
	req := oidc.TokenExchangeRequest{
		SubjectToken: subject, ActorToken: actor, Audience: cfg.Audiences, Resource: cfg.Resource,
		Scope: serviceScopes(cfg),
	}
	for flag, t := range map[string]struct {
		name string
		to   *string
	}{
		"subject-token-type":   {o.subjectTokenType, &req.SubjectTokenType},
		"actor-token-type":     {o.actorTokenType, &req.ActorTokenType},
		"requested-token-type": {o.requestedTokenType, &req.RequestedTokenType},
	} {
		switch uri, short := tokenTypes[t.name]; {
		case short:
			*t.to = uri
		case t.name == "" || strings.Contains(t.name, ":"):
			*t.to = t.name
		default:
			return oidc.Grant{},
				failure.Usage("--%s %q is neither a URI nor one of access_token, refresh_token, id_token, jwt, "+
					"saml1, saml2", flag, t.name)
		}
	}
	return oidc.TokenExchange(req), nil
}
