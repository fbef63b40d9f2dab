// The process: signals, and the loggers of libraries.

package cli

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
)

// Process runs the command that args name as this process, and returns the exit
// code.
func Process(b Build, args []string) int {
	// net/http logs what a server sends unasked, tokens included.
	log.SetOutput(io.Discard)
	// A pager that ends must not end a refresh whose answer is on its way: what
	// cannot be written is an error instead. So with a terminal that closes
	// (SIGHUP).
	signal.Ignore(syscall.SIGPIPE)
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	return Main(ctx, System(b), args)
}
