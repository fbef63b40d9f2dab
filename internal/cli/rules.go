// help rules, help reasons, help limits: what the program judges by.

package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/oidc"
)

func rulesTopic(p *program) *cobra.Command {
	return helpTopic(p, "rules", "The rules that answers and tokens are judged by", func() string {
		var b strings.Builder
		b.WriteString(`Rules:

All rules always run; --explain=all shows what came of each. A broken MUST is an
error (exit code 5; 4 for discovery and token responses), a broken SHOULD a
warning. --waive ID, or the key waive, makes the failure of a rule visible but no
error. If a MUST is waived nothing counts as verified; waiving a SHOULD changes
nothing about that. A rule marked * cannot be waived.

`)
		group := ""
		for _, r := range oidc.Rules() {
			if name, _, _ := strings.Cut(r.ID, "."); name != group {
				group = name
				b.WriteString("\n")
			}
			mark := ""
			if r.Essential {
				mark = " *"
			}
			fmt.Fprintf(&b, "  %-6s %s%s\n         %s\n         %s\n", r.Level, r.ID, mark, r.Text, r.Spec)
		}
		return b.String()
	})
}

func reasonsTopic(p *program) *cobra.Command {
	return helpTopic(p, "reasons", "Stable ids of refusals that are about no rule", func() string {
		var b strings.Builder
		b.WriteString("Reasons:\n\nerror.code and checks[].reason in the document that --format json prints:\n\n")
		for _, r := range oidc.Reasons() {
			fmt.Fprintf(&b, "  %-23s %s\n", r.ID, r.Text)
		}
		return b.String()
	})
}

func limitsTopic(p *program) *cobra.Command {
	return helpTopic(p, "limits", "Bounds on what a provider can make the program do", func() string {
		var b strings.Builder
		b.WriteString("Limits:\n\n")
		for _, l := range limit.Table() {
			fmt.Fprintf(&b, "  %-13s %-10s %s\n", l.Name, l.Value, l.Text)
		}
		return b.String()
	})
}
