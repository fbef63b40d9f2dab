// Finding oidc-client, which does everything else.

package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// whole is oidc-client and what it is run with: the program beside this one, or
// else the first of PATH.
func whole(args []string) (program string, argv []string, err error) {
	argv = []string{"oidc-client"}
	if len(args) < 2 || args[1] != "helper" {
		argv = append(argv, "token")
	}
	argv = append(argv, args[1:]...)
	name := "oidc-client"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(self); err == nil {
			self = resolved
		}
		if beside := filepath.Join(filepath.Dir(self), name); executable(beside) {
			return beside, argv, nil
		}
	}
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if path := filepath.Join(folder, name); filepath.IsAbs(folder) && executable(path) {
			return path, argv, nil
		}
	}
	return "", nil, errors.New("oidc-client is neither beside oidc-token nor in PATH: install both")
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode().Perm()&0o111 != 0)
}

// refuse says why oidc-client was not run.
func refuse(err error) int {
	_, _ = os.Stderr.WriteString("[ERROR] oidc-token: " + err.Error() + "\n")
	return 1
}
