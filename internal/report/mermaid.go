// The report as text of a Mermaid sequence diagram: https://mermaid.js.org/syntax/sequenceDiagram.html

package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/transcript"
)

// diagram renders the steps as a sequence diagram.
func diagram(s *Story) ([]byte, error) {
	var b strings.Builder
	b.WriteString("sequenceDiagram\n")
	for _, party := range s.Parties() {
		fmt.Fprintf(&b, "    participant P%d as %s\n", party, party)
	}
	for i := range s.Steps {
		step := &s.Steps[i]
		arrow, back := "->>", "-->>"
		if step.Fault != "" {
			arrow, back = "->>", "--x"
			if step.Response == "" || step.Status == "" {
				arrow = "-x"
			}
		}
		fmt.Fprintf(&b, "    P%d%sP%d: %d. %s\n", step.From, arrow, step.To, step.Number, mermaidText(step.Request))
		if step.Response != "" && step.Status != "" {
			fmt.Fprintf(&b, "    P%d%sP%d: %s\n", step.To, back, step.From, mermaidText(step.Response))
		}
		if step.Fault != "" {
			fmt.Fprintf(&b, "    Note over P%d,P%d: failed: %s\n", min(step.From, step.To), max(step.From, step.To),
				mermaidText(step.Fault))
		}
	}
	fmt.Fprintf(&b, "    Note over P%d: %s\n", Client, mermaidText(s.Verdict()))
	return []byte(b.String()), nil
}

// Parties are those who take part, in the order of their lifelines. The client always does.
func (s *Story) Parties() []Party {
	list := []Party{Client}
	for _, step := range s.Steps {
		for _, party := range []Party{step.From, step.To} {
			if !slices.Contains(list, party) {
				list = append(list, party)
			}
		}
	}
	slices.Sort(list)
	return list
}

// mermaidText is text that is only text in a diagram: what has a meaning there is written as a
// character entity.
func mermaidText(text string) string {
	const most = 200 // characters
	var b strings.Builder
	for i, r := range []rune(transcript.Escape(text)) {
		switch {
		case i == most:
			return b.String() + "..."
		case strings.ContainsRune(`#;<>"&{}[]()%\`, r):
			fmt.Fprintf(&b, "#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
