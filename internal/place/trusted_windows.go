package place

import (
	"errors"
	"strings"
	"syscall"
	"unsafe"
)

// pipes is how the names of this machine's named pipes begin.
const pipes = `\\.\pipe\`

// usualAgent is the pipe of an agent that nothing else was said about. Folders
// cannot have pipes, and all users share their names: the name has the
// [FolderID] of the sessions.
func usualAgent(getenv func(string) string) string {
	if folder := Sessions(getenv); folder != "" {
		return pipes + "oidc-client-" + FolderID(folder)
	}
	return ""
}

// CheckAgent says why no agent can listen there.
func CheckAgent(pipe string) error {
	name, ok := strings.CutPrefix(strings.ToLower(pipe), pipes)
	if !ok || name == "" || strings.Contains(name, `\`) || strings.ContainsRune(name, 0) {
		return errors.New(pipe + ` is not the name of a pipe, which is ` + pipes + `NAME`)
	}
	return nil
}

// Trusted says why the pipe of an agent must not be used. Whose it is shows only
// when it is opened, and agent.Dial looks at that. The error is [fs.ErrNotExist]
// if there is no pipe.
func Trusted(pipe string) error {
	if err := CheckAgent(pipe); err != nil {
		return err
	}
	name, err := syscall.UTF16PtrFromString(pipe)
	if err != nil {
		return err
	}
	const millisecond = 1
	wait := syscall.NewLazyDLL("kernel32.dll").NewProc("WaitNamedPipeW")
	free, _, err := wait.Call(uintptr(unsafe.Pointer(name)), millisecond) //nolint:gosec // how a string is given to it
	if free == 0 && errors.Is(err, syscall.ERROR_FILE_NOT_FOUND) {
		return err // any other error, such as a time-out, is of a pipe that is there
	}
	return nil
}
