// ciba: OpenID Connect Client-Initiated Backchannel Authentication Core 1.0.

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/keep"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/oidc"
)

// cibaOptions are the flags of ciba.
type cibaOptions struct {
	tokenOptions
	loginHintToken, idTokenHint, userCode string
	bindingMessage                        string
	requestedExpiry                       time.Duration
	ping                                  string
}

func cibaCommand(p *program) *cobra.Command {
	var o cibaOptions
	cmd := &cobra.Command{
		Use:   "ciba",
		Short: "Have a user log in on a device of theirs (CIBA)",
		Long: `Have a user log in on a device of theirs (CIBA)

Names the user by one hint, and asks for the tokens at the pace that the provider
sets (poll), or when it calls (ping): --ping ADDRESS listens there for the call, as
the client's backchannel_client_notification_endpoint is registered.`,
		Example: `  oidc-client ciba -c config.yaml --login-hint alice --binding-message W4SCT
  oidc-client ciba -c config.yaml --login-hint alice --request-object --ping 127.0.0.1:5558`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return logInBackchannel(p.run, cmd, &o) },
	}
	o.add(cmd, wishFlags, []string{"request-object", "login-hint"})
	f := cmd.Flags()
	f.StringVar(&o.loginHintToken, "login-hint-token", "",
		"token that names the user (- reads standard input, @FILE a file; or OIDC_LOGIN_HINT_TOKEN)")
	f.StringVar(&o.idTokenHint, "id-token-hint", "",
		"ID Token that names the user (- reads standard input, @FILE a file; or OIDC_ID_TOKEN_HINT)")
	f.StringVar(&o.userCode, "user-code", "",
		"code that only the user knows (- reads standard input, @FILE a file; or OIDC_USER_CODE)")
	f.StringVar(&o.bindingMessage, "binding-message", "", "shown on both devices, for the user to compare")
	f.DurationVar(&o.requestedExpiry, "requested-expiry", 0, "how long the user may take")
	f.StringVar(&o.ping, "ping", "", "`address` to be called at when the user is done, such as 127.0.0.1:5558")
	return cmd
}

func logInBackchannel(r *run.Run, cmd *cobra.Command, o *cibaOptions) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	cfg, err := prepareLogin(ctx, r, cmd, &o.tokenOptions)
	if err != nil {
		return err
	}
	request, err := backchannelRequest(ctx, r, cfg, o)
	if err != nil {
		return err
	}
	t, err := newTokenRequest(ctx, r, cfg, &o.tokenOptions, keep.Plan{},
		o.uses(cfg, connect.WantsOpenID(cfg.Config), "backchannel_authentication_endpoint", "token_endpoint"))
	if err != nil {
		return err
	}
	calls, err := listenForCalls(o.ping)
	if err != nil {
		return failure.Usage("--ping: %v", err)
	}
	defer calls.close()
	asked, err := t.client.AuthenticateBackchannel(ctx, request)
	if asked != nil {
		r.Found(asked.Checks)
		r.Learn(asked.RequestID)
		r.Note("backchannel_authentication", json.RawMessage(asked.Raw))
	}
	if err != nil {
		return err
	}
	calls.serve(asked)
	tellBackchannel(r, asked, o)
	ask := func() (*oidc.Tokens, error) { return t.client.BackchannelToken(ctx, asked) }
	tokens, err := t.poll(ctx, &asked.Hooks, asked.ExpiresAt, ask)
	return t.settle(ctx, tokens, err)
}

// backchannelRequest is what is asked for. max_age is no parameter of CIBA.
func backchannelRequest(ctx context.Context, r *run.Run, cfg *connect.Setup,
	o *cibaOptions,
) (oidc.BackchannelRequest, error) {
	req := oidc.BackchannelRequest{
		Scope: cfg.Scopes, LoginHint: cfg.Login.LoginHint, BindingMessage: o.bindingMessage,
		Ping: o.ping != "",
	}
	for _, secret := range []struct {
		flag, value, env string
		to               *string
		get              func(ctx context.Context, flag, value, env string) (string, error)
	}{
		{"login-hint-token", o.loginHintToken, "OIDC_LOGIN_HINT_TOKEN", &req.LoginHintToken, r.Input.Token},
		{"id-token-hint", o.idTokenHint, "OIDC_ID_TOKEN_HINT", &req.IDTokenHint, r.Input.Token},
		{"user-code", o.userCode, "OIDC_USER_CODE", &req.UserCode, r.Input.Secret},
	} {
		var err error
		if *secret.to, err = secret.get(ctx, secret.flag, secret.value, secret.env); err != nil {
			return req, err
		}
	}
	if !utf8.ValidString(req.UserCode) {
		return req, failure.Usage("--user-code is not UTF-8")
	}
	hints := 0
	for _, hint := range []string{req.LoginHint, req.LoginHintToken, req.IDTokenHint} {
		if hint != "" {
			hints++
		}
	}
	if hints != 1 {
		return req, failure.Usage("the user is named by exactly one of --login-hint, --login-hint-token and "+
			"--id-token-hint, not by %d", hints)
	}
	var err error
	if req.Params, err = o.loginParams(cfg); err != nil {
		return req, err
	}
	req.Params.Del("max_age")
	if o.requestedExpiry > 0 {
		req.Params.Set("requested_expiry", fmt.Sprint(int(o.requestedExpiry/time.Second)))
	}
	if cfg.Login.UseRequestParameter {
		if req.Object, err = requestObject(ctx, cfg); err == nil {
			req.Object.EncryptionAlg = ""
		}
	}
	return req, err
}

func tellBackchannel(r *run.Run, b *oidc.Backchannel, o *cibaOptions) {
	text := "the user was asked"
	if o.bindingMessage != "" {
		text += fmt.Sprintf("; both devices show %q", o.bindingMessage)
	}
	r.Inform("%s; there is time until %s", text, b.ExpiresAt.Local().Format(time.TimeOnly))
}

// A callReceiver is called when the user is done (CIBA section 10.2).
type callReceiver struct {
	listener net.Listener
	server   *http.Server
}

// listenForCalls opens the port, so that it is open before anyone can call. No
// address listens to nobody.
func listenForCalls(address string) (*callReceiver, error) {
	if address == "" {
		return &callReceiver{}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	return &callReceiver{listener: listener}, err
}

// serve takes the calls for one request. Any path will do: which one is called is
// the client's registration.
func (c *callReceiver) serve(b *oidc.Backchannel) {
	if c.listener == nil {
		return
	}
	c.server = &http.Server{
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: limit.Header,
		ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit.Form))
			if err != nil || r.Method != http.MethodPost ||
				!strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			doc, err := strictjson.Parse(body)
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			id, _ := doc.String("auth_req_id") // of another type it is not ours
			if !b.VerifyPing(r.Header.Get("Authorization"), id) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}),
	}
	go func() { _ = c.server.Serve(c.listener) }() // ends with close
}

func (c *callReceiver) close() {
	switch {
	case c.server != nil:
		_ = c.server.Close() // what it delivers is only a status
	case c.listener != nil:
		_ = c.listener.Close()
	}
}
