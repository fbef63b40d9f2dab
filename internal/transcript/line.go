// JSON on one line, for results that come one by one.

package transcript

import "github.com/oidc-client/oidc-client/internal/strictjson"

// Compact returns v as JSON on one line, safe to show.
func Compact(v any) (string, error) {
	data, err := strictjson.Encode(v)
	return EscapeJSON(string(data)), err
}
