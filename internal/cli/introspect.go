// introspect: RFC 7662, RFC 9701.

package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// clientFor reads the configuration, finds the provider and makes the client.
func (p *program) clientFor(ctx context.Context, cmd *cobra.Command, flags *clientFlags, require ...string) (*connect.Setup, *connect.Client, error) {
	cfg, err := p.load(ctx, cmd, flags, require...)
	if err != nil {
		return nil, nil, err
	}
	client, err := cfg.Client(ctx, p.Run, "", nil)
	return cfg, client, err
}

// tokenHints are the values of token_type_hint.
var tokenHints = []string{"access_token", "refresh_token"}

func (p *program) introspectCommand() *cobra.Command {
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
			ctx, cancel := p.Bounded(cmd.Context())
			defer cancel()
			r := oidc.IntrospectionRequest{Hint: hint, Signed: signed}
			return p.introspect(ctx, cmd, &flags, token, session, r)
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
func (p *program) introspected(ctx context.Context, cmd *cobra.Command, flags *clientFlags, flag, name string) (string, *connect.Setup, *connect.Client, error) {
	if name == "" {
		token, err := run.Required(ctx, p.Input.Token, "token", flag, "OIDC_TOKEN")
		if err != nil {
			return "", nil, nil, err
		}
		cfg, client, err := p.clientFor(ctx, cmd, flags, "issuer", "client_id")
		return token, cfg, client, err
	}
	if err := p.sessionOnly(cmd, flag); err != nil {
		return "", nil, nil, err
	}
	token, cfg, err := p.ofSession(ctx, name)
	if err != nil {
		return "", nil, nil, err
	}
	client, err := cfg.Client(ctx, p.Run, "", nil)
	return token, cfg, client, err
}

func (p *program) introspect(ctx context.Context, cmd *cobra.Command, flags *clientFlags, flag, name string, r oidc.IntrospectionRequest) error {
	if r.Hint != "" && !slices.Contains(tokenHints, r.Hint) {
		return failure.Usage("--token-type-hint is one of %s", strings.Join(tokenHints, ", "))
	}
	token, cfg, client, err := p.introspected(ctx, cmd, flags, flag, name)
	if err != nil {
		return err
	}
	r.Token = token
	r.Signed = r.Signed || cfg.SignedIntrospection
	answer, err := client.Introspect(ctx, r)
	if answer == nil {
		return err
	}
	p.Found(answer.Checks)
	if answer.JSON != nil && err == nil {
		p.showIntrospection(answer)
		err = p.Write(run.IntrospectionFile, answer.JSON)
	}
	p.Explain()
	return err
}

func (p *program) showIntrospection(answer *oidc.Introspection) {
	p.Show(transcript.JSONResult("introspection", "Introspect Response", "Response", answer.JSON))
	if answer.Header != nil {
		signed := &transcript.Token{Header: answer.Header, Encryption: answer.Encryption, Claims: answer.JSON, Verified: answer.Verified}
		p.Note("introspection_token", signed)
	}
	if !answer.Active {
		p.Inform("the token is not active: expired, revoked, unknown to the provider, or none of this client's business")
	}
}
