// provider faults, provider --fault, provider --once: a provider that does
// something wrong, to see what a relying party makes of it.

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/provider"
)

func faultNames() []string {
	var names []string
	for _, f := range provider.Faults() {
		names = append(names, f.Name)
	}
	return names
}

// checkFaults refuses names that are not in the catalogue.
func (o *providerOptions) checkFaults() error {
	names := faultNames()
	for _, name := range o.faults {
		if !slices.Contains(names, name) {
			return usage("there is no fault %q; `oidc-client provider faults` lists them", name)
		}
	}
	if o.once && len(o.faults) == 0 {
		return usage("--once goes with --fault")
	}
	if o.settle <= 0 {
		return usage("--settle has to be more than nothing")
	}
	return nil
}

func (p *program) faultsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "faults [WORD...]",
		Short: "List what the development provider can be made to do wrong",
		Long: `List what the development provider can be made to do wrong

For each fault: its name, what the provider does, the rules ("help rules") or
reasons ("help reasons") that a relying party refuses it for, the rows of the
project's catalogue of tests and attacks, what a relying party has to demand for
the fault to matter, and what a correct one does. With words, only the faults
whose name, rules or rows have one of them.`,
		Example: `  oidc-client provider faults
  oidc-client provider faults id-token-exp J14
  oidc-client provider faults --format json`,
		RunE: func(_ *cobra.Command, args []string) error { return p.showFaults(args) },
	}
}

func (p *program) showFaults(words []string) error {
	var list []faultEntry
	var b strings.Builder
	for _, f := range provider.Faults() {
		if !about(f, words) {
			continue
		}
		list = append(list, faultEntry{f.Name, f.Text, f.At, f.Breaks, f.Rows, f.Accept, f.Config, f.Previous, f.Right()})
		b.WriteString(faultText(f))
	}
	if len(list) == 0 {
		return usage("no fault has one of these words")
	}
	p.run.Members.Add("faults", list)
	if !p.options.json() {
		_, p.stdoutErr = fmt.Fprint(p.env.Stdout, b.String())
		return p.stdoutErr
	}
	return nil
}

// A faultEntry is a fault in the JSON document.
type faultEntry struct {
	Name     string   `json:"name"`
	Text     string   `json:"text"`
	At       string   `json:"at"`
	Breaks   []string `json:"breaks,omitempty"`
	Rows     []string `json:"rows,omitempty"`
	Accept   bool     `json:"accept"`
	Config   string   `json:"config,omitempty"`
	Previous bool     `json:"previous_id_token,omitempty"`
	Right    string   `json:"right"`
}

func about(f provider.Fault, words []string) bool {
	if len(words) == 0 {
		return true
	}
	return slices.ContainsFunc(words, func(word string) bool {
		return strings.Contains(f.Name, word) || slices.Contains(f.Breaks, word) || slices.Contains(f.Rows, word)
	})
}

func faultText(f provider.Fault) string {
	text := fmt.Sprintf("%s\n    %s.\n", f.Name, f.Text)
	if len(f.Breaks) > 0 {
		text += "    breaks:  " + strings.Join(f.Breaks, ", ") + "\n"
	}
	if len(f.Rows) > 0 {
		text += "    rows:    " + strings.Join(f.Rows, ", ") + "\n"
	}
	if needs := faultNeeds(f); needs != "" {
		text += "    needs:   " + needs + "\n"
	}
	return text + "    right:   " + f.Right() + "\n"
}

// faultNeeds is what a relying party has to demand for the fault to matter.
func faultNeeds(f provider.Fault) string {
	needs := strings.Split(strings.TrimSpace(f.Config), "\n")
	if f.Previous {
		needs = append(needs, "--previous-id-token")
	}
	return strings.TrimPrefix(strings.Join(needs, "; "), "; ")
}

// errNobodyCame says that --timeout ran out.
var errNobodyCame = errors.New("no relying party came to the fault")

// watchOnce waits until a relying party came to the fault and is quiet, and
// tells what it did.
func (p *program) watchOnce(ctx context.Context, op *provider.Provider, settle time.Duration) error {
	tick := time.NewTicker(min(settle/4, 50*time.Millisecond) + time.Millisecond)
	defer tick.Stop()
	for {
		if since, spoilt := op.Quiet(); spoilt && since >= settle {
			break
		}
		select {
		case <-ctx.Done():
			p.showVerdict(op.Judge())
			return &waitError{"a relying party that comes to the fault", errors.Join(errNobodyCame, context.Cause(ctx))}
		case <-tick.C:
		}
	}
	verdict := op.Judge()
	p.showVerdict(verdict)
	if !verdict.Right {
		return &wrongPartyError{verdict}
	}
	return nil
}

func (p *program) showVerdict(v provider.Verdict) {
	p.run.Members.Add("verdict", v)
	if p.options.json() {
		return
	}
	var b strings.Builder
	for _, r := range v.Requests {
		mark := ""
		if r.Faulty {
			mark = "  <- spoilt"
		}
		fmt.Fprintf(&b, "%-4s %s%s\n", r.Method, r.Endpoint, mark)
	}
	fmt.Fprintf(&b, "did: %s\nright: %v\nwhy: %s\n", v.Did, v.Right, v.Why)
	p.out.Block("Relying Party", "Verdict", b.String())
}

// A wrongPartyError says that a relying party did not do what it had to.
type wrongPartyError struct{ verdict provider.Verdict }

func (e *wrongPartyError) Error() string {
	return fmt.Sprintf("the relying party did wrong (%s): %s", strings.Join(e.verdict.Faults, ", "), e.verdict.Why)
}
