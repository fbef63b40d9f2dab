// Logging a user in on a device of theirs, without a browser here: OpenID Connect
// Client-Initiated Backchannel Authentication Flow (CIBA) Core 1.0.

package oidc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// A BackchannelRequest is an authentication request of CIBA (CIBA Core 1.0 section
// 7.1). It names the user by exactly one of LoginHint, LoginHintToken and IDTokenHint.
type BackchannelRequest struct {
	Scope                                  []string // nil means openid
	LoginHint, LoginHintToken, IDTokenHint string
	BindingMessage                         string     // shown on both devices, for the user to compare
	UserCode                               string     // a secret that only the user knows, if the provider wants one
	Params                                 url.Values // any others, such as acr_values or requested_expiry
	Ping                                   bool       // the provider notifies the client: see [Backchannel.VerifyPing]

	// Object signs the request (section 7.1.1). nil leaves it unsigned.
	Object *RequestObject
}

// A Backchannel is an authentication request that the provider acknowledged (CIBA Core
// 1.0 section 7.3).
type Backchannel struct {
	RequestID string // auth_req_id
	ExpiresAt time.Time
	Interval  time.Duration // between two polls

	Raw    []byte        // as received
	Checks check.Results // of judging it

	// Hooks are called while [Client.BackchannelToken] polls for the tokens.
	Hooks

	notification string        // the bearer token of the provider's call, "" if it does not call
	called       chan struct{} // closed when it called
	once         sync.Once
	expect       Expectation
}

// AuthenticateBackchannel sends an authentication request (CIBA Core 1.0 section 7): the
// provider asks the user to log in on a device of theirs. Call
// [Client.BackchannelToken] for the tokens.
func (c *Client) AuthenticateBackchannel(ctx context.Context, r BackchannelRequest) (*Backchannel, error) {
	form, err := r.form()
	if err != nil {
		return nil, err
	}
	b := &Backchannel{called: make(chan struct{})}
	if r.Ping {
		b.notification = rand.Text()
		form.Set("client_notification_token", b.notification)
	}
	b.expect = Expectation{
		Optional:             !slices.Contains(strings.Fields(form.Get("scope")), "openid"),
		ACRValues:            strings.Fields(form.Get("acr_values")),
		AuthorizationDetails: form.Get("authorization_details"), Claims: form.Get("claims"),
	}
	if r.Object != nil {
		if c.Provider == nil {
			return nil, errNoProvider
		}
		signed, err := r.Object.Sign(c.ID, c.Provider.Issuer, form, c.now())
		if err != nil {
			return nil, fmt.Errorf("request object: %w", err)
		}
		form = url.Values{"request": {signed}}
	}
	answer, err := c.ask(ctx, question{
		endpoint: backchannelEndpoint, metadata: "backchannel_authentication_endpoint", form: form,
	})
	if err != nil {
		return nil, err
	}
	doc, err := answer.success()
	if err != nil {
		return nil, err
	}
	b.Raw, b.ExpiresAt, b.Interval = doc.Raw, c.now().Add(lifetime(doc)), interval(doc)
	b.RequestID, _ = doc.String("auth_req_id") // judged below
	b.Checks = check.Run(backchannelAuthenticationRules, backchannelInput{doc}, c.Waive...)
	if err := b.Checks.Err(); err != nil {
		return b, answer.broken(err)
	}
	return b, nil
}

// form are the parameters of the request.
func (r BackchannelRequest) form() (url.Values, error) {
	scope := r.Scope
	if scope == nil {
		scope = []string{"openid"}
	}
	form, hints := url.Values{}, 0
	if len(scope) > 0 {
		form.Set("scope", strings.Join(scope, " "))
	}
	for name, values := range r.Params {
		form[name] = values
	}
	for name, value := range map[string]string{
		"login_hint": r.LoginHint, "login_hint_token": r.LoginHintToken, "id_token_hint": r.IDTokenHint,
		"binding_message": r.BindingMessage, "user_code": r.UserCode,
	} {
		if value == "" {
			continue
		}
		form.Set(name, value)
		if strings.Contains(name, "_hint") {
			hints++
		}
	}
	if hints != 1 {
		return nil, errors.New("oidc: exactly one of LoginHint, LoginHintToken and IDTokenHint names the user")
	}
	return form, nil
}

// VerifyPing verifies a ping notification of the provider (CIBA Core 1.0 section 10.2)
// by its Authorization header and the auth_req_id of its body. It reports whether the
// notification is for this request, in which case [Client.BackchannelToken] requests
// the tokens at once. The receiver responds to any other with the status 401.
func (b *Backchannel) VerifyPing(authorization, requestID string) bool {
	scheme, token, _ := strings.Cut(authorization, " ")
	same := subtle.ConstantTimeCompare([]byte(token), []byte(b.notification)) == 1
	if b.notification == "" || !same || !strings.EqualFold(scheme, "Bearer") || requestID != b.RequestID {
		return false
	}
	b.once.Do(func() { close(b.called) })
	return true
}

// BackchannelToken polls the token endpoint until the user has logged in, or requests
// the tokens after a ping (CIBA Core 1.0 section 10.1), and returns them. Errors are as
// for [Client.DeviceToken].
func (c *Client) BackchannelToken(ctx context.Context, b *Backchannel) (*Tokens, error) {
	if b == nil {
		return nil, errors.New("oidc: BackchannelToken needs a Backchannel")
	}
	p := pace{first: b.Interval, interval: b.Interval, until: b.ExpiresAt}
	if b.notification != "" {
		// A call may be lost: from half the time on it is asked anyway.
		p.called, p.first = b.called, max(b.Interval, b.ExpiresAt.Sub(c.now())/2)
	}
	return c.poll(ctx, Grant{
		Type:   "urn:openid:params:grant-type:ciba",
		Params: url.Values{"auth_req_id": {b.RequestID}},
		Once:   true, // the response that has the tokens comes one time only
		Expect: b.expect,
		Hooks:  b.Hooks,
	}, p)
}

type backchannelInput struct{ Response *strictjson.Object }

var backchannelAuthenticationRules = []check.Rule[backchannelInput]{
	{
		ID: "backchannel_authentication.auth_req_id", Spec: ciba("7.3"), Level: check.Must, Essential: true,
		Text: "auth_req_id is a string of printable ASCII characters.",
		Eval: func(in backchannelInput) check.Verdict { return tokenString(in.Response, "auth_req_id", true) },
	},
	{
		ID: "backchannel_authentication.expires_in", Spec: ciba("7.3"), Level: check.Must,
		Text: "expires_in is a number of seconds, more than 0.",
		Eval: func(in backchannelInput) check.Verdict { return lifetimeOf(in.Response) },
	},
	{
		ID: "backchannel_authentication.interval", Spec: ciba("7.3"), Level: check.Should,
		Text: "interval, if there, is a number of seconds from 1 to 300.",
		Eval: func(in backchannelInput) check.Verdict { return intervalOf(in.Response) },
	},
}
