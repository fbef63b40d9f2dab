package agent

import "golang.org/x/sys/unix"

// userAt is the user at the other end of a socket.
func userAt(fd int) (uid int, err error) {
	who, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return -1, err
	}
	return int(who.Uid), nil
}
