package run

import (
	"os"
	"os/exec"

	"github.com/oidc-client/oidc-client/internal/failure"
)

// become runs a command in this process's place, as far as the system can.
func become(program string, argv, environ []string) error {
	cmd := exec.Command(program, argv[1:]...) //nolint:gosec,noctx // the user's own command
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = environ, os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		return failure.Config("%s: %v", argv[0], err)
	}
	return &Done{ExitStatus(cmd.ProcessState)}
}

// ExitStatus is the exit code of a process.
func ExitStatus(state *os.ProcessState) int { return state.ExitCode() }
