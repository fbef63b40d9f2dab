package cli

import (
	"os"
	"os/exec"
)

// become runs a command in this process's place, as far as the system can.
func become(program string, argv, environ []string) error {
	cmd := exec.Command(program, argv[1:]...) //nolint:gosec,noctx // the user's own command
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = environ, os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		return misconfigured("%s: %v", argv[0], err)
	}
	return &doneError{exitStatus(cmd.ProcessState)}
}

func exitStatus(state *os.ProcessState) int { return state.ExitCode() }
