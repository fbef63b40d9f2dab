// Package redact finds secrets in text, however they are spelled there: as they are,
// percent-encoded, as HTML entities, with the escapes of JSON and Go, in base64 or in hex.
//
// The text is decoded and compared instead of the spellings being listed, since those are
// without number: each character has several, and spellings can be nested.
package redact

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
)

// The beginning of a secret that is recognized where a text was cut, in bytes.
const beginning = 16

// A Secret is a text to look for.
type Secret struct {
	Plain string

	// Cut also finds the beginning of the secret, of 16 bytes or more, where the rest was cut
	// off. It is for secrets whose beginning no other text has.
	Cut bool

	needles []needle
}

// A needle is a spelling of a secret in decoded text.
type needle struct {
	text  string
	least int  // bytes of it that suffice
	kind  kind // which spelling
}

type kind int

const (
	asDecoded kind = iota
	inBase64       // what stands around it may be base64 as well
	inHex
)

// New returns a secret. cut is its Cut.
func New(text string, cut bool) *Secret {
	s := &Secret{Plain: text, Cut: cut}
	s.add(plain(decode(text).text), 1, 1, asDecoded)
	for offset := range 3 {
		s.add(base64Within(text, offset), 4, 3, inBase64)
	}
	s.add(hex.EncodeToString([]byte(text)), 2, 1, inHex)
	return s
}

// add adds a needle, in which as many characters as numerator stand for denominator bytes.
func (s *Secret) add(text string, numerator, denominator int, kind kind) {
	least := len(text)
	if most := (beginning*numerator + denominator - 1) / denominator; s.Cut && least > most {
		least = most
	}
	if least > 0 {
		s.needles = append(s.needles, needle{text, least, kind})
	}
}

// base64Within is what is always the same of the base64 of any text that has the secret at an
// offset of that many bytes, modulo 3.
func base64Within(secret string, offset int) string {
	text := base64.RawStdEncoding.EncodeToString(append(make([]byte, offset), secret...))
	first, last := 0, len(text)
	if offset > 0 {
		first = offset + 1 // these have bits of what is before
	}
	if (offset+len(secret))%3 != 0 {
		last-- // this one has bits of what follows
	}
	if first >= last {
		return ""
	}
	return text[first:last]
}

// Replace returns text with tag of each secret in the place of every spelling of it.
func Replace(text string, secrets []*Secret, tag func(*Secret) string) string {
	if text == "" || len(secrets) == 0 {
		return text
	}
	found := find(text, secrets)
	if len(found) == 0 {
		return text
	}
	// Of those that overlap the first and longest is replaced, and all that they cover is gone.
	slices.SortStableFunc(found, func(a, b match) int {
		return cmp.Or(a.start-b.start, b.end-a.end)
	})
	var b strings.Builder
	done := 0
	for _, m := range found {
		if m.start >= done {
			b.WriteString(text[done:m.start])
			b.WriteString(tag(m.secret))
		}
		done = max(done, m.end)
	}
	b.WriteString(text[done:])
	return b.String()
}

// A match is the place of a secret in a text.
type match struct {
	start, end int
	secret     *Secret
}

func find(text string, secrets []*Secret) []match {
	view := decode(text)
	in := [...]string{asDecoded: plain(view.text), inBase64: standard(view.text), inHex: lowerASCII(view.text)}
	var found []match
	for _, s := range secrets {
		found = s.findPlain(found, text)
		for _, n := range s.needles {
			found = n.find(found, s, in[n.kind], view)
		}
	}
	return found
}

// findPlain finds a secret as it is: what is in front of it can look like the beginning of an
// escape together with it.
func (s *Secret) findPlain(found []match, text string) []match {
	for from := 0; ; {
		i := strings.Index(text[from:], s.Plain)
		if i < 0 {
			return found
		}
		found = append(found, match{from + i, from + i + len(s.Plain), s})
		from += i + len(s.Plain)
	}
}

// find finds a needle in decoded text.
func (n needle) find(found []match, s *Secret, text string, view view) []match {
	for from := 0; ; {
		i := strings.Index(text[from:], n.text[:n.least])
		if i < 0 {
			return found
		}
		start := from + i
		end := start + n.least
		for end < len(text) && end-start < len(n.text) && text[end] == n.text[end-start] {
			end++
		}
		from = end
		if n.kind == inBase64 {
			start, end = widen(view.text, start, end)
		}
		found = append(found, match{view.at(start), view.at(end), s})
		from = max(from, end)
	}
}

// widen returns the borders of the base64 that text[start:end] is a part of.
func widen(text string, start, end int) (first, last int) {
	for start > 0 && isBase64(text[start-1]) {
		start--
	}
	for end < len(text) && isBase64(text[end]) {
		end++
	}
	for range 2 {
		if end < len(text) && text[end] == '=' {
			end++
		}
	}
	return start, end
}

func isBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("+/-_", c) >= 0
}

// plain is text in which a plus sign, which stands for a space in forms, is one.
func plain(text string) string { return strings.ReplaceAll(text, "+", " ") }

// standard is text with the alphabet of base64 in the place of that of base64url, and with the
// plus signs that were taken for spaces.
func standard(text string) string {
	folded := []byte(text)
	for i, c := range folded {
		switch c {
		case ' ', '-':
			folded[i] = '+'
		case '_':
			folded[i] = '/'
		}
	}
	return string(folded)
}

func lowerASCII(text string) string {
	lower := []byte(text)
	for i, c := range lower {
		if c >= 'A' && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return string(lower)
}
