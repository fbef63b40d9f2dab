// Package oidc is an OpenID Connect relying party and OAuth 2.0 client.
//
// # Discovery and clients
//
// [Discover] reads the metadata of a [Provider]. A [Client] is a client's
// registration at that provider. Its methods are the requests that a client can
// send; each returns a value that holds what was received and the [check.Results]
// of judging it:
//
//	op, err := oidc.Discover(ctx, "https://op.example")
//	client := &oidc.Client{Provider: op, ID: "s6BhdRkqt3", Auth: oidc.ClientSecretBasic(secret)}
//
// A program that must start while its provider is down uses a [LazyClient], which
// discovers the provider when it is first needed. Keys are fetched when a signature
// needs them, and again when the provider rotates them.
//
// # Logging a user in
//
// [Client.Authorize] makes a [Login]: the URL to send the user to, with a new state,
// nonce and PKCE verifier. [Client.Exchange] checks the response against that Login,
// so that none of them can be forgotten, redeems the code, and verifies the ID Token:
//
//	login, err := client.Authorize(ctx, oidc.AuthorizationRequest{
//		RedirectURI: "https://app.example/callback",
//		Scope:       []string{"openid", "email"},
//	})
//	// Send the browser to login.URL. Its next request to the redirect URI brings the response.
//	tokens, err := client.Exchange(ctx, login, r.URL.Query())
//
// A web application keeps the Login in the session of the browser: see the example
// WebLogin. Devices without a browser use [Client.AuthorizeDevice], and call centers
// and the like [Client.AuthenticateBackchannel]. [Client.EndSession] logs the user
// out; [Client.VerifyLogoutToken] verifies what the provider sends when they log out
// elsewhere.
//
// # Tokens
//
// [Client.Token] requests tokens with a [Grant], such as [RefreshToken] or
// [ClientCredentials]. A [TokenSource] refreshes tokens shortly before they expire,
// once for all callers, and stores them before anybody uses them. A [Transport] is
// an [http.RoundTripper] that sends requests with them.
//
// [IDToken.Claims], [JWT.Claims] and [UserInfo.Claims] read claims into a type of
// your own, if they are verified.
//
// # Resource servers
//
// [Client.VerifyAccessToken] verifies access tokens that are JWTs by the expectations
// of a resource server, and [Client.Introspect] asks the provider about any others. A
// [DPoPVerifier] verifies the proofs that come with tokens that are bound to a key. See
// the example ResourceServer for a middleware.
//
// # Errors
//
// If the provider refused a request, the error is an [*Error]. A response that the
// standards do not allow is a [*ProtocolError]. If there is no usable response at
// all, the error is a [*TransportError]. A token or claim that breaks a rule is a
// [*check.Error], which names the rule, the section of its specification, what was
// wanted and what came. They wrap each other and their causes, for [errors.As].
// [Reason] returns a stable id for any of them.
//
// # Verification
//
// ID Tokens are always verified, even those that come straight from the token
// endpoint: signature, issuer, audience, times, nonce, and whatever [Policy] asks
// for. The rules are tables; [Rules] lists them, and the results have every rule that
// ran, passed or not. [Client.Waive] names rules whose failure is recorded but is not
// an error; what a waived requirement applies to does not count as verified. Other
// options that give up security begin with Insecure.
//
// # Requests
//
// No redirect is ever followed, and no request that carries a one-time credential is
// ever repeated. The size of every body and the time of every request are limited: to
// 30 seconds, unless the context or the HTTP client says otherwise. Nothing is fetched
// because a token says so. The package logs nothing, keeps no state outside its
// values, and reads neither files nor the environment.
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
// use, and must not be copied or changed after its first use: see
// [Client.WithPolicy].
type Client struct {
	Provider *Provider
	ID       string     // client_id
	Auth     ClientAuth // the zero value is a public client: the method none

	// Policy is what ID Tokens must say beyond what the standard demands.
	Policy Policy

	// DPoP binds the tokens that the client requests to a key, and proves possession
	// of that key where they are used (RFC 9449). nil means that they are not bound.
	DPoP *DPoP

	// Certificate is the client certificate that HTTP presents, whatever Auth is:
	// requests go to mtls_endpoint_aliases where the provider has them, and the
	// provider may bind tokens to the certificate (RFC 8705 sections 3 and 5). nil
	// means that HTTP presents none, or only for Auth.
	Certificate *x509.Certificate

	// HTTP sends every request. nil means http.DefaultClient. Its
	// CheckRedirect is not used: redirects are never followed.
	HTTP *http.Client

	// Now returns the current time. nil means time.Now.
	Now func() time.Time

	// MaxBody bounds every response body, in bytes. 0 means 1 MiB, and
	// 512 KiB for a JWK Set.
	MaxBody int64

	// Waive names rules whose failure is recorded but is not an error.
	Waive []string

	// Keys are the provider's keys, if they are known some other way than from its
	// jwks_uri. They are then never fetched. nil means that they are fetched.
	Keys *KeySet

	keys     keyCache
	once     sync.Once
	expected algorithms // signature algorithms of ID Tokens, once they were chosen
}

// A Policy is what a client demands of ID Tokens, UserInfo and other signed
// responses. The zero value demands what OpenID Connect Core 1.0 does.
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
	// bound; an iat of more than a day ago is then a warning.
	MaxIDTokenAge time.Duration

	// ClockTolerance is how far the provider's clock may be from ours. 0 means
	// 60 seconds; a negative value means none.
	ClockTolerance time.Duration

	// InsecureSkipVerification accepts ID Tokens without verifying them: every rule is
	// recorded as unknown, none is an error, and no token counts as verified. It is for
	// tools that look at tokens.
	InsecureSkipVerification bool
}

// encryptions are all algorithms that anything may be encrypted by.
func (p Policy) encryptions() []string {
	return slices.Concat(
		p.IDTokenEncryptedResponseAlg, p.UserInfoEncryptedResponseAlg, p.AuthorizationEncryptedResponseAlg,
		p.IntrospectionEncryptedResponseAlg,
	)
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

// KeyThumbprint returns the SHA-256 thumbprint of the key that the client's tokens are
// bound to: that of the DPoP key (jkt, RFC 9449 section 6.1), or else that of the
// certificate (x5t#S256, RFC 8705 section 3.1); "" if they are bound to none.
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
	return hash256(c.Raw)
}

// hash256 is the SHA-256 hash of data, base64url encoded: as in thumbprints, code
// challenges and DPoP proofs.
func hash256(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// WithPolicy returns a client like c with another policy. Both may be used at the
// same time. The new client fetches the provider's keys again.
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

// Rules returns every rule of the package, in the order of their tables. The
// verdicts are empty: nothing was judged.
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
