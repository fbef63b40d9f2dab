//go:build unix

package main

import (
	"os"
	"syscall"
)

// become runs oidc-client in this process's place. It only returns if that
// cannot be done.
func become(args []string) int {
	program, argv, err := whole(args)
	if err == nil {
		err = syscall.Exec(program, argv, os.Environ()) //nolint:gosec // the program that belongs to this one
	}
	return refuse(err)
}
