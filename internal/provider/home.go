// The start page, and the log of requests that it shows.

package provider

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

// A Logged is one request and what became of it. It holds no secret: no token, no code, and
// none of the parameters that could have one.
type Logged struct {
	At       time.Time
	Method   string
	Endpoint string // its name; the path of what is no endpoint
	Status   int    // 0 if the connection was cut
	Client   string // that the request names, not proven
	Details  string // what was asked for, and why it was refused
}

// String is the request in one line.
func (l Logged) String() string {
	line := fmt.Sprintf("%s %s %d", l.Method, l.Endpoint, l.Status)
	if l.Client != "" {
		line += " client_id=" + l.Client
	}
	if l.Details != "" {
		line += " " + l.Details
	}
	return line
}

// maxLogged is how many requests the start page shows.
const maxLogged = 20

// A requestLog has the last requests, the newest first.
type requestLog struct {
	mu   sync.Mutex
	last []Logged
}

func (l *requestLog) add(one Logged) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = append([]Logged{one}, l.last[:min(len(l.last), maxLogged-1)]...)
}

func (l *requestLog) all() []Logged {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.last)
}

// A homePage is the page at the issuer's address.
type homePage struct {
	*Provider
	log *requestLog
}

// logged keeps what becomes of each request, and tells who wants to know.
func (p homePage) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one := Logged{At: time.Now(), Method: shortened(r.Method), Endpoint: EndpointName(r.URL.Path)}
		if one.Endpoint == "" {
			one.Endpoint = pageName(r.URL.Path)
		}
		what, form := &trace{}, formBody(r)
		r = r.WithContext(context.WithValue(r.Context(), traceKey{}, what))
		counted := &statusWriter{ResponseWriter: w}
		defer func() {
			one.Status = counted.status
			one.Client, one.Details = described(r, form())
			if why := what.full(); why != "" {
				one.Details = strings.TrimSpace(one.Details + " (" + shortened(why) + ")")
			}
			if r.URL.Path != "/" && r.URL.Path != faviconPath {
				p.log.add(one)
			}
			if p.options.OnRequest != nil {
				p.options.OnRequest(one)
			}
		}()
		next.ServeHTTP(counted, r)
	})
}

// pageName is a path without the id of a login.
func pageName(path string) string {
	if strings.HasPrefix(path, "/device/") {
		path = "/device"
	}
	return shortened(path)
}

// formBody keeps what is read of a body that is a form, and returns what reads it afterwards.
func formBody(r *http.Request) func() url.Values {
	if r.Body == nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return func() url.Values { return nil }
	}
	kept := &head{room: 64 << 10}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.Body, kept), r.Body}
	return func() url.Values {
		form, _ := url.ParseQuery(kept.text.String()) // what could be read of it
		return form
	}
}

// A head keeps the beginning of what is written to it.
type head struct {
	text strings.Builder
	room int
}

func (h *head) Write(data []byte) (int, error) {
	h.text.Write(data[:min(len(data), h.room-h.text.Len())])
	return len(data), nil
}

// A statusWriter notes the status of a response.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if status >= http.StatusOK { // no informational one
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(data)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// loggedParameters are the parameters that are no secrets.
var loggedParameters = []string{"grant_type", "response_type", "response_mode", "scope", "prompt", "redirect_uri"}

// described returns whose a request says that it is, and what it asks for.
func described(r *http.Request, body url.Values) (client, details string) {
	form := r.URL.Query()
	maps.Copy(form, body)
	var words []string
	for _, name := range loggedParameters {
		if value := form.Get(name); value != "" {
			words = append(words, name+"="+shortened(value))
		}
	}
	client = form.Get("client_id")
	if id, _, ok := r.BasicAuth(); ok {
		client = id
	}
	return shortened(client), strings.Join(words, " ")
}

// shortened returns a text that anybody may have sent, in at most 100 characters.
func shortened(text string) string {
	runes := []rune(text)
	if len(runes) > 100 {
		return string(runes[:100]) + "..."
	}
	return text
}

const faviconPath = "/favicon.ico"

// startPage serves the page at the issuer's address. It is in front of everything else, so
// that looking at it is no request of a relying party.
func (p homePage) startPage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == faviconPath:
			w.WriteHeader(http.StatusNoContent)
		case r.URL.Path != "/" || r.Method != http.MethodGet && r.Method != http.MethodHead:
			next.ServeHTTP(w, r)
		default:
			_ = show(w, http.StatusOK, "home", p.home()) // a browser that hung up is no error here
		}
	})
}

// home is what the start page shows.
func (p homePage) home() any {
	type client struct {
		*goidc.Client
		AnyPort bool
	}
	page := struct {
		Issuer    string
		Auto      bool
		Faults    [][2]string
		Users     []User
		Clients   []client
		Endpoints [][2]string
		Requests  []Logged
	}{Issuer: p.Issuer, Auto: p.options.Auto, Endpoints: p.endpoints(), Requests: p.log.all()}
	if p.options.Faults != nil {
		page.Faults = p.options.Faults()
	}
	for _, u := range p.options.Users {
		page.Users = append(page.Users, p.users[u.Name])
	}
	for _, c := range p.clients.list() {
		page.Clients = append(page.Clients, client{c, c.ApplicationType == goidc.ApplicationTypeNative &&
			slices.ContainsFunc(c.RedirectURIs, isLoopbackURI)})
	}
	return page
}

// isLoopbackURI reports whether a URI is of a loopback address.
func isLoopbackURI(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && isLoopback(u.Hostname())
}

// list returns all clients, by their ids.
func (c *clients) list() []*goidc.Client {
	c.dynamic.mu.Lock()
	defer c.dynamic.mu.Unlock()
	all := slices.AppendSeq(slices.Collect(maps.Values(c.fixed)), maps.Values(c.dynamic.clients))
	slices.SortFunc(all, func(a, b *goidc.Client) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// endpoints are the names and URLs of what the provider serves.
func (p homePage) endpoints() [][2]string {
	var list [][2]string
	for path, name := range endpointNames {
		if name == "registration" && !p.options.Registration && p.options.RegistrationToken == "" {
			continue
		}
		list = append(list, [2]string{name, p.Issuer + path})
	}
	list = append(list, [2]string{"device (for users)", p.Issuer + "/device"},
		[2]string{"ciba (for users)", p.Issuer + cibaPage})
	slices.SortFunc(list, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	return list
}
