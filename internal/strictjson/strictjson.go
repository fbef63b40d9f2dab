// Package strictjson reads JSON objects that another party sent (RFC 8259,
// and RFC 7493 for what makes two readers disagree).
//
// encoding/json is lenient where it matters to a verifier: it takes the last
// of two members with one name, matches names in any case, replaces invalid
// UTF-8, and rounds large numbers. [Parse] refuses the first and the third,
// and an [Object] is asked for members by their exact names and keeps numbers
// and order as they were sent.
package strictjson

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/reason"
)

// A Member is one name and value of an object.
type Member struct {
	Name  string
	Value json.RawMessage
}

// An Object is a JSON object whose members keep their order.
type Object struct {
	Members []Member
	Raw     []byte // the text it was read from
}

// Parse reads data as one JSON object and nothing else. It is an error if
// any object in it, at any depth, has two members with the same name, if it
// is not valid UTF-8, if it is nested deeper than [limit.JSONDepth], or if it
// holds more than [limit.JSONValues]. Callers bound the size in bytes. Errors
// have a reason (package reason).
func Parse(data []byte) (*Object, error) {
	if err := valid(data); err != nil {
		return nil, err
	}
	data = bytes.TrimSpace(data)
	if data[0] != '{' {
		return nil, reason.Errorf(reason.JSONType, "a JSON %s where an object belongs", kind(data))
	}
	return &Object{Members: split(data), Raw: data}, nil
}

// Get returns the value of the member called name, spelt exactly so. A member
// whose value is null counts as absent.
func (o *Object) Get(name string) (json.RawMessage, bool) {
	for _, m := range o.Members {
		if m.Name == name {
			return m.Value, string(m.Value) != "null"
		}
	}
	return nil, false
}

// Has reports whether o has a member called name that is not null.
func (o *Object) Has(name string) bool {
	_, ok := o.Get(name)
	return ok
}

// String returns the string called name, "" if there is none, and an error if
// it is something else.
func (o *Object) String(name string) (string, error) {
	raw, ok := o.Get(name)
	if !ok {
		return "", nil
	}
	s, isString := text(raw)
	if !isString {
		return "", reason.Errorf(reason.JSONType, "%s is %s, not a string", name, article(kind(raw)))
	}
	return s, nil
}

// Strings returns the array of strings called name, nil if there is none, and
// an error if it is something else.
func (o *Object) Strings(name string) ([]string, error) {
	raw, ok := o.Get(name)
	if !ok {
		return nil, nil
	}
	list, err := Array(raw)
	if err != nil {
		return nil, reason.Errorf(reason.JSONType, "%s is %s, not an array of strings", name, article(kind(raw)))
	}
	values := make([]string, 0, len(list))
	for _, item := range list {
		s, isString := text(item)
		if !isString {
			return nil, reason.Errorf(reason.JSONType, "%s holds %s, not only strings", name, article(kind(item)))
		}
		values = append(values, s)
	}
	return values, nil
}

// StringOrStrings is like [Object.Strings], and reads one string as a list of
// one, as the claim aud allows (RFC 7519 section 4.1.3).
func (o *Object) StringOrStrings(name string) ([]string, error) {
	if raw, ok := o.Get(name); ok {
		if s, isString := text(raw); isString {
			return []string{s}, nil
		}
	}
	return o.Strings(name)
}

// Bool returns the boolean called name, false if there is none, and an error
// if it is something else.
func (o *Object) Bool(name string) (bool, error) {
	raw, ok := o.Get(name)
	if !ok {
		return false, nil
	}
	if k := kind(raw); k != "boolean" {
		return false, reason.Errorf(reason.JSONType, "%s is %s, not a boolean", name, article(k))
	}
	return raw[0] == 't', nil
}

// Number returns the number called name. ok is false if there is none. It is
// an error if it is something else or does not fit a float64.
func (o *Object) Number(name string) (value float64, ok bool, err error) {
	raw, ok := o.Get(name)
	if !ok {
		return 0, false, nil
	}
	if k := kind(raw); k != "number" {
		return 0, false, reason.Errorf(reason.JSONType, "%s is %s, not a number", name, article(k))
	}
	value, err = strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return 0, false, reason.Errorf(reason.JSONType, "%s is out of range: %.40s", name, raw)
	}
	return value, true, nil
}

// Array returns the elements of raw, which a parsed Object holds, or an error
// if it is not an array.
func Array(raw json.RawMessage) ([]json.RawMessage, error) {
	if kind(raw) != "array" {
		return nil, reason.Errorf(reason.JSONType, "%s where an array belongs", article(kind(raw)))
	}
	var list []json.RawMessage
	err := json.Unmarshal(raw, &list)
	return list, err
}

// Text returns the string raw is, and whether it is one.
func Text(raw json.RawMessage) (string, bool) { return text(raw) }

func text(raw json.RawMessage) (string, bool) {
	var s string
	if kind(raw) != "string" || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

// split cuts a valid object into its members.
func split(data []byte) []Member {
	d := json.NewDecoder(bytes.NewReader(data))
	_, _ = d.Token() // the brace
	var members []Member
	for d.More() {
		name, _ := d.Token()
		var value json.RawMessage
		_ = d.Decode(&value) // the document was found valid
		members = append(members, Member{name.(string), value})
	}
	return members
}

// valid reports why data is not one JSON value that every reader reads alike.
func valid(data []byte) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return reason.Errorf(reason.JSONSyntax, "empty where JSON belongs")
	}
	if !utf8.Valid(data) {
		return reason.Errorf(reason.JSONUnicode, "JSON that is not valid UTF-8")
	}
	if loneSurrogate(data) {
		return reason.Errorf(reason.JSONUnicode, `JSON with half a surrogate pair (\ud800 to \udfff)`)
	}
	if deep(data) {
		return reason.Errorf(reason.JSONDepth, "JSON nested deeper than %d", limit.JSONDepth)
	}
	// Syntax, and nothing after the value: both are encoding/json's to find.
	if !json.Valid(data) {
		var v any
		return reason.Errorf(reason.JSONSyntax, "not JSON: %w", json.Unmarshal(data, &v))
	}
	w := walker{decoder: json.NewDecoder(bytes.NewReader(data))}
	w.decoder.UseNumber()
	return w.value()
}

// deep reports whether arrays and objects are nested too deep. It looks before
// anything recurses.
func deep(data []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > limit.JSONDepth+1 {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// A walker visits a valid document and counts.
type walker struct {
	decoder *json.Decoder
	values  int
}

func (w *walker) value() error {
	if w.values++; w.values > limit.JSONValues {
		return reason.Errorf(reason.JSONValues, "JSON of more than %d values", limit.JSONValues)
	}
	token, err := w.decoder.Token()
	if err != nil {
		return reason.Errorf(reason.JSONSyntax, "not JSON: %w", err)
	}
	switch token {
	case json.Delim('{'):
		return w.object()
	case json.Delim('['):
		for w.decoder.More() {
			if err := w.value(); err != nil {
				return err
			}
		}
		_, err = w.decoder.Token()
	}
	return err
}

func (w *walker) object() error {
	seen := map[string]bool{}
	for w.decoder.More() {
		token, err := w.decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if seen[name] {
			return reason.Errorf(reason.JSONDuplicate, "JSON with two members called %.60q", name)
		}
		seen[name] = true
		if err := w.value(); err != nil {
			return err
		}
	}
	_, err := w.decoder.Token()
	return err
}

// loneSurrogate reports whether data holds a \uD800-\uDFFF escape that is not
// half of a pair: Go reads it as U+FFFD, others as something else.
func loneSurrogate(data []byte) bool {
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		r, ok := escape(data[i:])
		switch {
		case !ok:
			i++ // a two-character escape such as \n or \\
		case r >= 0xD800 && r < 0xDC00:
			low, ok := escape(data[min(i+6, len(data)):])
			if !ok || low < 0xDC00 || low > 0xDFFF {
				return true
			}
			i += 11
		case r >= 0xDC00 && r <= 0xDFFF:
			return true
		default:
			i += 5
		}
	}
	return false
}

// escape reads a \uXXXX escape at the start of data.
func escape(data []byte) (uint64, bool) {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0, false
	}
	r, err := strconv.ParseUint(string(data[2:6]), 16, 32)
	return r, err == nil
}

func kind(raw []byte) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	default:
		return "number"
	}
}

func article(noun string) string {
	switch noun {
	case "nothing", "null":
		return noun
	case "object", "array":
		return "an " + noun
	}
	return "a " + noun
}
