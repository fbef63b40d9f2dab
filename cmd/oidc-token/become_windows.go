package main

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// become runs oidc-client and ends as it does: Windows cannot replace a process.
// Ctrl-C and the end of the console reach both of them, and oidc-client decides
// what they mean. If only this process is ended, oidc-client finishes what it
// does, so that no refresh is cut off.
func become(args []string) int {
	program, err := wholeProgram()
	if err != nil {
		return refuse(err)
	}
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM)
	cmd := exec.Command(program) //nolint:gosec,noctx // the program that belongs to this one
	cmd.Args = wholeArgs(args)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		return refuse(err)
	}
	return cmd.ProcessState.ExitCode()
}
