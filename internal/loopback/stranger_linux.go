// Who is at the other end of a connection on this machine: proc_net_tcp(5).

package loopback

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// stranger reports whether a connection from remote to local, on this machine, is another
// user's: a login by somebody else's browser is somebody else's. The superuser is no other, and
// to it nobody is; what cannot be told is not held against anybody.
func stranger(remote, local netip.AddrPort) bool {
	if os.Geteuid() == 0 {
		return false
	}
	table := "/proc/net/tcp"
	if remote.Addr().Is6() {
		table = "/proc/net/tcp6"
	}
	f, err := os.Open(table)
	if err != nil {
		return false
	}
	defer f.Close()
	uid, ok := ownerIn(f, remote, local)
	return ok && uid != 0 && uid != os.Geteuid()
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
