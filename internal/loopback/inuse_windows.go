package loopback

import (
	"errors"
	"syscall"
)

// wsaAddrInUse is EADDRINUSE as Windows numbers it.
const wsaAddrInUse = syscall.Errno(10048)

func inUse(err error) bool { return errors.Is(err, wsaAddrInUse) }
