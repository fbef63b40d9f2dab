package run

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// What comes in one go is one text, however many lines it has; so is what comes before the end.
func TestPastedTexts(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	r := New(&Env{
		Stdin: in, Stdout: io.Discard, Stderr: io.Discard, Terminal: func(io.Writer) bool { return false },
		Getenv: func(string) string { return "" },
	}, Options{}, "client")
	texts, stop := r.Pasted(t.Context())
	defer stop()
	for _, c := range []struct{ written, want string }{
		{"one\n", "one\n"},
		{"two\nthree\n", "two\nthree\n"},
		{strings.Repeat("x", 50_000) + "\n", ""},
		{strings.Repeat("x", limit.Form+10) + "\n", strings.Repeat("x", limit.Form) + "\n"},
		{"the end", "the end"},
	} {
		go func() {
			_, _ = io.WriteString(out, c.written)
			if c.written == "the end" {
				_ = out.Close()
			}
		}()
		want := c.want
		if want == "" {
			want = c.written
		}
		if got := <-texts; got != want {
			t.Errorf("%.80q: %.80q", c.written, got)
		}
	}
	if text, more := <-texts; more {
		t.Errorf("%q after the end", text)
	}
}

// An editor does what a terminal does with the keys of a person.
func TestEditor(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"abc\x7f\x7fd\r": "ad\n", "\x7fa": "a", "é\x7fa": "a", "ab\x15c": "c", "a\nb\x15\x15c": "a\nc",
		"a\x1b[Db\x1bOAc": "abc", "\x1b[200~a\x1b[201~": "a", "a\x04b": "ab", "a\x07\x00b": "ab", "a\n\x04b": "a\n",
	} {
		var shown bytes.Buffer
		e := &editor{echo: &shown}
		var text []byte
		for _, b := range []byte(typed) { // a read may end anywhere
			ended := false
			if text, ended = e.apply(text, []byte{b}); ended {
				break
			}
		}
		if string(text) != want {
			t.Errorf("%q: %q", typed, text)
		}
		if i := strings.IndexFunc(shown.String(), func(r rune) bool { return r < ' ' && !strings.ContainsRune("\b\r\n", r) }); i >= 0 {
			t.Errorf("%q shows %q", typed, shown.String())
		}
	}
}
