// The record of one run of a command, and who is told of it.

package transcript

import (
	"encoding/json"
	"slices"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// A Record is what happened in one run of a command: what was sent and came
// back, what was found, and how it ended. Text, JSON and every other form of
// output is a [View] of it. Nothing in it is a secret but what the results hold
// because the user asked for it.
type Record struct {
	Command   string
	Issuer    string   // of the provider, "" if there is none
	Results   []Result // in the order they came
	Exchanges *Log     // what was sent and what came back; nil holds nothing
	Checks    check.Results
	Failure   *failure.Failure // nil if all went well

	Configuration []string // the settings that were used, one a line
	Summary       string   // a sentence about the result, for people; "" if the results say enough
}

// A Result is one thing that a command was asked for, or was given on the way.
type Result struct {
	// Member is its name in the JSON document, "" if it is for people only. Of
	// two results with one name the later one counts.
	Member string

	// Value is what the document holds: whatever encoding/json takes.
	Value any

	// Title and Key head the block that people read. A Title without a Key is a line
	// by itself. A result without a Title has no block: its Text, if there is any,
	// is printed as it is.
	Title, Key string

	// Text is what people read. "" means Value as indented JSON.
	Text string

	// Unverified says that nothing vouches for it, which is shown.
	Unverified bool
}

// A View shows a record to somebody. Its methods are called one at a time, in
// the order of what happens.
type View interface {
	// Result shows a result as soon as it is there.
	Result(Result) error

	// Checks shows every rule that was checked, if that was asked for.
	Checks(check.Results) error

	// End shows what can only be shown when the run is over.
	End(*Record) error
}

// Add adds a result. It takes the place of an earlier one of its name.
func (r *Record) Add(result Result) {
	same := func(known Result) bool { return known.Member != "" && known.Member == result.Member }
	r.Results = append(slices.DeleteFunc(r.Results, same), result)
}

// Get returns the result of a name.
func (r *Record) Get(member string) (Result, bool) {
	i := slices.IndexFunc(r.Results, func(known Result) bool { return known.Member == member })
	if i < 0 {
		return Result{}, false
	}
	return r.Results[i], true
}

// Has reports whether there is a result of a name.
func (r *Record) Has(member string) bool {
	_, ok := r.Get(member)
	return ok
}

// Seal makes the record final: in a run in which a rule was waived, or broken,
// no token counts as verified.
func (r *Record) Seal() {
	if r.Checks.Verified() {
		return
	}
	for _, result := range r.Results {
		if t, ok := result.Value.(*Token); ok {
			t.Verified = false
		}
	}
}

// Empty reports whether there is nothing to show as a document: help and
// completion print what they are.
func (r *Record) Empty() bool { return r.Failure == nil && r.Issuer == "" && len(r.Results) == 0 }

// Document returns the record as one JSON document, without its last line
// break. Members that have no value are absent.
func (r *Record) Document() ([]byte, error) {
	var d strictjson.Ordered
	d.Add("schema", Version)
	d.Add("command", r.Command)
	if r.Issuer != "" {
		d.Add("issuer", r.Issuer)
	}
	for _, result := range r.Results {
		if result.Member != "" {
			d.Add(result.Member, result.Value)
		}
	}
	if len(r.Checks) > 0 {
		d.Add("checks", r.Checks)
	}
	if r.Failure != nil {
		d.Add("error", r.Failure)
	}
	return d.MarshalJSON()
}

// TokenClaims is the result of a token whose claims are shown.
func TokenClaims(member, title, key string, t *Token) Result {
	return Result{
		Member: member, Value: t, Title: title, Key: key,
		Text: Indent(t.Claims), Unverified: !t.Verified,
	}
}

// JSONResult is a result that is a JSON document as received.
func JSONResult(member, title, key string, raw []byte) Result {
	return Result{Member: member, Value: json.RawMessage(raw), Title: title, Key: key, Text: Indent(raw)}
}
