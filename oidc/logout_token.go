// Logout tokens: OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.6.

package oidc

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// A LogoutExpectation is what a receiver of logout tokens knows. Fields left
// empty expect nothing.
type LogoutExpectation struct {
	Subject   string // sub of the session, if it names one
	SessionID string // sid of the session, if it names one

	// Algorithm is the alg of the ID Token that the session began with: the provider
	// signs the client's logout tokens as it signs its ID Tokens (section 2.4).
	Algorithm string

	// Seen reports whether a jti came before. Whoever verified a token remembers its
	// jti then, and not before: anyone can send one that he made up. nil knows none.
	Seen func(jti string) bool
}

// A LogoutToken says that a session at the provider has ended.
type LogoutToken struct {
	JWT
	Subject   string // sub, "" if it names none
	SessionID string // sid, "" if it names none
	ID        string // jti
}

// VerifyLogoutToken verifies a logout token (Back-Channel Logout section 2.6).
// Errors are as for [Client.VerifyIDToken]. The receiver responds with the status 400
// after an error, and otherwise with 200 (section 2.8). The LogoutToken is never
// nil.
func (c *Client) VerifyLogoutToken(ctx context.Context, raw string, expect LogoutExpectation) (*LogoutToken, error) {
	if c.Provider == nil {
		return &LogoutToken{}, errNoProvider
	}
	in := logoutTokenInput{jwtInput: c.newJWTInput(), Expect: expect}
	if expect.Algorithm != "" {
		in.Algorithms = in.Algorithms.only(expect.Algorithm)
	}
	in.Encryption = c.Policy.IDTokenEncryptedResponseAlg // a plain one will do too (section 2.4)
	c.read(ctx, &in.jwtInput, raw, keyUse{})
	if in.jwt != nil && expect.Seen != nil && in.Claims.tokenID != "" {
		in.Replayed = expect.Seen(in.Claims.tokenID)
	}
	token, err := judgeJWT(c, &in.jwtInput, logoutTokenRules, &in)
	return &LogoutToken{
		JWT: *token, Subject: in.Claims.Subject, SessionID: in.Claims.sessionID, ID: in.Claims.tokenID,
	}, err
}

type logoutTokenInput struct {
	jwtInput
	Expect   LogoutExpectation
	Replayed bool // its jti came before
}

func (in *logoutTokenInput) token() *jwtInput { return &in.jwtInput }

// logoutEvent is the member of events that makes a token a logout token.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

var logoutTokenRules = slices.Concat(of((*logoutTokenInput).token, slices.Concat(
	sealedRules("logout_token"), jwtRules("logout_token"), partyRules("logout_token", backChannelLogout("2.6", 4)),
	logoutJWTRules,
)), logoutTokenOnlyRules)

// logoutJWTRules look at nothing but the token.
var logoutJWTRules = []check.Rule[*jwtInput]{
	{
		ID: "logout_token.typ", Spec: backChannelLogout("2.4", 0), Level: check.Must,
		Text: "The header's typ, if there, is logout+jwt, or JWT: the token is not one of another kind.",
		Eval: readable(func(in *jwtInput) check.Verdict { return typIs(in, "logout+jwt", "jwt") }),
	},
	{
		ID: "logout_token.iat", Spec: backChannelLogout("2.6", 4), Level: check.Must,
		Text: "iat is there, not in the future, and at most a day ago.",
		Eval: readable(func(in *jwtInput) check.Verdict {
			if v := iatIs(in); v.Outcome != check.Pass {
				return v
			}
			return check.That(
				in.Now.Sub(in.Claims.IssuedAt) <= maxIssueAge, stamp(in.Claims.IssuedAt),
				"after "+stamp(in.Now.Add(-maxIssueAge)),
			)
		}),
	},
	{
		ID: "logout_token.exp", Spec: backChannelLogout("2.6", 4), Level: check.Must,
		Text: "The current time is before exp.",
		Eval: readable(expIs),
	},
	{
		ID: "logout_token.subject", Spec: backChannelLogout("2.6", 5), Level: check.Must,
		Text: "There is a sub, or a sid, or both, and they are strings.",
		Eval: readable(func(in *jwtInput) check.Verdict {
			for _, name := range []string{"sub", "sid"} {
				if what := in.Claims.malformed[name]; what != "" {
					return check.That(false, what, "a string")
				}
			}
			return check.That(in.Claims.Subject != "" || in.Claims.sessionID != "", "neither", "sub or sid")
		}),
	},
	{
		ID: "logout_token.events", Spec: backChannelLogout("2.6", 6), Level: check.Must,
		Text: "events is an object whose member " + logoutEvent + " is an object.",
		Eval: readable(func(in *jwtInput) check.Verdict {
			raw, ok := in.jwt.Claims.Get("events")
			if !ok {
				return check.That(false, "none", "an object")
			}
			events, err := strictjson.Parse(raw)
			if err != nil {
				return check.That(false, "not an object", "an object")
			}
			event, ok := events.Get(logoutEvent)
			if !ok {
				return check.That(false, fmt.Sprintf("%d other events", len(events.Members)), logoutEvent)
			}
			_, err = strictjson.Parse(event)
			return check.That(err == nil, fmt.Sprintf("%.40q", event), "an object")
		}),
	},
	{
		ID: "logout_token.nonce", Spec: backChannelLogout("2.6", 7), Level: check.Must,
		Text: "There is no nonce: the token is no ID Token.",
		Eval: readable(func(in *jwtInput) check.Verdict { return notThere(&in.Claims, "nonce") }),
	},
}

// logoutTokenOnlyRules look at what the receiver knows, too.
var logoutTokenOnlyRules = []check.Rule[*logoutTokenInput]{
	{
		ID: "logout_token.jti", Spec: backChannelLogout("2.6", 8), Level: check.Must,
		Text: "jti is there, and no token with it came before.",
		Eval: known(func(in *logoutTokenInput) check.Verdict {
			return in.Claims.typed("jti", func() check.Verdict {
				got := check.List(oneOrNone(in.Claims.tokenID))
				if in.Replayed {
					got += ", which came before"
				}
				return check.That(in.Claims.tokenID != "" && !in.Replayed, got, "a new one")
			})
		}),
	},
	{
		ID: "logout_token.sub", Spec: backChannelLogout("2.6", 10), Level: check.Must,
		Text: "sub, if there, is that of the session.",
		Eval: known(func(in *logoutTokenInput) check.Verdict {
			return in.session(in.Claims.Subject, in.Expect.Subject)
		}),
	},
	{
		ID: "logout_token.sid", Spec: backChannelLogout("2.6", 11), Level: check.Must,
		Text: "sid, if there, is that of the session.",
		Eval: known(func(in *logoutTokenInput) check.Verdict {
			return in.session(in.Claims.sessionID, in.Expect.SessionID)
		}),
	},
}

// known makes a rule that looks into a logout token.
func known(eval func(*logoutTokenInput) check.Verdict) func(*logoutTokenInput) check.Verdict {
	return func(in *logoutTokenInput) check.Verdict {
		if in.jwt == nil {
			return check.Inapplicable("the token cannot be read")
		}
		return eval(in)
	}
}

// session compares a name of the session with the one that is known.
func (in *logoutTokenInput) session(got, want string) check.Verdict {
	if got == "" || want == "" {
		return check.Inapplicable("nothing to compare")
	}
	return check.Equal(got, want)
}

// VerifyFrontchannelLogout judges the parameters by which a provider's page tells that a
// session has ended (OpenID Connect Front-Channel Logout 1.0 section 3). Anyone can
// make a browser send them: nothing but the session's name vouches for them. The error
// is a [*check.Error].
func (c *Client) VerifyFrontchannelLogout(query url.Values, expect LogoutExpectation) (check.Results, error) {
	if c.Provider == nil {
		return nil, errNoProvider
	}
	results := check.Run(frontchannelLogoutRules, frontchannelLogoutInput{query, c.Provider.Issuer, expect}, c.Waive...)
	return results, results.Err()
}

type frontchannelLogoutInput struct {
	Query  url.Values
	Issuer string
	Expect LogoutExpectation
}

var frontchannelLogoutRules = []check.Rule[frontchannelLogoutInput]{
	{
		ID: "frontchannel_logout.iss", Spec: frontChannelLogout("3"), Level: check.Must,
		Text: "iss is the provider's issuer identifier; it may be absent only if sid is too, and no session is " +
			"expected to end.",
		Eval: func(in frontchannelLogoutInput) check.Verdict {
			if !in.Query.Has("iss") && !in.Query.Has("sid") && in.Expect.SessionID == "" {
				return check.Inapplicable("neither iss nor sid")
			}
			return check.Equal(in.Query.Get("iss"), in.Issuer)
		},
	},
	{
		ID: "frontchannel_logout.sid", Spec: frontChannelLogout("3"), Level: check.Must,
		Text: "sid comes with iss, and is that of the session, if that is known.",
		Eval: func(in frontchannelLogoutInput) check.Verdict {
			switch {
			case in.Expect.SessionID != "":
				return check.Equal(in.Query.Get("sid"), in.Expect.SessionID)
			case !in.Query.Has("iss"):
				return check.Inapplicable("neither iss nor sid")
			}
			return check.That(in.Query.Get("sid") != "", check.List(oneOrNone(in.Query.Get("sid"))), "a sid")
		},
	},
}
