// Command oidc-client is an OpenID Connect client for the command line.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/oidc-client/oidc-client/internal/cli"
)

// Stamped by the linker; see the Makefile.
var version, commit, date string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(cli.Main(ctx, cli.System(cli.Build{Version: version, Commit: commit, Date: date}), os.Args[1:]))
}
