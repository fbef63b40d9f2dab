// Package wire answers the small questions about what travels between a client and a provider:
// which characters OAuth 2.0 allows (RFC 6749 appendix A), what a secret from elsewhere is cleaned
// of, and which addresses a secret may be sent to.
package wire

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Odd returns the first character of s that is none of %x20-7E (VSCHAR in RFC 6749 appendix
// A). Tokens, codes, client identifiers and client secrets have no other; a space is one of
// them.
func Odd(s string) (c rune, found bool) {
	for _, c := range s {
		if c < ' ' || c > '~' {
			return c, true
		}
	}
	return 0, false
}

// Valid reports whether s can be a token or a code: one character or more, and none that is
// [Odd].
func Valid(s string) bool {
	_, odd := Odd(s)
	return s != "" && !odd
}

// InHeader reports whether s can be a credential in an Authorization header: HTTP drops a
// space at either end (RFC 9110 section 5.5).
func InHeader(s string) bool { return Valid(s) && strings.TrimSpace(s) == s }

// Trim drops what editors and shells put around a secret: a byte order mark at its start, and
// line breaks at its ends.
func Trim(s string) string { return strings.Trim(strings.TrimPrefix(s, "\uFEFF"), "\r\n") }

// Secret returns a secret that was read from a file, a pipe or the environment, as [Trim]
// does. Any other control character is an error, which does not repeat the secret.
func Secret(s string) (string, error) {
	s = Trim(s)
	for _, c := range s {
		if c != utf8.RuneError && (unicode.IsControl(c) || c == '\uFEFF') {
			return "", fmt.Errorf("it contains the character %U, which no secret has", c)
		}
	}
	return s, nil
}
