// Why a file is not YAML, where the reason cannot be seen: other spaces than the one of ASCII, tabs,
// control characters, other encodings.

package config

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// A place is a line and a column, both from 1. Columns count characters.
type place struct{ Line, Column int }

// misreading returns where a file stops being YAML, and what stands there, if it is something that cannot be
// seen. line is what the YAML library says, which is about right, but for encodings and control characters.
func misreading(data []byte, line int) (at place, what string) {
	at = place{line, 1}
	lines := bytes.Split(data, []byte("\n"))
	for i, text := range lines {
		if column, what := unreadable(text); what != "" {
			return place{i + 1, column}, what
		}
	}
	for _, i := range []int{line - 1, line - 2, line, line - 3} {
		if i < 0 || i >= len(lines) {
			continue
		}
		if column, what := unusualSpace(lines[i]); what != "" {
			return place{i + 1, column}, what
		}
	}
	return at, ""
}

// unreadable returns the first character of a line that is in no YAML file.
func unreadable(line []byte) (column int, what string) {
	for rest := bytes.TrimSuffix(line, []byte("\r")); len(rest) > 0; {
		c, size := utf8.DecodeRune(rest)
		column++
		switch {
		case c == utf8.RuneError && size == 1:
			const what = "the byte %#02x is not UTF-8: the file is in another encoding, such as Latin-1; save it as " +
				"UTF-8"
			return column, fmt.Sprintf(what, rest[0])
		case c != '\t' && c != '\u0085' && unicode.IsControl(c):
			return column, fmt.Sprintf("it has the control character %U", c)
		}
		rest = rest[size:]
	}
	return 0, ""
}

// unusualSpace returns the first character of a line that looks like the space which belongs there.
func unusualSpace(line []byte) (column int, what string) {
	indented := true
	for _, c := range string(line) {
		column++
		switch name := nameOfSpace(c); {
		case name != "":
			return column, fmt.Sprintf("%s (%U) is in the place of a space", name, c)
		case c == '\t' && indented:
			return column, "a tab is in the indentation, where YAML allows spaces only"
		case c == '#' && indented:
			return 0, ""
		case c != ' ':
			indented = false
		}
	}
	return 0, ""
}

// nameOfSpace returns the name of a character that looks like a space or like nothing, "" for others.
func nameOfSpace(c rune) string {
	switch {
	case c == '\u00A0' || c == '\u202F':
		return "a non-breaking space"
	case c == '\u200B' || c == '\u2060':
		return "a zero-width space"
	case c == '\uFEFF':
		return "a byte order mark (BOM)"
	case c != ' ' && unicode.Is(unicode.Zs, c):
		return "a wide or narrow space"
	}
	return ""
}

// oddSpace remarks on an unusual space in a key, which cannot be seen.
func oddSpace(key string) string {
	for _, c := range key {
		if name := nameOfSpace(c); name != "" {
			return fmt.Sprintf("; it has %s (%U)", name, c)
		}
	}
	return ""
}
