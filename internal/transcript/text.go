// The text blocks: --format text, as the ancestor printed them.

package transcript

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// Text writes blocks of the form
//
//	[INFO]  oidc-client: IDToken Claims:
//	  IDTokenClaims=
//	  | {
//	  |     "sub": "248289761001"
//	  | }
//
// with a line of two spaces after each. What belongs together is written at
// once, so a Text may be used concurrently. The first error of the writer is
// kept, and nothing is written after it.
type Text struct {
	W      io.Writer
	Colour bool

	mu  sync.Mutex
	err error
}

// Err returns the first error of the writer.
func (t *Text) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

func (t *Text) write(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		_, t.err = io.WriteString(t.W, s)
	}
}

// Levels of lines.
const (
	LevelDebug = "DEBUG"
	LevelInfo  = "INFO"
	LevelWarn  = "WARN"
	LevelError = "ERROR"
)

var colours = map[string]string{
	LevelDebug: "\x1b[90m", LevelInfo: "\x1b[36m", LevelWarn: "\x1b[33m", LevelError: "\x1b[31m",
}

// Line writes one line: "[INFO]  oidc-client: Stopping server".
func (t *Text) Line(level, message string) { t.write(t.line(level, message)) }

func (t *Text) line(level, message string) string {
	tag := "[" + level + "]"
	pad := strings.Repeat(" ", 8-len(tag))
	if t.Colour {
		tag = colours[level] + tag + "\x1b[0m"
	}
	return tag + pad + "oidc-client: " + Escape(message) + "\n"
}

// Block writes a value of several lines under a title.
func (t *Text) Block(title, key, value string) {
	t.write(t.line(LevelInfo, title+":") + "  " + Escape(key) + "=\n" + quoted(value) + "  \n")
}

// Result writes the block of a result.
func (t *Text) Result(r Result) {
	if r.Key == "" {
		t.Line(LevelInfo, r.Title)
		return
	}
	text := r.Text
	if text == "" {
		data, err := strictjson.Encode(r.Value)
		if err != nil {
			return // the document cannot have it either, and says so
		}
		text = Indent(data)
	}
	last := "  \n"
	if r.Unverified {
		last = "  Verified=false\n  \n"
	}
	t.write(t.line(LevelInfo, r.Title+":") + "  " + Escape(r.Key) + "=\n" + quoted(text) + last)
}

// Raw writes text of the program's own as it is.
func (t *Text) Raw(text string) { t.write(text) }

// quoted puts lines behind bars.
func quoted(value string) string {
	var b strings.Builder
	for line := range strings.Lines(EscapeLines(strings.TrimSuffix(value, "\n") + "\n")) {
		b.WriteString("  | " + line)
	}
	return b.String()
}

// JSON writes a block of JSON, which is a document as received.
func (t *Text) JSON(title, key string, raw []byte) { t.Block(title, key, Indent(raw)) }

// Unverified is JSON for claims that nothing vouches for, and says so.
func (t *Text) Unverified(title, key string, raw []byte) {
	t.write(t.line(LevelInfo, title+":") + "  " + Escape(key) + "=\n" + quoted(Indent(raw)) + "  Verified=false\n  \n")
}

// Indent returns JSON with an indent of four spaces, safe to show. An object
// without members is spread over two lines like any other.
func Indent(raw []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(raw), "", "    "); err != nil {
		return EscapeLines(string(raw))
	}
	if b.String() == "{}" {
		return "{\n}"
	}
	return EscapeJSON(b.String())
}

// Checks writes a block with the rules that were checked: all of them, or those that did not simply
// hold, and how many did.
func (t *Text) Checks(results check.Results, all bool) {
	var b strings.Builder
	shown := results
	if !all {
		shown = brief(results)
	}
	for _, r := range shown {
		fmt.Fprintf(&b, "%-7s %-6s %s: %s (%s)\n", mark(r), r.Level, r.ID, r.Text, r.Spec)
		for _, evidence := range []struct{ name, text string }{{"want", r.Want}, {"got", r.Got}, {"note", note(r)}} {
			if evidence.text != "" {
				fmt.Fprintf(&b, "%15s%-4s %s\n", "", evidence.name, Escape(evidence.text))
			}
		}
	}
	if !all {
		b.WriteString(counted(results))
	}
	t.Block("Checks", "Checks", b.String())
}

// mark is the outcome in a word.
func mark(r check.Result) string {
	switch {
	case r.Outcome == check.NotApplicable:
		return "n/a"
	case r.Waived && !r.Held():
		return "waived"
	}
	return string(r.Outcome)
}

// note adds to a rule's note that it was waived, which its mark does not say if
// it held.
func note(r check.Result) string {
	if r.Waived && r.Held() {
		return strings.TrimSpace(r.Note + " (waived)")
	}
	return r.Note
}

// Failure writes what happened, why, and what to do next.
func (t *Text) Failure(f *failure.Failure, broken check.Results) {
	var b strings.Builder
	lines := []string{f.Message}
	switch {
	case f.Headline != "":
		lines[0] = f.Headline
	case f.Kind == failure.KindConfig: // several problems, each on a line of its own
		lines = strings.Split(f.Message, "\n")
	}
	for _, line := range lines {
		b.WriteString(t.line(LevelError, line))
	}
	more := func(text string) { b.WriteString("  " + Escape(text) + "\n") }
	for _, r := range broken {
		more(fmt.Sprintf("broken rule %s: %s (%s)", r.ID, r.Text, r.Spec))
		for _, evidence := range []struct{ name, text string }{{"want", r.Want}, {"got", r.Got}, {"note", r.Note}} {
			if evidence.text != "" {
				more(fmt.Sprintf("  %-5s %s", evidence.name+":", evidence.text))
			}
		}
	}
	prefix := "hint: "
	for line := range strings.Lines(f.Hint) {
		more(prefix + strings.TrimSuffix(line, "\n"))
		prefix = "      "
	}
	t.write(b.String())
}
