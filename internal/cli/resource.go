// resource: RFC 6750, RFC 9449 section 7, RFC 9470, RFC 9728.

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/keep"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/internal/wire"
	"github.com/oidc-client/oidc-client/oidc"
)

// resourceOptions are the flags of resource.
type resourceOptions struct {
	loginOptions
	token, method, data string
	session             string
	header              []string
	metadata, stepUp    bool
	ofLogin             []string // the flags that only --step-up goes by, but for some
}

func resourceCommand(p *program) *cobra.Command {
	var o resourceOptions
	cmd := &cobra.Command{
		Use:   "resource URL",
		Short: "Use a protected resource with an access token",
		Long: `Use a protected resource with an access token

Sends the token as its kind is sent (Bearer, or DPoP with --dpop-key), and explains
what a refusal asks for: another scope, a nonce, or a stronger or fresher login
(RFC 9470); or what is wrong with the token: its kind, expiry, issuer, audience,
scope or binding. --step-up logs in again while more is asked for, at most three
times. --metadata shows what the resource says of itself (RFC 9728); without a token
that is all there is.`,
		Example: `  oidc-client resource https://api.example.com/me -c config.yaml --token @access-token
  oidc-client resource https://api.example.com/pay -c config.yaml --token @access-token --step-up
  oidc-client resource https://api.example.com/me --session work
  oidc-client resource https://api.example.com/me --metadata`,
		Args: counted(needs(1, "the URL of a resource")),
		RunE: func(cmd *cobra.Command, args []string) error { return useResource(p.run, cmd, &o, args[0]) },
	}
	o.addUnsaved(cmd)
	o.ofLogin = flagNames(cmd)
	does(cmd, showsRequests, showsRules)
	doesWith(cmd, "step-up", writesResults)
	f := cmd.Flags()
	f.StringVar(&o.token, "token", "", "access token (- reads standard input, @FILE a file; or OIDC_TOKEN)")
	f.StringVar(&o.session, "session", "", "`name` of the session whose token is used, with its configuration")
	f.StringVarP(&o.method, "request", "X", "", "HTTP method (default GET, or POST with --data)")
	f.StringArrayVarP(&o.header, "header", "H", nil, "header to send, as `name: value` (repeatable)")
	f.StringVar(&o.data, "data", "", "body to send (- reads standard input, @FILE a file)")
	f.BoolVar(&o.metadata, "metadata", false, "show what the resource says of itself (RFC 9728)")
	f.BoolVar(&o.stepUp, "step-up", false,
		"log in again if the resource asks for more scope, or a stronger or fresher login (RFC 9470)")
	return cmd
}

func useResource(r *run.Run, cmd *cobra.Command, o *resourceOptions, target string) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	if !wire.SecureURL(target) {
		return failure.Usage("the URL of the resource is not https (http is allowed on the loopback address only)")
	}
	if !o.stepUp {
		warnNoLogin(r, cmd, o)
	}
	if o.session != "" {
		if err := sessionOnly(cmd, o.token); err != nil {
			return err
		}
	}
	request, err := resourceRequest(ctx, r, o, target)
	if err != nil {
		return err
	}
	if o.session != "" {
		token, cfg, err := ofSession(ctx, r, o.session)
		if err != nil {
			return err
		}
		return useToken(ctx, r, cfg, o, request, token)
	}
	token, err := r.Input.Secret(ctx, "token", o.token, "OIDC_TOKEN")
	if err != nil {
		return err
	}
	if token == "" {
		return askResource(ctx, r, cmd, o, request)
	}
	if err := run.CheckToken(token); err != nil {
		return failure.Usage("--token: the access token cannot be right: %v", err)
	}
	cfg, err := loadConfig(ctx, r, cmd, &o.client)
	if err != nil {
		return err
	}
	return useToken(ctx, r, cfg, o, request, token)
}

// warnNoLogin warns of the flags that only a login goes by.
func warnNoLogin(r *run.Run, cmd *cobra.Command, o *resourceOptions) {
	used := slices.Concat([]string{"config", "issuer", "profile"}, reachFlags, dpopFlags)
	for _, name := range givenOf(cmd, o.ofLogin) {
		if !slices.Contains(used, name) {
			r.Warn("--%s has no effect without --step-up", name)
		}
	}
}

// resourceRequest is what is sent to the resource.
func resourceRequest(ctx context.Context, r *run.Run, o *resourceOptions, target string) (oidc.ResourceRequest, error) {
	req := oidc.ResourceRequest{URL: target, Method: o.method, Header: http.Header{}}
	if o.data != "" {
		data, err := r.Input.Text(ctx, "data", o.data, "")
		if err != nil {
			return req, err
		}
		req.Body = []byte(data)
		if req.Method == "" {
			req.Method = http.MethodPost
		}
	}
	for _, line := range o.header {
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case !ok || !headerName(name) || strings.ContainsAny(line, "\r\n\x00"):
			return req, failure.Usage("a --header is not name: value")
		case slices.Contains([]string{"authorization", "dpop", "host", "content-length", "transfer-encoding"},
			strings.ToLower(name)):
			return req, failure.Usage("--header %s cannot be set here", name)
		}
		if transcript.NamesSecret(name) {
			r.Learn(value)
		}
		req.Header.Add(name, value)
	}
	if strings.ContainsFunc(req.Method, func(c rune) bool { return c < 'A' || c > 'Z' }) {
		return req, failure.Usage("--request is an HTTP method, in upper case")
	}
	return req, nil
}

// headerName reports whether a name is one of a header field (RFC 9110 section
// 5.6.2).
func headerName(name string) bool {
	odd := func(r rune) bool {
		return !strings.ContainsRune("!#$%&'*+-.^_`|~", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') &&
			(r < 'a' || r > 'z')
	}
	return name != "" && !strings.ContainsFunc(name, odd)
}

// askResource asks a resource without a token what it wants.
func askResource(ctx context.Context, r *run.Run, cmd *cobra.Command, o *resourceOptions,
	req oidc.ResourceRequest,
) error {
	cfg, network, err := loadAndConnect(ctx, r, cmd, &o.client)
	if err != nil {
		return err
	}
	client := &oidc.Client{HTTP: network.HTTP, Now: r.Env.Now, MaxBody: cfg.HTTP.MaxResponseSize}
	answer, err := client.Resource(ctx, nil, req)
	var refusal *oidc.Error
	switch {
	case answer == nil:
		return err
	case err == nil && !o.metadata:
		showResource(r, answer)
		r.Inform("the resource wants no token")
		return nil
	case err != nil && !errors.As(err, &refusal):
		// Many take other methods only, or have nothing at this address: their metadata has one of its own.
		r.Inform("the resource responded with the HTTP status %d, and without a challenge", answer.Status)
	}
	if answer.Challenge != nil {
		showChallenge(r, answer.Challenge)
	}
	metaErr := resourceMetadata(ctx, r, cfg, network.HTTP, req.URL, answer.Challenge)
	r.Explain()
	if metaErr != nil && !o.metadata && err != nil {
		return err // it says nothing of itself, and that it wants a token is what there is to say
	}
	return metaErr
}

// useToken uses the resource with a token, and, if it is asked for, once more
// with one of a better login.
func useToken(ctx context.Context, r *run.Run, cfg *connect.Setup, o *resourceOptions, req oidc.ResourceRequest,
	token string,
) error {
	client, t, err := resourceClient(ctx, r, cfg, o, &connect.KeyNeed{Token: token})
	if err != nil {
		return err
	}
	cfg.AdviseBound(r, token)
	tokens := presented(token, client)
	answer, err := client.Resource(ctx, tokens, req)
	soFar := askedFor(newRefusal(token, client, answer, r.Env.Now()), cfg, o)
	for o.stepUp && answer != nil && soFar.more(answer.Challenge) {
		showChallenge(r, answer.Challenge)
		if tokens, err = stepUp(ctx, r, t, o, answer.Challenge, soFar.scopes); err != nil {
			return err
		}
		answer, err = client.Resource(ctx, tokens, req)
	}
	if answer != nil {
		showResource(r, answer)
		if answer.Challenge != nil {
			showChallenge(r, answer.Challenge)
		}
		explainRefusal(ctx, r, cfg, client, req.URL, tokens.AccessToken, answer, soFar.logins > 0)
		if o.metadata {
			err = errors.Join(err, resourceMetadata(ctx, r, cfg, client.HTTP, req.URL, answer.Challenge))
		}
	}
	r.Explain()
	return err
}

// askedFor is what was asked for of the login behind a token, as far as the token or its session
// says.
func askedFor(token *tokenRefusal, cfg *connect.Setup, o *resourceOptions) *asked {
	a := &asked{scopes: token.scopes()}
	if o.session != "" {
		a.scopes = slices.Concat(a.scopes, missingFrom(a.scopes, cfg.Scopes))
	}
	return a
}

// explainRefusal makes ready to say why a resource refused a token. What the resource says of
// itself is asked for where it may be why.
func explainRefusal(ctx context.Context, r *run.Run, cfg *connect.Setup, client *oidc.Client, resource, token string,
	response *oidc.ResourceResponse, stepped bool,
) {
	if response.Status != http.StatusUnauthorized && response.Status != http.StatusForbidden {
		return
	}
	why := newRefusal(token, client, response, r.Env.Now())
	why.stepped = stepped
	why.clientID, why.resource, why.shown = cfg.ClientID, resource, cfg.TLSClientCertificate != ""
	if why.claims == nil || why.kind() == "" && why.times() == "" {
		d := oidc.Discovery{HTTP: client.HTTP, MaxBody: cfg.HTTP.MaxResponseSize}
		if metadata, err := d.ProtectedResource(ctx, resource, response.Challenge); err == nil {
			why.metadata = metadata // what cannot be had, or is not the resource's, explains nothing
		}
	}
	r.Advise("refused token", why.advise)
}

// resourceClient is a client that uses resources, and, to log in again, a request for
// tokens, which is nil if that is not asked for.
func resourceClient(ctx context.Context, r *run.Run, cfg *connect.Setup, o *resourceOptions,
	need *connect.KeyNeed,
) (*oidc.Client, *tokenRequest, error) {
	if o.stepUp {
		if cfg.Issuer == "" || cfg.ClientID == "" {
			return nil, nil, failure.Usage("--step-up logs in again: that needs issuer and client_id")
		}
		o.key = need
		t, err := newTokenRequest(ctx, r, cfg, &o.tokenOptions, keep.Plan{}, o.loginUses(cfg))
		if err != nil {
			return nil, nil, err
		}
		return t.client.Client, t, nil
	}
	key, err := cfg.BoundKey(ctx, need)
	if err != nil {
		return nil, nil, err
	}
	network, err := cfg.Network(ctx, r, "")
	if err != nil {
		return nil, nil, err
	}
	client := &oidc.Client{HTTP: network.HTTP, Now: r.Env.Now, MaxBody: cfg.HTTP.MaxResponseSize}
	return client, nil, cfg.Prove(ctx, r, client, key)
}

// presented is an access token as it is sent: bound to the client's key, if it has
// one.
func presented(token string, client *oidc.Client) *oidc.Tokens {
	if client.DPoP != nil {
		return &oidc.Tokens{AccessToken: token, TokenType: "DPoP"}
	}
	return &oidc.Tokens{AccessToken: token, TokenType: "Bearer"}
}

// showChallenge says what the resource asks for.
func showChallenge(r *run.Run, c *oidc.Challenge) {
	var d strictjson.Ordered
	d.Add("scheme", c.Scheme)
	for _, m := range []struct{ name, value string }{
		{"error", c.Code},
		{"error_description", c.Description},
		{"scope", c.Scope},
		{"acr_values", strings.Join(c.ACRValues, " ")},
		{"resource_metadata", c.ResourceMetadata},
	} {
		if m.value != "" {
			d.Add(m.name, m.value)
		}
	}
	if c.MaxAge != nil {
		d.Add("max_age", int64(*c.MaxAge/time.Second))
	}
	r.Show(transcript.Result{Member: "challenge", Value: d, Title: "Resource Challenge", Key: "Challenge"})
}

// showResource shows what the resource answered.
func showResource(r *run.Run, response *oidc.ResourceResponse) {
	var d strictjson.Ordered
	d.Add("status", response.Status)
	d.Add("content_type", response.Header.Get("Content-Type"))
	doc, err := strictjson.Parse(response.Body)
	switch {
	case err == nil:
		d.Add("body", json.RawMessage(doc.Raw))
	case len(response.Body) > 0:
		d.Add("body", strings.ToValidUTF8(string(response.Body), "\uFFFD"))
	}
	text := string(response.Body)
	if err == nil {
		text = transcript.Indent(doc.Raw)
	}
	title := fmt.Sprintf("Resource Response (HTTP status %d)", response.Status)
	r.Show(transcript.Result{Member: "resource", Value: d, Title: title, Key: "Response", Text: text})
}

// resourceMetadata shows what the resource says of itself.
func resourceMetadata(ctx context.Context, r *run.Run, cfg *connect.Setup, client *http.Client, resource string,
	challenge *oidc.Challenge,
) error {
	d := oidc.Discovery{HTTP: client, MaxBody: cfg.HTTP.MaxResponseSize, Waive: cfg.Waive}
	meta, err := d.ProtectedResource(ctx, resource, challenge)
	if meta == nil {
		return err
	}
	r.Found(meta.Checks)
	r.Show(transcript.JSONResult("protected_resource", "Protected Resource Metadata", "Metadata", meta.JSON))
	if err == nil && cfg.Issuer != "" && len(meta.AuthorizationServers) > 0 &&
		!slices.Contains(meta.AuthorizationServers, cfg.Issuer) {
		r.Warn("the resource takes tokens of %s, not of %s", strings.Join(meta.AuthorizationServers, ", "), cfg.Issuer)
	}
	return err
}
