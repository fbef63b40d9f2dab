// The process: signals, and programs that it starts.

package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/oidc-client/oidc-client/internal/failure"
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
	cmd.Env = withoutOurs()
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // it is the user's from here on
	return ended, nil
}

// withoutOurs is the environment without our own variables, which may hold secrets.
func withoutOurs() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OIDC_") })
}

// Capture runs a program of the user's and returns what it prints on standard output, at most
// most bytes. It gets none of our secrets and no standard input. If it fails, the error ends with
// the beginning of what it printed on standard error. It is killed when ctx ends, and the error is
// then a [*failure.WaitError].
func Capture(ctx context.Context, argv []string, most int) ([]byte, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the user's own program
	stdout, stderr := &boundedBuffer{most: most}, &boundedBuffer{most: 500}
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = withoutOurs(), stdout, stderr, limit.Abandon
	err := cmd.Run()
	switch {
	case stdout.full:
		return nil, fmt.Errorf("it prints more than %d bytes", most)
	case ctx.Err() != nil:
		return nil, &failure.WaitError{For: "the command " + argv[0], Cause: context.Cause(ctx)}
	case errors.Is(err, exec.ErrWaitDelay): // it has ended, and what it started holds its output open
		return stdout.data, nil
	case err != nil && len(stderr.data) > 0:
		return nil, fmt.Errorf("%w: %s", err, strings.Join(strings.Fields(string(stderr.data)), " "))
	case err != nil:
		return nil, err
	}
	return stdout.data, nil
}

var errFull = errors.New("too much output")

// A boundedBuffer keeps the beginning of what is written to it, and refuses the rest.
type boundedBuffer struct {
	data []byte
	most int
	full bool
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if room := b.most - len(b.data); len(p) > room {
		b.data, b.full = append(b.data, p[:room]...), true
		return room, errFull
	}
	b.data = append(b.data, p...)
	return len(p), nil
}
