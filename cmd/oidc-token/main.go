// Command oidc-token prints a fresh token of a stored session as fast as a
// program can start, for tools that ask for one each time they run. It leaves
// everything else to oidc-client, which it runs in its place.
//
//	oidc-token [NAME] [--header] [--id-token]                  as oidc-client token
//	oidc-token helper kubernetes NAME [--access-token] [--login]
//	                                                           as oidc-client helper kubernetes
package main

import (
	"cmp"
	"os"
	"runtime/debug"
)

// Stamped by the linker; see the Makefile.
var version, commit string

const help = `oidc-token prints a token of a session, as "oidc-client token" does, and starts
faster: kubectl, git and curl ask for a token each time they run.

  oidc-token work
  oidc-token work --header
  oidc-token work --id-token
  oidc-token helper kubernetes work

It prints a fresh token that a session file or the agent has. For everything
else (a refresh, a login, other flags and helpers, errors) it runs oidc-client
with the same arguments: the one in its own folder, or else the one in PATH.
Output, exit codes and environment variables are those of oidc-client.
See "oidc-client token --help" and "oidc-client helper --help".
`

func main() {
	args := os.Args[1:]
	if len(args) == 1 {
		switch args[0] {
		case "--help", "-h":
			os.Exit(write(help))
		case "--version":
			os.Exit(write(name() + "\n"))
		}
	}
	if text, ok := answer(args, os.Getenv); ok && write(text) == 0 {
		return
	}
	os.Exit(become(args)) // which also says why it cannot write
}

// name is the version and the commit: what the linker stamped, or else what the Go toolchain recorded.
func name() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "(devel)" {
			version = cmp.Or(version, info.Main.Version)
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = cmp.Or(commit, s.Value)
			}
		}
	}
	return cmp.Or(version, "dev") + "-(" + cmp.Or(commit, "unknown") + ")"
}

// write writes to standard output and returns the exit code.
func write(text string) int {
	if _, err := os.Stdout.WriteString(text); err != nil {
		return 1
	}
	return 0
}
