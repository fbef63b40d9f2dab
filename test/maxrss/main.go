//go:build unix

// Command maxrss runs a command, whose output it throws away, and prints the
// most memory that it had resident, as the system counts it. A process that is
// started by a large one seems as large: this one is small.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	//nolint:gosec // that is what it is for
	cmd := exec.CommandContext(context.Background(), os.Args[1], os.Args[2:]...)
	_ = cmd.Run() // whatever comes of it
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		os.Exit(1)
	}
	fmt.Println(usage.Maxrss)
}
