package run

import (
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/oidc"
)

// Every hint about a rule is about one that exists.
func TestHintsAreOfRules(t *testing.T) {
	t.Parallel()
	rules := map[string]bool{}
	for _, r := range oidc.Rules() {
		rules[r.ID] = true
	}
	for id := range hintsByRule {
		if !rules[id] {
			t.Errorf("a hint for %s, which is no rule", id)
		}
	}
}

// Every row of the table can apply: its words are in lower case, as they are compared, and no row
// before it applies to all that it applies to.
func TestProviderHintsCanApply(t *testing.T) {
	t.Parallel()
	covers := func(condition, of string) bool { return condition == "" || condition == of }
	for i, h := range providerHints {
		if h.hint == "" || h.says != strings.ToLower(h.says) || h.code+h.says == "" && h.status == 0 {
			t.Errorf("%+v", h)
		}
		for _, before := range providerHints[:i] {
			if covers(before.code, h.code) && (before.says == "" || strings.Contains(h.code+"\n"+h.says, before.says)) &&
				covers(before.endpoint, h.endpoint) && covers(before.grant, h.grant) &&
				covers(before.method, h.method) && covers(before.unsent, h.unsent) &&
				(before.status == 0 || before.status == h.status) {
				t.Errorf("%+v\nnever applies, because of\n%+v", h, before)
			}
		}
	}
}
