// help rules: every rule the program judges by.

package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/oidc"
)

func (p *program) rulesTopic() *cobra.Command {
	return p.topic("rules", "The rules that answers and tokens are judged by", func() string {
		var b strings.Builder
		b.WriteString(`Rules:

All rules always run; --explain shows what came of each. A broken MUST is an
error (exit code 5; 4 for discovery and token responses), a broken SHOULD a
warning. --waive ID, or the key waive, makes the failure of a rule visible but no
error; nothing counts as verified then. A rule marked * cannot be waived.

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
