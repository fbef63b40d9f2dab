package run

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/failure"
)

// document is one that a provider had a hand in.
const document = `{"schema":1,"big":12345678901234567890,"exp":1700000000.50,"list":["a","b"],"none":null,"yes":true,` +
	`"text":"two\nlines","evil":"\u001b[31mred\u202e\u0007","token":"eyJhbGciOiJub25lIn0.e30."}`

// The results are written as gh does it: strings as they are, null as an empty line, the rest as JSON.
func TestFilterWrites(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		".token":             "eyJhbGciOiJub25lIn0.e30.\n",
		".text":              "two\nlines\n",
		".none":              "\n",
		".missing":           "\n",
		".yes":               "true\n",
		".big":               "12345678901234567890\n",
		".exp":               "1700000000.50\n",
		".list":              `["a","b"]` + "\n",
		".list[]":            "a\nb\n",
		"empty":              "",
		"{b: .schema, a: 1}": `{"a":1,"b":1}` + "\n",
		".schema, halt, 2":   "1\n",
		".evil":              "\x1b[31mred\u202e\a\n",
		"[.evil]":            `["\u001b[31mred\u202e\u0007"]` + "\n",
		"$ENV, env":          "{}\n{}\n",
	} {
		filter, err := ParseFilter(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		var out bytes.Buffer
		if err := filter.Write(&out, []byte(document), false); err != nil || out.String() != want {
			t.Errorf("%s: %q, want %q, %v", expression, out.String(), want, err)
		}
	}
}

// On a terminal nothing that a provider wrote steers it.
func TestFilterOnATerminal(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		".evil": `\u001b[31mred\u202e\u0007` + "\n",
		".text": "two\nlines\n",
	} {
		filter, _ := ParseFilter(expression)
		var out bytes.Buffer
		if err := filter.Write(&out, []byte(document), true); err != nil || out.String() != want {
			t.Errorf("%s: %q, %v", expression, out.String(), err)
		}
	}
}

// An expression that is wrong says where. It can neither read files and variables nor more input.
func TestFilterIsWrong(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		".a b":                       `--jq: unexpected token "b" at column 4, after .a `,
		"}":                          `--jq: unexpected token "}" at column 1`,
		".schema |\n .é":             `--jq: unexpected token "é" at line 2, column 3, after .schema |`,
		".a\n| .b\n| )":              `--jq: unexpected token ")" at line 3, column 3, after .a` + "\n| .b\n| ",
		".a |":                       `--jq: unexpected EOF at the end of .a |`,
		strings.Repeat(".a|", 30):    `at the end of [...].a|.a|.a|`,
		`"x`:                         `--jq: unterminated string literal`,
		"nothing":                    "--jq: function not defined: nothing/0",
		"$nothing":                   "--jq: variable not defined: $nothing",
		"input":                      "--jq: input(s)/0 is not allowed",
		"debug":                      "--jq: function not defined: debug/0",
		`import "a" as a; .`:         `--jq: cannot load module: "a"`,
		`include "/etc/passwd"; .`:   `--jq: cannot load module: "/etc/passwd"`,
		`import "a" as $a; .`:        `--jq: cannot load module: "a"`,
		`"/etc/passwd" | modulemeta`: "",
	} {
		filter, err := ParseFilter(expression)
		var out bytes.Buffer
		if want == "" {
			if err := filter.Write(&out, []byte(document), false); err == nil || out.Len() != 0 {
				t.Errorf("%s: %q %v", expression, out.String(), err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", expression, err, want)
			continue
		}
		if f, ok := failure.Of(err); !ok || f.Kind != failure.KindUsage {
			t.Errorf("%s: %+v", expression, f)
		}
		if err := filter.Write(&out, []byte(document), false); err != nil || out.Len() != 0 {
			t.Errorf("%s: there are results: %q %v", expression, out.String(), err)
		}
	}
}

// An expression that fails leaves the results before it, and an error that is short.
func TestFilterFails(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]struct{ out, err string }{
		`("x"*50)[]`:                       {"", "--jq: cannot iterate over: string (...)"},
		`[range(50)] | implode | .a`:       {"", "--jq: expected an object but got: string (...)"},
		`{a: ("x" * 50)} | implode`:        {"", "--jq: implode cannot be applied to: object (...)"},
		`"x" | .["y" * 50]`:                {"", "--jq: expected an object but got: string"},
		`"odd ...]" | error`:               {"", "--jq: error: odd ...)"},
		".schema, .schema[0], 2":           {"1\n", "--jq: expected an array but got: number (1)"},
		".list[] | error":                  {"", "--jq: error: a"},
		`"x" * 1000 | error`:               {"", "--jq: an error of 1007 bytes"},
		".":                                {"", ""},
		`"stop" | halt_error`:              {"", "--jq: halt error: stop"},
		`"x" * 70000000`:                   {"", "--jq: the results are larger than 64 MiB"},
		`"y", ("x" * 70000000 | length)`:   {"y\n70000000\n", ""},
		`range(70) | tostring * 1000000`:   {"", "--jq: the results are larger than 64 MiB"},
		`.token | test("(") , .list`:       {"", "--jq: "},
		`.token | @base64d | fromjson | .`: {"", "--jq: "},
	} {
		filter, err := ParseFilter(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		var out bytes.Buffer
		err = filter.Write(&out, []byte(document), false)
		if want.err == "" && err != nil || want.err != "" && (err == nil || !strings.HasPrefix(err.Error(), want.err)) {
			t.Errorf("%s: %v", expression, err)
		}
		if want.out != "" && out.String() != want.out {
			t.Errorf("%s: %.100q", expression, out.String())
		}
		if f, ok := failure.Of(err); err != nil && (!ok || ExitCode(&f) != 1) {
			t.Errorf("%s: %+v", expression, f)
		}
	}
}

// An expression without an end is ended.
func TestFilterEnds(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{"def f: f; f", "[range(infinite)]", "range(infinite)", "last(repeat(1))"} {
		filter, err := ParseFilter(expression)
		if err != nil {
			t.Fatal(err)
		}
		slow := errors.New("slow")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, slow)
		err = filter.results(ctx, nil, func(any) error { return nil })
		cancel()
		if !errors.Is(err, slow) {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

// Whatever an expression is, it is compiled or refused, and what it does is done or told.
func FuzzFilter(f *testing.F) {
	for _, expression := range []string{
		".a | .b[0]?", "}", `"\(.token)" | error`, "reduce .[] as $x (0; . + $x)", ". as [$a, {b: $c}]",
	} {
		f.Add(expression)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		filter, err := ParseFilter(expression)
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err = filter.results(ctx, map[string]any{"token": "a"}, func(result any) error {
			return writeResult(&bounded{room: 1 << 20}, result, true)
		})
		if err != nil && (&FilterError{err}).Error() == "" {
			t.Error("an error without a text")
		}
	})
}
