// Making text of others safe to show (CWE-150).

package transcript

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape makes text safe for a terminal: control, format, invisible, line-separating
// and private characters, and bytes that are not UTF-8, are shown as escapes. Line breaks
// too, so that text cannot pass for a line of ours.
func Escape(text string) string {
	return escape(text, dangerous)
}

// EscapeLines is Escape for text of several lines: line breaks and tabs stay.
func EscapeLines(text string) string {
	return escape(text, func(r rune) bool { return dangerous(r) && r != '\n' && r != '\t' })
}

func escape(text string, bad func(rune) bool) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return bad(r) || r == utf8.RuneError }) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case bad(r):
			writeEscape(&b, r)
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

func writeEscape(b *strings.Builder, r rune) {
	if r > 0xFFFF { // JSON has no longer escape: a surrogate pair
		r -= 0x10000
		fmt.Fprintf(b, `\u%04x\u%04x`, 0xD800+(r>>10), 0xDC00+(r&0x3FF))
		return
	}
	fmt.Fprintf(b, `\u%04x`, r)
}

// dangerous reports whether a character can steer a terminal or deceive the eye. Letters,
// marks, numbers, punctuation, symbols and spaces are harmless; what Unicode calls anything
// else is not: control, format and private characters, separators of lines, and code points
// that mean nothing yet. Some letters and marks look like nothing at all, and variation
// selectors can carry hidden text, also behind emoji.
func dangerous(r rune) bool {
	return !unicode.IsGraphic(r) ||
		unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point, blank)
}

// blank are symbols that look like nothing.
var blank = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x1D159, Hi: 0x1D159, Stride: 1}},
}

// EscapeJSON makes JSON safe to show and leaves its meaning as it is: what is
// dangerous can only stand in strings, where an escape says the same.
// White space between tokens stays.
func EscapeJSON(json string) string {
	return escape(json, func(r rune) bool { return dangerous(r) && r != '\n' && r != '\t' && r != '\r' })
}
