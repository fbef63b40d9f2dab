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
	"slices"
	"strconv"
	"strings"
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
	data = bytes.TrimSpace(data)
	if err := valid(data); err != nil {
		return nil, err
	}
	w := newWalker(data)
	members, err := w.document()
	switch {
	case err != nil:
		return nil, err
	case data[0] != '{':
		return nil, reason.Errorf(reason.JSONType, "a JSON %s where an object belongs", kind(data))
	}
	return &Object{Members: members, Raw: data}, nil
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
	w := newWalker(bytes.TrimSpace(raw))
	list := []json.RawMessage{}
	err := w.array(&list)
	return list, err
}

// Text returns the string raw is, and whether it is one.
func Text(raw json.RawMessage) (string, bool) { return text(raw) }

func text(raw json.RawMessage) (string, bool) {
	if n := len(raw); n >= 2 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : n-1]), true // of a valid document, it is what it says
	}
	var s string
	if kind(raw) != "string" || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

// valid reports why data is not one JSON value that every reader reads alike.
func valid(data []byte) error {
	if len(data) == 0 {
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
	return nil
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

// A walker visits a valid document once: it counts, and looks for names that come
// twice. What it is at is never the end, since the document is whole.
type walker struct {
	data   []byte
	copy   string // the same, that names are cut from: one allocation instead of many
	at     int
	values int
}

func newWalker(data []byte) *walker { return &walker{data: data, copy: string(data)} }

// document visits the whole, and returns the members of the outermost object.
func (w *walker) document() ([]Member, error) {
	if w.data[0] != '{' {
		return nil, w.value()
	}
	w.values++
	const usual = 12 // members of a token
	return w.object(make([]Member, 0, usual))
}

func (w *walker) value() error {
	if w.values++; w.values > limit.JSONValues {
		return reason.Errorf(reason.JSONValues, "JSON of more than %d values", limit.JSONValues)
	}
	switch w.data[w.at] {
	case '{':
		_, err := w.object(nil)
		return err
	case '[':
		return w.array(nil)
	case '"':
		w.text()
		return nil
	}
	for w.at < len(w.data) && strings.IndexByte(",]} \t\r\n", w.data[w.at]) < 0 {
		w.at++ // a number, true, false or null
	}
	return nil
}

// next goes past white space, and past one of the characters that stand between
// values.
func (w *walker) next() byte {
	for ; ; w.at++ {
		switch c := w.data[w.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
		default:
			return c
		}
	}
}

// text goes past a string.
func (w *walker) text() {
	for w.at++; w.data[w.at] != '"'; w.at++ {
		if w.data[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
}

// array visits an array, and keeps its elements where there is a place for them.
func (w *walker) array(elements *[]json.RawMessage) error {
	w.at++
	for w.next() != ']' {
		begin := w.at
		if err := w.value(); err != nil {
			return err
		}
		if elements != nil {
			*elements = append(*elements, w.data[begin:w.at:w.at])
		}
	}
	w.at++
	return nil
}

// object visits an object, and appends its members to none.
func (w *walker) object(members []Member) ([]Member, error) {
	w.at++
	var seen map[string]bool // once there are many
	for w.next() != '}' {
		begin := w.at
		w.text()
		name := w.name(begin)
		if seen == nil && len(members) == fewMembers {
			seen = map[string]bool{}
			for _, m := range members {
				seen[m.Name] = true
			}
		}
		if twice(members, seen, name) {
			return nil, reason.Errorf(reason.JSONDuplicate, "JSON with two members called %.60q", name)
		}
		w.next()
		begin = w.at
		if err := w.value(); err != nil {
			return nil, err
		}
		members = append(members, Member{name, w.data[begin:w.at:w.at]})
	}
	w.at++
	return members, nil
}

// name is the string from begin on.
func (w *walker) name(begin int) string {
	inside := w.copy[begin+1 : w.at-1]
	if strings.IndexByte(inside, '\\') < 0 {
		return inside
	}
	name, _ := text(w.data[begin:w.at])
	return name
}

// fewMembers are so few that looking at each is the fastest.
const fewMembers = 16

// twice reports whether a name is there already, and notes it if there are many.
func twice(members []Member, seen map[string]bool, name string) bool {
	if seen == nil {
		return slices.ContainsFunc(members, func(m Member) bool { return m.Name == name })
	}
	if seen[name] {
		return true
	}
	seen[name] = true
	return false
}

// loneSurrogate reports whether data holds a \uD800-\uDFFF escape that is not
// half of a pair: Go reads it as U+FFFD, others as something else.
func loneSurrogate(data []byte) bool {
	if bytes.IndexByte(data, '\\') < 0 {
		return false
	}
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
