// Help topics: commands that only have help.

package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/run"
)

func (p *program) exitCodesTopic() *cobra.Command {
	return p.topic("exit-codes", "Exit codes and what they mean", run.ExitCodesText)
}

// topic is a help topic: a command that only has help.
func (p *program) topic(name, short string, text func() string) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short}
	cmd.SetHelpFunc(func(*cobra.Command, []string) {
		p.Run = run.New(p.Env, p.flags, "help "+name)
		p.Print("help", text(), strings.TrimSuffix(text(), "\n"))
	})
	return cmd
}
