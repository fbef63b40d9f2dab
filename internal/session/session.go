// Package session keeps tokens between runs.
//
// A [Session] is the tokens of one grant and all it takes to renew them. A [Store]
// keeps sessions by name. What renews them is package renewal.
package session

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// Schema is the version of what is stored. Sessions of version 1 are read too, and stored as this
// version when they are next written.
const Schema = 2

// A Session is the tokens of one grant. What is here can be read by whoever can read
// the store; what renews them is in the Secret.
type Session struct {
	Schema     int       `json:"schema"`
	Name       string    `json:"name"`
	Grant      Grant     `json:"grant"`
	Serial     int64     `json:"serial"`     // which write this is; see [Reservation]
	Generation int       `json:"generation"` // how many responses of the token endpoint were stored
	Received   time.Time `json:"received"`   // when Tokens came
	Tokens     Tokens    `json:"tokens"`

	// Access are access tokens for a part of the grant, beside the one in Tokens.
	Access []AccessToken `json:"access_tokens,omitempty"`

	// Withheld is why the tokens must not be used, "" if they may. They are so from
	// when they come until they are verified.
	Withheld string `json:"withheld,omitempty"`

	// Held is the last ID Token that was verified, while the one in Tokens is withheld: the
	// next one continues it.
	Held string `json:"held_id_token,omitempty"`

	// Unverified is why the tokens count as not verified though they are handed out: what was
	// skipped or waived. It is "" if nothing was, or if an earlier version stored the session.
	Unverified string `json:"unverified,omitempty"`

	// Whole is the scope that the session's own refresh asks for by name, since a token for a part
	// of it was asked for; "" if none was.
	Whole string `json:"whole_scope,omitempty"`

	// Narrowed says what the provider took away from the scope because of that, "" if nothing.
	Narrowed string `json:"narrowed,omitempty"`

	// Claim is a refresh that was begun and whose response is not stored.
	Claim *Claim `json:"claim,omitempty"`

	// Refused is what the provider said when it last refused the refresh token.
	Refused string `json:"refused,omitempty"`

	// Failure is why the last refresh did not come about, nil if it did.
	Failure *Failure `json:"failure,omitempty"`

	// Keeps says that the provider is known to leave refresh tokens as they are: a
	// refresh whose answer was lost may be tried again.
	Keeps bool `json:"keeps_refresh_token,omitempty"`

	Renewable bool    `json:"renewable"`        // the Secret has what new tokens are got with
	Secret    *Secret `json:"secret,omitempty"` // nil while it is sealed
	Sealed    *Sealed `json:"sealed,omitempty"` // the Secret, encrypted; nil if it is not
}

// Tokens are what is handed out.
type Tokens struct {
	AccessToken string    `json:"access_token,omitempty"`
	TokenType   string    `json:"token_type,omitempty"`
	Expires     time.Time `json:"expires,omitzero"` // zero if nobody knows

	IDToken        string    `json:"id_token,omitempty"`
	IDTokenExpires time.Time `json:"id_token_expires,omitzero"`

	// IDTokenStale says that the last refresh brought no new ID Token.
	IDTokenStale bool `json:"id_token_stale,omitempty"`

	Scope string `json:"scope,omitempty"` // as granted, "" if the provider did not say
}

// A Failure is a refresh that came to nothing, and spent nothing.
type Failure struct {
	At  time.Time `json:"at"`
	Why string    `json:"why"`
}

// A Secret is what a session is renewed with.
type Secret struct {
	RefreshToken string `json:"refresh_token,omitempty"`
	// the request of the client's own grant, which is made anew
	Again   map[string][]string `json:"again,omitempty"`
	Params  map[string][]string `json:"params,omitempty"`   // further parameters of each refresh
	DPoPKey json.RawMessage     `json:"dpop_key,omitempty"` // a JWK, if the key is kept nowhere else
	Client  json.RawMessage     `json:"client"`             // how the client is configured; the caller's
}

// A Need is what somebody asks of a session.
type Need struct {
	IDToken bool
	Target  Target        // what the access token is for
	For     time.Duration // that it has to be valid; 0 means a margin that suits its lifetime
	Not     string        // a token that will not do: the provider refused it, or it is to be renewed anyway
	Retry   bool          // to refresh it, send a token too that may be spent, or was refused
	NoCache bool          // to refresh it, ignore cached metadata and keys
}

// Take returns the token that is needed, if the session has it and it is fresh.
func (s *Session) Take(need Need, now time.Time) (token string, expires time.Time, ok bool) {
	token, received, expires, withheld := s.find(need)
	if token == "" || token == need.Not || withheld {
		return "", expires, false
	}
	return token, expires, s.fresh(received, expires, need.For, now)
}

// find returns the token that is needed, whether it is fresh or not; "" if there is none.
func (s *Session) find(need Need) (token string, received, expires time.Time, withheld bool) {
	switch {
	case need.IDToken:
		return s.Tokens.IDToken, s.Received, s.Tokens.IDTokenExpires, s.Withheld != ""
	case need.Target.IsZero():
		return s.Tokens.AccessToken, s.Received, s.Tokens.Expires, s.Withheld != ""
	}
	t := s.For(need.Target)
	if t == nil {
		return "", time.Time{}, time.Time{}, false
	}
	return t.Token, t.Received, t.Expires, s.Withheld != "" || t.Withheld != ""
}

// Lifetime is how long the token that is needed lasts from when it came, whether it has expired or
// not; zero if nobody knows.
func (s *Session) Lifetime(need Need) time.Duration {
	_, received, expires, _ := s.find(need)
	if expires.IsZero() {
		return 0
	}
	return expires.Sub(received)
}

// TokenType is the type of the access token that is needed.
func (s *Session) TokenType(target Target) string {
	if t := s.For(target); t != nil {
		return t.Type
	}
	return s.Tokens.TokenType
}

// OnlyIDToken reports whether an ID Token is all that the session has and can get: its login had
// response_type=id_token.
func (s *Session) OnlyIDToken() bool {
	return s.Tokens.AccessToken == "" && s.Tokens.IDToken != "" && !s.Renewable
}

// VerifiedIDToken is the last ID Token that was verified, "" if none was. It may be expired.
func (s *Session) VerifiedIDToken() string {
	if s.Withheld != "" {
		return s.Held
	}
	return s.Tokens.IDToken
}

// The margins before the end of a token, and how long one is used whose end nobody
// knows while it can be renewed.
const (
	margin    = 30 * time.Second
	unknown   = 5 * time.Minute
	tolerance = time.Minute
)

// fresh reports whether a token that came at received and ends at expires can still be used.
func (s *Session) fresh(received, expires time.Time, least time.Duration, now time.Time) bool {
	if now.Before(received.Add(-tolerance)) {
		return !s.Renewable // the clock was set back: what it says of the token's age is not so
	}
	if expires.IsZero() && least > 0 { // only a token that has just been received may last so long
		return s.Renewable && now.Before(received.Add(margin))
	}
	if expires.IsZero() {
		return !s.Renewable || now.Before(received.Add(unknown))
	}
	return now.Add(cmp.Or(least, Margin(expires.Sub(received)))).Before(expires)
}

// Margin is how long before its end a token of a lifetime is renewed.
func Margin(lifetime time.Duration) time.Duration { return max(0, min(margin, lifetime/5)) }

// A State says in one word how a session is.
type State string

// The states of a session.
const (
	Fresh    State = "fresh"        // its access token, or its ID Token if it has no other, can be used
	Expired  State = "expired"      // a refresh gets a new one
	Ended    State = "ended"        // only a login gets a new one
	Spent    State = "may be spent" // its refresh token was sent, and the answer was lost
	Refused  State = "refused"      // the provider refused its refresh token; its access token may still be valid
	Withheld State = "withheld"     // its tokens did not verify; a refresh may get better ones
	Renewing State = "renewing"     // somebody is at it
)

// State returns how the session is.
func (s *Session) State(now time.Time) State {
	_, _, fresh := s.Take(Need{IDToken: s.OnlyIDToken()}, now)
	switch {
	case s.Claim != nil && !s.Keeps:
		return Spent
	case s.Refused != "":
		return Refused
	case s.Withheld != "":
		return Withheld
	case fresh:
		return Fresh
	case !s.Renewable:
		return Ended
	}
	return Expired
}

// Why says why the session is in its state, "" if that goes without saying.
func (s *Session) Why() string {
	switch {
	case s.Claim != nil:
		return "its refresh token may be spent: " + s.Claim.String()
	case s.Refused != "":
		return "the provider refused its refresh token: " + s.Refused
	case s.Withheld != "":
		return "its tokens must not be used: " + s.Withheld
	case s.Failure != nil:
		return "the last refresh failed: " + s.Failure.Why
	}
	return ""
}

// Copy returns a copy that does not change with s, but for what is secret.
func (s *Session) Copy() *Session {
	c := *s
	if s.Claim != nil {
		claim := *s.Claim
		c.Claim = &claim
	}
	c.Access = slices.Clone(s.Access)
	return &c
}

// Unverified is why tokens are withheld that came a moment ago.
const Unverified = "not verified yet"

// less is what is stored of a session if there is no room for all of it: what renews it, without
// the tokens that a refresh brings anew. There is nothing less without a refresh token.
func (s *Session) less() []*Session {
	if s.Secret == nil || s.Secret.RefreshToken == "" {
		return nil
	}
	bare := *s
	bare.Tokens, bare.Access, bare.Held = Tokens{TokenType: s.Tokens.TokenType, Scope: s.Tokens.Scope}, nil, ""
	return []*Session{&bare}
}
