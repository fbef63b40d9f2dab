//go:build unix

package main

import (
	"os"
	"syscall"
)

// become runs oidc-client in this process's place, so that signals and the exit
// code are its own. It returns only if that fails.
func become(args []string) int {
	program, err := wholeProgram()
	if err == nil {
		err = syscall.Exec(program, wholeArgs(args), os.Environ()) //nolint:gosec // the program beside this one
	}
	return refuse(err)
}
