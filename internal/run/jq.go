// --jq: the view that filters the JSON document.

package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

// A Filter is the compiled expression of --jq. It reads no file, no environment variable and no
// further input.
type Filter struct{ code *gojq.Code } // a nil code has no results

// ParseFilter compiles an expression. The filter of one that is wrong has no results.
func ParseFilter(expression string) (*Filter, error) {
	query, err := gojq.Parse(expression)
	if err != nil {
		return &Filter{}, failure.Usage("--jq: %s", parseMessage(expression, err))
	}
	code, err := gojq.Compile(query) // no environment and no module loader is given
	if err != nil {
		return &Filter{}, failure.Usage("--jq: %s", err)
	}
	return &Filter{code}, nil
}

// parseMessage says where an expression is wrong, and in what.
func parseMessage(expression string, err error) string {
	parse, ok := errors.AsType[*gojq.ParseError](err)
	if !ok {
		return err.Error()
	}
	if parse.Token == "" {
		return fmt.Sprintf("%s at the end of %s", err, tail(expression))
	}
	before := expression[:max(0, min(parse.Offset, len(expression))-len(parse.Token))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	place := fmt.Sprintf("column %d", column)
	if line > 1 {
		place = fmt.Sprintf("line %d, column %d", line, column)
	}
	if before == "" {
		return fmt.Sprintf("%s at %s", err, place)
	}
	return fmt.Sprintf("%s at %s, after %s", err, place, tail(before))
}

// tail quotes the end of a text.
func tail(text string) string {
	const most = 30 // characters
	if runes := []rune(text); len(runes) > most {
		return "[...]" + string(runes[len(runes)-most:])
	}
	return text
}

// A FilterError says that a filter did not get through a document. What was asked for was done.
type FilterError struct{ Err error }

// Error says what the filter met. Values that gojq or this method would cut are left out: a redactor
// cannot recognize the first few characters of a secret.
func (e *FilterError) Error() string {
	const most = 300 // bytes
	text := e.Err.Error()
	isCut := func(mark string) bool { return strings.Contains(text, mark) }
	switch {
	case len(text) > most:
		text = fmt.Sprintf("an error of %d bytes", len(text))
	case slices.ContainsFunc([]string{` ..."`, " ...]", " ...}"}, isCut):
		text = text[:strings.IndexAny(text, `"[{.`)] + "...)" // a mark has a full stop
	}
	return "--jq: " + text
}

// Unwrap returns what the filter met.
func (e *FilterError) Unwrap() error { return e.Err }

// Failure implements [failure.Described].
func (e *FilterError) Failure() failure.Failure {
	return failure.Failure{Kind: failure.KindInternal, Hint: "--format json shows the document that --jq filters"}
}

// Write writes the results for a JSON document: strings as they are, null as an empty line, anything
// else as JSON, each on a line of its own. On a terminal strings are escaped. Nothing of a result
// that fails is written; the results before it are.
func (f *Filter) Write(w io.Writer, document []byte, terminal bool) error {
	if f.code == nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber() // digits stay as they came
	var value any
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	slow := fmt.Errorf("the expression did not end within %s", limit.Filter)
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit.Filter, slow)
	defer cancel()
	out := &bounded{room: limit.Filtered}
	err := f.results(ctx, value, func(result any) error { return writeResult(out, result, terminal) })
	if _, writeErr := w.Write(out.data); writeErr != nil {
		return writeErr
	}
	if err != nil {
		return &FilterError{err}
	}
	return nil
}

// results passes each result to a function.
func (f *Filter) results(ctx context.Context, value any, each func(any) error) error {
	results := f.code.RunWithContext(ctx, value)
	for {
		result, more := results.Next()
		if !more {
			return nil
		}
		err, failed := result.(error)
		if halt, ok := errors.AsType[*gojq.HaltError](err); ok && halt.Value() == nil {
			return nil // halt ends a filter, and is no error
		}
		if failed && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !failed {
			err = each(result)
		}
		if err != nil {
			return err
		}
	}
}

// writeResult writes one result and a line break.
func writeResult(w io.Writer, result any, terminal bool) error {
	var text string
	switch result := result.(type) {
	case nil:
	case string:
		text = result
		if terminal {
			text = transcript.EscapeLines(result)
		}
	default:
		data, err := gojq.Marshal(result)
		if err != nil {
			return err
		}
		text = transcript.EscapeJSON(string(data))
	}
	if _, err := io.WriteString(w, text+"\n"); err != nil {
		return fmt.Errorf("the results are %w", err)
	}
	return nil
}

// A bounded buffer takes so much and no more.
type bounded struct {
	data []byte
	room int
}

// Write takes all of data or nothing.
func (b *bounded) Write(data []byte) (int, error) {
	if len(data) > b.room-len(b.data) {
		return 0, fmt.Errorf("larger than %d MiB", b.room>>20)
	}
	b.data = append(b.data, data...)
	return len(data), nil
}

// A filterView writes what a filter makes of the document.
type filterView struct {
	filter   *Filter
	w        io.Writer
	terminal bool

	wanted  string // what the results should have
	missing func() // is called if they have not; nil is not called
}

// Result implements [transcript.View].
func (v *filterView) Result(transcript.Result) error { return nil }

// Checks implements [transcript.View].
func (v *filterView) Checks(check.Results) error { return nil }

// End implements [transcript.View].
func (v *filterView) End(r *transcript.Record) error {
	if r.Empty() {
		return nil
	}
	document, err := r.Document()
	if err != nil {
		return err
	}
	var results bytes.Buffer
	err = v.filter.Write(io.MultiWriter(v.w, &results), document, v.terminal)
	if v.missing != nil && !strings.Contains(results.String(), v.wanted) {
		v.missing()
	}
	return err
}

// IfFilteredOut calls missing at the end if --jq leaves a text out of what is printed.
func IfFilteredOut(r *Run, text string, missing func()) {
	for _, view := range r.shown.views {
		if filter, ok := view.(*filterView); ok {
			filter.wanted, filter.missing = text, missing
		}
	}
}

// DocumentWriter is standard output for one JSON document, or for text, that a command writes by
// itself, piece by piece. --jq filters the document when the writer is closed.
func (r *Run) DocumentWriter() io.WriteCloser {
	for _, view := range r.shown.views {
		if filter, ok := view.(*filterView); ok {
			return &documentWriter{bounded{room: limit.Filtered}, filter}
		}
	}
	return openWriter{r.Env.Stdout}
}

type documentWriter struct {
	bounded
	view *filterView
}

// Write implements [io.Writer].
func (d *documentWriter) Write(data []byte) (int, error) {
	n, err := d.bounded.Write(data)
	if err != nil {
		err = &FilterError{fmt.Errorf("the document is %w", err)}
	}
	return n, err
}

// Close implements [io.Closer].
func (d *documentWriter) Close() error {
	return d.view.filter.Write(d.view.w, d.data, d.view.terminal)
}

// An openWriter stays open when it is closed.
type openWriter struct{ io.Writer }

// Close implements [io.Closer].
func (openWriter) Close() error { return nil }
