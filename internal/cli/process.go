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
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	return Main(ctx, System(b), args)
}

// shield keeps a pager that ends from ending the process, whose answer is on
// its way: what cannot be written is an error instead. It costs a little, and
// most commands may end with who reads them.
func shield() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
