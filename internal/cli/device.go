// device: RFC 8628.

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/keep"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// deviceOptions are the flags of device.
type deviceOptions struct {
	tokenOptions
	browser bool
	noQR    bool
}

func deviceCommand(p *program) *cobra.Command {
	var o deviceOptions
	cmd := &cobra.Command{
		Use:   "device",
		Short: "Log in on another device (device authorization grant)",
		Long: `Log in on another device (device authorization grant)

Shows a code and an address, as a QR code too where there is a terminal and the locale
is UTF-8, and asks for the tokens at the pace that the provider sets until the user is
done there.`,
		Example: `  oidc-client device -c config.yaml
  oidc-client device --issuer https://op.example.com --client-id my-device --scope openid --timeout 5m --format json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return logInOnDevice(p.run, cmd, &o) },
	}
	o.add(cmd, wishFlags)
	f := cmd.Flags()
	f.BoolVar(&o.browser, "open", false, "open the address in the browser of this machine too")
	f.BoolVar(&o.noQR, "no-qr", false, "show no QR code")
	return cmd
}

func logInOnDevice(r *run.Run, cmd *cobra.Command, o *deviceOptions) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	cfg, err := prepareLogin(ctx, r, cmd, &o.tokenOptions)
	if err != nil {
		return err
	}
	params, err := o.loginParams(cfg)
	if err != nil {
		return err
	}
	t, err := newTokenRequest(ctx, r, cfg, &o.tokenOptions, keep.Plan{},
		o.uses(cfg, connect.WantsOpenID(cfg.Config), "device_authorization_endpoint", "token_endpoint"))
	if err != nil {
		return err
	}
	device, err := t.client.AuthorizeDevice(ctx, oidc.DeviceAuthorizationRequest{
		Scope: cfg.Scopes, Params: params, InsecureSkipPKCE: cfg.Login.UsePKCE != nil && !*cfg.Login.UsePKCE,
	})
	if device != nil {
		r.Found(device.Checks)
	}
	if err != nil {
		return err
	}
	showDevice(ctx, r, device, o)
	ask := func() (*oidc.Tokens, error) { return t.client.DeviceToken(ctx, device) }
	tokens, err := t.poll(ctx, &device.Hooks, device.ExpiresAt, ask)
	return t.settle(ctx, tokens, err)
}

// loginParams are the parameters of a login without a browser of ours.
func (o *tokenOptions) loginParams(cfg *connect.Setup) (url.Values, error) {
	params := url.Values{}
	for name, value := range map[string]string{
		"acr_values": cfg.Login.ACRValues, "authorization_details": cfg.Login.AuthorizationDetails,
		"claims":     cfg.Login.ClaimsParam,
		"ui_locales": cfg.Login.UILocales,
	} {
		if value != "" {
			params.Set(name, value)
		}
	}
	if cfg.MaxAge != nil {
		params.Set("max_age", fmt.Sprint(*cfg.MaxAge))
	}
	if len(cfg.Resource) > 0 {
		params["resource"] = cfg.Resource
	}
	if cfg.Origin["audiences"].Name == "--audience" {
		params["audience"] = cfg.Audiences
	}
	given := params
	return params, parameters(o.params, func(name string) bool {
		_, there := given[name]
		return there
	}, func(name, value string) { params.Add(name, value) })
}

// poll asks until there is an answer that is final. Nothing that is shown may keep
// an answer from being kept: it is shown at the next pause.
func (t *tokenRequest) poll(
	ctx context.Context, hooks *oidc.Hooks, until time.Time, ask func() (*oidc.Tokens, error),
) (*oidc.Tokens, error) {
	if t.Env.Shield != nil {
		t.Env.Shield()
	}
	hooks.Received = t.begin()
	hooks.Wait = func(ctx context.Context, d time.Duration) error {
		t.Recorder.Release()
		defer t.Recorder.Hold()
		return countdown(ctx, t.Run, d, until)
	}
	tokens, err := ask()
	t.Recorder.Release()
	return tokens, waitFor(ctx, "the user, on the other device", err)
}

// showDevice tells the person where to go and what to type there.
func showDevice(ctx context.Context, r *run.Run, d *oidc.DeviceAuthorization, o *deviceOptions) {
	r.Note("device_authorization", json.RawMessage(d.Raw))
	target := d.VerificationURI
	if d.VerificationURIComplete != "" {
		target = d.VerificationURIComplete
	}
	// Escaped here, since a line break of theirs would look like a line of ours.
	text := fmt.Sprintf("Go to      %s\nand enter  %s\n", transcript.Escape(d.VerificationURI),
		transcript.Escape(d.UserCode))
	if d.VerificationURIComplete != "" {
		text += fmt.Sprintf("or go to   %s\nand compare the code\n", transcript.Escape(d.VerificationURIComplete))
	}
	r.Console().Block("To log in, on any device", "Device", text)
	r.Learn(d.DeviceCode)
	if r.Console().Colour { // the code large, as far as a terminal can
		r.Console().Raw("  \x1b[1;7m   " + transcript.Escape(d.UserCode) + "   \x1b[0m\n  \n")
	}
	if !o.noQR && r.Env.Terminal(r.Env.Stderr) && r.Env.Blocks() {
		r.Console().Raw(qrCode(target))
	}
	if o.browser {
		openBrowser(ctx, r, &browserOptions{}, target)
	}
}

// countdown waits, and shows on a terminal how much time is left: until the code expires, or --timeout
// runs out.
func countdown(ctx context.Context, r *run.Run, d time.Duration, until time.Time) error {
	if deadline, ok := ctx.Deadline(); ok && (until.IsZero() || deadline.Before(until)) {
		until = deadline
	}
	end, tick := time.NewTimer(d), time.NewTicker(time.Second)
	defer end.Stop()
	defer tick.Stop()
	shown := r.Env.Terminal(r.Env.Stderr) && r.Options.Debug == 0
	if shown {
		defer r.Console().Raw("\r\x1b[K")
	}
	for {
		if left := until.Sub(r.Env.Now()).Round(time.Second); shown && left > 0 {
			r.Console().Raw(fmt.Sprintf("\r\x1b[Kwaiting for you; %s left", left))
		}
		select {
		case <-end.C:
			return nil
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
