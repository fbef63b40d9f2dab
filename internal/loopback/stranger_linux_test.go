package loopback

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// The table of this machine tells whose a connection is.
func TestOwner(t *testing.T) {
	t.Parallel()
	for network, address := range map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"} {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), network, address)
		if err != nil && network == "tcp6" {
			t.Log("no IPv6 here: ", err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		from, to := addrPort(t, conn.LocalAddr()), addrPort(t, conn.RemoteAddr())
		table, err := os.Open(map[string]string{"tcp4": "/proc/net/tcp", "tcp6": "/proc/net/tcp6"}[network])
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = table.Close() }()
		if uid, ok := ownerIn(table, from, to); !ok || uid != os.Geteuid() {
			t.Errorf("%s: user %d, %v", network, uid, ok)
		}
		if stranger(from, to) {
			t.Errorf("%s: we are strangers to ourselves", network)
		}
	}
}

// A table as the kernel writes it, on a machine whose numbers begin with their small end.
func TestOwnerIn(t *testing.T) {
	t.Parallel()
	from, to := netip.MustParseAddrPort("127.0.0.1:40000"), netip.MustParseAddrPort("127.0.0.1:5556")
	row := func(local, remote, uid string) string {
		return "   0: " + local + " " + remote + " 01 00000000:00000000 00:00000000 00000000  " + uid +
			"        0 1 1 0000000000000000 20 4 30 10 -1\n"
	}
	head := "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	for name, c := range map[string]struct {
		table string
		uid   int
		ok    bool
	}{
		"the client's": {
			head + row(inTable(to), inTable(from), "1") + row(inTable(from), inTable(to), "65534"), 65534, true,
		},
		"only the server's": {head + row(inTable(to), inTable(from), "1"), 0, false},
		"not a number":      {head + row(inTable(from), inTable(to), "x"), 0, false},
		"short":             {inTable(from) + " " + inTable(to) + "\n", 0, false},
		"nothing":           {"", 0, false},
	} {
		if uid, ok := ownerIn(strings.NewReader(c.table), from, to); uid != c.uid && c.ok || ok != c.ok {
			t.Errorf("%s: %d, %v", name, uid, ok)
		}
	}
}

// Of IPv4, by a socket of IPv6: it is in the other table.
func TestOwnerMapped(t *testing.T) {
	t.Parallel()
	if got := inTable(mapped(netip.MustParseAddrPort("127.0.0.1:5556"))); len(got) != 32+5 ||
		!strings.HasSuffix(got, ":15B4") || inTable(netip.MustParseAddrPort("127.0.0.1:5556")) != got[24:] {
		t.Error(got)
	}
}

func addrPort(t *testing.T, a net.Addr) netip.AddrPort {
	t.Helper()
	return a.(*net.TCPAddr).AddrPort()
}
