// version: what this program is, and how it was built.

package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (p *program) versionCommand() *cobra.Command {
	var short bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			b := p.env.Build.complete()
			p.run.Members.Add("version", map[string]string{
				"version": b.Version, "commit": b.Commit, "date": b.Date,
				"go": runtime.Version(), "goos": runtime.GOOS, "goarch": runtime.GOARCH,
			})
			if p.options.json() {
				return nil
			}
			if short {
				_, err := fmt.Fprintf(p.env.Stdout, "%s-(%s)\n", b.Version, b.Commit)
				return err
			}
			_, err := fmt.Fprintf(p.env.Stdout, "%s\ncommit: %s\nbuilt at: %s\nbuilt with: %s\ngoos: %s\ngoarch: %s\n",
				b.Version, b.Commit, b.Date, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	cmd.Flags().BoolVar(&short, "short", false, "show version and commit on one line")
	return cmd
}

// version is the version alone, for the User-Agent.
func (b Build) version() string {
	if b.Version == "" {
		return "dev"
	}
	return b.Version
}

// complete fills what the linker did not stamp from what the Go toolchain
// recorded.
func (b Build) complete() Build {
	if b.Version != "" && b.Commit != "" && b.Date != "" {
		return b
	}
	info, ok := debug.ReadBuildInfo()
	if ok && b.Version == "" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version
	}
	if ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision" && b.Commit == "":
				b.Commit = s.Value
			case s.Key == "vcs.time" && b.Date == "":
				b.Date = s.Value
			}
		}
	}
	b.Version = b.version()
	for _, field := range []*string{&b.Commit, &b.Date} {
		if *field == "" {
			*field = "unknown"
		}
	}
	return b
}
