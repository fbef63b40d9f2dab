// The token endpoint: RFC 6749 sections 3.2, 5.1 and 5.2.

package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// Tokens is a token endpoint's answer.
type Tokens struct {
	AccessToken  string
	TokenType    string // as sent; "Bearer" in any case
	RefreshToken string // "" if none came: the one that was sent stays valid
	Scope        string // "" if none came: the scope is the one asked for

	// IssuedTokenType says what AccessToken is, as the answer to a token exchange
	// (RFC 8693 section 2.2.1): it may be no access token at all. "" otherwise.
	IssuedTokenType string

	// ExpiresAt is when the access token expires. It is zero if the provider
	// did not say; ten years from now if it named a longer time.
	ExpiresAt time.Time

	IDToken *IDToken // nil if none came, or it could not be read

	// IssuedIDToken is the ID Token as received, not verified; "" if none came.
	IssuedIDToken string

	// Raw is the answer as received, or what could be read of an answer that is
	// not well-formed.
	Raw    []byte
	Checks check.Results // of judging the answer and the ID Token

	asked           string // the claims parameter of the login, "" if there was none
	previousSubject string // of the ID Token before, "" if it is not known
	broken          error  // why they may not be used, nil if they may
}

// Token shows the token endpoint a grant (RFC 6749 section 3.2) and returns what
// it gives, with the ID Token verified (OpenID Connect Core 1.0 sections 3.1.3.7
// and 12.2).
//
// The error is an [*Error] if the provider refused, a [*TransportError] or a
// [*ProtocolError] if there is no usable answer, and a [*check.Error] if the ID
// Token broke a rule. [MaySpend] tells if the grant's credential may be used up.
//
// Once the endpoint has answered, the Tokens are returned also if err is not
// nil: they are there for showing, and because their refresh token is now the
// only one that works. Nothing else of them may be used.
func (c *Client) Token(ctx context.Context, g Grant) (*Tokens, error) {
	previous, err := c.previous(g.Expect)
	if err != nil {
		return nil, err
	}
	answer, keys, err := c.tokenRequest(ctx, g)
	defer keys.release()
	if answer == nil {
		return nil, err
	}
	tokens, readErr := c.readTokens(answer, g)
	if err != nil && tokens != nil {
		tokens.Checks = nil // of half an answer
	}
	if err == nil {
		err = readErr
	}
	if tokens == nil {
		return nil, err
	}
	tokens.broken, tokens.asked = err, g.Expect.Claims
	if c.Received != nil {
		if err := c.Received(tokens); err != nil {
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
		endpoint: tokenEndpoint, metadata: "token_endpoint", form: form, once: g.Once, bound: true,
		ready: func() {
			if c.Provider.JWKSURI != "" && !c.Policy.Skip {
				keys = c.prefetchKeys(ctx)
			}
		},
	})
	return answer, keys, err
}

// readTokens reads the answer. Whatever is wrong with an answer of success (any
// 2xx), tokens that can be read come with the error: a provider that rotates
// refresh tokens has spent the old one.
func (c *Client) readTokens(answer *response, g Grant) (*Tokens, error) {
	doc, parseErr := strictjson.Parse(answer.body)
	if parseErr != nil {
		doc = salvage(answer.body)
	}
	in := tokenResponseInput{Now: c.now(), Bound: c.DPoP != nil, Exchange: g.Type == tokenExchange, Details: g.Expect.AuthorizationDetails}
	var t *Tokens
	refusal := answer.oauthError()
	holds := doc != nil && (doc.Has("access_token") || doc.Has("refresh_token") && refusal == nil)
	if answer.status/100 == 2 && holds {
		t = tokensOf(doc, in, c.Waive)
	}
	switch {
	case refusal != nil: // also in a 200
		return t, refusal
	case answer.status != http.StatusOK:
		return t, answer.broken(wrongStatus(answer))
	}
	if _, err := answer.object(); err != nil {
		return t, err
	}
	if t == nil {
		t = tokensOf(doc, in, c.Waive)
	}
	if err := t.Checks.Err(); err != nil {
		return t, answer.broken(err)
	}
	return t, nil
}

// tokensOf reads the members of a token response and judges them.
func tokensOf(doc *strictjson.Object, in tokenResponseInput, waive []string) *Tokens {
	in.Response = doc
	t := &Tokens{Raw: doc.Raw, Checks: check.Run(tokenResponseRules, in, waive...)}
	t.AccessToken, _ = doc.String("access_token")
	t.TokenType, _ = doc.String("token_type")
	t.RefreshToken, _ = doc.String("refresh_token")
	t.Scope, _ = doc.String("scope")
	t.IssuedIDToken, _ = doc.String("id_token")
	t.IssuedTokenType, _ = doc.String("issued_token_type")
	if lifetime, ok, err := expiresIn(doc); ok && err == nil {
		t.ExpiresAt = in.Now.Add(lifetime)
	}
	return t
}

// tokenMembers are what is looked for in an answer that is not well-formed.
var tokenMembers = []string{"access_token", "token_type", "expires_in", "refresh_token", "id_token", "scope"}

// salvage reads what can be read of an answer that is not well-formed: one that
// broke off, has a member twice, or something before or after it. It is never
// accepted, but the tokens in it are not lost. nil means that there is nothing:
// a refresh token in the midst of something else has to have an access token
// beside it, or any page could put itself in the place of a good one.
func salvage(body []byte) *strictjson.Object {
	const attempts = 64
	text := bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\uFEFF"))
	for n, at := 0, 0; n < attempts; n++ {
		next := bytes.IndexByte(text[at:], '{')
		if next < 0 {
			return nil
		}
		at += next
		found := membersOf(text[at:])
		access, refresh := found["access_token"] != "", found["refresh_token"] != ""
		if access || refresh && at == 0 {
			return asObject(found)
		}
		at++
	}
	return nil
}

// membersOf reads the tokenMembers of an object as far as it goes, as strings.
func membersOf(text []byte) map[string]string {
	found := map[string]string{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a number of any size is no reason to lose a token
	_, err := d.Token()
	for err == nil && d.More() {
		var name, value json.Token
		if name, err = d.Token(); err != nil {
			break
		}
		if value, err = d.Token(); err != nil {
			break
		}
		if _, nested := value.(json.Delim); nested {
			err = skip(d)
			continue
		}
		key, _ := name.(string)
		if text := fmt.Sprint(value); value != nil && text != "" && slices.Contains(tokenMembers, key) {
			if _, isString := value.(string); isString || found[key] == "" {
				found[key] = text
			}
		}
	}
	return found
}

func asObject(members map[string]string) *strictjson.Object {
	var o strictjson.Ordered
	for _, name := range tokenMembers {
		if members[name] != "" {
			o.Add(name, members[name])
		}
	}
	data, err := o.MarshalJSON()
	if err != nil {
		return nil
	}
	doc, err := strictjson.Parse(data)
	if err != nil {
		return nil
	}
	return doc
}

// skip reads to the end of the array or object that was just begun.
func skip(d *json.Decoder) error {
	for depth := 1; depth > 0; {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return nil
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
