// The whole program, oidc-client, which does everything else.

package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// wholeArgs are the arguments of oidc-client, its name first, that mean what
// args mean here. A shell asks with the command __complete what can follow.
func wholeArgs(args []string) []string {
	whole := []string{"oidc-client"}
	if len(args) > 0 && strings.HasPrefix(args[0], "__complete") {
		whole, args = append(whole, args[0]), args[1:]
	}
	if len(args) == 0 || args[0] != "helper" {
		whole = append(whole, "token")
	}
	return append(whole, args...)
}

// wholeProgram finds oidc-client: the program beside this one, or else the first
// of PATH.
func wholeProgram() (string, error) {
	name := "oidc-client"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(self); err == nil {
			self = resolved
		}
		if beside := filepath.Join(filepath.Dir(self), name); executable(beside) {
			return beside, nil
		}
	}
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if path := filepath.Join(folder, name); filepath.IsAbs(folder) && executable(path) {
			return path, nil
		}
	}
	return "", errors.New("cannot find oidc-client beside oidc-token or in PATH: install both programs")
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode().Perm()&0o111 != 0)
}

// refuse says why oidc-client was not run, and returns the exit code of a
// configuration error.
func refuse(err error) int {
	_, _ = os.Stderr.WriteString("[ERROR] oidc-token: " + err.Error() + "\n")
	return 2
}
