// jwt: JOSE on its own, without a provider. RFC 7515 to 7519.

package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/internal/wire"
	"github.com/oidc-client/oidc-client/oidc"
)

func jwtCommand(p *program) *cobra.Command {
	return group("jwt", "Look into JSON Web Tokens, verify and make them",
		jwtDecodeCommand(p), jwtVerifyCommand(p), jwtJWKSCommand(p), jwtKeygenCommand(p), jwtProfileCommand(p),
		jwtRequestCommand(p))
}

func jwtDecodeCommand(p *program) *cobra.Command {
	var token string
	cmd := &cobra.Command{
		Use:   "decode [-|@FILE]",
		Short: "Show what a JWT says, without verifying it",
		Long: `Show what a JWT says, without verifying it

Nothing is sent anywhere. The token comes from standard input, from a file, or
from OIDC_TOKEN. It may be in what people copy: an Authorization header, a cookie, a
JSON response, the address that a login ended on. It is read as strictly as if it were
verified.`,
		Example: `  pbpaste | oidc-client jwt decode
  oidc-client jwt decode @id-token
  oidc-client token work --header | oidc-client jwt decode`,
		Args: counted(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 1 && token != "":
				return failure.Usage("the token is given twice")
			case len(args) == 1:
				token = args[0]
			case token == "" && p.env.Getenv("OIDC_TOKEN") == "":
				token = "-"
			}
			ctx, cancel := p.run.Bounded(cmd.Context())
			defer cancel()
			return decodeJWT(ctx, p.run, token)
		},
	}
	cmd.Flags().StringVar(&token, "token", "", "the token (- reads standard input, @FILE a file; or OIDC_TOKEN)")
	return cmd
}

// bareToken returns a token without what people paste with it: line breaks, a byte order mark, and the name
// and scheme of a header.
func bareToken(text string) string {
	text = strings.Join(strings.Fields(wire.Trim(text)), "")
	for _, before := range []string{"Authorization:", "Bearer", "DPoP"} {
		if len(text) > len(before) && strings.EqualFold(text[:len(before)], before) {
			text = text[len(before):]
		}
	}
	return text
}

func decodeJWT(ctx context.Context, r *run.Run, flag string) error {
	raw, err := r.Input.Text(ctx, "token", flag, "OIDC_TOKEN")
	if err != nil {
		return err
	}
	pasted := pastedJWTs(raw)
	if len(pasted) == 0 { // which is then told of the text as it is
		pasted = []pastedJWT{{"", bareToken(raw)}}
	}
	if pasted[0].token == "" {
		return failure.Usage("there is no token: standard input was empty")
	}
	var decoded []decodedJWT
	var failed error
	for _, p := range pasted {
		r.Learn(p.token)
		token, err := oidc.DecodeIDToken(p.token)
		if err == nil {
			decoded = append(decoded, decodedJWT{p.name, token.Header, token.JSON, false, token})
			continue
		}
		if err = undecodable(err); len(pasted) > 1 {
			r.Warn("%s: %s", cmp.Or(p.name, "a token"), err)
		}
		failed = cmp.Or(failed, err)
	}
	if len(decoded) == 0 {
		return failed
	}
	showDecoded(r, decoded)
	r.Warn("nothing was verified: anyone can have written this")
	return nil
}

// undecodable says why a token cannot be shown.
func undecodable(err error) error {
	if errors.Is(err, oidc.ErrEncrypted) {
		return failure.Usage("%v: its claims can only be read with the key it is encrypted for", err)
	}
	return failure.Usage("the token cannot be read: %v", err)
}

// A decodedJWT is a JWT as jwt decode shows it.
type decodedJWT struct {
	Name     string          `json:"name,omitempty"`
	Header   json.RawMessage `json:"header"`
	Claims   json.RawMessage `json:"claims"`
	Verified bool            `json:"verified"`

	token *oidc.IDToken
}

// showDecoded shows one token, or several by their names.
func showDecoded(r *run.Run, decoded []decodedJWT) {
	if len(decoded) == 1 {
		decoded[0].Name = ""
		r.Note("jwt", decoded[0])
	} else {
		r.Note("jwts", decoded)
	}
	for _, d := range decoded {
		of := ""
		if d.Name != "" {
			of = " of " + d.Name
		}
		r.Show(transcript.JSONResult("", "JWT Header"+of, "Header", d.Header))
		r.Show(transcript.JSONResult("", "JWT Claims"+of, "Claims", d.Claims))
		if times := describeTimes(r, d.token); times != "" {
			r.Show(transcript.Result{Title: "JWT Times" + of, Key: "Times", Text: times})
		}
	}
}

// describeTimes says when things happen, in local time and from now.
func describeTimes(r *run.Run, t *oidc.IDToken) string {
	var b strings.Builder
	now := r.Env.Now()
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
