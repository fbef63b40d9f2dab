// Who is at the other end of a connection on this machine: proc_net_tcp(5).

package loopback

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// stranger reports whether a connection from remote to local, on this machine, is another
// user's: a login by somebody else's browser is somebody else's. The superuser is no other, and
// to it nobody is; what cannot be told is not held against anybody.
func stranger(remote, local netip.AddrPort) bool {
	if users, _ := os.ReadFile("/proc/self/uid_map"); os.Geteuid() == 0 ||
		!slices.Equal(strings.Fields(string(users)), []string{"0", "0", "4294967295"}) {
		return false // in a user namespace others have no numbers
	}
	uid, ok := owner("/proc/net/tcp", remote, local)
	if !ok { // also of IPv4, by a socket of IPv6
		uid, ok = owner("/proc/net/tcp6", mapped(remote), mapped(local))
	}
	return ok && uid != 0 && uid != os.Geteuid()
}

func owner(table string, from, to netip.AddrPort) (uid int, ok bool) {
	f, err := os.Open(table)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	return ownerIn(f, from, to)
}

// mapped is an address as one of IPv6.
func mapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
}

// ownerIn is the user of the socket that is connected from one address to another, in a table
// of sockets.
func ownerIn(table io.Reader, from, to netip.AddrPort) (uid int, ok bool) {
	local, remote := inTable(from), inTable(to)
	for lines := bufio.NewScanner(table); lines.Scan(); {
		f := strings.Fields(lines.Text()) // sl local rem st tx:rx tr:when retrnsmt uid
		if len(f) > 7 && f[1] == local && f[2] == remote {
			uid, err := strconv.Atoi(f[7])
			return uid, err == nil
		}
	}
	return 0, false
}

// inTable is an address as the table has it: words of the machine's own order of bytes, in
// hexadecimal.
func inTable(a netip.AddrPort) string {
	var b strings.Builder
	address := a.Addr().AsSlice()
	for i := 0; i < len(address); i += 4 {
		fmt.Fprintf(&b, "%08X", binary.NativeEndian.Uint32(address[i:]))
	}
	fmt.Fprintf(&b, ":%04X", a.Port())
	return b.String()
}
