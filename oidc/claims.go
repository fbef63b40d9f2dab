// The claims of verified tokens, as the caller's own types.

package oidc

import (
	"encoding/json"
	"errors"
)

// ErrNotVerified says that Claims was called for a token or response that does not
// count as verified: a rule was broken, waived or skipped. Its JSON field can be
// shown, and must not be trusted.
var ErrNotVerified = errors.New("oidc: the token is not verified")

// Claims decodes the claims of a verified ID Token into v, as [json.Unmarshal] does.
// The error is [ErrNotVerified], or that of json.Unmarshal.
func (t *IDToken) Claims(v any) error { return claimsInto(t.JSON, t.Verified, v) }

// Claims decodes the claims of a verified JWT into v, as [json.Unmarshal] does. The
// error is [ErrNotVerified], or that of json.Unmarshal.
func (t *JWT) Claims(v any) error { return claimsInto(t.JSON, t.Verified, v) }

// Claims decodes the claims of UserInfo into v, as [json.Unmarshal] does. The error
// is [ErrNotVerified] if UserInfo broke a rule, such as that it is of the same user as
// the ID Token, or if a rule was waived; or that of json.Unmarshal.
func (u *UserInfo) Claims(v any) error { return claimsInto(u.JSON, u.verified, v) }

func claimsInto(data []byte, verified bool, v any) error {
	if !verified {
		return ErrNotVerified
	}
	return json.Unmarshal(data, v)
}
