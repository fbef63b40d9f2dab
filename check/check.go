// Package check states the rules of a protocol as values, and records the result of
// applying them.
//
// # Rules
//
// A [Rule] is data and one pure function. Everything that applies, shows, documents or
// tests rules reads the same tables, so that no rule can be forgotten in one of these
// places:
//
//	rules := []check.Rule[Claims]{{
//		ID:    "id_token.iss",
//		Spec:  check.Spec{Doc: "OpenID Connect Core 1.0", Section: "3.1.3.7", Item: 2},
//		Level: check.Must,
//		Text:  "iss is exactly the provider's issuer identifier.",
//		Eval:  func(c Claims) check.Verdict { return check.Equal(c.Issuer, c.WantIssuer) },
//	}}
//
// # Results
//
// [Run] applies all rules of a table, even after one was broken:
//
//	results := check.Run(rules, claims)
//	if err := results.Err(); err != nil { ... } // err is a *check.Error
//
// [Results.Err] names the first requirement that was broken, and its [*Error] has every
// result. A verdict that could not be reached counts as a failure: the package fails
// closed. [Results.Verified] is stricter than Err: it is false, too, if a rule was waived.
package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Level is the requirement level of a rule (RFC 2119). A broken [Must] is an error, a
// broken [Should] a warning, a broken [May] a remark.
type Level string

// The requirement levels of RFC 2119.
const (
	Must   Level = "MUST"
	Should Level = "SHOULD"
	May    Level = "MAY"
)

// An Outcome is the result of one rule for one input. The zero value is none of the
// constants and counts as [Unknown].
type Outcome string

// The outcomes of a rule.
const (
	Pass          Outcome = "pass"
	Fail          Outcome = "fail"
	NotApplicable Outcome = "not_applicable" // the rule does not concern this input
	Unknown       Outcome = "unknown"        // could not be judged: counts as a failure
)

// A Spec is a reference to the text that a rule comes from.
type Spec struct {
	Doc     string `json:"doc"`            // such as "OpenID Connect Core 1.0"
	Section string `json:"section"`        // such as "3.1.3.7"
	Item    int    `json:"item,omitempty"` // the numbered list item, if any
}

// String returns the reference as people write it:
// "OpenID Connect Core 1.0 section 3.1.3.7 item 2".
func (s Spec) String() string {
	text := s.Doc
	if s.Section != "" {
		text += " section " + s.Section
	}
	if s.Item != 0 {
		text += fmt.Sprintf(" item %d", s.Item)
	}
	return text
}

// A Rule is one requirement on an In, such as the claims of an ID Token together with
// what the caller expects of them. An In is complete before any rule runs: Eval does no
// I/O, and takes the time from the input.
type Rule[In any] struct {
	ID    string // stable and dotted, such as "id_token.nonce"; never renamed or reused
	Spec  Spec
	Level Level
	Text  string // the requirement as one sentence in the present tense
	Eval  func(In) Verdict

	// Essential marks a rule that cannot be waived: if it is broken, there is nothing
	// to continue with, or nothing that can be trusted.
	Essential bool
}

// A Verdict is the outcome of a rule with the evidence for it. Want and Got
// are shown to people and written to logs: they never hold a token or a
// secret.
type Verdict struct {
	Outcome Outcome `json:"outcome"`
	Want    string  `json:"want,omitempty"`
	Got     string  `json:"got,omitempty"`
	Note    string  `json:"note,omitempty"`

	// Reason is the stable id of the cause, where one rule can be broken for
	// several: see the documentation of whoever made the rule. "" if the rule's
	// own id says it all.
	Reason string `json:"reason,omitempty"`
}

// A Result is a [Verdict] together with the rule it belongs to.
type Result struct {
	ID    string `json:"id"`
	Spec  Spec   `json:"spec"`
	Level Level  `json:"level"`
	Text  string `json:"-"` // the rule's sentence, for people

	Essential bool `json:"-"` // the rule cannot be waived

	Verdict
	Waived bool `json:"waived"` // the caller asked that a failure be recorded only
}

// Held reports whether the rule passed, or does not apply.
func (r *Result) Held() bool { return r.held() }

func (v *Verdict) held() bool { return v.Outcome == Pass || v.Outcome == NotApplicable }

// Broken reports whether the result is an error: a MUST that was not held and
// not waived.
func (r *Result) Broken() bool {
	return r.Level == Must && !r.Held() && !r.Waived
}

// Run applies every rule to in, in order. Rules named in waive still run; a
// failure of theirs is recorded, and does not make [Results.Err] non-nil, unless
// the rule is essential.
func Run[In any](rules []Rule[In], in In, waive ...string) Results {
	results := make(Results, len(rules))
	for i := range rules {
		results[i] = result(&rules[i], rules[i].Eval(in), waive)
	}
	return results
}

// Hold reports whether every MUST is held, as [Results.Verified] does after a [Run] that
// waives none. It keeps no results: for who judges many inputs, and shows only what is
// wrong with the bad ones, those of the good ones are most of the cost.
func Hold[In any](rules []Rule[In], in In) bool {
	for i := range rules {
		if rules[i].Level != Must {
			continue
		}
		if v := rules[i].Eval(in); !v.held() {
			return false
		}
	}
	return len(rules) > 0
}

// Skip records that rules were not applied, and why: every outcome is
// [Unknown].
func Skip[In any](rules []Rule[In], why string) Results {
	results := make(Results, len(rules))
	for i := range rules {
		results[i] = result(&rules[i], Verdict{Outcome: Unknown, Note: why}, nil)
	}
	return results
}

func result[In any](r *Rule[In], v Verdict, waive []string) Result {
	if v.Outcome == "" {
		v.Outcome = Unknown
	}
	return Result{
		ID: r.ID, Spec: r.Spec, Level: r.Level, Text: r.Text, Essential: r.Essential, Verdict: v,
		Waived: !r.Essential && slices.Contains(waive, r.ID),
	}
}

// Describe returns the rules of a table without applying them, for
// documentation: the Verdict of each Result is the zero value.
func Describe[In any](rules []Rule[In]) Results {
	results := make(Results, len(rules))
	for i, r := range rules {
		results[i] = Result{ID: r.ID, Spec: r.Spec, Level: r.Level, Text: r.Text, Essential: r.Essential}
	}
	return results
}

// Results are the outcomes of one [Run], in the order of the rules.
type Results []Result

// Err returns an [*Error] unless every MUST rule passed, does not apply, or
// was waived.
func (rs Results) Err() error {
	for i := range rs {
		if rs[i].Broken() {
			return &Error{Results: rs, First: rs[i]}
		}
	}
	return nil
}

// Verified reports whether every MUST rule was held and none that applied was
// waived. It is false for no results at all.
func (rs Results) Verified() bool {
	for i := range rs {
		r := &rs[i] // a copy of each would cost as much as judging it
		waived := r.Waived && r.Outcome != NotApplicable
		if r.Level == Must && (!r.Held() || waived) {
			return false
		}
	}
	return len(rs) > 0
}

// Waived returns the ids of the MUST rules that applied and were waived. Because of them
// [Results.Verified] is false, whether they were held or not.
func (rs Results) Waived() []string {
	var ids []string
	for i := range rs {
		if r := &rs[i]; r.Level == Must && r.Waived && r.Outcome != NotApplicable {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// An Error reports that a message broke a rule it must keep.
type Error struct {
	Results Results // of every rule of the table
	First   Result  // the first that was broken
}

// Error names the first broken rule, what it wanted, what it got, and the
// section of the specification it comes from.
func (e *Error) Error() string {
	r := e.First
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", r.ID, strings.TrimSuffix(r.Text, "."))
	if r.Want != "" {
		fmt.Fprintf(&b, ": want %s", r.Want)
	}
	if r.Got != "" {
		fmt.Fprintf(&b, ", got %s", r.Got)
	}
	if r.Note != "" {
		fmt.Fprintf(&b, ": %s", r.Note)
	}
	if spec := r.Spec.String(); spec != "" {
		fmt.Fprintf(&b, " (%s)", spec)
	}
	return b.String()
}

// Equal passes if got is want, byte for byte. If want is empty there is nothing
// to compare with, and the verdict is [Unknown]: nothing does not equal nothing.
// An empty got is shown as "none".
func Equal(got, want string) Verdict {
	if want == "" {
		return Undecided("there is nothing to compare with")
	}
	shown := "none"
	if got != "" {
		shown = quote(got)
	}
	return That(got == want, shown, quote(want))
}

// Contains passes if want is one of got. An empty want is as for [Equal].
func Contains(got []string, want string) Verdict {
	if want == "" {
		return Undecided("there is nothing to compare with")
	}
	return That(slices.Contains(got, want), List(got), quote(want))
}

// AnyOf passes if at least one of got is one of want.
func AnyOf(got, want []string) Verdict {
	ok := slices.ContainsFunc(got, func(s string) bool { return slices.Contains(want, s) })
	return That(ok, List(got), "one of "+List(want))
}

// That passes if ok, and records what was got and wanted.
func That(ok bool, got, want string) Verdict {
	v := Verdict{Outcome: Pass, Want: want, Got: got}
	if !ok {
		v.Outcome = Fail
	}
	return v
}

// Inapplicable says that a rule does not apply, and why.
func Inapplicable(why string) Verdict { return Verdict{Outcome: NotApplicable, Note: why} }

// Undecided says that a rule could not be judged, and why. It counts as a
// failure.
func Undecided(why string) Verdict { return Verdict{Outcome: Unknown, Note: why} }

// List writes values as evidence: quoted, separated by commas, and at most
// eight of them, since a hostile token can hold any number.
func List(values []string) string {
	const most = 8
	switch len(values) {
	case 0:
		return "none"
	case 1:
		return quote(values[0])
	}
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == most {
			fmt.Fprintf(&b, "and %d more", len(values)-most)
			break
		}
		b.WriteString(quote(v))
	}
	return b.String()
}

// quote keeps evidence on one line, printable and short, whatever the other
// side put into it.
func quote(s string) string {
	const most = 200
	if len(s) > most {
		return fmt.Sprintf("%q (%d bytes)", strings.ToValidUTF8(s[:most], ""), len(s))
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return strconv.Quote(s)
	}
	return `"` + s + `"`
}
