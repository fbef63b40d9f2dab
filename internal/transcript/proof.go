// The line that says what a run proved.

package transcript

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/check"
)

// provable are the things that a run can verify, each with the tables of rules that judge it.
var provable = []struct {
	name   string
	tables []string
}{
	{"ID Token", []string{"id_token", "refresh", "hybrid"}},
	{"access token", []string{"access_token"}},
	{"refresh token", []string{"refresh_token"}},
	{"UserInfo", []string{"userinfo"}},
	{"introspection response", []string{"introspection"}},
	{"logout token", []string{"logout_token"}},
	{"JWT", []string{"jwt"}},
}

// Proof says in a line what the rules of a run proved, "" if they were about nothing that can be
// verified: "verified: ID Token (22 rules), UserInfo (3 rules)". What was not verified is named with the
// reason.
func Proof(results check.Results) string {
	if waived := results.Waived(); len(waived) > 0 {
		return "not verified, because rules were waived: " + strings.Join(waived, ", ")
	}
	var proved, not []string
	for _, thing := range provable {
		passed, why := outcomes(results, thing.tables)
		switch {
		case why != "":
			not = append(not, thing.name+" ("+why+")")
		case passed == 1:
			proved = append(proved, thing.name+" (1 rule)")
		case passed > 1:
			proved = append(proved, fmt.Sprintf("%s (%d rules)", thing.name, passed))
		}
	}
	var parts []string
	if len(proved) > 0 {
		parts = append(parts, "verified: "+strings.Join(proved, ", "))
	}
	if len(not) > 0 {
		parts = append(parts, "not verified: "+strings.Join(not, ", "))
	}
	return strings.Join(parts, "; ")
}

// outcomes counts the rules of some tables that passed, and says why a required one did not.
func outcomes(results check.Results, tables []string) (passed int, why string) {
	for i := range results {
		r := &results[i]
		table, _, _ := strings.Cut(r.ID, ".")
		switch {
		case !slices.Contains(tables, table):
		case r.Outcome == check.Pass:
			passed++
		case r.Level != check.Must || r.Held() || why != "":
		case r.Outcome == check.Fail:
			why = "rule " + r.ID + " failed"
		case r.Note != "":
			why = r.Note
		default:
			why = "rule " + r.ID + " was not judged"
		}
	}
	return passed, why
}

// brief are the rules that --explain shows: those that a run did not hold, or waived.
func brief(results check.Results) check.Results {
	return slices.DeleteFunc(slices.Clone(results), func(r check.Result) bool { return r.Held() && !r.Waived })
}

// counted says how many rules of each table passed, and how many do not apply.
func counted(results check.Results) string {
	var order []string
	passed, other := map[string]int{}, 0
	for _, r := range results {
		table, _, _ := strings.Cut(r.ID, ".")
		switch r.Outcome {
		case check.Pass:
			if passed[table]++; passed[table] == 1 {
				order = append(order, table)
			}
		case check.NotApplicable:
			other++
		case check.Fail, check.Unknown: // each has a line of its own
		}
	}
	var text strings.Builder
	for i, table := range order {
		if i == 0 {
			text.WriteString("passed: ")
		} else {
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "%s %d", table, passed[table])
	}
	if len(order) > 0 {
		text.WriteString("\n")
	}
	fmt.Fprintf(&text, "not applicable: %d; --explain=all shows every rule\n", other)
	return text.String()
}
