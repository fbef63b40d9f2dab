// Devices without a browser: RFC 8628, with PKCE (RFC 7636) where the provider has it.

package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// A DeviceAuthorization is the response to a device authorization request (RFC 8628
// section 3.2): the user logs in on another device, with its codes.
type DeviceAuthorization struct {
	DeviceCode              string
	UserCode                string // what the user types in, or compares
	VerificationURI         string // where the user types it in; from verification_url if that is all there is
	VerificationURIComplete string // the same with the code in it, "" if the provider has none
	ExpiresAt               time.Time
	Interval                time.Duration // between two polls
	CodeVerifier            string        // of PKCE, "" if no challenge was sent

	Raw    []byte        // as received
	Checks check.Results // of judging it

	// Hooks are called while [Client.DeviceToken] polls for the tokens.
	Hooks

	expect Expectation
}

// A DeviceAuthorizationRequest is a device authorization request (RFC 8628 section 3.1).
type DeviceAuthorizationRequest struct {
	Scope  []string   // nil means openid, or none where the provider is [Provider.OAuthOnly]
	Params url.Values // any other parameters; that of PKCE takes precedence

	// InsecureSkipPKCE sends no PKCE challenge. It is for providers that reject one.
	InsecureSkipPKCE bool
}

// AuthorizeDevice sends a device authorization request. A provider whose
// code_challenge_methods_supported lists S256 gets a PKCE challenge: some demand one here,
// too, and others ignore it (RFC 6749 section 3.2). Show the user code even where the
// complete URI is shown, so that the user can compare it (RFC 8628 section 3.3.1), and then
// call [Client.DeviceToken].
func (c *Client) AuthorizeDevice(ctx context.Context, r DeviceAuthorizationRequest) (*DeviceAuthorization, error) {
	scope := r.Scope
	if scope == nil {
		scope = c.Provider.defaultScope()
	}
	form := url.Values{}
	if len(scope) > 0 {
		form.Set("scope", strings.Join(scope, " "))
	}
	maps.Copy(form, r.Params)
	d := &DeviceAuthorization{}
	if c.Provider != nil && slices.Contains(c.Provider.CodeChallengeMethods, "S256") && !r.InsecureSkipPKCE {
		d.CodeVerifier = rand.Text() + rand.Text()
		form.Set("code_challenge", hash256([]byte(d.CodeVerifier)))
		form.Set("code_challenge_method", "S256")
	}
	d.expect = Expectation{
		Optional: !slices.Contains(scope, "openid"), ACRValues: strings.Fields(form.Get("acr_values")),
		AuthorizationDetails: form.Get("authorization_details"), Claims: form.Get("claims"),
	}
	answer, err := c.ask(ctx, question{
		endpoint: deviceEndpoint, metadata: "device_authorization_endpoint", form: form, bound: true,
	})
	if err != nil {
		return nil, err
	}
	doc, err := answer.success()
	if err != nil {
		return nil, err
	}
	d.read(doc, c.now())
	d.Checks = check.Run(deviceAuthorizationRules, deviceAuthorizationInput{doc}, c.Waive...)
	if err := d.Checks.Err(); err != nil {
		return d, answer.broken(err)
	}
	return d, nil
}

// read takes the members of the response, whatever they are: the rules judge them.
func (d *DeviceAuthorization) read(doc *strictjson.Object, now time.Time) {
	d.Raw, d.ExpiresAt, d.Interval = doc.Raw, now.Add(lifetime(doc)), interval(doc)
	for name, to := range map[string]*string{
		"device_code": &d.DeviceCode, "user_code": &d.UserCode,
		verificationURI(doc): &d.VerificationURI, "verification_uri_complete": &d.VerificationURIComplete,
	} {
		*to, _ = doc.String(name)
	}
}

// verificationURI is the name of the member that says where the user goes: Google calls it
// verification_url, as drafts of RFC 8628 did.
func verificationURI(doc *strictjson.Object) string {
	if _, there := doc.Get("verification_uri"); !there {
		if _, there = doc.Get("verification_url"); there {
			return "verification_url"
		}
	}
	return "verification_uri"
}

// success is the JSON object of a response with status 200; anything else is the
// provider's refusal.
func (r *response) success() (*strictjson.Object, error) {
	if r.status != http.StatusOK {
		return nil, r.refused()
	}
	if refusal := r.oauthError(); refusal != nil { // a refusal in a 200
		return nil, refusal
	}
	return r.object()
}

// DeviceToken polls the token endpoint until the user has logged in (RFC 8628 sections
// 3.4 and 3.5), and returns the tokens. Errors are as for [Client.Token], with an
// [*Error] if the user refused (access_denied; authorization_declined at Microsoft's providers)
// or the code expired (expired_token; code_expired likewise).
func (c *Client) DeviceToken(ctx context.Context, d *DeviceAuthorization) (*Tokens, error) {
	if d == nil {
		return nil, errors.New("oidc: DeviceToken needs a DeviceAuthorization")
	}
	params := url.Values{"device_code": {d.DeviceCode}}
	if d.CodeVerifier != "" {
		params.Set("code_verifier", d.CodeVerifier)
	}
	return c.poll(ctx, Grant{
		Type:   "urn:ietf:params:oauth:grant-type:device_code",
		Params: params,
		Once:   true, // the response that has the tokens comes one time only
		Expect: d.expect,
		Hooks:  d.Hooks,
	}, pace{first: d.Interval, interval: d.Interval, until: d.ExpiresAt})
}

type deviceAuthorizationInput struct{ Response *strictjson.Object }

var rfc8628 = check.Spec{Doc: "RFC 8628", Section: "3.2"}

var deviceAuthorizationRules = []check.Rule[deviceAuthorizationInput]{
	{
		ID: "device_authorization.device_code", Spec: rfc8628, Level: check.Must, Essential: true,
		Text: "device_code is a string of printable ASCII characters.",
		Eval: func(in deviceAuthorizationInput) check.Verdict { return tokenString(in.Response, "device_code", true) },
	},
	{
		ID: "device_authorization.user_code", Spec: rfc8628, Level: check.Must,
		Text: "user_code is a string.",
		Eval: func(in deviceAuthorizationInput) check.Verdict { return text(in.Response, "user_code") },
	},
	{
		ID: "device_authorization.verification_uri", Spec: rfc8628, Level: check.Must,
		Text: "verification_uri (or verification_url, if that is missing), and verification_uri_complete if there, " +
			"are URLs that a browser can be sent to: https, or http on the loopback address.",
		Eval: func(in deviceAuthorizationInput) check.Verdict {
			where := verificationURI(in.Response)
			if v := text(in.Response, where); v.Outcome != check.Pass {
				return v
			}
			for _, name := range []string{where, "verification_uri_complete"} {
				got, err := in.Response.String(name)
				if err != nil {
					return check.That(false, err.Error(), "a URL")
				}
				if got != "" && !wire.SecureURL(got) {
					return check.That(false, check.List([]string{got}), "an https URL")
				}
			}
			return check.Verdict{Outcome: check.Pass}
		},
	},
	{
		ID: "device_authorization.expires_in", Spec: rfc8628, Level: check.Must,
		Text: "expires_in is a number of seconds, more than 0.",
		Eval: func(in deviceAuthorizationInput) check.Verdict { return lifetimeOf(in.Response) },
	},
	{
		ID: "device_authorization.interval", Spec: rfc8628, Level: check.Should,
		Text: "interval, if there, is a number of seconds from 1 to 300.",
		Eval: func(in deviceAuthorizationInput) check.Verdict { return intervalOf(in.Response) },
	},
}

// text judges a member that is a string and has to be there.
func text(doc *strictjson.Object, name string) check.Verdict {
	got, err := doc.String(name)
	if err != nil {
		return check.That(false, err.Error(), "a string")
	}
	return check.That(got != "", check.List(oneOrNone(got)), "a string")
}
