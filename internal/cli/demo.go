// demo: the embedded provider, a login, and the real refresh-token command.

package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/provider"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

func demoCommand(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the main job, offline: a provider, a login, refresh-token",
		Long: `Show the main job, offline: a provider, a login, refresh-token

Starts the development provider on a free port of 127.0.0.1, logs in by itself,
runs refresh-token against it over HTTP, and stops. No network, no account and
no file are needed.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(p.run, cmd) },
	}
	does(cmd, showsRequests, showsRules, fetchesUserInfo, writesResults)
	return cmd
}

func runDemo(r *run.Run, cmd *cobra.Command) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	options := provider.Defaults()
	options.Auto = true
	options.Clients = []provider.Client{{ID: "demo", Secret: rand.Text()}}
	op, err := provider.Start(options)
	if err != nil {
		return err
	}
	defer func() { _ = op.Close() }()
	r.Inform("a development provider is running: issuer %s", op.Issuer)

	tokens, err := logIn(ctx, op.Issuer, options.Clients[0])
	if err != nil {
		return err
	}
	r.Inform("alice has logged in with the authorization code flow (PKCE, state, nonce, iss)")

	folder, err := os.MkdirTemp("", "oidc-client-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	config, token := filepath.Join(folder, "config.yaml"), filepath.Join(folder, "refresh-token")
	policy := "amr_list: [otp, hwk] # alice logged in with a one-time password\n"
	if err := durable.WriteFile(config, op.ConfigFile(options.Clients[0], policy)); err != nil {
		return err
	}
	if err := durable.WriteFile(token, []byte(tokens.RefreshToken)); err != nil {
		return err
	}
	code := demonstrate(ctx, r, cmd, "refresh-token", "--config", config, "--refresh-token", "@"+token)
	r.Inform("exit code %d", code)
	if err := op.Close(); err != nil {
		return err
	}
	r.Inform("the development provider is stopped; its tokens no longer work")
	return &run.Done{Code: code}
}

// logIn goes through the authorization code flow. The provider is automatic: a
// browser would only follow its redirect.
func logIn(ctx context.Context, issuer string, c provider.Client) (*oidc.Tokens, error) {
	op, err := oidc.Discover(ctx, issuer)
	if err != nil {
		return nil, err
	}
	client := &oidc.Client{Provider: op, ID: c.ID, Auth: oidc.ClientSecretBasic(c.Secret)}
	login, err := client.Authorize(ctx, oidc.AuthorizationRequest{
		RedirectURI: "http://127.0.0.1:5556/auth/callback",
		Scope:       []string{"openid", "profile", "email", "offline_access"},
	})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, login.URL, nil)
	if err != nil {
		return nil, err
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	res, err := browser.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	back, err := res.Location()
	if err != nil || !strings.HasPrefix(back.String(), login.Request.RedirectURI+"?") {
		return nil, errors.New("the provider did not send the browser back")
	}
	return client.Exchange(ctx, login, back.Query())
}

// demonstrate runs a command as the user would, shows its command line, and
// returns its exit code.
func demonstrate(ctx context.Context, r *run.Run, cmd *cobra.Command, args ...string) int {
	r.Inform("$ oidc-client %s", strings.Join(args, " "))
	env := *r.Env
	env.Getenv = func(name string) string {
		if strings.HasPrefix(name, "OIDC_") {
			return "" // the demonstration is the same for everyone
		}
		return r.Env.Getenv(name)
	}
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	if reports := cmd.Flags().Lookup("report"); reports != nil && reports.Changed {
		for _, path := range flagValues(reports) {
			args = append(args, "--report="+path)
		}
	}
	return Main(ctx, &env, args)
}
