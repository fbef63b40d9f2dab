package main

import (
	"os"
	"os/exec"
)

// become runs oidc-client in this process's place, as far as the system can.
func become(args []string) int {
	program, argv, err := whole(args)
	if err != nil {
		return refuse(err)
	}
	cmd := exec.Command(program, argv[1:]...) //nolint:gosec,noctx // the program that belongs to this one
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		return refuse(err)
	}
	return cmd.ProcessState.ExitCode()
}
