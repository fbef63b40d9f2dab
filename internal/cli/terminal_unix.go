//go:build !windows

package cli

import (
	"os/exec"
	"os/signal"
	"syscall"
)

// detach lets a program live on when this one is interrupted at the terminal.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// keepRunning makes reading from a terminal an error where it would stop the program.
func keepRunning() { signal.Ignore(syscall.SIGTTIN) }
