// The claims of verified tokens, as the caller's own types.

package oidc

import (
	"encoding/json"
	"errors"
)

// ErrNotVerified says that claims were asked for of a token that does not count
// as verified: a rule was broken, waived or skipped. Its JSON is there for
// showing.
var ErrNotVerified = errors.New("oidc: the token is not verified")

// Claims reads the claims of a verified ID Token into v, as [json.Unmarshal]
// does. The error is [ErrNotVerified], or that of v not fitting.
func (t *IDToken) Claims(v any) error { return claimsInto(t.JSON, t.Verified, v) }

// Claims reads the claims of a verified JWT into v, as [json.Unmarshal] does.
// The error is [ErrNotVerified], or that of v not fitting.
func (t *JWT) Claims(v any) error { return claimsInto(t.JSON, t.Verified, v) }

// Claims reads UserInfo into v, as [json.Unmarshal] does. The error is
// [ErrNotVerified] if UserInfo broke a rule, such as to be another user's.
func (u *UserInfo) Claims(v any) error { return claimsInto(u.JSON, u.Checks.Err() == nil, v) }

func claimsInto(data []byte, verified bool, v any) error {
	if !verified {
		return ErrNotVerified
	}
	return json.Unmarshal(data, v)
}
