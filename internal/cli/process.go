// The process: what ends it, and the loggers of libraries.

package cli

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"

	"github.com/oidc-client/oidc-client/internal/run"
)

// Process runs the command that args name as this process, and returns the exit
// code.
func Process(b run.Build, args []string) int {
	// net/http logs what a server sends unasked, tokens included.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), run.Endings()...)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	return Main(ctx, run.System(b), calledAs(os.Args[0], args))
}
