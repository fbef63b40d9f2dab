// Package oidc is an OpenID Connect relying party and OAuth 2.0 client.
//
// A [Client] is a client's registration at one [Provider]. Its methods are the
// requests a client can make; each returns a value that holds what was
// received and the [check.Results] of judging it:
//
//	op, err := oidc.Discover(ctx, "https://op.example")
//	client := &oidc.Client{Provider: op, ID: "s6BhdRkqt3", Auth: oidc.ClientSecretBasic(secret)}
//
//	tokens, err := client.Token(ctx, oidc.RefreshToken(old))
//	info, err := client.UserInfo(ctx, tokens)
//
// A login is a value too. What Authorize made is what Exchange checks the
// response against, so that state, nonce, PKCE and iss cannot be forgotten:
//
//	login, err := client.Authorize(ctx, oidc.AuthorizationRequest{
//		RedirectURI: "http://127.0.0.1:5556/auth/callback",
//		Scope:       []string{"openid", "email"},
//	})
//	// Send the user to login.URL; response is what comes back to RedirectURI.
//	tokens, err := client.Exchange(ctx, login, response)
//
// # Errors
//
// The provider saying no is an [*Error]. An answer that the standards do not
// allow is a [*ProtocolError]. No usable answer at all is a [*TransportError].
// A token or claim that breaks a rule is a [*check.Error], which names the
// rule, the section of its specification, what was wanted and what came.
// [Reason] returns a stable id for any of them.
//
// # Verification
//
// ID Tokens are always verified, also those that come straight from the token
// endpoint: signature, issuer, audience, times, nonce, and whatever [Policy]
// asks for. The rules are tables; [Rules] lists them, and every one that ran is
// in the results, passed or not. [Client.Waive] names rules whose failure is
// recorded but is not an error.
//
// # Requests
//
// No redirect is ever followed, no request that carries a one-time credential
// is ever repeated, every body is bounded, and nothing is fetched because a
// token says so. The package logs nothing, keeps no state outside its values,
// and reads neither files nor the environment.
package oidc

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/check"
)

// A Client is a client's registration at a provider. It is safe for concurrent
// use, and must not be copied or changed once it was used: see [Client.WithPolicy].
type Client struct {
	Provider *Provider
	ID       string     // client_id
	Auth     ClientAuth // the zero value is a public client: the method none

	// Policy is what ID Tokens must say beyond what the standard asks.
	Policy Policy

	// DPoP binds the tokens that are asked for to a key (RFC 9449), and proves
	// that key where they are used. nil means that they are not bound so.
	DPoP *DPoP

	// Certificate is the client certificate that HTTP shows, whatever Auth is:
	// requests go to mtls_endpoint_aliases where the provider has them, and it
	// may bind tokens to it (RFC 8705 sections 3 and 5). nil means that none is
	// shown, or only for Auth.
	Certificate *x509.Certificate

	// HTTP sends every request. nil means http.DefaultClient. Its
	// CheckRedirect is not used: redirects are never followed.
	HTTP *http.Client

	// Now tells the time. nil means time.Now.
	Now func() time.Time

	// MaxBody bounds every response body, in bytes. 0 means 1 MiB, and
	// 512 KiB for a JWK Set.
	MaxBody int64

	// Waive names rules whose failure is recorded but is not an error.
	Waive []string

	// Keys are the provider's keys, if they came some other way than from its
	// jwks_uri. They are then never fetched.
	Keys *KeySet

	keys     keyCache
	once     sync.Once
	expected algorithms // signature algorithms of ID Tokens, once they were chosen
}

// A Policy is what a client demands of an ID Token, and of UserInfo. The zero
// value demands what OpenID Connect Core does.
type Policy struct {
	// Algorithms are the signature algorithms a token may use. nil means the
	// asymmetric ones of id_token_signing_alg_values_supported, or RS256.
	// HS256, HS384 and HS512 are used only if named here and Secret is set.
	Algorithms []string

	// Secret is the client secret that keys the MAC algorithms.
	Secret string

	// IDTokenEncryptedResponseAlg are the algorithms (alg, RFC 7518 section 4.1)
	// by one of which the client's ID Tokens are encrypted, as it is registered.
	// nil means that they are not, and an encrypted one is refused; otherwise one
	// that is not encrypted is. RSA1_5, PBES2 and symmetric algorithms are not
	// supported. Every enc of RFC 7518 section 5.1 is.
	IDTokenEncryptedResponseAlg []string

	// UserInfoSignedResponseAlg is the algorithm that UserInfo has to be signed
	// by, as the client is registered. "" leaves it open.
	UserInfoSignedResponseAlg string

	// UserInfoEncryptedResponseAlg are the algorithms by one of which UserInfo has
	// to be encrypted, as the client is registered. nil leaves it open, to those
	// of IDTokenEncryptedResponseAlg.
	UserInfoEncryptedResponseAlg []string

	// AuthorizationSignedResponseAlg is the algorithm that authorization responses
	// (JARM) have to be signed by, as the client is registered; "" leaves it to
	// Algorithms.
	AuthorizationSignedResponseAlg string

	// IntrospectionSignedResponseAlg is the same for introspection responses (RFC
	// 9701).
	IntrospectionSignedResponseAlg string

	// AuthorizationEncryptedResponseAlg are the algorithms by one of which
	// authorization responses (JARM) have to be encrypted, as the client is
	// registered. nil means that they must not be.
	AuthorizationEncryptedResponseAlg []string

	// IntrospectionEncryptedResponseAlg is the same for introspection responses
	// (RFC 9701).
	IntrospectionEncryptedResponseAlg []string

	DecryptionKeys []DecryptionKey // the client's private keys for any of these

	// RequireIDToken makes a response without an ID Token an error, also where
	// the standard lets the provider leave it out (a refresh).
	RequireIDToken bool

	TrustedAudiences []string       // audiences beside the client's own that aud may hold
	ACRValues        []string       // acr must be one of them; empty asks nothing
	AMRValues        []string       // amr must hold one of them; empty asks nothing
	AllowStringAMR   bool           // read an amr that is one string, against the standard
	MaxAge           *time.Duration // auth_time must not be longer ago; nil asks nothing

	// MaxIDTokenAge is how long ago an ID Token may have been issued (iat). 0 sets no
	// bound; an iat older than a day is then remarked upon.
	MaxIDTokenAge time.Duration

	// ClockTolerance is how far the provider's clock may be from ours. 0 means
	// 60 seconds; a negative value means none.
	ClockTolerance time.Duration

	// InsecureSkipVerification shows ID Tokens without judging them: every rule is recorded as
	// unknown, none is an error, and no token counts as verified.
	InsecureSkipVerification bool
}

// encryptions are all algorithms that anything may be encrypted by.
func (p Policy) encryptions() []string {
	return slices.Concat(p.IDTokenEncryptedResponseAlg, p.UserInfoEncryptedResponseAlg, p.AuthorizationEncryptedResponseAlg, p.IntrospectionEncryptedResponseAlg)
}

func (p Policy) tolerance() time.Duration {
	switch {
	case p.ClockTolerance == 0:
		return time.Minute
	case p.ClockTolerance < 0:
		return 0
	}
	return p.ClockTolerance
}

// KeyThumbprint is the SHA-256 thumbprint of the key that the client's tokens are bound to: a
// DPoP key's (jkt, RFC 9449 section 6.1), or else a certificate's (x5t#S256, RFC 8705
// section 3.1); "" if they are bound to none.
func (c *Client) KeyThumbprint() string {
	switch {
	case c.DPoP != nil:
		return c.DPoP.Thumbprint()
	default:
		return certificateThumbprint(c.Certificate)
	}
}

// certificateThumbprint is the x5t#S256 of a certificate, "" if it is nil.
func certificateThumbprint(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// WithPolicy returns a client like c that judges by another policy. The two may
// be used at the same time.
func (c *Client) WithPolicy(p Policy) *Client {
	return &Client{
		Provider: c.Provider, ID: c.ID, Auth: c.Auth, Policy: p, DPoP: c.DPoP, Certificate: c.Certificate,
		HTTP: c.HTTP, Now: c.Now, MaxBody: c.MaxBody, Waive: c.Waive, Keys: c.Keys,
	}
}

func (c *Client) now() time.Time { return clock(c.Now)() }

func clock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}

// Rules lists every rule the package judges by, in the order of their tables.
// The verdicts are empty: nothing was judged.
func Rules() check.Results {
	return slices.Concat(
		check.Describe(discoveryRules),
		check.Describe(pushedAuthorizationRules),
		check.Describe(jarmRules),
		check.Describe(authorizationResponseRules),
		check.Describe(deviceAuthorizationRules),
		check.Describe(backchannelAuthenticationRules),
		check.Describe(tokenResponseRules),
		check.Describe(idTokenRules),
		check.Describe(refreshRules),
		check.Describe(hybridRules),
		check.Describe(accessTokenRules),
		check.Describe(refreshTokenRules),
		check.Describe(userInfoRules),
		check.Describe(introspectionRules),
		check.Describe(logoutTokenRules),
		check.Describe(frontchannelLogoutRules),
		check.Describe(anyJWTRules),
		check.Describe(endSessionRules),
		check.Describe(registrationRules),
		check.Describe(protectedResourceRules),
	)
}
