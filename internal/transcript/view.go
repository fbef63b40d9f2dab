// The two views that every command has: --format text and --format json.

package transcript

import (
	"io"

	"github.com/oidc-client/oidc-client/check"
)

// A TextView shows results as blocks, as they come. Blocks is where blocks go,
// Plain where results without a title go, which other programs read. Whoever
// wrote them, they cannot steer a terminal.
type TextView struct {
	Blocks, Plain *Text
	Explain       bool // show every rule that was checked
}

// Result implements [View].
func (v *TextView) Result(r Result) error {
	switch {
	case r.Title != "":
		v.Blocks.Result(r)
		return v.Blocks.Err()
	case r.Text != "":
		v.Plain.Raw(EscapeLines(r.Text) + "\n")
		return v.Plain.Err()
	}
	return nil
}

// Checks implements [View].
func (v *TextView) Checks(results check.Results) error {
	if !v.Explain || len(results) == 0 {
		return nil
	}
	v.Blocks.Checks(results)
	return v.Blocks.Err()
}

// End implements [View].
func (v *TextView) End(*Record) error { return nil }

// A JSONView writes the record as one document when the run is over.
type JSONView struct{ W io.Writer }

// Result implements [View].
func (v *JSONView) Result(Result) error { return nil }

// Checks implements [View].
func (v *JSONView) Checks(check.Results) error { return nil }

// End implements [View].
func (v *JSONView) End(r *Record) error {
	if r.Empty() {
		return nil
	}
	compact, err := r.Document()
	if err != nil {
		return err
	}
	return writeIndented(v.W, compact, "  ")
}
