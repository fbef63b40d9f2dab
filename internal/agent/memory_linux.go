package agent

import "golang.org/x/sys/unix"

// HideMemory keeps other processes of the same user from reading the memory of this one, and
// the system from writing it to a core file (prctl(2), PR_SET_DUMPABLE). root still can.
func HideMemory() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
