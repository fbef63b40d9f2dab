// The exchanges of a run: what was sent and what came back, without secrets.

package transcript

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// The Endpoints of exchanges that the browser began, not this program: it sent a request to the
// provider, and what the provider redirected it to.
const (
	AuthorizationRequest  = "authorization"
	AuthorizationResponse = "authorization_response"
	LogoutRequest         = "end_session"
	LogoutResponse        = "end_session_response"
)

// How a response reached this program through the browser: the Via of an exchange.
const (
	ViaQuery    = "query"
	ViaFragment = "fragment"
	ViaFormPost = "form_post"
	ViaPasted   = "pasted" // a person pasted the address that the browser ended on
)

// An Exchange is one HTTP request and its response. Its exported fields hold no secrets. The copy
// that -d prints with --show-secrets does; it is in no [Log].
type Exchange struct {
	Endpoint string // the name of the endpoint, "" if it is not known
	Browser  bool   // the browser sent the request, so that nothing is known of the response
	Via      string // how a response of the provider came through the browser; else ""
	Method   string
	URL      string
	Query    []Parameter // of the URL
	Header   []string    // of the request, one a line
	Body     string      // of the request
	Form     []Parameter // of the request's body, if it is a form

	Status         string   // such as "200 OK", "" if there was no response
	ResponseHeader []string // one a line
	ResponseBody   string
	Protocol       string // of the response, such as "HTTP/2.0"
	Err            string // why there was no response, or no complete one; "" if there was

	Reused   bool          // the connection was open already
	Cached   bool          // the response came from a cache, and nothing was sent
	Address  string        // of the peer, "" if nothing was sent
	Start    time.Time     // when the request began
	Duration time.Duration // from Start to the end of the response
	Timing   Timing

	plain *Plain
}

// A Parameter is one parameter of a query or a form, without secrets.
type Parameter struct{ Name, Value string }

// A Timing is how long each part of an exchange took. A part that did not take place, such as
// connecting on a reused connection, is zero.
type Timing struct {
	DNS     time.Duration
	Connect time.Duration // TCP
	TLS     time.Duration // the handshake
	Send    time.Duration // from having a connection to the last byte of the request
	Wait    time.Duration // from there to the first byte of the response
	Body    time.Duration // from there to the end of the response
}

// A Plain is an exchange as it was sent and received, secrets included.
type Plain struct {
	URL            *url.URL
	Header         http.Header
	Body           []byte
	ResponseHeader http.Header
	ResponseBody   []byte
}

// Reveal returns the exchange with its secrets. Only a person who asked for this one exchange may
// see it: nothing that is written to a file or printed calls Reveal.
func (e *Exchange) Reveal() *Plain { return e.plain }

// A BrowserRequest is a request of the browser: to an endpoint of the provider, or to a redirect URI with
// what the provider has to say.
type BrowserRequest struct {
	Endpoint   string // such as [AuthorizationRequest]
	Via        string // how a response came, "" for a request to the provider
	URL        string
	Parameters url.Values // of a response, beside those of URL
	At         time.Time
}

// exchange returns the request as an exchange, before redaction.
func (b BrowserRequest) exchange() *Exchange {
	e := &Exchange{
		Endpoint: b.Endpoint, Browser: true, Via: b.Via, Method: http.MethodGet, URL: b.URL, Start: b.At,
		plain: &Plain{},
	}
	u, err := url.Parse(b.URL)
	if err != nil {
		u = &url.URL{}
	}
	e.plain.URL = u
	switch b.Via {
	case ViaFormPost:
		e.Method = http.MethodPost
		e.plain.Header = http.Header{"Content-Type": {formType}}
		e.plain.Body = []byte(b.Parameters.Encode())
	case ViaFragment:
		u.RawFragment = b.Parameters.Encode()
		u.Fragment, _ = url.PathUnescape(u.RawFragment) // it was escaped a moment ago
	default:
		query := u.Query()
		for name, values := range b.Parameters {
			query[name] = append(query[name], values...)
		}
		u.RawQuery = query.Encode()
	}
	return e
}

// formType is the media type of forms.
const formType = "application/x-www-form-urlencoded"

// redact fills the fields that hold no secrets from those that do. It does so when all is there: a
// response can repeat in its header what only its body names as a secret.
func (e *Exchange) redact(r *Redactor) {
	p := e.plain
	e.URL, e.Body = r.URL(p.URL), r.Body(p.Header.Get("Content-Type"), p.Body)
	e.Query = r.Parameters(p.URL.RawQuery)
	if e.Via == ViaFragment {
		e.Query = append(e.Query, r.Parameters(p.URL.EscapedFragment())...)
	}
	if mediaType, _, _ := strings.Cut(p.Header.Get("Content-Type"), ";"); mediaType == formType {
		e.Form = r.Parameters(string(p.Body))
	}
	if e.Status != "" {
		e.ResponseBody = r.Body(p.ResponseHeader.Get("Content-Type"), p.ResponseBody)
		e.Status, e.ResponseHeader = r.exchanged(e.Status), r.Header(p.ResponseHeader)
	}
	e.Header = r.Header(p.Header)
}

// size is about how many bytes an exchange occupies.
func (e *Exchange) size() int {
	n := len(e.URL) + len(e.Body) + len(e.ResponseBody) + len(e.Err)
	for _, list := range [][]string{e.Header, e.ResponseHeader} {
		for _, line := range list {
			n += len(line)
		}
	}
	for _, list := range [][]Parameter{e.Query, e.Form} {
		for _, p := range list {
			n += len(p.Name) + len(p.Value)
		}
	}
	if e.plain != nil {
		n += len(e.plain.Body) + len(e.plain.ResponseBody)
	}
	return n
}

// A Log holds the latest exchanges of a run, within [limit.Exchanges] and [limit.ExchangesSize]. It
// is safe for concurrent use. A nil Log holds nothing.
type Log struct {
	mu      sync.Mutex
	list    []*Exchange // in the order of their ends
	size    int
	dropped int
}

// Add adds an exchange, which must not change any more. The oldest ones make room for it.
func (l *Log) Add(e *Exchange) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, e)
	l.size += e.size()
	for len(l.list) > limit.Exchanges || l.size > limit.ExchangesSize && len(l.list) > 1 {
		l.size -= l.list[0].size()
		l.list = slices.Delete(l.list, 0, 1)
		l.dropped++
	}
}

// All returns the exchanges in the order of their starts, and how many earlier ones were dropped.
func (l *Log) All() (exchanges []*Exchange, dropped int) {
	if l == nil {
		return nil, 0
	}
	l.mu.Lock()
	exchanges, dropped = slices.Clone(l.list), l.dropped
	l.mu.Unlock()
	slices.SortStableFunc(exchanges, func(a, b *Exchange) int { return a.Start.Compare(b.Start) })
	return exchanges, dropped
}
