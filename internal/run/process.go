// The process: signals, and programs that it starts.

package run

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// Endings are the signals that end the program.
func Endings() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// Forward delivers the signals that would end the program to whoever passes
// them on, until stop is called.
func Forward() (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, append(Endings(), syscall.SIGQUIT)...)
	return c, func() { signal.Stop(c) }
}

// hold keeps signals from ending the process, also a second one, until release
// is called, but no longer than [limit.SignalHold] after the first.
func hold() (release func()) {
	release, _ = holdSignals(limit.SignalHold, Endings()...)
	return release
}

// holdSignals is hold for a time and some signals. ended is closed when they are
// not held any more, whatever the reason.
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

// shield makes the end of a pager a failed write instead of the end of the
// process, whose response is under way. It costs a little, and most commands
// may end with whoever reads them.
func shield() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// start starts a program and does not wait for it. What it prints is
// discarded, and it gets none of our secrets.
func start(argv []string) (<-chan error, error) {
	cmd := exec.CommandContext(context.Background(), argv[0], argv[1:]...) //nolint:gosec // the user's own program
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OIDC_") })
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // it is the user's from here on
	return ended, nil
}
