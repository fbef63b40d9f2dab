// Package httpclient makes the one HTTP client of the program: whom it trusts,
// what certificate it shows, how long it waits, and a second connection for
// what is asked at the same time.
package httpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// Options configure a client. The zero value trusts the system's certificates.
type Options struct {
	Timeout time.Duration // of one request, body included; 0 means limit.Request

	MaxIdleConns, MaxIdleConnsPerHost, MaxConnsPerHost int // 0 means 10 each

	Roots       *x509.CertPool   // trusted instead of the system's certificates
	Unverified  bool             // trust any certificate
	Certificate *tls.Certificate // shown to servers that ask for one

	Header   http.Header                           // added to every request that does not set it
	Extra    http.Header                           // likewise, before Header, to those that ExtraFor reports
	ExtraFor func(*http.Request) bool              // nil means all
	Proxy    func(*http.Request) (*url.URL, error) // nil means no proxy

	// SystemRoots says that the environment names the system's certificates
	// (SSL_CERT_FILE, SSL_CERT_DIR): crypto/x509 reads those itself.
	SystemRoots bool

	// Pair is an https URL whose host is about to be asked two things at a
	// time. With HTTP/1.1 that takes two connections; the second is opened
	// beside the first instead of when it is needed, which saves its round
	// trips. "" opens one connection at a time.
	Pair string
}

const defaultConnections = 10

// New makes a client. It never stores cookies.
func New(o Options) *http.Client {
	d := &dialer{
		net: &net.Dialer{Timeout: orElse(o.Timeout, limit.Request)}, config: tlsConfig(o),
		pair: hostPort(o.Pair),
	}
	if o.MaxConnsPerHost == 1 {
		d.pair = ""
	}
	if o.Roots == nil && !o.Unverified && !o.SystemRoots {
		d.bundle = systemBundle
	}
	transport := &http.Transport{
		Proxy: overTLS(o.Proxy), DialContext: d.net.DialContext, DialTLSContext: d.dialTLS,
		TLSClientConfig:        d.config.Clone(), // behind a proxy, where dialTLS is not used
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           orElse(o.MaxIdleConns, defaultConnections),
		MaxIdleConnsPerHost:    orElse(o.MaxIdleConnsPerHost, defaultConnections),
		MaxConnsPerHost:        orElse(o.MaxConnsPerHost, defaultConnections),
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: limit.Header,
		// Go's HTTP/2 waits without end for a peer that does not read.
		HTTP2: &http.HTTP2Config{WriteByteTimeout: orElse(o.Timeout, limit.Request)},
	}
	return &http.Client{
		Transport: withHeader{transport, o.Header, o.Extra, o.ExtraFor},
		Timeout:   orElse(o.Timeout, limit.Request),
	}
}

// overTLS uses a proxy for https only: http is for this machine, and a proxy
// would read all of it.
func overTLS(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		if proxy == nil || r.URL.Scheme != "https" {
			return nil, nil
		}
		return proxy(r)
	}
}

func orElse[T comparable](value, standard T) T {
	var zero T
	if value == zero {
		return standard
	}
	return value
}

func tlsConfig(o Options) *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: o.Roots, NextProtos: []string{"h2", "http/1.1"},
		//nolint:gosec // the user's own skip_tls_verification, which is warned of and shown
		InsecureSkipVerify: o.Unverified,
	}
	if o.Certificate != nil {
		// Shown whatever authorities the server names: a self-signed
		// certificate (RFC 8705 section 2.2) is of none of them.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return o.Certificate, nil
		}
	}
	return c
}

// withHeader adds headers to requests.
type withHeader struct {
	*http.Transport
	header, extra http.Header
	extraFor      func(*http.Request) bool
}

func (t withHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	added := []http.Header{t.header}
	if t.extraFor == nil || t.extraFor(r) {
		added = []http.Header{t.extra, t.header}
	}
	r = r.Clone(r.Context())
	for _, header := range added {
		for name, values := range header {
			if r.Header.Get(name) == "" {
				r.Header[http.CanonicalHeaderKey(name)] = values
			}
		}
	}
	return t.Transport.RoundTrip(r)
}

// A dialer opens TLS connections.
type dialer struct {
	net    *net.Dialer
	config *tls.Config
	bundle func() *x509.CertPool // tried before the whole of the system's; nil if roots are given

	pair string // host:port that gets a second connection beside its first
	once sync.Once
	mu   sync.Mutex
	next chan result // the second connection, nil if there is none (any more)
}

type result struct {
	conn   net.Conn
	err    error
	opened time.Time
}

// spareAge is how old a spare connection may grow: servers close those that
// say nothing.
const spareAge = 2 * time.Second

// dialTLS returns the spare connection if there is one, or else a new one.
func (d *dialer) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	if addr != d.pair {
		return d.handshake(ctx, network, addr, nil)
	}
	var first bool
	d.once.Do(func() { first = true })
	if !first {
		if conn := d.takeSpare(ctx); conn != nil {
			return conn, nil
		}
		return d.handshake(ctx, network, addr, nil)
	}
	// Once the first connection is there, the second is opened beside its
	// handshake: a server that takes one at a time takes the first one first.
	drop := func() {}
	conn, err := d.handshake(ctx, network, addr, func() { drop = d.openSpare(ctx, network, addr) })
	if err != nil || conn.(*tls.Conn).ConnectionState().NegotiatedProtocol == "h2" {
		drop() // HTTP/2 needs one connection only
	}
	return conn, err
}

// openSpare starts to open a connection and returns what gives it up.
func (d *dialer) openSpare(ctx context.Context, network, addr string) (drop func()) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.net.Timeout)
	next := make(chan result, 1)
	d.mu.Lock()
	d.next = next
	d.mu.Unlock()
	go func() {
		defer cancel()
		conn, err := d.handshake(ctx, network, addr, nil)
		next <- result{conn, err, time.Now()}
	}()
	return func() {
		cancel()
		if taken := d.spare(); taken != nil {
			go discard(taken)
		}
	}
}

// discard closes a connection that nobody wants, once it is there.
func discard(next chan result) {
	if r := <-next; r.conn != nil {
		_ = r.conn.Close()
	}
}

// spare takes the channel of the spare connection, nil if it was taken.
func (d *dialer) spare() chan result {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := d.next
	d.next = nil
	return next
}

func (d *dialer) takeSpare(ctx context.Context) net.Conn {
	next := d.spare()
	if next == nil {
		return nil
	}
	select {
	case r := <-next:
		if r.conn != nil && time.Since(r.opened) > spareAge {
			_ = r.conn.Close()
			return nil
		}
		return r.conn // nil if it failed: the caller tries itself and sees why
	case <-ctx.Done():
		go discard(next)
		return nil
	}
}

// handshake connects. On Linux crypto/x509 reads the bundle and then every
// file of the certificates' folder, which costs more CPU than all the rest of
// a refresh. So the bundle is tried first, and the whole only if the server's
// certificate is not good by it: nothing is trusted that would not be anyway.
//
// connected is called once, when there is a connection to begin TLS on.
func (d *dialer) handshake(ctx context.Context, network, addr string, connected func()) (net.Conn, error) {
	var bundle *x509.CertPool
	if d.bundle != nil {
		bundle = d.bundle()
	}
	if bundle == nil {
		return d.dial(ctx, network, addr, d.config, connected)
	}
	quick := d.config.Clone()
	quick.RootCAs = bundle
	conn, err := d.dial(ctx, network, addr, quick, connected)
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return d.dial(ctx, network, addr, d.config, nil)
	}
	return conn, err
}

func (d *dialer) dial(ctx context.Context, network, addr string, config *tls.Config,
	connected func(),
) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	raw, err := d.net.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if connected != nil {
		connected()
	}
	config = config.Clone()
	config.ServerName = host
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // the handshake's error says more
		return nil, err
	}
	return conn, nil
}

// bundles are the files that crypto/x509 looks for on Linux, in its order.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/pki/tls/cacert.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// systemBundle reads the first bundle there is, once. nil means that the
// system's certificates are to be had in another way.
var systemBundle = sync.OnceValue(func() *x509.CertPool {
	if runtime.GOOS != "linux" {
		return nil
	}
	for _, path := range bundles {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if pool := x509.NewCertPool(); pool.AppendCertsFromPEM(data) {
			return pool
		}
	}
	return nil
})

// hostPort returns the address that a connection for an https URL goes to, ""
// for any other.
func hostPort(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "https" {
		return ""
	}
	return net.JoinHostPort(u.Hostname(), orElse(u.Port(), "443"))
}
