// The token endpoint: RFC 6749 sections 3.2, 5.1 and 5.2.

package oidc

import (
	"context"
	"errors"
	"maps"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// Tokens is the response of a token endpoint (RFC 6749 section 5.1, OpenID Connect
// Core 1.0 section 3.1.3.3).
type Tokens struct {
	AccessToken  string
	TokenType    string // as sent; "Bearer" in any case
	RefreshToken string // "" if none came: the one that was sent stays valid
	Scope        string // "" if none came: the scope is the one asked for

	// IssuedTokenType says what AccessToken is after a token exchange (RFC 8693 section
	// 2.2.1): it may be no access token at all. "" otherwise.
	IssuedTokenType string

	// ExpiresAt is when the access token expires. It is zero if the provider
	// did not say; ten years from now if it named a longer time.
	ExpiresAt time.Time

	IDToken *IDToken // nil if none came, or it could not be read

	// IssuedIDToken is the ID Token as received, not verified; "" if none came.
	IssuedIDToken string

	// Raw is the response as received, or what could be read of a response that is
	// not well-formed.
	Raw    []byte
	Checks check.Results // of the response and the ID Token

	asked           string // the claims parameter of the login, "" if there was none
	previousSubject string // of the ID Token before, "" if it is not known
	broken          error  // why they may not be used, nil if they may
}

// Token sends a grant to the token endpoint (RFC 6749 section 3.2) and returns the
// tokens, with the ID Token verified (OpenID Connect Core 1.0 sections 3.1.3.7 and
// 12.2).
//
// The error is an [*Error] if the provider refused, a [*TransportError] or a
// [*ProtocolError] if there is no usable response, and a [*check.Error] if the ID
// Token broke a rule. [MayBeSpent] reports whether the credential of the grant may
// have been used up.
//
// If the provider issued tokens, they are returned even beside an error: to show them,
// and because their refresh token may be the only one that still works. Nothing else
// of them may be used.
func (c *Client) Token(ctx context.Context, g Grant) (*Tokens, error) {
	previous, err := c.previous(g.Expect)
	if err != nil {
		return nil, err
	}
	answer, keys, err := c.tokenRequest(ctx, g)
	defer keys.release()
	if answer == nil {
		return nil, ofGrant(err, g.Type)
	}
	tokens, readErr := c.readTokens(answer, g)
	if err != nil && tokens != nil {
		tokens.Checks = nil // of half a response
	}
	if err == nil {
		err = readErr
	}
	err = ofGrant(err, g.Type)
	if tokens == nil {
		return nil, err
	}
	tokens.broken, tokens.asked = err, g.Expect.Claims
	if g.Received != nil {
		if err := g.Received(tokens); err != nil {
			return tokens, err
		}
	}
	if err != nil {
		return tokens, err
	}
	id, err := c.verifyIDToken(ctx, tokens.IssuedIDToken, judged{
		Expectation: g.Expect, previous: previous, accessToken: tokens.AccessToken, keys: keys,
	})
	tokens.IDToken = id.token
	if previous != nil {
		tokens.previousSubject = previous.Subject
	}
	tokens.Checks = append(tokens.Checks, id.checks...)
	tokens.broken = err
	return tokens, err
}

// tokenRequest sends the grant. While the endpoint thinks, the provider's keys
// are fetched, since the ID Token will need them.
func (c *Client) tokenRequest(ctx context.Context, g Grant) (answer *response, keys keyUse, err error) {
	form := url.Values{"grant_type": {g.Type}}
	maps.Copy(form, g.Params)
	answer, err = c.ask(ctx, question{
		endpoint: tokenEndpoint, metadata: "token_endpoint", form: form, once: g.Once, sending: g.sending(),
		bound: true,
		ready: func() {
			if c.Provider.JWKSURI != "" && !c.Policy.InsecureSkipVerification {
				keys = c.prefetchKeys(ctx)
			}
		},
	})
	return answer, keys, err
}

// readTokens reads the response. Tokens that can be read come with the error, whatever is wrong
// with the response: a provider that rotates refresh tokens has spent the old one.
func (c *Client) readTokens(answer *response, g Grant) (*Tokens, error) {
	in := tokenResponseInput{
		Now: c.now(), Bound: c.DPoP != nil, Exchange: g.Type == tokenExchange, Details: g.Expect.AuthorizationDetails,
	}
	var t *Tokens
	if doc := answer.tokens(); doc != nil {
		t = tokensOf(doc, in, c.Waive)
	}
	if refusal := answer.oauthError(); refusal != nil { // also in a 200
		return t, refusal
	}
	if answer.status != http.StatusOK {
		return t, answer.broken(wrongStatus(answer))
	}
	doc, err := answer.object()
	if err != nil {
		return t, err
	}
	judged := tokensOf(doc, in, c.Waive)
	if err := judged.Checks.Err(); err != nil {
		if t == nil {
			return judged, answer.broken(err)
		}
		t.Checks = judged.Checks // t may be from further inside
		return t, answer.broken(err)
	}
	return judged, nil
}

// tokensOf reads the members of a token response and judges them.
func tokensOf(doc *strictjson.Object, in tokenResponseInput, waive []string) *Tokens {
	in.Response = doc
	t := &Tokens{Raw: doc.Raw, Checks: check.Run(tokenResponseRules, in, waive...)}
	t.AccessToken, _ = doc.String("access_token")
	t.TokenType, _ = doc.String("token_type")
	t.RefreshToken = scalar(doc, "refresh_token")
	t.Scope, _ = doc.String("scope")
	t.IssuedIDToken, _ = doc.String("id_token")
	t.IssuedTokenType, _ = doc.String("issued_token_type")
	if lifetime, ok, err := expiresIn(doc); ok && err == nil {
		t.ExpiresAt = in.Now.Add(lifetime)
	}
	return t
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
	endless := err == nil && math.IsInf(seconds, 0) // the word, not a number that is too large
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(seconds) || endless {
		return 0, true, errors.New("expires_in is not a number of seconds")
	}
	most := limit.Lifetime.Seconds()
	return time.Duration(max(-most, min(seconds, most)) * float64(time.Second)), true, nil
}
