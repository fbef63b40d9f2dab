package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/provider/fault"
)

// catalogue is how many rows of each letter the catalogue of conformance tests,
// requirements and attacks has, and how wide their numbers are.
var catalogue = []struct {
	letter      string
	rows, width int
}{
	{"C", 35, 2},
	{"D", 8, 2},
	{"L", 14, 2},
	{"Q", 17, 2},
	{"R", 11, 2},
	{"A", 27, 2},
	{"F", 32, 2},
	{"K", 29, 2},
	{"E", 10, 2},
	{"J", 21, 2},
	{"H", 37, 2},
	{"V", 101, 1},
	{"B", 11, 1},
}

// The ledger has every row of the catalogue, and tells the truth: the tests that
// it names exist, and it names faults where there are any.
func TestLedger(t *testing.T) {
	t.Parallel()
	ledger := readLedger(t)
	for _, c := range catalogue {
		for i := range c.rows {
			id := fmt.Sprintf("%s%0*d", c.letter, c.width, i+1)
			if ledger[id].state == "" {
				t.Errorf("%s is not in the ledger", id)
			}
		}
	}
	covers, rows := things(t), map[string]bool{}
	for _, f := range fault.Faults() {
		for _, id := range f.Rows {
			rows[id] = true
		}
	}
	for id, row := range ledger {
		switch row.state {
		case "covered":
			if row.text == "" {
				t.Errorf("%s: covered by nothing", id)
			}
			names := strings.Fields(row.text)
			if slices.Contains(names, "faults") != rows[id] {
				t.Errorf("%s: faults of it exist: %v", id, rows[id])
			}
			for _, name := range names {
				if !covers[name] && name != "faults" {
					t.Errorf("%s: %s does not exist", id, name)
				}
			}
		case "later", "not applicable":
			if len(row.text) < 10 {
				t.Errorf("%s: %s, without a reason", id, row.state)
			}
		default:
			t.Errorf("%s: the state %q is not known", id, row.state)
		}
	}
	for id := range rows {
		if ledger[id].state != "covered" {
			t.Errorf("faults are of %s, which is %q in the ledger", id, ledger[id].state)
		}
	}
}

type ledgerRow struct{ state, text string }

func readLedger(t *testing.T) map[string]ledgerRow {
	t.Helper()
	data, err := os.ReadFile("conformance.tsv")
	check(t, err)
	ledger := map[string]ledgerRow{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != 3 || ledger[fields[0]].state != "" {
			t.Errorf("%q is no row, or there twice", line)
			continue
		}
		ledger[fields[0]] = ledgerRow{fields[1], fields[2]}
	}
	return ledger
}

// things are the names that a row may be covered by: tests and scripts.
func things(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+|Fuzz\w+)\(`)
	list, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}",
		"github.com/oidc-client/oidc-client/...", "./...").Output()
	check(t, err)
	for folder := range strings.FieldsSeq(string(list)) {
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		check(t, err)
		for _, file := range files {
			data, err := os.ReadFile(file)
			check(t, err)
			for _, m := range function.FindAllSubmatch(data, -1) {
				names[string(m[1])] = true
			}
		}
	}
	scripts, err := filepath.Glob("script/*.txtar")
	check(t, err)
	for _, s := range scripts {
		names["script:"+strings.TrimSuffix(filepath.Base(s), ".txtar")] = true
	}
	if len(names) < 100 || !names["TestLedger"] {
		t.Fatalf("only %d tests and scripts were found", len(names))
	}
	return names
}
