package oidc_test

import (
	"context"
	"fmt"
	"net/url"
	"runtime/debug"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/oidc"
)

// Nothing panics for want of a value: what needs one says so. A panic of a library ends the
// program of somebody else.
func TestNothingPanics(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	clients := map[string]*oidc.Client{
		"a zero Client":                {},
		"a Client of a zero Provider":  {Provider: &oidc.Provider{}, ID: "cli"},
		"a Client of a named Provider": {Provider: &oidc.Provider{Issuer: "https://op.example"}, ID: "cli"},
		"a Client without a Provider":  {ID: "cli"},
		"a Client without an ID":       {Provider: &oidc.Provider{Issuer: "https://op.example"}},
		"a Client with aliases only": {Provider: &oidc.Provider{
			Issuer:              "i",
			MTLSEndpointAliases: map[string]string{"x": "y"},
		}},
		"a Client with a nonsense place": {
			Provider: &oidc.Provider{Issuer: "i", TokenEndpoint: ":", JWKSURI: ":"}, ID: "cli",
		},
	}
	for name, c := range clients {
		for call, f := range callsOf(ctx, c) {
			mustNotPanic(t, name+": "+call, f)
		}
	}
	for call, f := range otherCalls(ctx) {
		mustNotPanic(t, call, f)
	}
}

func mustNotPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: %v\n%.1500s", name, p, debug.Stack())
		}
	}()
	f()
}

// callsOf are the methods of a client, with as little as can be given to them.
func callsOf(ctx context.Context, c *oidc.Client) map[string]func() {
	return map[string]func(){
		"Token":          func() { _, _ = c.Token(ctx, oidc.Grant{}) },
		"Token, refresh": func() { _, _ = c.Token(ctx, oidc.RefreshToken("")) },
		"Authorize":      func() { _, _ = c.Authorize(ctx, oidc.AuthorizationRequest{}) },
		"AuthorizeWith":  func() { _, _ = c.AuthorizeWith(ctx, oidc.Login{}) },
		"Exchange":       func() { _, _ = c.Exchange(ctx, &oidc.Login{}, nil) },
		"Exchange, nil":  func() { _, _ = c.Exchange(ctx, nil, nil) },
		"Matches":        func() { c.Matches(&oidc.Login{}, url.Values{}) },
		"Matches, nil":   func() { c.Matches(nil, nil) },
		"UserInfo":       func() { _, _ = c.UserInfo(ctx, &oidc.Tokens{}) },
		"UserInfo, nil":  func() { _, _ = c.UserInfo(ctx, nil) },
		"Resource":       func() { _, _ = c.Resource(ctx, &oidc.Tokens{}, oidc.ResourceRequest{}) },
		"Introspect":     func() { _, _ = c.Introspect(ctx, oidc.IntrospectionRequest{}) },
		"Revoke":         func() { _ = c.Revoke(ctx, "", "") },
		"AuthenticateBackchannel": func() {
			_, _ = c.AuthenticateBackchannel(ctx, oidc.BackchannelRequest{LoginHint: "u"})
		},
		"BackchannelToken":         func() { _, _ = c.BackchannelToken(ctx, &oidc.Backchannel{}) },
		"BackchannelToken, nil":    func() { _, _ = c.BackchannelToken(ctx, nil) },
		"AuthorizeDevice":          func() { _, _ = c.AuthorizeDevice(ctx, oidc.DeviceAuthorizationRequest{}) },
		"DeviceToken":              func() { _, _ = c.DeviceToken(ctx, &oidc.DeviceAuthorization{}) },
		"DeviceToken, nil":         func() { _, _ = c.DeviceToken(ctx, nil) },
		"EndSession":               func() { _, _ = c.EndSession(ctx, oidc.EndSessionRequest{}) },
		"VerifyLogoutResponse":     func() { _ = c.VerifyLogoutResponse(&oidc.Logout{}, nil) },
		"VerifyLogoutResponse,nil": func() { _ = c.VerifyLogoutResponse(nil, nil) },
		"VerifyFrontchannelLogout": func() { _, _ = c.VerifyFrontchannelLogout(nil, oidc.LogoutExpectation{}) },
		"VerifyIDToken":            func() { _, _ = c.VerifyIDToken(ctx, "", "", oidc.Expectation{}) },
		"VerifyUserInfo":           func() { _, _ = c.VerifyUserInfo(ctx, "") },
		"KeyThumbprint":            func() { c.KeyThumbprint() },
		"WithPolicy":               func() { c.WithPolicy(oidc.Policy{}) },
		"Registrar": func() {
			r := oidc.Registrar{Provider: c.Provider}
			_, _ = r.Create(ctx, nil, "")
			_, _ = r.Read(ctx, oidc.Registration{})
			_, _ = r.Update(ctx, oidc.Registration{}, nil)
			_ = r.Delete(ctx, oidc.Registration{})
		},
		"Discovery.Keys":     func() { _, _ = oidc.Discovery{}.Keys(ctx, c.Provider) },
		"DPoPAlgorithm":      func() { c.Provider.DPoPAlgorithm() },
		"ClientAuth":         func() { auths(ctx, c) },
		"Request object":     func() { objects(ctx, c) },
		"Provider, %v":       func() { _ = fmt.Sprintf("%v", c.Provider) },
		"VerifyJWT":          func() { _, _ = c.VerifyJWT(ctx, "a.b.c") },
		"VerifyAccessToken":  func() { _, _ = c.VerifyAccessToken(ctx, "a.b.c", oidc.AccessTokenExpectation{}) },
		"VerifyLogoutToken":  func() { _, _ = c.VerifyLogoutToken(ctx, "", oidc.LogoutExpectation{}) },
		"VerifyRefreshToken": func() { _, _ = c.VerifyRefreshToken(ctx, "") },
		"VerifyJARM":         func() { _, _ = c.VerifyJARM(ctx, "") },
	}
}

// auths asks with each way to authenticate, of no key and no secret.
func auths(ctx context.Context, c *oidc.Client) {
	for _, auth := range []oidc.ClientAuth{
		oidc.ClientSecretBasic(""), oidc.ClientSecretPost(""), oidc.ClientSecretJWT("", oidc.Assertion{}),
		oidc.PrivateKeyJWT(oidc.SigningKey{}, oidc.Assertion{}), oidc.TLSClientAuth(), oidc.SelfSignedTLSClientAuth(),
	} {
		_, _ = (&oidc.Client{Provider: c.Provider, ID: c.ID, Auth: auth}).Token(ctx, oidc.Grant{})
	}
}

// objects signs requests with no key.
func objects(ctx context.Context, c *oidc.Client) {
	object := &oidc.RequestObject{}
	_, _ = c.Authorize(ctx, oidc.AuthorizationRequest{Object: object})
	_, _ = c.AuthenticateBackchannel(ctx, oidc.BackchannelRequest{LoginHint: "u", Object: object})
	_, _ = object.Sign("", "", nil, time.Time{})
}

// otherCalls are functions and methods of other zero values.
func otherCalls(ctx context.Context) map[string]func() {
	return map[string]func(){
		"Discovery":         func() { _, _ = oidc.Discovery{}.Provider(ctx, "") },
		"ProtectedResource": func() { _, _ = oidc.Discovery{}.ProtectedResource(ctx, "", nil) },
		"KeySet":            func() { (&oidc.KeySet{}).Keys() },
		"KeySet, nil":       func() { (*oidc.KeySet)(nil).Keys() },
		"IDToken":           func() { _ = (&oidc.IDToken{}).Claims(nil) },
		"UserInfo":          func() { _ = (&oidc.UserInfo{}).Claims(&struct{}{}) },
		"DPoP":              func() { _, _ = oidc.NewDPoP(oidc.SigningKey{}, "") },
		"DPoP, zero":        func() { _, _ = (&oidc.DPoP{}).Thumbprint(), (&oidc.DPoP{}).Algorithm() },
		"NewSigningKey":     func() { _, _ = oidc.NewSigningKey(nil, "", "") },
		"Assertion":         func() { _, _ = oidc.Assertion{}.Sign(oidc.SigningKey{}, "", "", time.Time{}, nil) },
		"Backchannel":       func() { (&oidc.Backchannel{}).VerifyPing("", "") },
		"Reason":            func() { _, _ = oidc.Reason(nil), oidc.MayBeSpent(nil) },
	}
}
