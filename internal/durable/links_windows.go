package durable

import (
	"os"
	"syscall"
)

// HardLinked reports whether the file that path leads to has another name, a hard link.
// [Reservation.Commit] replaces the file under one name only.
func HardLinked(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var info syscall.ByHandleFileInformation
	return syscall.GetFileInformationByHandle(syscall.Handle(f.Fd()), &info) == nil && info.NumberOfLinks > 1
}
