//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// become replaces this process by a command, whose signals and exit code are then its own.
func become(program string, argv, environ []string) error {
	signal.Reset()                                                                // what is ignored or caught here is not there
	return misconfigured("%s: %v", argv[0], syscall.Exec(program, argv, environ)) //nolint:gosec // the user's own command
}

// exitStatus is the exit code of a process: 128 and the signal, if that ended it.
func exitStatus(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
