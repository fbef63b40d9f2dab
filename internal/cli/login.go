// client: OpenID Connect Core 1.0 section 3.1 with a loopback redirect (RFC 8252).

package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/flow"
	"github.com/oidc-client/oidc-client/internal/keep"
	"github.com/oidc-client/oidc-client/internal/loopback"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// loginOptions are the flags of commands that log a user in through the browser.
type loginOptions struct {
	tokenOptions
	browser     browserOptions
	mock        mockOptions
	keepRunning bool
}

// mockOptions are the flags for testing a provider.
type mockOptions struct {
	fakeVerifier           bool
	nonce, state, verifier string
}

// add adds the flags that set what is random otherwise.
func (o *mockOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.nonce, "mock-nonce", "", "send this nonce")
	f.StringVar(&o.state, "mock-state", "", "send this state")
	f.StringVar(&o.verifier, "mock-code-verifier", "", "use this PKCE verifier")
}

// browserOptions are the flags of commands that wait for the browser.
type browserOptions struct {
	port      int
	localhost bool
	noBrowser bool
	command   string
}

func (o *browserOptions) add(f *pflag.FlagSet) {
	o.addPlace(f)
	f.BoolVar(&o.noBrowser, "no-browser", false, "do not open the browser")
	f.StringVar(&o.command, "browser", "",
		"`command` to open the URL with, in place of %s or at its end; by default one of BROWSER, or the system's")
}

// addPlace adds the flags of where the browser comes back to.
func (o *browserOptions) addPlace(f *pflag.FlagSet) {
	f.IntVarP(&o.port, "port", "p", 5556, "port of the listener on the loopback address; 0 takes a free one")
	f.BoolVar(&o.localhost, "localhost", false, "redirect to localhost instead of 127.0.0.1")
}

// place is where the listener is.
func (o *browserOptions) place(path string) (loopback.Options, error) {
	place := loopback.Options{Host: "127.0.0.1", Port: o.port, Path: path}
	if o.localhost {
		place.Host = "localhost"
	}
	if o.port < 0 || o.port > 65535 {
		return place, failure.Usage("--port is a number from 0 to 65535")
	}
	return place, nil
}

const callbackPath = "/auth/callback"

func clientCommand(p *program) *cobra.Command {
	var o loginOptions
	cmd := &cobra.Command{
		Use:     "client",
		Aliases: []string{"login"},
		Short:   "Log in through the browser (authorization code flow)",
		Long: `Log in through the browser (authorization code flow)

Listens on the loopback address, opens the browser, waits for it to come back,
redeems the code, verifies everything that came, fetches UserInfo, and shows it.
state, nonce and PKCE are always sent, and the answer's state and iss checked.

Where the browser is on another machine, open the second URL there, and paste the
address it ends on here.`,
		Example: `  oidc-client client -c config.yaml
  oidc-client client -c config.yaml --port 0 --prompt login --max-age 300
  oidc-client client --issuer https://op.example.com --client-id my-client --scope openid --scope email
  oidc-client login -c config.yaml --par --dpop --resource https://api.example.com`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return logInCommand(p.run, cmd, &o) },
	}
	o.add(cmd, authorizationFlags)
	f := cmd.Flags()
	o.browser.add(f)
	o.mock.add(f)
	f.BoolVar(&o.mock.fakeVerifier, "fake-pkce-verifier", false,
		"send a code_verifier that does not belong to the code_challenge: the provider has to refuse it")
	f.BoolVar(&o.keepRunning, "keep-running", false, "wait for another login after each, until Ctrl-C")
	return cmd
}

// addUnsaved adds the flags of a login whose tokens are for this run only, or go where
// the command puts them.
func (o *loginOptions) addUnsaved(cmd *cobra.Command) {
	o.tokenOptions.addUnsaved(cmd, authorizationFlags)
	o.browser.add(cmd.Flags())
}

func logInCommand(r *run.Run, cmd *cobra.Command, o *loginOptions) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	if o.keepRunning && r.Options.JSON() {
		return failure.Usage("--keep-running shows one login after the other, and --format json one document")
	}
	cfg, err := prepareLogin(ctx, r, cmd, &o.tokenOptions)
	if err != nil {
		return err
	}
	t, err := newTokenRequest(ctx, r, cfg, &o.tokenOptions, keep.Plan{}, o.loginUses(cfg))
	if err != nil {
		return err
	}
	journey, err := newLogin(ctx, r, t, o)
	if err != nil {
		return err
	}
	var settled error
	err = runLogin(ctx, r, journey, func(outcome *flow.Outcome) bool {
		settled = settleLogin(ctx, t, outcome)
		if o.keepRunning {
			settled = nextLogin(ctx, r, t, settled)
		}
		return !o.keepRunning || ctx.Err() != nil
	})
	if err == nil {
		err = settled
	}
	return err
}

// loginUses are the members of the metadata that a login uses.
func (o *loginOptions) loginUses(cfg *connect.Setup) []string {
	response := strings.Fields(cmp.Or(cfg.Login.ResponseType, "code"))
	endpoints := []string{"authorization_endpoint", "pushed_authorization_request_endpoint"}
	if slices.Contains(response, "code") {
		endpoints = append(endpoints, "token_endpoint")
	}
	if throughBrowser(cfg) {
		endpoints = append(endpoints, "response_modes_supported")
	}
	openID := connect.WantsOpenID(cfg.Config) || slices.Contains(response, "id_token")
	return o.uses(cfg, openID, endpoints...)
}

// throughBrowser reports whether tokens come through the browser, in a way that is left to
// this program.
func throughBrowser(cfg *connect.Setup) bool {
	return cfg.Login.ResponseMode == "" && strings.Contains(cfg.Login.ResponseType, "token")
}

// runLogin runs the journey of a login. What kept it from beginning is explained here,
// since no outcome has it.
func runLogin(ctx context.Context, r *run.Run, journey *flow.Login, done func(*flow.Outcome) bool) error {
	if !isPosted(journey.Request.ResponseMode) {
		texts, stop := r.Pasted(ctx)
		defer stop()
		journey.Pasted = texts
	}
	err := waitFor(ctx, "the login in the browser", journey.Run(ctx, done))
	if wait, waited := errors.AsType[*failure.WaitError](err); waited {
		wait.Hint = "if the browser shows an error, it is the provider's: check client_id, and register " +
			journey.Request.RedirectURI + " as redirect URI\n--timeout bounds the wait; no token was issued"
	}
	var broken *check.Error
	if errors.As(err, &broken) {
		r.FoundBeside(broken.Results)
		r.Explain()
	}
	return err
}

// isPosted reports whether a response_mode puts the response in no address, which could be pasted.
func isPosted(mode string) bool { return strings.HasPrefix(mode, "form_post") }

// waitFor makes the end of a wait for a person an error of its own.
func waitFor(ctx context.Context, what string, err error) error {
	var known *oidc.Error
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) && !errors.As(err, &known) {
		var transport *oidc.TransportError
		if !errors.As(err, &transport) {
			return &failure.WaitError{For: what, Cause: err}
		}
	}
	return err
}

// newLogin is the journey that the configuration and the flags ask for.
func newLogin(ctx context.Context, r *run.Run, t *tokenRequest, o *loginOptions) (*flow.Login, error) {
	cfg := t.cfg
	params, err := maxAgeParam(cfg, &t.client.Policy, o.params)
	if err != nil {
		return nil, err
	}
	request, err := authorizationRequest(ctx, cfg, params)
	if err != nil {
		return nil, err
	}
	if throughBrowser(cfg) {
		request.ResponseMode = tokenResponseMode(t.client.Provider)
	}
	place, err := o.browser.place(callbackPath)
	if err != nil {
		return nil, err
	}
	if uri := cfg.Login.OverrideRedirectURI; uri != "" {
		if own, ok := loopback.Place(uri); ok {
			place.Host, place.Port, place.Path = own.Host, own.Port, own.Path
		} else if u, err := url.Parse(uri); err == nil {
			place.ProxiedHost, place.ProxiedPath = u.Host, loopback.Path(u)
		}
		request.RedirectURI = uri
	}
	elsewhere := "Is the browser on another machine? Open this there, and paste here the address that it ends on"
	if isPosted(request.ResponseMode) {
		elsewhere = "The answer is posted, so that it cannot be pasted: a browser elsewhere has to reach this " +
			"machine. The login is at"
	}
	journey := &flow.Login{
		Client: t.client.Client, Request: request, Place: place, Exchange: t.redeem(o.mock.fakeVerifier),
		With: oidc.Login{Nonce: o.mock.nonce, State: o.mock.state, CodeVerifier: o.mock.verifier},
		Left: func(login *oidc.Login, at time.Time) {
			r.Recorder.Browsed(transcript.BrowserRequest{
				Endpoint: transcript.AuthorizationRequest, URL: login.URL, At: at,
			})
		},
		Returned: func(login *oidc.Login, response flow.Response) {
			r.Recorder.Browsed(transcript.BrowserRequest{
				Endpoint: transcript.AuthorizationResponse, Via: response.Via, URL: login.Request.RedirectURI,
				Parameters: response.Parameters, At: response.At,
			})
		},
		Strange: func(what string) { r.Warn("%s", what) },
	}
	journey.Begun = func(start, direct string) error {
		if throughBrowser(cfg) {
			r.Inform("the response is expected at %s (response_mode %s)", journey.Request.RedirectURI,
				request.ResponseMode)
		}
		r.Inform("Go to %s", start)
		r.Console().Block(elsewhere, "URL", direct)
		device := t.client.Provider.DeviceAuthorizationEndpoint != ""
		opened := openBrowser(ctx, r, &o.browser, start)
		err := unattended(r, &o.browser, opened, nobodyLogsIn, device)
		if !opened && err == nil {
			adviseSSH(r, start, device)
		}
		return err
	}
	return journey, nil
}

// tokenResponseMode is how tokens come through the browser if nobody said: as a form, because
// what stands behind a # never leaves the browser by itself. Only a provider whose metadata
// offers that does it (OpenID Connect Discovery 1.0 section 3: the default is query and
// fragment).
func tokenResponseMode(p *oidc.Provider) string {
	if slices.Contains(p.ResponseModesSupported, "form_post") {
		return "form_post"
	}
	return "fragment"
}

// redeem judges an answer and redeems its code. Nothing that is shown may keep what
// comes from being kept.
func (t *tokenRequest) redeem(fakeVerifier bool) func(context.Context, *oidc.Login, url.Values) (*oidc.Tokens, error) {
	return func(ctx context.Context, login *oidc.Login, response url.Values) (*oidc.Tokens, error) {
		if fakeVerifier {
			login.CodeVerifier = rand.Text() + rand.Text()
			t.Warn("the code_verifier that is sent does not belong to the code_challenge (--fake-pkce-verifier)")
		}
		login.Received = t.begin()
		return run.Guard(t.Run, func() (*oidc.Tokens, error) { return t.client.Exchange(ctx, login, response) })
	}
}

// maxAgeParam takes max_age out of --param, for the policy: the login has to be as new as is
// asked for, however that is written. One beside --max-age stays, to be refused.
func maxAgeParam(cfg *connect.Setup, policy *oidc.Policy, params []string) ([]string, error) {
	i := slices.IndexFunc(params, func(param string) bool { return strings.HasPrefix(param, "max_age=") })
	if i < 0 || cfg.MaxAge != nil {
		return params, nil
	}
	seconds, err := strconv.ParseInt(strings.TrimPrefix(params[i], "max_age="), 10, 32)
	if err != nil || seconds < 0 {
		return nil, failure.Usage("--param max_age is a number of seconds")
	}
	age := time.Duration(seconds) * time.Second
	policy.MaxAge = &age
	return slices.Delete(slices.Clone(params), i, i+1), nil
}

// authorizationRequest is what is asked for at the login. params are those of --param.
func authorizationRequest(ctx context.Context, cfg *connect.Setup,
	params []string,
) (oidc.AuthorizationRequest, error) {
	l := cfg.Login
	req := oidc.AuthorizationRequest{
		Scope: cfg.Scopes, ResponseType: l.ResponseType, ResponseMode: l.ResponseMode, Params: url.Values{},
		Push: l.UsePAR, PushParams: url.Values{}, InsecureSkipPKCE: l.UsePKCE != nil && !*l.UsePKCE,
	}
	for name, value := range map[string]string{
		"acr_values": l.ACRValues, "claims": l.ClaimsParam, "authorization_details": l.AuthorizationDetails,
		"prompt": l.Prompt, "login_hint": l.LoginHint, "ui_locales": l.UILocales,
	} {
		if value != "" {
			req.Params.Set(name, value)
		}
	}
	if len(cfg.Resource) > 0 {
		req.Params["resource"] = slices.Clone(cfg.Resource)
	}
	if cfg.Origin["audiences"].Name == "--audience" {
		req.Params["audience"] = slices.Clone(cfg.Audiences)
	}
	for name, value := range l.AuthorizeParameters {
		req.Params.Set(name, value)
	}
	for name, value := range l.PARParameters {
		req.PushParams.Set(name, value)
	}
	given := req.Params
	err := parameters(params, func(name string) bool { _, there := given[name]; return there },
		func(name, value string) { req.Params.Add(name, value) })
	if err == nil && l.UseRequestParameter {
		req.Object, err = requestObject(ctx, cfg)
	}
	return req, err
}

// requestObject says how requests are signed.
func requestObject(ctx context.Context, cfg *connect.Setup) (*oidc.RequestObject, error) {
	l := cfg.Login
	o := &oidc.RequestObject{
		Algorithm: l.RequestObjectSigningAlgorithm, Audience: l.RequestJWTAudience, Claims: l.RequestJWTParameters,
		EncryptionAlg: l.RequestObjectEncryptionAlgorithm, EncryptionEnc: l.RequestObjectEncryptionContent,
	}
	if l.RequestJWTDuration != nil {
		o.Lifetime = *l.RequestJWTDuration
	}
	if l.LegacyRequestJWTHeader {
		o.Type = "JWT"
	}
	if l.StrictRFC6749 {
		o.Repeat = []string{"response_type", "client_id", "redirect_uri", "scope"}
	}
	if strings.HasPrefix(o.Algorithm, "HS") {
		o.Secret = cfg.ClientSecret
		return o, nil
	}
	if cfg.PrivateKey == "" {
		return nil,
			failure.Config("%s: there is no private_key (or --pem-key) to sign with",
				connect.Origin(cfg.Config, "use_request_parameter")).
				Try("private_key is a file; request_object_signing_alg: HS256 signs with the client_secret instead")
	}
	key, err := cfg.Credentials.SigningKey(ctx)
	if err != nil {
		return nil, err
	}
	if o.Key = key; o.Algorithm == "" {
		if o.Algorithm = cfg.Assertion.Algorithm; o.Algorithm == "" || strings.HasPrefix(o.Algorithm, "HS") {
			if o.Algorithm, err = connect.SigningAlgorithm(cfg.Config, key); err != nil {
				return nil, err
			}
		}
	}
	if err := key.Fits(o.Algorithm); err != nil {
		return nil,
			failure.Config("%s: it cannot sign by %s: %v", connect.Origin(cfg.Config, "private_key"), o.Algorithm, err)
	}
	return o, nil
}

// settleLogin does what is done with a login that ended, and tells the browser.
func settleLogin(ctx context.Context, t *tokenRequest, outcome *flow.Outcome) error {
	t.Found(outcome.Login.Checks)
	front := outcome.Login.Tokens
	if strings.Contains(outcome.Login.Request.ResponseType, "token") {
		showFrontResponse(t.Run, outcome.Response.Parameters)
	}
	if front != nil && outcome.Tokens != front {
		showFrontTokens(t.Run, front)
	}
	if front != nil && outcome.Tokens == front && (front.Raw != nil || outcome.Err == nil) {
		t.keeper.Receive(t.client, front) // through the browser: nothing was received before
	}
	tokens := outcome.Tokens
	if tokens != nil && tokens == front {
		own := *tokens // its checks are the login's
		own.Checks = nil
		tokens = &own
	}
	err := t.settle(ctx, tokens, outcome.Err)
	outcome.Show(landingPage(ctx, t.Run, err))
	return err
}

// showFrontResponse shows an authorization response with tokens as it was received: nothing else has the
// ID Token as it was issued.
func showFrontResponse(r *run.Run, parameters url.Values) {
	for _, name := range []string{"code", "id_token", "access_token", "response"} {
		r.Learn(parameters[name]...)
	}
	var d strictjson.Ordered
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		if list := parameters[name]; len(list) == 1 {
			d.Add(name, list[0])
		} else {
			d.Add(name, list)
		}
	}
	raw, err := d.MarshalJSON()
	if err != nil {
		return
	}
	r.Show(transcript.JSONResult("authorization_response", "Authorization Response", "Response", raw))
}

// showFrontTokens shows what came through the browser, beside what came for the code.
func showFrontTokens(r *run.Run, t *oidc.Tokens) {
	r.Learn(t.AccessToken, t.IssuedIDToken)
	if t.AccessToken != "" {
		r.Show(transcript.JSONResult("authorization_token_response",
			"Access Token Response of the authorization response", "Response", t.Raw))
	}
	if id := t.IDToken; id != nil {
		const title = "IDToken Claims of the authorization response"
		r.Show(transcript.TokenClaims("authorization_id_token", title, "IDTokenClaims", run.IDToken(id)))
	}
}

// nextLogin makes ready for another login, and shows how this one went.
func nextLogin(ctx context.Context, r *run.Run, t *tokenRequest, err error) error {
	if err != nil && ctx.Err() == nil {
		r.Report(ctx, err)
		err = nil
	}
	t.Run, t.keeper = t.Again(), nil
	if ctx.Err() == nil {
		r.Inform("waiting for another login; Ctrl-C ends this")
	}
	return err
}

// landingPage is what the browser ends on. It says nothing that came with the
// request, but for the id of what went wrong.
func landingPage(ctx context.Context, r *run.Run, err error) loopback.Page {
	if err == nil {
		return loopback.Page{
			Title: "You are logged in", Text: "You can close this page and go back to the terminal.",
			Lines: landingLines(r, ""),
		}
	}
	f := r.Failure(ctx, err)
	text := "The terminal tells why, and what to do about it."
	if f.Kind == failure.KindInteraction {
		text = "The provider did not let you in. The terminal tells more."
	}
	return loopback.Page{Title: "The login did not work", Text: text, Bad: true, Lines: landingLines(r, f.Code)}
}

func landingLines(r *run.Run, reason string) [][2]string {
	lines := [][2]string{{"Provider", transcript.Escape(r.Record.Issuer)}}
	if reason != "" {
		lines = append(lines, [2]string{"Reason", transcript.Escape(fmt.Sprintf("%.80s", reason))})
	}
	return lines
}
