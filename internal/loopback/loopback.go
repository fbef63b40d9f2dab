// Package loopback receives what a browser brings back to a program on the same
// machine: a redirect to the loopback address (RFC 8252 section 7.3).
//
// It knows nothing of what comes. A visit is a set of parameters that whoever
// waits has called its own; everything else that a browser, or a page in it, may
// send is turned away and does not end the wait.
package loopback

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// Options say what is listened for.
type Options struct {
	Host string // of the URLs: 127.0.0.1 if it is "", [::1], or localhost, which listens on both
	Port int    // 0 takes a free one
	Path string // where the browser comes back, such as /callback; not escaped

	// Proxied is a host and a path by which a proxy in front may hand the browser
	// on. "" means none.
	ProxiedHost, ProxiedPath string

	// Start says where StartPath leads, anew for each visit to it. nil means that
	// there is no such path. Secret makes the path one that nobody can guess.
	Start  func(context.Context) (string, error)
	Secret bool

	// Mine reports whether parameters are those that are waited for. It is called
	// for whatever any page makes a browser send.
	Mine func(url.Values) bool

	// Stranger is called when another user of this machine comes, who is turned away where that can
	// be told and no proxy is in front. nil does nothing.
	Stranger func()

	// Misdirected is called for the first request that is refused because its Host names neither the
	// listener, which is own, nor the proxy. nil does nothing.
	Misdirected func(host, own string)

	strangers func(remote, local netip.AddrPort) bool // whether one comes; nil asks the system

	// Fragment says that they are expected behind a #, which browsers keep to
	// themselves: a script on the page then sends them. It does so where they are not
	// expected there, too, but says that nothing waits for the page.
	Fragment bool
}

// StartPath is the path that leads the browser away, to where it has to go.
const StartPath = "/login"

// A Listener listens on the loopback address.
type Listener struct {
	options Options
	start   string // the path that leads away
	port    int
	servers []*http.Server
	visits  chan *Visit
	closed  chan struct{}
	once    sync.Once

	misdirected sync.Once
}

// A Visit is what came. It has to be answered: a browser waits.
type Visit struct {
	Method   string // of the request, "" if there was none
	Fragment bool   // they stood behind a #
	Values   url.Values
	page     chan Page
}

// Show tells the person at the browser what became of it. Only the first page is
// shown.
func (v *Visit) Show(p Page) {
	select {
	case v.page <- p:
	default:
	}
}

// A ListenError says that the port could not be had.
type ListenError struct{ Err error }

// Error is the system's.
func (e *ListenError) Error() string { return e.Err.Error() }

// Unwrap returns the system's error.
func (e *ListenError) Unwrap() error { return e.Err }

// Listen opens the port and serves it until Close. A port that is taken, by
// anyone and for any address that the host means, is a [*ListenError].
func Listen(o Options) (*Listener, error) {
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.strangers == nil {
		o.strangers = stranger
	}
	listeners, err := listen(o.Host, o.Port)
	if err != nil {
		return nil, &ListenError{err}
	}
	start := StartPath
	if o.Secret {
		start += "/" + rand.Text()
	}
	l := &Listener{
		options: o, start: start, port: listeners[0].Addr().(*net.TCPAddr).Port, visits: make(chan *Visit),
		closed: make(chan struct{}),
	}
	for _, on := range listeners {
		server := &http.Server{
			Handler: l, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
			IdleTimeout: 30 * time.Second,
			ErrorLog:    log.New(io.Discard, "", 0), MaxHeaderBytes: limit.Form,
		}
		l.servers = append(l.servers, server)
		go func() { _ = server.Serve(on) }() // ends with Close
	}
	return l, nil
}

// listen binds what host means: a name that means two addresses has to be ours
// on both, or somebody else may answer in our place.
func listen(host string, port int) ([]net.Listener, error) {
	addresses := []string{"127.0.0.1"}
	switch host {
	case "127.0.0.1":
	case "[::1]":
		addresses = []string{"::1"}
	case "localhost":
		addresses = append(addresses, "::1")
	default:
		return nil, fmt.Errorf("%q is not the loopback address", host)
	}
	var listeners []net.Listener
	for i, address := range addresses {
		on, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp",
			net.JoinHostPort(address, strconv.Itoa(port)))
		if err != nil && i > 0 && !inUse(err) {
			continue // a machine without IPv6
		}
		if err != nil {
			for _, l := range listeners {
				_ = l.Close()
			}
			return nil, err
		}
		port = on.Addr().(*net.TCPAddr).Port
		listeners = append(listeners, on)
	}
	return listeners, nil
}

// StartURL is where a browser is led away from.
func (l *Listener) StartURL() string { return l.URL(l.start) }

// URL is the URL of a path of the listener.
func (l *Listener) URL(path string) string { return "http://" + l.host() + path }

func (l *Listener) host() string { return l.options.Host + ":" + strconv.Itoa(l.port) }

// Visits are what comes. Each has to be answered with Show.
func (l *Listener) Visits() <-chan *Visit { return l.visits }

// Wait waits for a visit. The error is the cause that ctx ended for.
func (l *Listener) Wait(ctx context.Context) (*Visit, error) {
	select {
	case v := <-l.visits:
		return v, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Close stops listening. Pages that are being delivered are given a moment.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var errs []error
	for _, s := range l.servers {
		if s.Shutdown(ctx) != nil { // connections that were opened and never used
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

// ServeHTTP serves the two paths. A request by another name than the listener's
// own is no redirect: a page may have pointed its name to this machine.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !l.named(r.Host):
		if l.options.Misdirected != nil {
			l.misdirected.Do(func() { l.options.Misdirected(r.Host, l.host()) })
		}
		stray(w, http.StatusMisdirectedRequest)
	case l.options.ProxiedHost == "" && l.strange(r):
		if l.options.Stranger != nil {
			l.options.Stranger()
		}
		stray(w, http.StatusForbidden)
	case r.URL.Path == l.start && l.options.Start != nil && r.Method == http.MethodGet && r.URL.RawQuery == "" &&
		navigates(r) && (l.options.Secret || !crossSite(r)):
		l.lead(w, r)
	case r.URL.Path == l.options.Path, l.options.ProxiedHost != "" && r.URL.Path == l.options.ProxiedPath:
		l.arrive(w, r)
	default:
		stray(w, http.StatusNotFound)
	}
}

// named reports whether a Host header is the listener's, or that of the proxy in
// front of it.
func (l *Listener) named(host string) bool {
	return host == l.host() || l.port == 80 && host == l.options.Host ||
		l.options.ProxiedHost != "" && host == l.options.ProxiedHost
}

// navigates reports whether a person goes somewhere: not a picture, a frame or a
// script of a page that wants to know what is behind this address.
func navigates(r *http.Request) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return dest == "" || dest == "document"
}

// strange reports whether another user of this machine comes.
func (l *Listener) strange(r *http.Request) bool {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if err != nil || !ok {
		return false
	}
	to := local.AddrPort()
	return l.options.strangers(netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()),
		netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
}

// crossSite reports whether a page of somewhere else sends the browser here, and not a person
// who clicked: it could use up what there is of logins.
func crossSite(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-User") != "?1"
}

func (l *Listener) lead(w http.ResponseWriter, r *http.Request) {
	to, err := l.options.Start(r.Context())
	if err != nil {
		show(w, http.StatusBadGateway,
			Page{
				Title: "This did not work", Text: "It could not begin, or did so before. The terminal tells why.",
				Bad: true,
			})
		return
	}
	w.Header().Set("Location", to)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusFound)
}

func (l *Listener) arrive(w http.ResponseWriter, r *http.Request) {
	values, err := l.parameters(w, r)
	fragment := values.Has(fragmentMark)
	values.Del(fragmentMark)
	switch {
	case err != nil:
		stray(w, http.StatusBadRequest)
		return
	case len(values) == 0 && l.options.Fragment && r.Method == http.MethodGet:
		showFragment(w, http.StatusOK, moment)
		return
	case !l.options.Mine(values):
		if len(values) == 0 && r.Method == http.MethodGet {
			// Some providers answer behind the # whatever response_mode they were asked for.
			showFragment(w, http.StatusBadRequest, Stray)
			return
		}
		stray(w, http.StatusBadRequest)
		return
	}
	visit := &Visit{
		Method: r.Method, Fragment: fragment && r.Method == http.MethodPost, Values: values,
		page: make(chan Page, 1),
	}
	select {
	case l.visits <- visit:
	case <-l.closed:
		stray(w, http.StatusGone)
		return
	case <-r.Context().Done():
		return
	case <-time.After(limit.LandingPage):
		stray(w, http.StatusServiceUnavailable)
		return
	}
	l.land(w, r, visit)
}

// land shows what became of a visit, or, if that takes too long, where to look.
func (l *Listener) land(w http.ResponseWriter, r *http.Request, visit *Visit) {
	timer := time.NewTimer(limit.LandingPage)
	defer timer.Stop()
	page := Page{Title: "Received", Text: "The terminal tells what became of it. You can close this page."}
	select {
	case page = <-visit.page:
	case <-timer.C:
	case <-r.Context().Done():
	case <-l.closed:
		select { // the page may have come at the same moment
		case page = <-visit.page:
		default:
		}
	}
	status := http.StatusOK
	if page.Bad {
		status = http.StatusBadRequest
	}
	show(w, status, page)
}

// parameters are those of a redirect or, if a form was posted, of that.
func (l *Listener) parameters(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	switch r.Method {
	case http.MethodGet:
		return url.ParseQuery(r.URL.RawQuery)
	case http.MethodPost:
		mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || mediaType != "application/x-www-form-urlencoded" {
			return nil, errors.New("not a form")
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit.Form))
		if err != nil {
			return nil, err
		}
		return url.ParseQuery(string(body))
	}
	return nil, errors.New("neither GET nor POST")
}

// Path is the path of a redirect URI, "/" if it has none.
func Path(u *url.URL) string {
	if u.Path == "" {
		return "/"
	}
	return u.Path
}

// Place takes a redirect URI apart, and reports whether a listener can serve it:
// http on the loopback address.
func Place(uri string) (o Options, ok bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return o, false
	}
	host := u.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	port := 80
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return o, false
		}
	}
	return Options{Host: host, Port: port, Path: Path(u)},
		slices.Contains([]string{"127.0.0.1", "localhost", "[::1]"}, host)
}
