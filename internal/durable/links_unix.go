//go:build unix

package durable

import (
	"os"
	"syscall"
)

// HardLinked reports whether the file that path leads to has another name, a hard link.
// [Reservation.Commit] replaces the file under one name only.
func HardLinked(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1
}
