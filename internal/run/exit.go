// Exit codes.

package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/failure"
)

// InterruptedExit is the exit code of a command that a signal ended.
const InterruptedExit = 130

// An ExitRow is one row of the table of exit codes.
type ExitRow struct {
	Code  int
	Kinds []failure.Kind
	Text  string
}

// ExitCodes is the table of exit codes, in the order of the reference.
func ExitCodes() []ExitRow {
	return []ExitRow{
		{0, nil, "done, and everything that was asked to be verified was"},
		{
			1,
			[]failure.Kind{failure.KindInternal},
			"internal error (a bug), or a result that could not be written, or that --jq failed on",
		},
		{2, []failure.Kind{failure.KindUsage, failure.KindConfig}, "usage or configuration error; nothing was sent"},
		{3, []failure.Kind{failure.KindProvider}, "the provider answered with an OAuth error"},
		{
			4,
			[]failure.Kind{failure.KindNetwork, failure.KindProtocol},
			"no usable answer: DNS, TCP, TLS, timeout, 5xx, a response that breaks the protocol",
		},
		{
			5,
			[]failure.Kind{failure.KindVerification},
			"verification failed: a MUST rule about a token or UserInfo was broken; for provider --once: the relying " +
				"party did wrong",
		},
		{6, []failure.Kind{failure.KindInteraction}, "interaction needed, denied or timed out"},
		{InterruptedExit, nil, "interrupted"},
	}
}

// ExitCode is the exit code of a failure.
func ExitCode(f *failure.Failure) int {
	if f.Code == failure.Interrupted && f.Kind == failure.KindInteraction {
		return InterruptedExit
	}
	for _, row := range ExitCodes() {
		if slices.Contains(row.Kinds, f.Kind) {
			return row.Code
		}
	}
	return 1
}

// ExitCodesText is the table for people.
func ExitCodesText() string {
	var b strings.Builder
	b.WriteString("Exit codes:\n\n")
	for _, row := range ExitCodes() {
		kinds := ""
		if len(row.Kinds) > 0 {
			names := make([]string, len(row.Kinds))
			for i, k := range row.Kinds {
				names[i] = string(k)
			}
			kinds = fmt.Sprintf(" (kind %s)", strings.Join(names, ", "))
		}
		fmt.Fprintf(&b, "  %3d  %s%s\n", row.Code, row.Text, kinds)
	}
	b.WriteString("\nThe kind is error.kind in the document that --format json prints.\n")
	return b.String()
}
