//go:build unix

package run

import (
	"syscall"
	"testing"
	"time"
)

// Signals are held until they are let go, and not for ever: after the first one the next ones
// act again some time later, whatever the program waits for.
func TestSignalsAreHeldForATime(t *testing.T) {
	t.Parallel()
	const signal = syscall.SIGWINCH // which does nothing by itself, and is nobody else's here
	release, ended := holdSignals(time.Millisecond, signal)
	defer release()
	select {
	case <-ended:
		t.Fatal("let go before there was a signal")
	default:
	}
	if err := syscall.Kill(syscall.Getpid(), signal); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("held for ever")
	}

	release, ended = holdSignals(time.Hour, signal)
	if err := syscall.Kill(syscall.Getpid(), signal); err != nil {
		t.Fatal(err)
	}
	release()
	release()
	select {
	case <-ended:
	default:
		t.Error("held after they were let go")
	}
}
