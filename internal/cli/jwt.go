// jwt: JOSE on its own, without a provider. RFC 7515 to 7519.

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

func (p *program) jwtCommand() *cobra.Command {
	return group("jwt", "Look into JSON Web Tokens, verify and make them",
		p.jwtDecodeCommand(), p.jwtVerifyCommand(), p.jwtJWKSCommand(), p.jwtKeygenCommand(), p.jwtProfileCommand(), p.jwtRequestCommand())
}

func (p *program) jwtDecodeCommand() *cobra.Command {
	var token string
	cmd := &cobra.Command{
		Use:   "decode [-|@FILE]",
		Short: "Show what a JWT says, without verifying it",
		Long: `Show what a JWT says, without verifying it

Nothing is sent anywhere. The token comes from standard input, from a file, or
from OIDC_TOKEN; it is read as strictly as if it were verified.`,
		Example: `  pbpaste | oidc-client jwt decode
  oidc-client jwt decode @id-token`,
		Args: counted(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 1 && token != "":
				return failure.Usage("the token is given twice")
			case len(args) == 1:
				token = args[0]
			case token == "" && p.Env.Getenv("OIDC_TOKEN") == "":
				token = "-"
			}
			ctx, cancel := p.Bounded(cmd.Context())
			defer cancel()
			return p.decodeJWT(ctx, token)
		},
	}
	cmd.Flags().StringVar(&token, "token", "", "the token (- reads standard input, @FILE a file; or OIDC_TOKEN)")
	return cmd
}

func (p *program) decodeJWT(ctx context.Context, flag string) error {
	raw, err := p.Input.Text(ctx, "token", flag, "OIDC_TOKEN")
	if err != nil {
		return err
	}
	raw = strings.TrimPrefix(strings.Join(strings.Fields(raw), ""), "Bearer")
	if raw == "" {
		return failure.Usage("there is no token: standard input was empty")
	}
	token, err := oidc.DecodeIDToken(raw)
	if errors.Is(err, oidc.ErrEncrypted) {
		return failure.Usage("%v: its claims can only be read with the key it is encrypted for", err)
	}
	if err != nil {
		return failure.Usage("the token cannot be read: %v", err)
	}
	p.Note("jwt", struct {
		Header   json.RawMessage `json:"header"`
		Claims   json.RawMessage `json:"claims"`
		Verified bool            `json:"verified"`
	}{token.Header, token.JSON, false})
	p.Show(transcript.JSONResult("", "JWT Header", "Header", token.Header))
	p.Show(transcript.JSONResult("", "JWT Claims", "Claims", token.JSON))
	if times := p.times(token); times != "" {
		p.Show(transcript.Result{Title: "JWT Times", Key: "Times", Text: times})
	}
	p.Warn("nothing was verified: anyone can have written this")
	return nil
}

// times says when things happen, in local time and from now.
func (p *program) times(t *oidc.IDToken) string {
	var b strings.Builder
	now := p.Env.Now()
	for _, claim := range []struct {
		name string
		at   time.Time
	}{{"iat", t.IssuedAt}, {"auth_time", t.AuthTime}, {"nbf", t.NotBefore}, {"exp", t.Expiry}} {
		if claim.at.IsZero() {
			continue
		}
		distance := claim.at.Sub(now).Truncate(time.Second)
		when := fmt.Sprintf("in %s", distance)
		if distance <= 0 {
			when = fmt.Sprintf("%s ago", -distance)
		}
		fmt.Fprintf(&b, "%-9s %s (%s)\n", claim.name, claim.at.Local().Format(time.RFC3339), when)
	}
	return b.String()
}
