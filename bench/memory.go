//go:build unix

// Memory of a process. The system counts what its parent had before the process was executed, so
// the parent has to be small.

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// launcher runs a program and writes its largest resident set to a file.
const launcher = `package main

import (
	"os"
	"strconv"
	"syscall"
)

func main() {
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}}
	pid, err := syscall.ForkExec(os.Args[2], os.Args[2:], attr)
	if err != nil {
		os.Exit(1)
	}
	var status syscall.WaitStatus
	var usage syscall.Rusage
	_, err = syscall.Wait4(pid, &status, 0, &usage)
	if err != nil || status != 0 ||
		os.WriteFile(os.Args[1], strconv.AppendInt(nil, int64(usage.Maxrss), 10), 0o600) != nil {
		os.Exit(1)
	}
}
`

// build builds a program of one file.
func (b bench) build(name, text string) (string, error) {
	source, program := filepath.Join(b.folder, name+".go"), filepath.Join(b.folder, name)
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		return "", err
	}
	//nolint:gosec,noctx // our own file
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, source)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
}

// memory is the median of a command's largest resident set, in bytes.
func (b bench) memory(command []string) (int64, error) {
	program, err := b.build("launch", launcher)
	if err != nil {
		return 0, err
	}
	var sizes []int64
	for range 5 {
		file := filepath.Join(b.folder, "maxrss")
		//nolint:gosec,noctx // the program under measurement
		cmd := exec.Command(program, append([]string{file}, command...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		kb, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return 0, err
		}
		sizes = append(sizes, kb<<10)
	}
	return median(sizes), nil
}
