package httpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// A server counts the connections it accepts and those that were used.
type server struct {
	*httptest.Server
	opened, used atomic.Int64
}

func serve(t *testing.T, http2 bool, handler http.HandlerFunc) *server {
	t.Helper()
	s := &server{Server: httptest.NewUnstartedServer(handler)}
	s.EnableHTTP2 = http2
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.opened.Add(1)
		case http.StateActive:
			s.used.Add(1)
		default:
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *server) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

func get(client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

// H10: a certificate of an unknown authority is refused, also where the bundle
// is tried before the whole of the system's.
func TestTrust(t *testing.T) {
	t.Parallel()
	s := serve(t, true, hello)
	var unknown x509.UnknownAuthorityError
	if err := get(New(Options{}), s.URL); !errors.As(err, &unknown) {
		t.Errorf("system's trust: %v", err)
	}
	if err := get(New(Options{SystemRoots: true}), s.URL); !errors.As(err, &unknown) {
		t.Errorf("system's trust, read by crypto/x509: %v", err)
	}
	if err := get(New(Options{Roots: x509.NewCertPool()}), s.URL); !errors.As(err, &unknown) {
		t.Errorf("no trust at all: %v", err)
	}
	if err := get(New(Options{Roots: s.roots()}), s.URL); err != nil {
		t.Errorf("its own trust: %v", err)
	}
	if err := get(New(Options{Unverified: true}), s.URL); err != nil {
		t.Errorf("any trust: %v", err)
	}
	var name x509.HostnameError
	url := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	if err := get(New(Options{Roots: s.roots()}), url); !errors.As(err, &name) {
		t.Errorf("another name: %v", err)
	}
}

// A bundle that lacks the authority is not the last word; the system's whole
// is. Here the whole is what the test trusts.
func TestBundleFirstThenTheWhole(t *testing.T) {
	t.Parallel()
	s := serve(t, true, hello)
	for name, c := range map[string]struct {
		bundle, whole *x509.CertPool
		ok            bool
		handshakes    int64
	}{
		"in the bundle":    {s.roots(), x509.NewCertPool(), true, 1},
		"in the whole":     {x509.NewCertPool(), s.roots(), true, 2},
		"in neither":       {x509.NewCertPool(), x509.NewCertPool(), false, 2},
		"without a bundle": {nil, s.roots(), true, 1},
	} {
		before := s.opened.Load()
		d := &dialer{
			net: &net.Dialer{}, config: tlsConfig(Options{Roots: c.whole}),
			bundle: func() *x509.CertPool { return c.bundle },
		}
		conn, err := d.dialTLS(context.Background(), "tcp", s.Listener.Addr().String())
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if conn != nil {
			_ = conn.Close()
		}
		if n := s.opened.Load() - before; n != c.handshakes {
			t.Errorf("%s: %d handshakes", name, n)
		}
	}
}

// With HTTP/1.1 two requests at a time use two connections, and the second was
// opened beside the first; with HTTP/2 one is enough.
func TestPairOfConnections(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var gate sync.WaitGroup
			s := serve(t, http2, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/both" { // answered only when the other is there too
					gate.Done()
					gate.Wait()
				}
				hello(w, r)
			})
			client := New(Options{Roots: s.roots(), Pair: s.URL})
			if err := get(client, s.URL); err != nil {
				t.Fatal(err)
			}
			gate.Add(2)
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					if err := get(client, s.URL+"/both"); err != nil {
						t.Error(err)
					}
				})
			}
			both.Wait()
			if n := s.opened.Load(); n > 2 {
				t.Errorf("%d connections", n)
			}
			if err := get(client, s.URL); err != nil {
				t.Error(err)
			}
			client.CloseIdleConnections()
		})
	}
}

// What is not encrypted stays on this machine: a proxy would read all of it.
func TestPlainHTTPGoesPastTheProxy(t *testing.T) {
	t.Parallel()
	var proxied atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		proxied.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(proxy.Close)
	direct := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(direct.Close)
	to, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := New(Options{Proxy: http.ProxyURL(to)})
	if err := get(client, direct.URL); err != nil || proxied.Load() != 0 {
		t.Errorf("http: %v, the proxy was asked %d times", err, proxied.Load())
	}
	if err := get(client, "https://op.invalid/"); err == nil || proxied.Load() != 1 {
		t.Errorf("https: %v, the proxy was asked %d times", err, proxied.Load())
	}
}

func TestClientCertificateIsShownWhateverTheServerNames(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) != 1 {
			w.WriteHeader(http.StatusForbidden)
		}
		hello(w, r)
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, ClientCAs: x509.NewCertPool()}
	s.StartTLS()
	t.Cleanup(s.Close)
	own := s.TLS.Certificates[0] // any will do
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	client := New(Options{Roots: roots, Certificate: &own})
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Error("no certificate was shown")
	}
}

// H10: what is older than TLS 1.2 is not spoken.
func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(hello))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	s.StartTLS()
	t.Cleanup(s.Close)
	if err := get(New(Options{Unverified: true}), s.URL); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
}

// A spare connection that has waited long is not used: the server may have
// closed it, and a request on it would be lost.
func TestOldSpareIsNotUsed(t *testing.T) {
	t.Parallel()
	s := serve(t, false, hello)
	d := &dialer{net: &net.Dialer{}, config: tlsConfig(Options{Roots: s.roots()})}
	for age, used := range map[time.Duration]bool{0: true, spareAge + time.Second: false} {
		conn, err := d.dialTLS(context.Background(), "tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		d.next = make(chan result, 1)
		d.next <- result{conn: conn, opened: time.Now().Add(-age)}
		if got := d.takeSpare(context.Background()); (got != nil) != used {
			t.Errorf("a spare of age %s: used = %v", age, got != nil)
		}
		_ = conn.Close()
	}
}

// H04, H05: waits and headers are bounded; headers of the user's are sent.
func TestBounds(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			<-release
		case "/headers":
			w.Header().Set("X-Long", strings.Repeat("x", 100<<10))
		case "/echo":
			if r.Header.Get("X-Extra") != "yes" {
				w.WriteHeader(http.StatusTeapot)
				panic(http.ErrAbortHandler)
			}
		}
		hello(w, r)
	})
	t.Cleanup(func() { close(release) })
	client := New(Options{
		Roots: s.roots(), Timeout: 500 * time.Millisecond, Header: http.Header{"X-Extra": {"no"}},
		Extra: http.Header{"X-Extra": {"yes"}}, ExtraFor: func(r *http.Request) bool { return r.URL.RawQuery == "" },
	})
	var late net.Error
	if err := get(client, s.URL+"/slow"); !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("no answer: %v", err)
	}
	if err := get(client, s.URL+"/headers"); err == nil {
		t.Error("100 KiB of headers were accepted")
	}
	if err := get(client, s.URL+"/echo"); err != nil {
		t.Errorf("extra header: %v", err)
	}
	if err := get(client, s.URL+"/echo?for=another"); err == nil {
		t.Error("an extra header where it is not for")
	}
}

// H04: a request is bounded also if nobody says by how much.
func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	if got := New(Options{}).Timeout; got != 10*time.Second {
		t.Errorf("%v", got)
	}
	if got := New(Options{Timeout: time.Minute}).Timeout; got != time.Minute {
		t.Errorf("%v", got)
	}
}

// A server that never reads does not keep its connection: Go's HTTP/2 would wait for ever to
// write to it.
func TestUnreadConnectionsEnd(t *testing.T) {
	t.Parallel()
	h := fakeop.StartHostile(fakeop.Behaviours()["HTTP/2 ping in a body"])
	defer h.Close()
	roots := x509.NewCertPool()
	roots.AddCert(h.Certificate())
	client := New(Options{Timeout: 500 * time.Millisecond, Roots: roots})
	transport := client.Transport.(withHeader).Transport
	dial := transport.DialTLSContext
	transport.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err == nil { // little is enough to fill what nobody reads
			_ = conn.(*tls.Conn).NetConn().(*net.TCPConn).SetWriteBuffer(4096)
		}
		return conn, err
	}
	go func() { // abandoned, if it does not return
		if res, err := client.Get(h.URL); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	}()
	select {
	case <-h.Ended:
	case <-time.After(30 * time.Second):
		t.Error("the connection is open still")
	}
}
