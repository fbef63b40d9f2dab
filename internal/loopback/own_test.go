package loopback

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
)

// A listener on the loopback address answers to names of that, with its port; one that is open
// to others answers to all.
func TestOwnHost(t *testing.T) {
	t.Parallel()
	fine := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for _, c := range []struct {
		ip      string
		port    int
		address string
		host    string
		want    int
	}{
		{"127.0.0.1", 5557, "127.0.0.1:5557", "127.0.0.1:5557", 200},
		{"127.0.0.1", 5557, "127.0.0.1:5557", "LocalHost:5557", 200},
		{"127.0.0.1", 5557, "127.0.0.1:5557", "[::1]:5557", 200},
		{"::1", 5557, "[::1]:5557", "[::1]:5557", 200},
		{"127.0.0.1", 80, "127.0.0.1:80", "127.0.0.1", 200},
		{"::1", 80, "[::1]:80", "[::1]", 200},
		{"127.0.0.1", 5557, "dev.example:5557", "dev.example:5557", 200},
		{"127.0.0.1", 5557, "127.0.0.1:5557", "evil.example:5557", 421},
		{"127.0.0.1", 5557, "127.0.0.1:5557", "127.0.0.1.evil.example:5557", 421},
		{"127.0.0.1", 5557, "127.0.0.1:5557", "127.0.0.1", 421},
		{"127.0.0.1", 5557, "127.0.0.1:5557", "127.0.0.1:5558", 421},
		{"127.0.0.1", 5557, "127.0.0.1:5557", "192.0.2.1:5557", 421},
		{"127.0.0.1", 5557, "127.0.0.1:5557", "", 421},
		{"127.0.0.1", 5557, "x", ":5557", 421},
		{"0.0.0.0", 5557, ":5557", "anything.example", 200},
	} {
		own := OwnHost(at{net.TCPAddr{IP: net.ParseIP(c.ip), Port: c.port}}, c.address, fine)
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = c.host
		own.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s for %s: %s", c.host, net.JoinHostPort(c.ip, strconv.Itoa(c.port)), w.Result().Status)
		}
	}
}

// at is a listener that nobody accepts from, at an address.
type at struct{ net.TCPAddr }

func (a at) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (a at) Close() error              { return nil }
func (a at) Addr() net.Addr            { return &a.TCPAddr }
