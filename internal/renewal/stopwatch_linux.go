package renewal

import (
	"time"

	"golang.org/x/sys/unix"
)

// stopwatch starts a clock that runs on while the machine sleeps, which Go's does not, and that
// nobody sets.
func stopwatch() (since func() time.Duration) {
	began := boottime()
	return func() time.Duration { return boottime() - began }
}

func boottime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return time.Duration(time.Now().UnixNano()) // a kernel without it, which is older than Go runs on
	}
	return time.Duration(t.Nano())
}
