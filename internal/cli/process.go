// The process: signals, and the loggers of libraries.

package cli

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	_ "github.com/oidc-client/oidc-client/internal/atonce/stored" // answers token, if there is nothing to do but to print
	"github.com/oidc-client/oidc-client/internal/limit"
)

// Process runs the command that args name as this process, and returns the exit
// code.
func Process(b Build, args []string) int {
	// net/http logs what a server sends unasked, tokens included.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	return Main(ctx, System(b), calledAs(os.Args[0], args))
}

// endings are the signals that end the program.
func endings() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// endingSignals are the signals that would end the program, for whom they are handed on to.
func endingSignals() (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, append(endings(), syscall.SIGQUIT)...)
	return c, func() { signal.Stop(c) }
}

// hold keeps signals from ending the process, also a second one, until release is called, but
// no longer than [limit.SignalHold] after the first.
func hold() (release func()) {
	release, _ = holdSignals(limit.SignalHold, endings()...)
	return release
}

// holdSignals is hold for a time and some signals. ended is closed when they are not held any
// more, whatever the reason.
func holdSignals(most time.Duration, signals ...os.Signal) (release func(), ended <-chan struct{}) {
	held := make(chan os.Signal, 1)
	signal.Notify(held, signals...)
	done := make(chan struct{})
	release = sync.OnceFunc(func() {
		signal.Stop(held)
		close(done)
	})
	go func() {
		select {
		case <-held:
			time.AfterFunc(most, release)
		case <-done:
		}
	}()
	return release, done
}

// shield keeps a pager that ends from ending the process, whose answer is on
// its way: what cannot be written is an error instead. It costs a little, and
// most commands may end with who reads them.
func shield() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
