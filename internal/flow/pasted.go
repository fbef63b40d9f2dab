// The address that a person pastes, because the browser is on another machine.

package flow

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/oidc-client/oidc-client/internal/loopback"
)

// pasted reads what a person pasted or typed, nil if it holds no response to one of the logins.
func (l *Login) pasted(text string, ok bool) *loopback.Visit {
	if !ok {
		l.Pasted = nil // nobody types any more
		return nil
	}
	if strings.TrimSpace(text) == "" {
		return nil
	}
	var stray url.Values
	for _, address := range addresses(text, l.Request.RedirectURI) {
		values, err := Parameters(address)
		switch {
		case err != nil:
		case l.answers(values), l.maybeProven(values):
			return &loopback.Visit{Values: values}
		case stray == nil && isResponse(values):
			stray = values
		}
	}
	if stray != nil {
		l.strange("what was pasted is " + l.unproven(stray))
		return nil
	}
	l.strange("what was pasted is not the address that this login ends on: it begins with " + l.Request.RedirectURI +
		" and holds state")
	return nil
}

// marks are the characters that people and programs put around addresses, or before their lines. No
// browser shows them in an address as they are.
const marks = "\"'`<>“”„‘’‚«»‹›"

// closers are the marks that end what an opening one begins.
var closers = map[rune]string{
	'"': `"`, '\'': "'", '`': "`", '<': ">", '(': ")", '[': "]", '{': "}", '“': "”", '„': "“”", '‘': "’", '‚': "‘’",
	'«': "»", '»': "«", '‹': "›", '›': "‹",
}

// addresses returns what may be the address in a text: what begins with the redirect URI, the last first;
// else all of it; else each of its lines. The address may be broken into lines, and have white space or
// marks in it and around it.
func addresses(text, redirectURI string) []string {
	redirectURI, _, _ = strings.Cut(redirectURI, "?")
	joined := strings.Map(withoutSpace, text)
	bare := withoutMarks(joined)
	list := slices.Concat(beginning(joined, redirectURI), beginning(bare, redirectURI), []string{bare})
	for line := range strings.Lines(text) {
		list = append(list, withoutMarks(strings.Map(withoutSpace, line)))
	}
	return list
}

// beginning returns the parts of a text that begin with a prefix and end before the next one, or before
// the mark that closes the one in front of it. The last comes first.
func beginning(text, prefix string) []string {
	var parts []string
	end := len(text)
	for prefix != "" {
		at := strings.LastIndex(text[:end], prefix)
		if at < 0 {
			break
		}
		part := text[at:end]
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		if i := strings.IndexAny(part, closers[before]); i >= 0 {
			part = part[:i]
		}
		parts, end = append(parts, withoutMarks(part)), at
	}
	return parts
}

func withoutSpace(r rune) rune {
	if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}

func withoutMarks(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(marks, r) {
			return -1
		}
		return r
	}, text)
}
