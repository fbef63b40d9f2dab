// The token response, as people and programs read it.

package transcript

import (
	"fmt"
	"slices"
	"time"

	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// A TokenResponse is a token response as received, and what is known besides.
type TokenResponse struct {
	Raw     []byte    // as received
	Expires time.Time // of the access token, zero if it is not known
	IDToken *Token    // that came with it, nil if there is none that can be read
}

// Result is the response as a result: for programs as received, for people the
// seven members of the ancestor's page first, in its order, then whatever else
// came.
func (r TokenResponse) Result(now time.Time) Result {
	return Result{
		Member: "token_response", Value: r.document(),
		Title: "Access Token Response", Key: "Response", Text: Indent(r.view(now)),
	}
}

// document is the response as received, and when the token expires.
func (r TokenResponse) document() strictjson.Ordered {
	var d strictjson.Ordered
	response, err := strictjson.Parse(r.Raw)
	if err != nil {
		return d
	}
	for _, m := range response.Members {
		d.Add(m.Name, m.Value)
	}
	if !r.Expires.IsZero() && !response.Has("expires_at") {
		d.Add("expires_at", r.Expires.UTC().Format(time.RFC3339))
	}
	return d
}

// firstMembers are those of the ancestor's page, in its order.
var firstMembers = []string{
	"access_token", "refresh_token", "scope", "id_token", "token_type", "nonce", "expires_in_human_readable",
}

// view is what people read. A refresh token, say, that did not come is "".
func (r TokenResponse) view(now time.Time) []byte {
	response, err := strictjson.Parse(r.Raw)
	if err != nil {
		return r.Raw
	}
	var d strictjson.Ordered
	for _, name := range firstMembers[:5] {
		if raw, ok := response.Get(name); ok {
			d.Add(name, raw)
		} else {
			d.Add(name, "")
		}
	}
	d.Add("nonce", r.nonce())
	d.Add("expires_in_human_readable", r.expiry(now))
	for _, m := range response.Members {
		if !slices.Contains(firstMembers, m.Name) {
			d.Add(m.Name, m.Value)
		}
	}
	data, err := d.MarshalJSON()
	if err != nil {
		return r.Raw
	}
	return data
}

// nonce is that of the ID Token, "-" if there is none.
func (r TokenResponse) nonce() string {
	if r.IDToken == nil {
		return "-"
	}
	claims, err := strictjson.Parse(r.IDToken.Claims)
	if err != nil {
		return "-"
	}
	nonce, err := claims.String("nonce")
	if err != nil || nonce == "" {
		return "-"
	}
	return nonce
}

// expiry is when the access token expires, in local time and from now.
func (r TokenResponse) expiry(now time.Time) string {
	if r.Expires.IsZero() {
		return ""
	}
	at := r.Expires.Local().Format(time.RFC3339)
	left := r.Expires.Sub(now).Truncate(time.Second)
	if left <= 0 {
		return fmt.Sprintf("%s (expired %s ago)", at, -left)
	}
	return fmt.Sprintf("%s (in %s)", at, left)
}
