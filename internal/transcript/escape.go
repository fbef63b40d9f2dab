// Making text of others safe to show (CWE-150).

package transcript

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Escape makes text safe for a terminal: control characters (C0, DEL, C1),
// bidirectional overrides, invisible and line-separating characters, and
// bytes that are not UTF-8 are shown as escapes. Line breaks too, so that
// text cannot pass for a line of ours.
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

// dangerous reports whether a character can steer a terminal or deceive the
// eye.
func dangerous(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7F && r < 0xA0: // C0, DEL, C1
		return true
	case r == 0x00AD, r == 0x034F, r == 0x061C, r == 0x180E: // soft hyphen, grapheme joiner, Arabic letter mark, Mongolian separator
		return true
	case r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5, r == 0x2800, r == 0x3164, r == 0xFFA0: // fillers and blanks that look like nothing
		return true
	case r >= 0x200B && r <= 0x200F, r >= 0x2028 && r <= 0x202E, r >= 0x2060 && r <= 0x206F: // invisible, separators, bidi
		return true
	case r == 0xFEFF, r >= 0xFFF9 && r <= 0xFFFB, r >= 0xE0000 && r <= 0xE007F: // BOM, annotations, tags
		return true
	}
	return false
}

// escapeJSON makes JSON safe to show and leaves its meaning as it is: what is
// dangerous can only stand in strings, where an escape says the same.
// White space between tokens stays.
func escapeJSON(json string) string {
	return escape(json, func(r rune) bool { return dangerous(r) && r != '\n' && r != '\t' && r != '\r' })
}
