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
	Explain       Explanation
	Notes         *Text // where it says what was proved; nil says it nowhere
	Quiet         bool  // results are stored, and not shown as blocks
}

// An Explanation is how much is shown of the rules that were checked.
type Explanation int

// The explanations.
const (
	ExplainNothing Explanation = iota
	ExplainBriefly             // what failed, warned or was waived; the rest is counted
	ExplainAll                 // every rule
)

// Result implements [View].
func (v *TextView) Result(r Result) error {
	switch {
	case r.Title != "" && v.Quiet:
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
	if v.Explain == ExplainNothing || len(results) == 0 {
		return nil
	}
	out := v.Blocks
	if v.Quiet && v.Notes != nil {
		out = v.Notes
	}
	out.Checks(results, v.Explain == ExplainAll)
	return out.Err()
}

// End implements [View]. It says what was proved. A failure says by itself what was not.
func (v *TextView) End(r *Record) error {
	if v.Notes == nil || r.Failure != nil {
		return nil
	}
	for _, line := range []string{Proof(r.Checks), r.Summary} {
		if line != "" {
			v.Notes.Line(LevelInfo, line)
		}
	}
	return nil
}

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
