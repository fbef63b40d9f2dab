// Access tokens for a part of a grant.

package session

import (
	"slices"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// A Target says what an access token is for, within a grant: a part of its scope (RFC 6749 section
// 6), resources (RFC 8707 section 2.2), audiences. The zero Target is the session's own: whatever
// its login asked for.
type Target struct {
	Scopes    []string `json:"scopes,omitempty"`
	Resources []string `json:"resources,omitempty"`
	Audiences []string `json:"audiences,omitempty"`
}

// IsZero reports whether nothing is asked for but what the login asked for.
func (t Target) IsZero() bool {
	return len(t.Scopes) == 0 && len(t.Resources) == 0 && len(t.Audiences) == 0
}

// Same reports whether two ask for the same, in whatever order.
func (t Target) Same(other Target) bool {
	sorted := func(set []string) []string { return slices.Compact(slices.Sorted(slices.Values(set))) }
	return slices.Equal(sorted(t.Scopes), sorted(other.Scopes)) &&
		slices.Equal(sorted(t.Resources), sorted(other.Resources)) &&
		slices.Equal(sorted(t.Audiences), sorted(other.Audiences))
}

// String renders the target for a person.
func (t Target) String() string {
	var parts []string
	for _, part := range []struct {
		name   string
		values []string
	}{{"scope", t.Scopes}, {"resource", t.Resources}, {"audience", t.Audiences}} {
		if len(part.values) > 0 {
			parts = append(parts, part.name+" "+strings.Join(part.values, " "))
		}
	}
	return strings.Join(parts, ", ")
}

// An AccessToken is one for a part of the grant.
type AccessToken struct {
	Target   Target    `json:"target"`
	Token    string    `json:"access_token"`
	Type     string    `json:"token_type,omitempty"`
	Received time.Time `json:"received"`
	Expires  time.Time `json:"expires,omitzero"` // zero if nobody knows
	Scope    string    `json:"scope,omitempty"`  // as granted, "" if the provider did not say

	// Withheld is why the token must not be used, "" if it may; as [Session.Withheld].
	Withheld string `json:"withheld,omitempty"`
}

// For returns the access token for a target, nil if the session has none.
func (s *Session) For(target Target) *AccessToken {
	for i := range s.Access {
		if s.Access[i].Target.Same(target) {
			return &s.Access[i]
		}
	}
	return nil
}

// PutAccess puts an access token beside the others, in the place of one for the same target. Those
// that have expired go, and the oldest if there are too many.
func (s *Session) PutAccess(t AccessToken, now time.Time) {
	kept := slices.DeleteFunc(slices.Clone(s.Access), func(other AccessToken) bool {
		return other.Target.Same(t.Target) || !other.Expires.IsZero() && other.Expires.Before(now)
	})
	kept = append(kept, t) // the newest last
	s.Access = kept[max(0, len(kept)-limit.AccessTokens):]
}
