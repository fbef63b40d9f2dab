// The UserInfo endpoint: OpenID Connect Core 1.0 section 5.3.

package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/jose"
)

// ErrNoUserInfo reports that the provider's metadata has no userinfo_endpoint.
// Nothing was sent.
var ErrNoUserInfo = errors.New("the provider has no userinfo_endpoint")

// UserInfo is a UserInfo endpoint's answer.
type UserInfo struct {
	Subject string        // sub
	JSON    []byte        // the claims, JSON as received
	Header  []byte        // the JOSE header if the answer was signed, else nil
	Raw     []byte        // the answer as received
	Checks  check.Results // of judging it
}

// UserInfo asks for the claims of the user that t was issued for, and checks
// that they are that user's (OpenID Connect Core 1.0 section 5.3.2), if t has
// an ID Token, or is the answer to a refresh with [Expectation.Previous]. Tokens
// that Token returned with an error are refused. An answer that is signed is verified like an ID Token.
//
// The UserInfo is returned also if it breaks a rule, for showing only.
func (c *Client) UserInfo(ctx context.Context, t *Tokens) (*UserInfo, error) {
	if c.Provider == nil || t == nil {
		return nil, errors.New("oidc: UserInfo needs a Client with a Provider, and Tokens")
	}
	endpoint := c.Provider.at("userinfo_endpoint", c.Auth)
	if endpoint == "" {
		return nil, ErrNoUserInfo
	}
	if t.broken != nil {
		return nil, fmt.Errorf("oidc: these tokens may not be used: %w", t.broken)
	}
	if !visible(t.AccessToken) || t.AccessToken == "" {
		return nil, errors.New("oidc: the access token is empty or holds characters that do not belong in a header")
	}
	answer, err := send(ctx, c.HTTP, request{
		endpoint: userInfoEndpoint, url: endpoint, limit: limit(c.MaxBody, maxBody),
		header: http.Header{
			"Authorization": {"Bearer " + t.AccessToken}, // RFC 6750 section 2.1
			"Accept":        {"application/json, application/jwt"},
		},
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
	in := userInfoInput{Issuer: c.Provider.Issuer, ClientID: c.ID, Algorithms: c.algorithms(), Subject: t.subject()}
	info, err := c.readUserInfo(ctx, answer, &in)
	if err != nil {
		return nil, err
	}
	info.Checks = check.Run(userInfoRules, in, c.Waive...)
	return info, decide(info.Checks, unreachable(in.Signature))
}

// subject is the sub that UserInfo has to have, "" if it is not known.
func (t *Tokens) subject() string {
	if t.IDToken == nil {
		return t.previousSubject
	}
	return t.IDToken.Subject
}

// readUserInfo reads the answer, JSON or a JWT, into the input of the rules.
func (c *Client) readUserInfo(ctx context.Context, answer *response, in *userInfoInput) (*UserInfo, error) {
	info := &UserInfo{Raw: answer.body, JSON: answer.body}
	if answer.mediaType() != "application/jwt" {
		doc, err := answer.object("application/json")
		if err != nil {
			return nil, err
		}
		info.JSON = doc.Raw
		in.Claims, _ = readClaims(doc)
		info.Subject = in.Claims.Subject
		return info, nil
	}
	jwt, err := jose.Parse(string(answer.body))
	if err != nil {
		return nil, answer.broken(fmt.Errorf("the answer is not a readable JWT: %w", err))
	}
	in.jwt = jwt
	in.Signature = c.verifySignature(ctx, jwt, nil)
	in.Claims, _ = readClaims(jwt.Claims)
	info.JSON, info.Header, info.Subject = jwt.Claims.Raw, jwt.Header.Raw, in.Claims.Subject
	return info, nil
}

// refusal is the error of a protected resource: RFC 6750 section 3, where the
// reasons are in the header, and some providers put them into the body.
func (r *response) refusal() error {
	challenge, found := findChallenge(r.header.Values("Www-Authenticate"), "Bearer")
	if refusal := r.oauthError(); refusal != nil {
		refusal.Scope = challenge.params["scope"]
		return refusal
	}
	if found || r.status == http.StatusUnauthorized || r.status == http.StatusForbidden {
		return &Error{
			Code: challenge.params["error"], Description: challenge.params["error_description"],
			URI: challenge.params["error_uri"], Scope: challenge.params["scope"],
			Endpoint: r.endpoint, Status: r.status,
		}
	}
	return r.broken(fmt.Errorf("HTTP status %d%s", r.status, r.snippet()))
}
