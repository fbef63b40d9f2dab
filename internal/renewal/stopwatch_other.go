//go:build !linux

package renewal

import "time"

// stopwatch starts a clock. The clock on the wall runs on while the machine sleeps, which Go's
// monotonic one does not; that one cannot be set.
func stopwatch() (since func() time.Duration) {
	began := time.Now()
	return func() time.Duration {
		now := time.Now()
		return max(now.Sub(began), now.Round(0).Sub(began.Round(0)))
	}
}
