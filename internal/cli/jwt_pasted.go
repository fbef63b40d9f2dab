// What people paste where a JWT is asked for: a header line, a cookie, a JSON response, an address.

package cli

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// A pastedJWT is a JWT in a text, and the name of the header, cookie, member or parameter that it is the
// value of, "" if it stands alone.
type pastedJWT struct{ name, token string }

// Patterns are compiled where they are used: few runs need one.
const (
	// jwtInText matches what may be a JWT, signed or encrypted, with its name before it.
	jwtInText = `(?:([A-Za-z0-9_.-]{1,64})["']?\s*[:=]\s*["']?(?:(?i:Bearer|DPoP)\s+)?)?` +
		`([A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)?)`

	// authorizationHeader matches what stands before the token in a header line, or in its value.
	authorizationHeader = `^(?i:Authorization:\s*)?(?i:Bearer|DPoP)\s+`
)

// pastedJWTs finds the JWTs in a text, each once. A JWT may be broken over several lines if it is all
// there is, but for the word Bearer.
func pastedJWTs(text string) []pastedJWT {
	whole := strings.TrimPrefix(strings.Join(strings.Fields(text), ""), "Bearer")
	pattern := regexp.MustCompile(jwtInText)
	if match := pattern.FindStringSubmatch(whole); match != nil && match[0] == whole && match[1] == "" &&
		hasJWTHeader(whole) {
		return []pastedJWT{{"", whole}}
	}
	var found []pastedJWT
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		known := slices.ContainsFunc(found, func(p pastedJWT) bool { return p.token == match[2] })
		if !known && len(found) < limit.PastedJWTs && hasJWTHeader(match[2]) {
			found = append(found, pastedJWT{match[1], match[2]})
		}
	}
	return found
}

// hasJWTHeader reports whether what stands before the first dot is the header of a JWT: a JSON object.
func hasJWTHeader(token string) bool {
	first, _, _ := strings.Cut(token, ".")
	header, err := base64.RawURLEncoding.DecodeString(first)
	return err == nil && strings.HasPrefix(strings.TrimSpace(string(header)), "{")
}
