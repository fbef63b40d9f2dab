package wire

import (
	"strings"
	"testing"
)

// RFC 6749 appendix A: a token is one or more of %x20-7E.
func TestValid(t *testing.T) {
	t.Parallel()
	for c := range rune(0x180) {
		if got, want := Valid("a"+string(c)+"b"), c >= 0x20 && c <= 0x7E; got != want {
			t.Errorf("%U: %v, want %v", c, got, want)
		}
	}
	for s, want := range map[string]bool{"": false, " ": true, "a b": true, "\xff": false, "\uFEFFa": false} {
		if Valid(s) != want {
			t.Errorf("%q: %v, want %v", s, !want, want)
		}
	}
	if c, found := Odd("aé\n"); c != 'é' || !found {
		t.Errorf("%U, %v", c, found)
	}
}

// HTTP takes a space at an end away; one inside stays.
func TestInHeader(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"a": true, "a b": true, " a": false, "a ": false, " ": false, "": false,
		"a\r\nb": false,
	} {
		if InHeader(s) != want {
			t.Errorf("%q: %v, want %v", s, !want, want)
		}
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"abc": "abc", "abc\n": "abc", "abc\r\n": "abc", "\nabc\n\n": "abc", "\uFEFFabc\r\n": "abc", "a b": "a b",
		"": "", "\uFEFF": "",
		"pässwörd": "pässwörd", "\xff": "\xff",
	} {
		if got, err := Secret(s); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", s, got, err, want)
		}
	}
	const spaces = " a b "
	if got, err := Secret(spaces + "\n"); err != nil || got != spaces {
		t.Errorf("%q, %v", got, err)
	}
	for _, s := range []string{
		"s3cret\x00", "s3c\nret", "s3c\tret", "\x1bs3cret", "s3cret\x7f", "s3cret\u0085",
		"\uFEFF\uFEFFs3cret", "s3c\uFEFFret",
	} {
		if got, err := Secret(s); err == nil || got != "" || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
}
