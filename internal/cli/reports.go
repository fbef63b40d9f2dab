// --report: which commands have it, and the command line as a report shows it.

package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
)

// addReports gives --report to the commands that send requests. exec has none: another program takes
// the place of its process.
func addReports(cmd *cobra.Command, paths *[]string) {
	if _, sends := cmd.Annotations[showsRequests]; sends && cmd.Name() != "exec" {
		cmd.Flags().StringArrayVar(paths, "report", nil, "write a report of the run to `file` (repeatable): "+
			strings.Join(run.ReportForms(), ", "))
	}
	for _, below := range cmd.Commands() {
		addReports(below, paths)
	}
}

// reserveReports makes ready the files of --report.
func reserveReports(paths []string) ([]*run.ReportFile, error) {
	for i, path := range paths {
		if slices.Contains(paths[:i], path) {
			return nil, failure.Usage("--report %s: it is given twice", path)
		}
	}
	return run.ReserveReports(paths)
}

// shownArguments is the command line without secrets: neither values of flags that take one, nor
// arguments that may be a token.
func shownArguments(cmd *cobra.Command, args []string) []string {
	shown := slices.Clone(args)
	for i := 0; i < len(shown); i++ {
		if shown[i] == "--" {
			break
		}
		name, value, together := strings.Cut(strings.TrimLeft(shown[i], "-"), "=")
		flag := cmd.Flags().Lookup(name)
		if flag == nil && strings.HasPrefix(shown[i], "-") && !strings.HasPrefix(shown[i], "--") && name != "" {
			flag = cmd.Flags().ShorthandLookup(name[:1])
		}
		switch {
		case !strings.HasPrefix(shown[i], "-"):
			shown[i] = withoutToken(shown[i])
		case flag == nil || flag.NoOptDefVal != "":
		case together:
			shown[i] = shown[i][:len(shown[i])-len(value)] + flagValue(flag.Usage, value)
		case i+1 < len(shown):
			i++
			shown[i] = flagValue(flag.Usage, shown[i])
		}
	}
	return shown
}

// flagValue is the value of a flag as it is shown. A flag that reads its value from a file takes a secret.
func flagValue(usage, value string) string {
	if strings.Contains(usage, "@FILE") && value != "-" && !strings.HasPrefix(value, "@") {
		return "[secret]"
	}
	return withoutToken(value)
}

// withoutToken hides what is as long as a token and no address or path.
func withoutToken(value string) string {
	if len(value) >= 40 && !strings.ContainsAny(value, "/:") {
		return "[secret]"
	}
	return value
}

// learnParameters keeps the values of --param from being shown whose names say that they are secrets: the
// standards' own names are known, and an extension may have others, such as api_key.
func learnParameters(r *run.Run, cmd *cobra.Command) {
	flag := cmd.Flags().Lookup("param")
	if flag == nil {
		return
	}
	for _, param := range flagValues(flag) {
		name, value, _ := strings.Cut(param, "=")
		isSecret := func(word string) bool { return strings.Contains(strings.ToLower(name), word) }
		if slices.ContainsFunc([]string{"key", "secret", "password", "ticket", "credential"}, isSecret) {
			r.Learn(value)
		}
	}
}
