// Help topics: commands that only have help.

package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/run"
)

func exitCodesTopic(p *program) *cobra.Command {
	return helpTopic(p, "exit-codes", "Exit codes and what they mean", run.ExitCodesText)
}

// helpTopic is a help topic: a command that only has help.
func helpTopic(p *program, name, short string, text func() string) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short}
	cmd.SetHelpFunc(func(*cobra.Command, []string) {
		p.run = run.New(p.env, p.flags, "help "+name)
		p.run.Print("help", text(), strings.TrimSuffix(text(), "\n"))
	})
	return cmd
}
