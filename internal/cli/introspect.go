// introspect: RFC 7662, RFC 9701.

package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// clientFor reads the configuration, finds the provider and makes the client.
// uses are the members of the metadata that the command uses.
func clientFor(ctx context.Context, r *run.Run, cmd *cobra.Command, flags *clientFlags,
	uses ...string,
) (*connect.Setup, *connect.Client, error) {
	cfg, err := loadConfig(ctx, r, cmd, flags, "issuer", "client_id")
	if err != nil {
		return nil, nil, err
	}
	client, err := cfg.Client(ctx, r, "", nil, uses...)
	return cfg, client, err
}

// tokenHints are the values of token_type_hint.
var tokenHints = []string{"access_token", "refresh_token"}

func introspectCommand(p *program) *cobra.Command {
	var flags clientFlags
	var token, hint, session string
	var signed bool
	cmd := &cobra.Command{
		Use:   "introspect",
		Short: "Ask the provider about a token",
		Long: `Ask the provider about a token

A token that is not active is no error: active is false. With --signed the answer
has to be a JWT (RFC 9701), whose signature, iss and aud are verified.`,
		Example: `  oidc-client introspect -c config.yaml --token @access-token
  oidc-client introspect -c config.yaml --token - --signed --explain < access-token
  oidc-client introspect --session work`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := p.run.Bounded(cmd.Context())
			defer cancel()
			r := oidc.IntrospectionRequest{Hint: hint, Signed: signed}
			return introspectToken(ctx, p.run, cmd, &flags, token, session, r)
		},
	}
	flags.add(cmd, authFlags)
	does(cmd, showsRequests, showsRules, writesResults)
	f := cmd.Flags()
	f.StringVar(&token, "token", "", "the token (- reads standard input, @FILE a file; or OIDC_TOKEN)")
	f.StringVar(&session, "session", "", "`name` of the session whose token is asked about, with its configuration")
	f.StringVar(&hint, "token-type-hint", "", "what the token is: access_token or refresh_token")
	f.BoolVar(&signed, "signed", false, "ask for a signed answer, and take no other (use_signed_introspection)")
	complete(cmd, "token-type-hint", func() []string { return tokenHints })
	return cmd
}

// introspected is the token that was given, or that of a session, and the client that asks.
func introspected(ctx context.Context, r *run.Run, cmd *cobra.Command, flags *clientFlags, flag,
	name string, signed bool,
) (string, *connect.Setup, *connect.Client, error) {
	if name == "" {
		token, err := run.Required(ctx, r.Input.Token, "token", flag, "OIDC_TOKEN")
		if err != nil {
			return "", nil, nil, err
		}
		cfg, err := loadConfig(ctx, r, cmd, flags, "issuer", "client_id")
		if err != nil {
			return "", nil, nil, err
		}
		client, err := cfg.Client(ctx, r, "", nil, introspectionUses(cfg, signed)...)
		return token, cfg, client, err
	}
	if err := sessionOnly(cmd, flag); err != nil {
		return "", nil, nil, err
	}
	token, cfg, err := ofSession(ctx, r, name)
	if err != nil {
		return "", nil, nil, err
	}
	client, err := cfg.Client(ctx, r, "", nil, introspectionUses(cfg, signed)...)
	return token, cfg, client, err
}

// introspectionUses are the members of the metadata that an introspection uses.
func introspectionUses(cfg *connect.Setup, signed bool) []string {
	uses := []string{"introspection_endpoint"}
	if signed || cfg.SignedIntrospection {
		uses = append(uses, "jwks_uri")
	}
	return uses
}

func introspectToken(ctx context.Context, r *run.Run, cmd *cobra.Command, flags *clientFlags, flag, name string,
	req oidc.IntrospectionRequest,
) error {
	if req.Hint != "" && !slices.Contains(tokenHints, req.Hint) {
		return failure.Usage("--token-type-hint is one of %s", strings.Join(tokenHints, ", "))
	}
	token, cfg, client, err := introspected(ctx, r, cmd, flags, flag, name, req.Signed)
	if err != nil {
		return err
	}
	req.Token = token
	req.Signed = req.Signed || cfg.SignedIntrospection
	r.Advise("signed introspection", func(err error, f *failure.Failure) { adviseUnsigned(err, f, client.Provider) })
	answer, err := client.Introspect(ctx, req)
	if answer == nil {
		return err
	}
	r.Found(answer.Checks)
	if answer.JSON != nil && err == nil {
		showIntrospection(r, answer, token, cfg.ClientID)
		err = r.Write(run.IntrospectionFile, answer.JSON)
	}
	r.Explain()
	return err
}

// adviseUnsigned says that the provider does not offer the signed response that was asked for.
func adviseUnsigned(err error, f *failure.Failure, provider *oidc.Provider) {
	const member = "introspection_signing_alg_values_supported"
	metadata, parseErr := strictjson.Parse(provider.Raw)
	if oidc.Reason(err) == "introspection.signed" && parseErr == nil && !metadata.Has(member) {
		run.Advise(f, "the provider does not seem to have signed responses: its metadata lists no "+member)
	}
}

func showIntrospection(r *run.Run, answer *oidc.Introspection, token, clientID string) {
	r.Show(transcript.JSONResult("introspection", "Introspect Response", "Response", answer.JSON))
	if answer.Header != nil {
		signed := &transcript.Token{
			Header: answer.Header, Encryption: answer.Encryption, Claims: answer.JSON,
			Verified: answer.Verified,
		}
		r.Note("introspection_token", signed)
	}
	if !answer.Active {
		r.Inform("the token is not active: expired, revoked, unknown, or issued to another client%s",
			foreignAudience(token, clientID))
	}
}

// foreignAudience says that a token, if it is a JWT, does not name the client in aud, "" if it does: Keycloak
// tells a client only about tokens whose aud names it.
func foreignAudience(token, clientID string) string {
	decoded, err := oidc.DecodeIDToken(token)
	if err != nil || slices.Contains(decoded.Audience, clientID) {
		return ""
	}
	audience := "has no aud"
	if len(decoded.Audience) > 0 {
		audience = fmt.Sprintf("has the aud %s, not %q", check.List(decoded.Audience), clientID)
	}
	return fmt.Sprintf(". It is a JWT that %s: some providers, such as Keycloak, tell a client only about tokens "+
		"whose aud names it", audience)
}
