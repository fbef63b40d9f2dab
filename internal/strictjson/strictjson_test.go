package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/reason"
)

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"nothing":                "",
		"blank":                  " \n",
		"array":                  "[]",
		"string":                 `"a"`,
		"null":                   "null",
		"number":                 "1",
		"trailing data":          `{} {}`,
		"trailing garbage":       `{}x`,
		"comment":                `{/**/}`,
		"NaN":                    `{"a":NaN}`,
		"trailing comma":         `{"a":1,}`,
		"byte order mark":        "\uFEFF{}",
		"no-break space":         "\u00a0{}",
		"next line":              "{}\u0085",
		"vertical tab":           "\v{}",
		"form feed":              "{}\f",
		"duplicate":              `{"iss":"a","iss":"b"}`,
		"duplicate by escape":    `{"iss":"a","\u0069ss":"b"}`,
		"duplicate deep":         `{"a":[{"b":{"c":1,"c":1}}]}`,
		"invalid UTF-8":          "{\"a\":\"\xff\"}",
		"overlong UTF-8":         "{\"a\":\"\xc0\xaf\"}",
		"lone high surrogate":    `{"a":"\ud800"}`,
		"lone low surrogate":     `{"a":"\udc00"}`,
		"high then high":         `{"a":"\ud800\ud800"}`,
		"surrogate in a name":    `{"\udfff":1}`,
		"surrogate after escape": `{"a":"\\\ud800"}`,
		"deep arrays":            `{"a":` + strings.Repeat("[", 33) + strings.Repeat("]", 33) + `}`,
		"very deep":              strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000),
		"many values":            `{"a":[` + strings.Repeat("1,", 20_000) + `1]}`,
		"control character":      "{\"a\":\"\x01\"}",
	} {
		if _, err := Parse([]byte(doc)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A byte order mark is called one: it cannot be seen.
func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	for doc, says := range map[string]string{
		"\uFEFF{}": "byte order mark (BOM)", "\n\uFEFF{}": "byte order mark (BOM)", "\xff\xfe{\x00}\x00": "UTF-16",
	} {
		if _, err := Parse([]byte(doc)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", doc, err)
		}
	}
}

func TestParseKeepsWhatWasSent(t *testing.T) {
	t.Parallel()
	o, err := Parse([]byte(` {"z":1, "a":9007199254740993, "Z":2, "s":"\ud83d\ude00\\u", "n":null, "l":["x"], "o":{"q":1.50}} `))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range o.Members {
		names = append(names, m.Name)
	}
	if got := strings.Join(names, " "); got != "z a Z s n l o" {
		t.Errorf("order: %s", got)
	}
	if raw, _ := o.Get("a"); string(raw) != "9007199254740993" {
		t.Errorf("number: %s", raw)
	}
	if raw, _ := o.Get("o"); string(raw) != `{"q":1.50}` {
		t.Errorf("object: %s", raw)
	}
	if s, err := o.String("s"); s != "😀\\u" || err != nil {
		t.Errorf("string: %q, %v", s, err)
	}
	if o.Has("n") || o.Has("S") {
		t.Error("a null or a name in another case counts as present")
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	o, err := Parse([]byte(`{"s":"x","n":1,"b":true,"l":["x","y"],"mixed":["x",1],"o":{},"huge":1e400}`))
	if err != nil {
		t.Fatal(err)
	}
	fails := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	_, err = o.String("n")
	fails("number as string", err)
	_, err = o.Strings("s")
	fails("string as array", err)
	_, err = o.Strings("mixed")
	fails("mixed array", err)
	_, err = o.StringOrStrings("o")
	fails("object as list", err)
	_, err = o.Bool("s")
	fails("string as boolean", err)
	_, _, err = o.Number("s")
	fails("string as number", err)
	_, _, err = o.Number("huge")
	fails("number out of range", err)

	if l, err := o.StringOrStrings("s"); len(l) != 1 || err != nil {
		t.Errorf("one string as list: %v, %v", l, err)
	}
	if b, err := o.Bool("b"); !b || err != nil {
		t.Errorf("boolean: %v, %v", b, err)
	}
	if n, ok, err := o.Number("n"); n != 1 || !ok || err != nil {
		t.Errorf("number: %v, %v, %v", n, ok, err)
	}
	if n, ok, err := o.Number("absent"); n != 0 || ok || err != nil {
		t.Errorf("absent number: %v, %v, %v", n, ok, err)
	}
}

// What the bounds just allow.
func TestBoundsAllow(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`,
		`{"a":[` + strings.Repeat("1,", 19_997) + `1]}`,
		`{"a":"` + strings.Repeat(`[{\"`, 1000) + `"}`,
	} {
		if _, err := Parse([]byte(text)); err != nil {
			t.Errorf("%.20s...: %v", text, err)
		}
	}
}

// A document of many members, where a name comes twice late.
func TestManyMembers(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, `"m%d" : [ {"a":%d} , "x\"}" ] ,`, i, i)
	}
	o, err := Parse([]byte("{" + b.String() + `"last":-1.5e3}`))
	if err != nil || len(o.Members) != 101 || string(o.Members[100].Value) != "-1.5e3" ||
		string(o.Members[7].Value) != `[ {"a":7} , "x\"}" ]` {
		t.Fatalf("%v, %v", o, err)
	}
	if _, err := Parse([]byte("{" + b.String() + `"m50":1}`)); err == nil {
		t.Error("the fifty-first name twice: accepted")
	}
	if _, err := Parse([]byte("{" + b.String() + `"m\u0035":1}`)); err == nil {
		t.Error("a name twice, once with an escape: accepted")
	}
}

// A name is the same name however long it is, among few members and among many.
func TestLongNamesTwice(t *testing.T) {
	t.Parallel()
	for _, length := range []int{1, 8, 31, 32, 33, 63, 64, 65, 255, 256, 1000} {
		for _, others := range []int{0, 5, 15, 16, 17, 63, 64, 65} {
			name := strings.Repeat("n", length)
			var b strings.Builder
			for i := range others {
				fmt.Fprintf(&b, `"m%d":1,`, i)
			}
			once := fmt.Sprintf(`{%q:1,%s%q:1}`, name, b.String(), name+"n")
			if _, err := Parse([]byte(once)); err != nil {
				t.Errorf("names of %d and %d characters, %d others: %v", length, length+1, others, err)
			}
			twice := fmt.Sprintf(`{%q:1,%s%q:1}`, name, b.String(), name)
			if _, err := Parse([]byte(twice)); err == nil {
				t.Errorf("a name of %d characters twice, %d others: accepted", length, others)
			}
		}
	}
}

// What is read is what encoding/json reads, where it is read at all.
func FuzzAsTheStandardLibrary(f *testing.F) {
	f.Add([]byte(`{"a":[1,"\ud83d\ude00",{"b":null}] , "c" : {"d\"":-0.5E+1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := Parse(data)
		if err != nil {
			return
		}
		var m map[string]json.RawMessage
		if err := json.Unmarshal(data, &m); err != nil || len(m) != len(o.Members) {
			t.Fatalf("%q: %v, %d members, want %d", data, err, len(o.Members), len(m))
		}
		for _, member := range o.Members {
			if string(m[member.Name]) != string(member.Value) {
				t.Fatalf("%q: %q is %q, want %q", data, member.Name, member.Value, m[member.Name])
			}
			var want string
			got, isString := Text(member.Value)
			if err := json.Unmarshal(member.Value, &want); isString && (err != nil || got != want) {
				t.Fatalf("%q: %q, want %q", member.Value, got, want)
			}
		}
	})
}

// What is JSON is what encoding/json says is, whichever of the other bounds it keeps.
func FuzzSyntax(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,"\ud83d\ude00",{"b":null}] , "c" : {"d\"":-0.5E+1}}`, `[]`, `[ ]`, `{ }`, `[1,]`, `{"a":1,}`, `[,1]`,
		`{,}`, `[1 2]`, `{"a" 1}`, `{"a"}`, `{1:1}`,
		`01`, `-`, `-0`, `1.`, `.1`, `1e`, `1e+`, `1E-07`, `+1`, `0x1`, `--1`, `truefalse`, `tru`, `nul`,
		`[true,false,null]`, `True`,
		`"`, `"\`, `"\u12`, `"\u123g"`, `"\x"`, `"\/\b\f\n\r\t\\\""`, "\"\t\"", "\"\x7f\"", "\u00a01", "1\f", `]`, `}`,
		`[`, `{`, `[}`, `{]`, `{"a":`, `1,`, `1 1`, `:`, "[1]\x00",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = bytes.TrimSpace(data)
		if readable(data) != nil || deep(data) {
			return
		}
		_, err := newWalker(data).document()
		if id := reason.Of(err); id == reason.JSONDuplicate || id == reason.JSONValues {
			return // what comes after is not looked at
		}
		if (err == nil) != json.Valid(data) {
			t.Fatalf("%q: %v, and encoding/json says %v", data, err, json.Valid(data))
		}
	})
}

func BenchmarkParse(b *testing.B) {
	data := []byte(`{"iss":"https://op.example","sub":"alice","aud":["cli"],"exp":1795563705,"iat":1795563405,"amr":["pwd","otp"],"address":{"country":"BE"},"name":"Alice"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":[1,"\ud83d\ude00",{"b":null}]}`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := Parse(data)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, m := range o.Members {
			if seen[m.Name] {
				t.Fatalf("accepted a duplicate %q", m.Name)
			}
			seen[m.Name] = true
		}
	})
}

// A member may be repeated with the same value, where that is asked for, and nowhere else.
func TestParseRepeating(t *testing.T) {
	t.Parallel()
	o, repeated, err := ParseRepeating([]byte(`{"iss":"a","n":1,"iss":"a","\u0069ss":"a","code":"c"}`))
	if err != nil || strings.Join(repeated, " ") != "iss iss" || string(o.Raw) != `{"iss":"a","n":1,"code":"c"}` {
		t.Errorf("%v, %q, %v", o, repeated, err)
	}
	if o, repeated, err = ParseRepeating([]byte(` {"iss": "a"} `)); err != nil || repeated != nil ||
		string(o.Raw) != `{"iss": "a"}` {
		t.Errorf("%v, %q, %v", o, repeated, err)
	}
	for name, text := range map[string]string{
		"another value":   `{"iss":"a","iss":"b"}`,
		"another type":    `{"exp":1,"exp":"1"}`,
		"another writing": `{"exp":1,"exp":1.0}`,
		"deep":            `{"x":{"iss":"a","iss":"a"}}`,
		"in a list":       `{"x":[{"iss":"a","iss":"a"}]}`,
		"very often":      `{"iss":"a"` + strings.Repeat(`,"iss":"a"`, 17) + `}`,
	} {
		if _, _, err := ParseRepeating([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := Parse([]byte(`{"iss":"a","iss":"a"}`)); err == nil {
		t.Error("Parse accepts a repeat")
	}
}
