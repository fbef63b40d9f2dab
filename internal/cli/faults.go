// provider faults, provider --fault, provider --once: a provider that does
// something wrong, to see what a relying party makes of it.

package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/provider"
	"github.com/oidc-client/oidc-client/internal/provider/fault"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

func faultNames() []string {
	var names []string
	for _, f := range fault.Faults() {
		names = append(names, f.Name)
	}
	return names
}

// defaultSettle is how long a relying party has to keep quiet.
const defaultSettle = 2 * time.Second

// checkFaults refuses names that are not in the catalogue.
func (o *providerOptions) checkFaults() error {
	names := faultNames()
	for _, name := range o.faults {
		if !slices.Contains(names, name) {
			return failure.Usage("there is no fault %q (`oidc-client provider faults` lists them)%s", name,
				config.Nearest(name, names))
		}
	}
	if o.once && len(o.faults) == 0 {
		return failure.Usage("--once goes with --fault")
	}
	switch {
	case o.settle < 0:
		return failure.Usage("--settle has to be more than nothing")
	case o.settle > 0 && !o.once:
		return failure.Usage("--settle goes with --once")
	case o.settle == 0:
		o.settle = defaultSettle
	}
	return nil
}

func faultsCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "faults [WORD...]",
		Short: "List what the development provider can be made to do wrong",
		Long: `List what the development provider can be made to do wrong

For each fault: its name, what the provider does, the rules ("help rules") or
reasons ("help reasons") that a relying party rejects it for, what a relying party
has to demand for the fault to matter, what a correct one does, and how binding that
is: required by a standard, recommended by one, or its own choice. With words, it
lists only the faults that one of them occurs in: in the name, the description, the
command or the rules.`,
		Example: `  oidc-client provider faults
  oidc-client provider faults nonce id-token-exp
  oidc-client provider faults --format json`,
		RunE: func(_ *cobra.Command, args []string) error { return showFaults(p.run, args) },

		ValidArgsFunction: completeAll(faultNames),
	}
}

func showFaults(r *run.Run, words []string) error {
	var list []faultEntry
	var b strings.Builder
	for _, f := range fault.Faults() {
		if !about(f, words) {
			continue
		}
		list = append(list, faultEntry{f, f.Right(), !f.Unseen})
		b.WriteString(faultText(f))
	}
	if len(list) == 0 {
		return failure.Usage("no fault has one of these words")
	}
	r.Print("faults", list, strings.TrimSuffix(b.String(), "\n"))
	return nil
}

// A faultEntry is a fault in the JSON document.
type faultEntry struct {
	fault.Fault
	Right  string `json:"right"`
	Judged bool   `json:"judged"` // by --once, from the requests of the relying party
}

// about reports whether one of the words occurs in a fault.
func about(f fault.Fault, words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(f.Name + "\n" + f.Text)
	return slices.ContainsFunc(words, func(word string) bool {
		return strings.Contains(text, strings.ToLower(word)) || f.By == word || slices.Contains(f.Breaks, word)
	})
}

func faultText(f fault.Fault) string {
	text := fmt.Sprintf("%s\n    %s.\n", f.Name, f.Text)
	if len(f.Breaks) > 0 {
		text += "    breaks:  " + strings.Join(f.Breaks, ", ") + "\n"
	}
	if needs := faultNeeds(f); needs != "" {
		text += "    needs:   " + needs + "\n"
	}
	if f.Unseen {
		text += "    judged:  no: it does not show in the requests\n"
	}
	return text + "    right:   " + f.Right() + "\n" + fmt.Sprintf("    level:   %s: %s\n", f.Level, f.Source)
}

// faultNeeds says what a relying party has to demand for the fault to matter.
func faultNeeds(f fault.Fault) string {
	var needs []string
	for line := range strings.Lines(f.Config) {
		needs = append(needs, strings.TrimSpace(line))
	}
	if f.Previous {
		needs = append(needs, "an ID Token from before the refresh (--previous-id-token)")
	}
	if f.By != "" {
		needs = append(needs, "the command "+f.By)
	}
	return strings.Join(needs, "; ")
}

// addFaultConfig adds the configuration lines without which a relying party would not
// notice the faults, and generates the keys that tokens are encrypted for.
func (o *providerOptions) addFaultConfig(client *provider.Client) error {
	o.setCallbackURIs(client)
	for _, f := range fault.Faults() {
		if !slices.Contains(o.faults, f.Name) {
			continue
		}
		for line := range strings.Lines(f.Config) {
			if !strings.Contains(o.config, line) {
				o.config += line
			}
		}
	}
	if !strings.Contains(o.config, "decryption_key: ") || client.JWKS != "" {
		return nil
	}
	private, public, err := provider.NewDecryptionKeys()
	if err != nil {
		return err
	}
	o.decryptionKey = private
	fault.Demand(client, o.config, string(public))
	return nil
}

// setCallbackURIs registers the addresses where this program's commands listen by default.
func (o *providerOptions) setCallbackURIs(client *provider.Client) {
	if o.triggeredBy("logout-receiver") && client.BackchannelLogoutURI == "" {
		client.BackchannelLogoutURI = "http://127.0.0.1:5557" + backchannelLogoutPath
	}
	if o.triggeredBy("end-session") && client.PostLogoutURIs == nil {
		client.PostLogoutURIs = []string{"http://127.0.0.1:5556" + loggedOutPath}
	}
	if o.triggeredBy("ciba") && client.NotificationEndpoint == "" && slices.Contains(o.faults, "ciba-ping-bearer") {
		client.DeliveryMode, client.NotificationEndpoint = "ping", "http://127.0.0.1:5558/"
	}
}

// triggeredBy reports whether a command meets one of the faults.
func (o *providerOptions) triggeredBy(command string) bool {
	return slices.ContainsFunc(fault.Faults(), func(f fault.Fault) bool {
		return slices.Contains(o.faults, f.Name) && (f.By == command || strings.HasPrefix(f.By, command+" "))
	})
}

// An unfinishedError says that --timeout or an interrupt ended provider --once
// before there was a verdict.
type unfinishedError struct {
	message string
	cause   error
}

func (e *unfinishedError) Error() string { return e.message }

func (e *unfinishedError) Unwrap() error { return e.cause }

// A wrongPartyError says that a relying party did not do what it had to.
type wrongPartyError struct{ verdict fault.Verdict }

func (e *wrongPartyError) Error() string {
	var wrong []string
	for _, f := range e.verdict.Findings {
		if f.Wrong() {
			wrong = append(wrong, f.Fault+": "+f.Why+" ("+f.Source+")")
		}
	}
	return "the relying party did wrong: " + strings.Join(wrong, "; ")
}

// watchOnce waits until a relying party came to the faults and is quiet, and
// tells what it did.
func watchOnce(ctx context.Context, r *run.Run, op *fault.Provider, settle time.Duration) error {
	tick := time.NewTicker(min(settle/4, 50*time.Millisecond) + time.Millisecond)
	defer tick.Stop()
	for {
		since, shown := op.Quiet()
		if shown && since >= settle {
			break
		}
		select {
		case <-ctx.Done():
			showVerdict(r, op.Judge())
			message := "no relying party came to every fault"
			if shown {
				message = "the relying party was not quiet for the " + settle.String() +
					" of --settle yet: the verdict is of an unfinished run"
			}
			return &unfinishedError{message, context.Cause(ctx)}
		case <-tick.C:
		}
	}
	verdict := op.Judge()
	showVerdict(r, verdict)
	for _, f := range verdict.Findings {
		if f.Discouraged() && !f.Wrong() {
			r.Warn("%s: %s (%s)", f.Fault, f.Why, f.Source)
		}
	}
	switch {
	case verdict.Right == nil:
		r.Warn("what the relying party made of the faults does not show in its requests: its own exit code has to tell")
	case !*verdict.Right:
		return &wrongPartyError{verdict}
	}
	return nil
}

// inAWord says what a finding comes to.
func inAWord(f fault.Finding) string {
	switch {
	case f.Right == nil:
		return "cannot be told"
	case f.Wrong():
		return "wrong"
	case f.Discouraged():
		return "not recommended"
	}
	return "right"
}

func showVerdict(r *run.Run, v fault.Verdict) {
	var b strings.Builder
	for _, result := range v.Requests {
		status := ""
		if result.Status != 0 {
			status = fmt.Sprintf(" %d", result.Status)
		}
		if len(result.Faults) > 0 {
			status += "  <- " + strings.Join(result.Faults, ", ")
		}
		fmt.Fprintf(&b, "%-4s %s%s\n", result.Method, result.Endpoint, status)
	}
	for _, f := range v.Findings {
		fmt.Fprintf(&b, "%s: %s, %s: %s (%s: %s)\n", f.Fault, inAWord(f), f.Did, f.Why, f.Level, f.Source)
	}
	r.Show(transcript.Result{Member: "verdict", Value: v, Title: "Relying Party", Key: "Verdict", Text: b.String()})
}
