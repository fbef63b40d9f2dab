// The token endpoint: RFC 6749 sections 3.2, 5.1 and 5.2.

package oidc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// maxLifetime caps expires_in: a larger number overflows a time.Duration.
const maxLifetime = 10 * 365 * 24 * time.Hour

// Tokens is a token endpoint's answer.
type Tokens struct {
	AccessToken  string
	TokenType    string // as sent; "Bearer" in any case
	RefreshToken string // "" if none came: the one that was sent stays valid
	Scope        string // "" if none came: the scope is the one asked for

	// ExpiresAt is when the access token expires. It is zero if the provider
	// did not say; ten years from now if it named a longer time.
	ExpiresAt time.Time

	IDToken *IDToken // nil if none came, or it could not be read

	// IssuedIDToken is the ID Token as received, not verified; "" if none came.
	IssuedIDToken string

	Raw    []byte        // the answer as received
	Checks check.Results // of judging the answer and the ID Token
}

// Token shows the token endpoint a grant and returns what it gives, with the
// ID Token verified.
//
// Once the endpoint has answered, the Tokens are returned also if err is not
// nil: they are there for showing, and because their refresh token is now the
// only one that works. Nothing else of them may be used.
func (c *Client) Token(ctx context.Context, g Grant) (*Tokens, error) {
	answer, keys, err := c.tokenRequest(ctx, g)
	if err != nil {
		return nil, err
	}
	tokens, err := c.readTokens(answer)
	if tokens == nil {
		return nil, err
	}
	if c.Received != nil {
		if err := c.Received(tokens); err != nil {
			return tokens, err
		}
	}
	if err != nil {
		return tokens, err
	}
	id, err := c.verifyIDToken(ctx, tokens.IssuedIDToken, judged{Expectation: g.Expect, accessToken: tokens.AccessToken, keys: keys})
	tokens.IDToken = id.token
	tokens.Checks = append(tokens.Checks, id.checks...)
	return tokens, err
}

// tokenRequest sends the grant. While the endpoint thinks, the provider's keys
// are fetched, since the ID Token will need them.
func (c *Client) tokenRequest(ctx context.Context, g Grant) (*response, *keyFetch, error) {
	endpoint := c.Provider.at("token_endpoint", c.Auth)
	if endpoint == "" {
		return nil, nil, &ProtocolError{Endpoint: tokenEndpoint, Err: errNoEndpoint}
	}
	form := url.Values{"grant_type": {g.Type}}
	for name, values := range g.Params {
		form[name] = values
	}
	header := http.Header{}
	target := &AuthTarget{Provider: c.Provider, ClientID: c.ID, URL: endpoint, Form: form, Header: header, Now: c.now()}
	if err := c.Auth.apply(target); err != nil {
		return nil, nil, err
	}
	var keys *keyFetch
	if c.Provider.JWKSURI != "" && !c.Policy.Skip {
		keys = c.prefetchKeys(ctx)
	}
	answer, err := send(ctx, c.HTTP, request{
		endpoint: tokenEndpoint, url: endpoint, form: form, header: header,
		limit: limit(c.MaxBody, maxBody), once: g.Once,
	})
	return answer, keys, err
}

// readTokens reads the answer. Tokens that broke a rule come with an error.
func (c *Client) readTokens(answer *response) (*Tokens, error) {
	if refusal := answer.oauthError(); refusal != nil { // also in a 200
		return nil, refusal
	}
	if answer.status != http.StatusOK {
		err := fmt.Errorf("HTTP status %d without an OAuth error%s", answer.status, answer.snippet())
		return nil, answer.broken(err)
	}
	doc, err := answer.object("application/json")
	if doc == nil {
		return nil, err
	}
	in := tokenResponseInput{Response: doc, Now: c.now()}
	t := &Tokens{Raw: answer.body, Checks: check.Run(tokenResponseRules, in, c.Waive...)}
	t.AccessToken, _ = doc.String("access_token")
	t.TokenType, _ = doc.String("token_type")
	t.RefreshToken, _ = doc.String("refresh_token")
	t.Scope, _ = doc.String("scope")
	t.IssuedIDToken, _ = doc.String("id_token")
	if lifetime, ok, err := expiresIn(doc); ok && err == nil {
		t.ExpiresAt = in.Now.Add(lifetime)
	}
	if err != nil { // of another media type: not to be used, but not lost
		return t, err
	}
	if err := t.Checks.Err(); err != nil {
		return t, answer.broken(err)
	}
	return t, nil
}

// expiresIn reads the member expires_in: a number of seconds, or a string that
// holds one, as some providers send it.
func expiresIn(doc *strictjson.Object) (lifetime time.Duration, ok bool, err error) {
	raw, ok := doc.Get("expires_in")
	if !ok {
		return 0, false, nil
	}
	text, isString := strictjson.Text(raw)
	if !isString {
		text = string(raw)
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(seconds) {
		return 0, true, errors.New("expires_in is not a number of seconds")
	}
	most := maxLifetime.Seconds()
	return time.Duration(max(-most, min(seconds, most)) * float64(time.Second)), true, nil
}
