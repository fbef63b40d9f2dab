package redact

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A view is a text without escapes, and where each of its bytes comes from.
type view struct {
	text string
	from []int // places in the original, and at the end its length; nil if nothing is escaped
}

// at returns the place in the original of a place in the view.
func (v view) at(i int) int {
	if v.from == nil {
		return i
	}
	return v.from[i]
}

// How often escapes of escapes are decoded.
const nested = 4

// decode returns the text that is left when escapes are decoded, those of several notations
// at once, and then those that come out of that.
func decode(text string) view {
	v := view{text: text}
	for range nested {
		if !strings.ContainsAny(v.text, `%&\`) {
			break
		}
		next := decodeOnce(v)
		if len(next.text) == len(v.text) {
			break // every escape is longer than what it stands for
		}
		v = next
	}
	return v
}

func decodeOnce(v view) view {
	var b strings.Builder
	from := make([]int, 0, len(v.text)+1)
	for i := 0; i < len(v.text); {
		decoded, length := escape(v.text[i:])
		if length == 0 {
			decoded, length = v.text[i:i+1], 1
		}
		b.WriteString(decoded)
		for range len(decoded) {
			from = append(from, v.at(i))
		}
		i += length
	}
	return view{b.String(), append(from, v.at(len(v.text)))}
}

// escape decodes the escape that a text begins with. Its length is 0 if there is none.
func escape(text string) (decoded string, length int) {
	switch text[0] {
	case '%':
		return hexadecimal(text, 1, 2)
	case '&':
		return entity(text)
	case '\\':
		return backslash(text)
	}
	return "", 0
}

// hexadecimal decodes a byte that is written in hexadecimal digits after a sign. The length
// is 0 if there are not as many.
func hexadecimal(text string, sign, digits int) (decoded string, length int) {
	value, ok := number(text, sign, digits)
	if !ok {
		return "", 0
	}
	return string([]byte{byte(value)}), sign + digits //nolint:gosec // two digits
}

func number(text string, sign, digits int) (value uint64, ok bool) {
	if len(text) < sign+digits {
		return 0, false
	}
	value, err := strconv.ParseUint(text[sign:sign+digits], 16, 32)
	return value, err == nil
}

// backslash decodes an escape of JSON or Go. One of a character that needs none stands for
// that character.
func backslash(text string) (decoded string, length int) {
	if len(text) < 2 {
		return "", 0
	}
	switch text[1] {
	case 'x':
		return hexadecimal(text, 2, 2)
	case 'u':
		return unicodeEscape(text)
	case 'U':
		if value, ok := number(text, 2, 8); ok && value <= utf8.MaxRune {
			return string(rune(value)), 10 //nolint:gosec // no more than MaxRune
		}
		return "", 0
	}
	if i := strings.IndexByte("abfnrtv", text[1]); i >= 0 {
		return "\a\b\f\n\r\t\v"[i : i+1], 2
	}
	if strings.IndexByte(`/"\'`, text[1]) >= 0 {
		return text[1:2], 2
	}
	return "", 0
}

// unicodeEscape decodes \uXXXX, and the pair of two of them that stands for one character.
func unicodeEscape(text string) (decoded string, length int) {
	value, ok := number(text, 2, 4)
	if !ok {
		return "", 0
	}
	r := rune(value) //nolint:gosec // four digits
	if utf16.IsSurrogate(r) && strings.HasPrefix(text[6:], `\u`) {
		if low, ok := number(text[6:], 2, 4); ok {
			if both := utf16.DecodeRune(r, rune(low)); both != utf8.RuneError { //nolint:gosec // four digits
				return string(both), 12
			}
		}
	}
	return string(r), 6
}

// entity decodes a character reference of HTML, named or by number.
func entity(text string) (decoded string, length int) {
	text = text[:min(len(text), 32)] // longer than any name, and than a number with some zeros
	if strings.HasPrefix(text, "&#") {
		return numericEntity(text)
	}
	end := strings.IndexByte(text, ';')
	if end < 0 {
		return "", 0
	}
	decoded = html.UnescapeString(text[:end+1])
	if strings.HasSuffix(decoded, ";") && text[:end+1] != "&semi;" {
		return "", 0 // it is none, or only its beginning is one
	}
	return decoded, end + 1
}

// numericEntity decodes &#47; and &#x2f;. Browsers do not need the semicolon.
func numericEntity(text string) (decoded string, length int) {
	digits := "0123456789"
	end := len("&#")
	if end < len(text) && (text[end] == 'x' || text[end] == 'X') {
		digits += "abcdefABCDEF"
		end++
	}
	first := end
	for end < len(text) && strings.IndexByte(digits, text[end]) >= 0 {
		end++
	}
	if end == first {
		return "", 0
	}
	if end < len(text) && text[end] == ';' {
		end++
	}
	return html.UnescapeString(strings.TrimSuffix(text[:end], ";") + ";"), end
}
