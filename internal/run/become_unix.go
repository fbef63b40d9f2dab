//go:build unix

package run

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/oidc-client/oidc-client/internal/failure"
)

// become replaces this process by a command, whose signals and exit code are
// then its own.
func become(program string, argv, environ []string) error {
	signal.Reset()                              // what is ignored or caught here is not there
	err := syscall.Exec(program, argv, environ) //nolint:gosec // the user's own command
	return failure.Config("%s: %v", argv[0], err)
}

// ExitStatus is the exit code of a process: 128 and the signal, if that ended
// it.
func ExitStatus(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
