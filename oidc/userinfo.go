// The UserInfo endpoint: OpenID Connect Core 1.0 section 5.3.

package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/reason"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// ErrNoUserInfo reports that the provider's metadata has no userinfo_endpoint.
// Nothing was sent.
var ErrNoUserInfo = reason.Errorf(reason.EndpointMissing, "the provider has no userinfo_endpoint")

// UserInfo is the response of the UserInfo endpoint (OpenID Connect Core 1.0 section
// 5.3.2).
type UserInfo struct {
	Subject string        // sub
	JSON    []byte        // the claims, JSON as received
	Header  []byte        // the JOSE header if the response was signed, else nil
	Raw     []byte        // the response as received
	Checks  check.Results // of judging it

	// Encryption is the JOSE header of the encryption, nil if there was none.
	Encryption []byte

	verified bool // every rule that is a MUST passed, and none was waived
}

// UserInfo asks for the claims of the user that t was issued for, and checks
// that they are that user's (OpenID Connect Core 1.0 section 5.3.2), if t has
// an ID Token, or is the response to a refresh with [Expectation.Previous]. Tokens
// that Token returned with an error are refused. A response that is encrypted is
// decrypted, and one that is signed is verified like an ID Token.
//
// The error is [ErrNoUserInfo], an [*Error] if the provider refused, a
// [*TransportError] or [*ProtocolError] if there is no usable response, and a
// [*check.Error] if the response breaks a rule; the UserInfo is then returned too,
// for showing only.
func (c *Client) UserInfo(ctx context.Context, t *Tokens) (*UserInfo, error) {
	if c.Provider == nil || t == nil {
		return nil, errors.New("oidc: UserInfo needs a Client with a Provider, and Tokens")
	}
	endpoint := c.at("userinfo_endpoint")
	if endpoint == "" {
		return nil, ErrNoUserInfo
	}
	if t.broken != nil {
		return nil, fmt.Errorf("oidc: these tokens may not be used: %w", t.broken)
	}
	answer, err := c.present(ctx, t, request{
		endpoint: userInfoEndpoint, url: endpoint, limit: orElse(c.MaxBody, limit.Body),
		header: http.Header{"Accept": {"application/json, application/jwt"}},
	})
	if err != nil {
		return nil, err
	}
	if answer.status != http.StatusOK {
		return nil, answer.refusal()
	}
	if refusal := answer.oauthError(); refusal != nil { // a refusal in a 200
		return nil, refusal
	}
	in := c.userInfoInput(t)
	info, err := c.readUserInfo(ctx, answer, &in)
	if err != nil {
		return nil, err
	}
	info.Checks = check.Run(userInfoRules, &in, c.Waive...)
	info.verified = info.Checks.Verified() && c.Provider.trusted()
	return info, decide(info.Checks, unreachable(in.Signature))
}

// subject is the sub that UserInfo has to have, "" if it is not known.
func (t *Tokens) subject() string {
	if t.IDToken == nil {
		return t.previousSubject
	}
	return t.IDToken.Subject
}

// readUserInfo reads the response, JSON or a JWT, into the input of the rules.
func (c *Client) readUserInfo(ctx context.Context, answer *response, in *userInfoInput) (*UserInfo, error) {
	info := &UserInfo{Raw: answer.body, JSON: answer.body}
	if answer.mediaType() != "application/jwt" {
		doc, err := answer.object()
		if err != nil {
			return nil, err
		}
		info.JSON = doc.Raw
		in.Claims, _ = readClaims(doc)
		info.Subject = in.Claims.Subject
		return info, nil
	}
	c.read(ctx, &in.jwtInput, strings.TrimSpace(string(answer.body)), keyUse{})
	info.Encryption = in.Envelope.header()
	switch {
	case in.Envelope.err != nil:
		info.JSON = nil
		return info, nil //nolint:nilerr // the rules say what is wrong
	case in.jwt != nil:
		info.JSON, info.Header = in.claimsJSON(), in.header()
	default:
		doc, err := strictjson.Parse(in.Envelope.plain)
		if err != nil {
			return nil, answer.broken(err)
		}
		in.Claims, _ = readClaims(doc)
		info.JSON = doc.Raw
	}
	info.Subject = in.Claims.Subject
	return info, nil
}

// userInfoInput is what the rules look at, before there is a response.
func (c *Client) userInfoInput(t *Tokens) userInfoInput {
	in := userInfoInput{
		jwtInput: c.newJWTInput(), Subject: t.subject(), Asked: t.asked, Signing: c.Policy.UserInfoSignedResponseAlg,
	}
	in.Encryption, in.Encrypted = c.Policy.UserInfoEncryptedResponseAlg, len(c.Policy.UserInfoEncryptedResponseAlg) > 0
	if in.Signing != "" { // what was agreed upon for UserInfo is not bound by what ID Tokens use
		in.Algorithms = newAlgorithms(append(slices.Clone(in.Algorithms.names), in.Signing)...)
	}
	if in.Encryption == nil {
		in.Encryption = c.Policy.IDTokenEncryptedResponseAlg
	}
	return in
}

// VerifyUserInfo verifies a UserInfo response that is a JWT, which came some other
// way (OpenID Connect Core 1.0 section 5.3.2). Errors are as for
// [Client.VerifyIDToken]. The JWT is never nil.
func (c *Client) VerifyUserInfo(ctx context.Context, raw string) (*JWT, error) {
	if c.Provider == nil {
		return &JWT{}, errNoProvider
	}
	in := c.userInfoInput(&Tokens{})
	c.read(ctx, &in.jwtInput, raw, keyUse{})
	if in.jwt == nil && in.Envelope.err == nil {
		in.Envelope.err = reason.Errorf(reason.JWENested, "encrypted, but not signed: anyone can have made it")
	}
	return judgeJWT(c, &in.jwtInput, userInfoRules, &in)
}
