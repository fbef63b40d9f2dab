// Command oidc-client is an OpenID Connect client for the command line.
package main

import (
	"os"

	"github.com/oidc-client/oidc-client/internal/cli"
	"github.com/oidc-client/oidc-client/internal/run"
)

// Stamped by the linker; see the Makefile.
var version, commit, date string

func main() {
	os.Exit(cli.Process(run.Build{Version: version, Commit: commit, Date: date}, os.Args[1:]))
}
