// What an answer of the token endpoint makes of a session.

package renewal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/internal/wire"
	"github.com/oidc-client/oidc-client/oidc"
)

// Put puts an answer of the token endpoint into a session, whose Secret is open. Its
// tokens are withheld until [Verified].
func Put(s *session.Session, t *oidc.Tokens, now time.Time) {
	old := s.Tokens
	if s.Withheld != "" { // an ID Token that did not hold is nothing to go by, or to hand out
		old.IDToken, old.IDTokenExpires = s.Held, expiry(s.Held)
	}
	s.Held = old.IDToken
	s.Received, s.Withheld = now, session.Unverified
	s.Tokens = session.Tokens{
		AccessToken: t.AccessToken, TokenType: t.TokenType, Expires: accessExpiry(t),
		IDToken: t.IssuedIDToken, IDTokenExpires: expiry(t.IssuedIDToken), Scope: cmp.Or(t.Scope, old.Scope),
	}
	if t.IssuedIDToken == "" { // it keeps its own end
		s.Tokens.IDToken, s.Tokens.IDTokenExpires = old.IDToken, old.IDTokenExpires
		s.Tokens.IDTokenStale = old.IDToken != ""
	}
	if s.Whole != "" {
		s.Narrowed = narrowed(s.Whole, t.Scope)
	}
	renewed(s, t)
}

// PutFor is [Put] for a response to a request for a target. A token for a part of the grant is kept
// beside the session's own tokens, which stay as they are.
func PutFor(s *session.Session, t *oidc.Tokens, target session.Target, now time.Time) {
	if target.IsZero() {
		Put(s, t, now)
		return
	}
	if len(target.Scopes) > 0 && s.Secret.RefreshToken != "" {
		s.Whole = cmp.Or(s.Whole, wholeScope(s))
	}
	s.PutAccess(session.AccessToken{
		Target: target, Token: t.AccessToken, Type: t.TokenType, Scope: t.Scope,
		Received: now, Expires: accessExpiry(t), Withheld: session.Unverified,
	}, now)
	renewed(s, t)
}

// renewed notes that a response came, and keeps the refresh token in it.
func renewed(s *session.Session, t *oidc.Tokens) {
	s.Generation++
	s.Claim, s.Refused, s.Failure = nil, "", nil
	s.Keeps = s.Generation > 1 && (t.RefreshToken == "" || t.RefreshToken == s.Secret.RefreshToken)
	if wire.Trim(t.RefreshToken) != "" { // whatever its characters are: the old one may be spent
		s.Secret.RefreshToken = t.RefreshToken
	}
	s.Renewable = s.Secret.RefreshToken != "" || s.Secret.Again != nil
}

// accessExpiry is when an access token expires, zero if nobody knows.
func accessExpiry(t *oidc.Tokens) time.Time {
	if t.ExpiresAt.IsZero() {
		return expiry(t.AccessToken) // of a JWT, if it is one
	}
	return t.ExpiresAt
}

// Verified marks the tokens of a session as accepted. waived are the rules that were waived about
// anything else than t, such as the provider's metadata.
func Verified(s *session.Session, t *oidc.Tokens, waived ...string) {
	s.Withheld, s.Held = "", ""
	why := unverified(t, waived)
	if why != "" || t.IDToken != nil || s.Generation == 1 { // an ID Token that stays keeps its mark
		s.Unverified = why
	}
	if id := t.IDToken; id != nil {
		s.Tokens.IDTokenExpires = id.Expiry // an encrypted one does not tell by itself
		s.Grant.Subject = id.Subject
	}
}

// unverified returns why tokens that were accepted are not verified, "" if they are.
func unverified(t *oidc.Tokens, waived []string) string {
	waived = slices.Concat(waived, t.Checks.Waived())
	slices.Sort(waived)
	switch {
	case t.IssuedIDToken != "" && t.Checks.Err() != nil: // which nobody wanted to know
		return "the verification of the ID Token was skipped (--skip-id-token-verification)"
	case len(waived) > 0:
		return "rules were waived: " + strings.Join(slices.Compact(waived), ", ")
	}
	return ""
}

// doubt notes that the refresh token may be spent if the response broke off, or is broken, and has
// no new one: that one may have been in what is missing.
func (r *Renewal) doubt(s *session.Session, t *oidc.Tokens, err error) {
	if wire.Trim(t.RefreshToken) != "" || s.Secret.RefreshToken == "" || !oidc.MayBeSpent(err) {
		return
	}
	s.Begin(r.Now())
	s.Claim.Why, s.Keeps = r.text(err), false
}

// A SubjectError says that a refresh brought the ID Token of another user (OpenID Connect Core 1.0
// section 12.2).
type SubjectError struct{ Name, Want, Got string }

func (e *SubjectError) Error() string {
	return fmt.Sprintf("session %s belongs to the user %s, and the refreshed ID Token to the user %s", e.Name, e.Want,
		e.Got)
}

// otherUser returns a [*SubjectError] if new tokens belong to another user than the session. It
// knows the user also where the session has no ID Token to compare with.
func otherUser(s *session.Session, t *oidc.Tokens, client *oidc.Client) error {
	if t.IDToken == nil || s.Grant.Subject == "" || t.IDToken.Subject == s.Grant.Subject {
		return nil
	}
	if client.Policy.InsecureSkipVerification || slices.Contains(client.Waive, "refresh.sub") {
		return nil
	}
	return &SubjectError{s.Name, s.Grant.Subject, t.IDToken.Subject}
}

// expiry is the exp of a JWT that nobody looked into, zero if it has none.
func expiry(token string) time.Time {
	id, err := oidc.DecodeIDToken(token)
	if err != nil {
		return time.Time{}
	}
	return id.Expiry
}

// A LoginError says that a session cannot be renewed without a person, and why.
type LoginError struct {
	Session *session.Session
	State   session.State
	Why     string
	Hint    string // the way on, "" if the state says it
}

func (e *LoginError) Error() string { return fmt.Sprintf("session %s: %s", e.Session.Name, e.Why) }

// A RefusedError says that the provider refused the refresh token of a session just now. From then on
// the error is a [*LoginError].
type RefusedError struct {
	Session *session.Session
	Err     *oidc.Error
}

func (e *RefusedError) Error() string { return refusedText(e.Session) }

// Unwrap returns the refusal.
func (e *RefusedError) Unwrap() error { return e.Err }

// refusedText says that the refresh token of a session was refused.
func refusedText(s *session.Session) string {
	return fmt.Sprintf("session %s: the provider refused its refresh token: %s", s.Name, s.Refused)
}

// A ShortError says that the provider's tokens do not last as long as is asked for.
type ShortError struct {
	Session  *session.Session
	Lifetime time.Duration // of the last one
	Asked    time.Duration
	Unknown  bool // the provider did not say how long the last one lasts
}

func (e *ShortError) Error() string {
	if e.Unknown {
		return fmt.Sprintf("session %s: the provider did not say how long its token lasts, so whether it is valid "+
			"for %s "+
			"is not known", e.Session.Name, e.Asked)
	}
	return fmt.Sprintf("session %s: the provider's tokens last %s, which is not more than the %s that are asked for",
		e.Session.Name, e.Lifetime.Round(time.Second), e.Asked)
}

// ended says why a session cannot be renewed, whatever others do to it. nil means that it
// may be.
func ended(s *session.Session, need session.Need) error {
	why := ""
	switch {
	case s.Withheld != "" && (!s.Renewable || need.IDToken && s.Tokens.IDToken == ""):
		return withheld(s)
	case need.IDToken && s.Tokens.IDToken == "":
		why = "it has no ID Token, which comes with the scope openid and a user"
	case need.IDToken && s.Tokens.IDTokenStale:
		why = "its ID Token has expired, and the provider sends no new one on a refresh"
	case !s.Renewable && need.For > 0 && endless(s, need):
		return &ShortError{Session: s, Asked: need.For, Unknown: true}
	case !s.Renewable && !need.Target.IsZero():
		why = "it has no refresh token, which gets a token for " + need.Target.String()
	case !need.IDToken && s.OnlyIDToken():
		return &LoginError{
			Session: s, State: session.Ended, Why: "it has an ID Token only, and no access token",
			Hint: "`oidc-client token " + s.Name +
				" --id-token` prints the ID Token. For an access token, log in with " +
				"response_type code, which is the default",
		}
	case !s.Renewable:
		why = "its token has expired, and it has no refresh token"
	default:
		return nil
	}
	return &LoginError{Session: s, State: session.Ended, Why: why}
}

// endless reports whether the session has the token that is needed, and nobody knows when it
// expires.
func endless(s *session.Session, need session.Need) bool {
	if need.IDToken {
		return s.Tokens.IDToken != "" && s.Tokens.IDTokenExpires.IsZero()
	}
	if !need.Target.IsZero() {
		access := s.For(need.Target)
		return access != nil && access.Expires.IsZero()
	}
	return s.Tokens.AccessToken != "" && s.Tokens.Expires.IsZero()
}

// withheld says that the tokens of a session must not be used, and why.
func withheld(s *session.Session) error {
	whose := "its tokens"
	if s.Generation == 1 {
		whose = "the tokens of its login"
	}
	return &LoginError{Session: s, State: session.Withheld, Why: whose + " must not be used: " + s.Withheld}
}

// renewable says what keeps a session, which is locked, from being renewed. retry allows to
// send a token that may be spent, or was refused, or came with what did not verify: a
// refresh would hide that the login was perhaps somebody else's.
func renewable(s *session.Session, need session.Need, retry bool) error {
	switch {
	case s.Withheld != "" && (s.Generation == 1 && !retry || !need.Target.IsZero()):
		return withheld(s)
	case s.Refused != "" && !retry:
		return &LoginError{
			Session: s, State: session.Refused,
			Why: "the provider refused its refresh token: " + s.Refused,
		}
	case s.Claim != nil && !s.Keeps && !retry:
		return &LoginError{Session: s, State: session.Spent, Why: "its refresh token may be spent: " + s.Claim.String()}
	}
	return ended(s, need)
}
