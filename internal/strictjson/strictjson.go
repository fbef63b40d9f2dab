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
func Parse(data []byte) (*Object, error) { return parse(data, nil) }

// ParseRepeating is [Parse] for an object that may have a member twice, if both values are
// the same text. It counts as one member, and Raw has it once. repeated are the names of
// such members.
func ParseRepeating(data []byte) (o *Object, repeated []string, err error) {
	repeated = []string{}
	o, err = parse(data, &repeated)
	if err != nil || len(repeated) == 0 {
		return o, nil, err
	}
	var once Ordered
	for _, m := range o.Members {
		once.Add(m.Name, m.Value)
	}
	if o.Raw, err = once.MarshalJSON(); err != nil {
		return nil, nil, err
	}
	return o, repeated, nil
}

// parse reads an object. repeated gets the names of members of it that are repeated with
// the same value; nil means that there must be none.
func parse(data []byte, repeated *[]string) (*Object, error) {
	data = bytes.Trim(data, " \t\r\n") // and no other space: RFC 8259 section 2
	if err := readable(data); err != nil {
		return nil, err
	}
	w := newWalker(data)
	w.repeated = repeated
	members, err := w.document()
	switch {
	case err != nil:
		return nil, refusal(data, err)
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

// readable reports why data is not text that every reader reads alike.
func readable(data []byte) error {
	if len(data) == 0 {
		return reason.Errorf(reason.JSONSyntax, "empty where JSON belongs")
	}
	if bytes.HasPrefix(data, []byte("\uFEFF")) {
		return reason.Errorf(reason.JSONSyntax, "not JSON: it begins with a byte order mark (BOM), which RFC 8259 "+
			"section 8.1 forbids")
	}
	if bytes.HasPrefix(data, []byte{0xFF, 0xFE}) || bytes.HasPrefix(data, []byte{0xFE, 0xFF}) {
		return reason.Errorf(reason.JSONUnicode, "JSON that is UTF-16, not UTF-8")
	}
	if !utf8.Valid(data) {
		return reason.Errorf(reason.JSONUnicode, "JSON that is not valid UTF-8")
	}
	if loneSurrogate(data) {
		return reason.Errorf(reason.JSONUnicode, `JSON with half a surrogate pair (\ud800 to \udfff)`)
	}
	return nil
}

// refusal says what is wrong with a document that the walker did not get through. The
// same mistakes come first whatever it met first, and of syntax encoding/json has words.
func refusal(data []byte, err error) error {
	if deep(data) {
		return errDepth
	}
	if !json.Valid(data) {
		var v any
		return reason.Errorf(reason.JSONSyntax, "not JSON: %w", json.Unmarshal(data, &v))
	}
	return err
}

// deep reports whether arrays and objects are nested too deep, in what need not be JSON.
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

var (
	errSyntax = reason.Errorf(reason.JSONSyntax, "not JSON")
	errDepth  = reason.Errorf(reason.JSONDepth, "JSON nested deeper than %d", limit.JSONDepth)
)

// A walker goes through a document once: it keeps to the grammar of RFC 8259, counts,
// and looks for names that come twice.
type walker struct {
	data   []byte
	whole  string // the same, that names are cut from: one allocation instead of many
	at     int
	depth  int
	values int

	repeated *[]string // see parse
}

func newWalker(data []byte) *walker { return &walker{data: data, whole: string(data)} }

// document visits the whole, and returns the members of the outermost object.
func (w *walker) document() (members []Member, err error) {
	const usual = 12 // members of a token
	if w.peek() == '{' {
		w.values, w.depth = 1, 1
		members, err = w.object(make([]Member, 0, usual))
	} else {
		err = w.value()
	}
	if err == nil && w.at != len(w.data) {
		err = errSyntax
	}
	return members, err
}

func (w *walker) value() error {
	if w.values++; w.values > limit.JSONValues {
		return reason.Errorf(reason.JSONValues, "JSON of more than %d values", limit.JSONValues)
	}
	switch w.peek() {
	case '{', '[':
		return w.nested()
	case '"':
		return w.text()
	case 't':
		return w.word("true")
	case 'f':
		return w.word("false")
	case 'n':
		return w.word("null")
	}
	return w.number()
}

func (w *walker) nested() (err error) {
	if w.depth++; w.depth > limit.JSONDepth+1 {
		return errDepth
	}
	if w.peek() == '[' {
		err = w.array(nil)
	} else {
		_, err = w.object(nil)
	}
	w.depth--
	return err
}

// peek goes past white space, and is what comes then, 0 at the end.
func (w *walker) peek() byte {
	for ; w.at < len(w.data); w.at++ {
		switch c := w.data[w.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take goes past one character, if it is what comes.
func (w *walker) take(c byte) bool {
	if w.peek() != c {
		return false
	}
	w.at++
	return true
}

// one goes past one of a set of characters, if it is what comes, without white space.
func (w *walker) one(set string) bool {
	if w.at == len(w.data) || strings.IndexByte(set, w.data[w.at]) < 0 {
		return false
	}
	w.at++
	return true
}

func (w *walker) word(word string) error {
	if !strings.HasPrefix(w.whole[w.at:], word) {
		return errSyntax
	}
	w.at += len(word)
	return nil
}

func (w *walker) number() error {
	w.one("-")
	if !w.one("0") && !w.digits() {
		return errSyntax
	}
	if w.one(".") && !w.digits() {
		return errSyntax
	}
	if w.one("eE") {
		w.one("+-")
		if !w.digits() {
			return errSyntax
		}
	}
	return nil
}

// digits goes past digits, and reports whether there was one.
func (w *walker) digits() bool {
	begin := w.at
	for w.at < len(w.data) && w.data[w.at] >= '0' && w.data[w.at] <= '9' {
		w.at++
	}
	return w.at > begin
}

// text goes past a string.
func (w *walker) text() error {
	for w.at++; w.at < len(w.data); w.at++ {
		switch c := w.data[w.at]; {
		case c == '"':
			w.at++
			return nil
		case c < ' ', c == '\\' && !w.escape():
			return errSyntax
		}
	}
	return errSyntax
}

// escape goes to the last character of an escape.
func (w *walker) escape() bool {
	if _, ok := escape(w.data[w.at:]); ok {
		w.at += len(`uXXXX`)
		return true
	}
	w.at++
	return w.at < len(w.data) && strings.IndexByte(`"\/bfnrt`, w.data[w.at]) >= 0
}

// array visits an array, and keeps its elements where there is a place for them.
func (w *walker) array(elements *[]json.RawMessage) error {
	w.at++
	if w.take(']') {
		return nil
	}
	for {
		w.peek()
		begin := w.at
		if err := w.value(); err != nil {
			return err
		}
		if elements != nil {
			*elements = append(*elements, w.data[begin:w.at:w.at])
		}
		if w.take(']') {
			return nil
		}
		if !w.take(',') {
			return errSyntax
		}
	}
}

// object visits an object, and appends its members to none.
func (w *walker) object(members []Member) ([]Member, error) {
	w.at++
	if w.take('}') {
		return members, nil
	}
	var seen map[string]bool // once there are many
	for {
		name, err := w.name()
		if err != nil {
			return nil, err
		}
		if seen == nil && len(members) == fewMembers {
			seen = map[string]bool{}
			for _, m := range members {
				seen[m.Name] = true
			}
		}
		again := twice(members, seen, name)
		if again && !w.mayRepeat() {
			return nil, errTwice(name)
		}
		value, err := w.member()
		switch {
		case err != nil:
			return nil, err
		case again:
			err = w.repeat(members, Member{name, value})
		default:
			members = append(members, Member{name, value})
		}
		if err != nil {
			return nil, err
		}
		if w.take('}') {
			return members, nil
		}
		if !w.take(',') {
			return nil, errSyntax
		}
	}
}

// name goes past the name of a member.
func (w *walker) name() (string, error) {
	if w.peek() != '"' {
		return "", errSyntax
	}
	begin := w.at
	if err := w.text(); err != nil {
		return "", err
	}
	if inside := w.whole[begin+1 : w.at-1]; strings.IndexByte(inside, '\\') < 0 {
		return inside, nil
	}
	name, _ := text(w.data[begin:w.at])
	return name, nil
}

// member goes past the value of a member.
func (w *walker) member() (json.RawMessage, error) {
	if !w.take(':') {
		return nil, errSyntax
	}
	w.peek()
	begin := w.at
	err := w.value()
	return w.data[begin:w.at:w.at], err
}

// mayRepeat reports whether the object may have another member twice. A few are enough: a reader
// of many would be slow.
func (w *walker) mayRepeat() bool {
	return w.repeated != nil && w.depth == 1 && len(*w.repeated) < fewMembers
}

// repeat notes a member that is there already, and refuses another value.
func (w *walker) repeat(members []Member, again Member) error {
	i := slices.IndexFunc(members, func(m Member) bool { return m.Name == again.Name })
	if !bytes.Equal(members[i].Value, again.Value) {
		return errTwice(again.Name)
	}
	*w.repeated = append(*w.repeated, again.Name)
	return nil
}

func errTwice(name string) error {
	return reason.Errorf(reason.JSONDuplicate, "JSON with two members called %.60q", name)
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
