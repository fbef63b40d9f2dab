// Handing tokens out.

package session

import "time"

// AskAgain is when a tool that caches a token should ask for another: a little
// before it expires, zero if nobody knows when that is.
func AskAgain(expires, now time.Time) time.Time {
	if expires.IsZero() {
		return time.Time{}
	}
	return expires.Add(-Margin(expires.Sub(now))).UTC().Truncate(time.Second)
}

// Authorization is the header that a token is sent in (RFC 6750 section 2.1).
func Authorization(token string) string { return "Authorization: Bearer " + token }
