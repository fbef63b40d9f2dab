package agent

import (
	"net"

	"golang.org/x/sys/unix"
)

// peer is the user at the other end of a connection.
func peer(conn *net.UnixConn) (uid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	var who *unix.Xucred
	var asked error
	err = raw.Control(func(fd uintptr) { who, asked = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED) })
	if err == nil {
		err = asked
	}
	if err != nil {
		return -1, err
	}
	return int(who.Uid), nil
}
