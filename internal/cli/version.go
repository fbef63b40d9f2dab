// version: what this program is, and how it was built.

package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func versionCommand(p *program) *cobra.Command {
	var short bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			b := p.env.Build.Complete()
			text := fmt.Sprintf("%s\ncommit: %s\nbuilt at: %s\nbuilt with: %s\ngoos: %s\ngoarch: %s",
				b.Version, b.Commit, b.Date, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			if short {
				text = fmt.Sprintf("%s-(%s)", b.Version, b.Commit)
			}
			p.run.Print("version", map[string]string{
				"version": b.Version, "commit": b.Commit, "date": b.Date,
				"go": runtime.Version(), "goos": runtime.GOOS, "goarch": runtime.GOARCH,
			}, text)
			return nil
		},
	}
	cmd.Flags().BoolVar(&short, "short", false, "show version and commit on one line")
	return cmd
}
