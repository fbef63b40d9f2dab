// Recording: a transport that keeps what was sent and what came back, with the
// secrets taken out as it goes.

package transcript

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/roundtrip"
)

// maxRecorded is how much of a body is recorded, in bytes.
const maxRecorded = 1 << 20

// A Recorder is an http.RoundTripper that records. All fields but Show and Log
// have to be set.
type Recorder struct {
	Base     http.RoundTripper
	Redactor *Redactor
	Name     func(context.Context) string // names the endpoint of a request
	Now      func() time.Time

	// Show is told of every exchange when it has ended, if it is set.
	Show func(*Exchange)

	// Log gets every exchange when it has ended, never with its secrets. If neither
	// Log nor Show is set, nothing is recorded but the clock.
	Log *Log

	// Reveal shows secrets as they are.
	Reveal bool

	mu   sync.Mutex
	skew time.Duration
	seen bool
	held bool
	wait []*Exchange // to be shown when they are no longer held
}

// Over returns a recorder like r for another transport: of a server that is not the provider.
func (r *Recorder) Over(base http.RoundTripper) *Recorder {
	return &Recorder{
		Base: base, Redactor: r.Redactor, Name: r.Name, Now: r.Now, Show: r.Show, Log: r.log(), Reveal: r.Reveal,
	}
}

// Into makes the recorder write what begins from now on to another log.
func (r *Recorder) Into(log *Log) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Log = log
}

func (r *Recorder) log() *Log {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Log
}

// Hold keeps exchanges from being shown until Release: whoever reads them may be
// slow, or gone.
func (r *Recorder) Hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = true
}

// Release shows what was held.
func (r *Recorder) Release() {
	r.mu.Lock()
	list := r.wait
	r.held, r.wait = false, nil
	r.mu.Unlock()
	for _, e := range list {
		r.Show(e)
	}
}

func (r *Recorder) show(e *Exchange) {
	r.mu.Lock()
	if r.held {
		r.wait = append(r.wait, e)
		r.mu.Unlock()
		return
	}
	r.mu.Unlock()
	r.Show(e)
}

// Skew returns how far the provider's clock is ahead of ours, by the last Date
// header. ok is false if there was none. It is a remark for people: nothing is
// decided by it, since anyone can write a header.
func (r *Recorder) Skew() (skew time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.skew, r.seen
}

// RoundTrip sends a request.
func (r *Recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	log, sent := r.log(), &sentBody{}
	if log == nil && r.Show == nil {
		return r.send(req.WithContext(req.Context()), sent)
	}
	e := &Exchange{Endpoint: r.Name(req.Context()), Method: req.Method, Start: r.Now()}
	t := &trace{now: r.Now}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), t.hooks()))
	res, err := r.send(req, sent)
	end := func(body []byte, broken error) {
		e.plain = &Plain{URL: req.URL, Header: req.Header.Clone(), Body: sent.bytes(), ResponseBody: body}
		if res != nil {
			e.plain.ResponseHeader = res.Header.Clone()
			e.Status, e.Protocol = res.Status, res.Proto
		}
		t.fill(e, r.Now())
		r.end(log, e, ended(req.Context(), broken))
	}
	if err != nil {
		end(nil, err)
		return nil, err
	}
	res.Body = &recordedBody{ReadCloser: res.Body, end: end}
	return res, nil
}

// ended returns err, or what ended the request's context if err only says that it ended.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return context.Cause(ctx)
	}
	return err
}

// Browsed records a request of the browser, and shows it.
func (r *Recorder) Browsed(b BrowserRequest) {
	log := r.log()
	if log == nil && r.Show == nil {
		return
	}
	r.end(log, b.exchange(), nil)
}

// send sends a request, whose body it replaces, and learns what must not be shown
// of it.
func (r *Recorder) send(req *http.Request, sent *sentBody) (*http.Response, error) {
	if req.Body != nil {
		sent.ReadCloser = req.Body
		req.Body = sent
	}
	res, err := r.Base.RoundTrip(req)
	r.Redactor.LearnRequest(req.Header, sent.bytes())
	if err == nil {
		r.readClock(res)
	}
	return res, err
}

// end records an exchange that has ended, and shows it.
func (r *Recorder) end(log *Log, e *Exchange, broken error) {
	revealed := *e
	if r.Show != nil && r.Reveal {
		revealed.redact(&Redactor{reveal: true})
		if broken != nil {
			revealed.Err = broken.Error()
		}
	}
	e.redact(r.Redactor)
	if broken != nil {
		e.Err = r.Redactor.exchanged(roundtrip.Unquoted(broken).Error())
	}
	log.Add(e)
	switch {
	case r.Show == nil:
	case r.Reveal:
		r.show(&revealed)
	default:
		r.show(e)
	}
}

// A sentBody keeps what is read from the body of a request, which is a form of
// ours. It reads nothing by itself: what was not read was not sent.
type sentBody struct {
	io.ReadCloser
	mu   sync.Mutex
	read []byte
}

func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read = append(b.read, p[:n]...)
	return n, err
}

func (b *sentBody) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.read)
}

func (r *Recorder) readClock(res *http.Response) {
	date, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skew, r.seen = date.Sub(r.Now()), true
}

// A recordedBody keeps what is read from a body and tells when it ends.
type recordedBody struct {
	io.ReadCloser
	read []byte
	err  error
	once sync.Once
	end  func(read []byte, err error)
}

func (b *recordedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if room := maxRecorded - len(b.read); room > 0 {
		b.read = append(b.read, p[:min(n, room)]...)
	}
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

func (b *recordedBody) Close() error {
	b.once.Do(func() { b.end(b.read, b.err) })
	return b.ReadCloser.Close()
}

// visit returns a line for a request of the browser.
func (e *Exchange) visit() string {
	name, response := strings.CutSuffix(e.Endpoint, "_response")
	line := name + " request, sent by the browser: "
	if response {
		line = name + " response (" + e.Via + "): "
	}
	return line + e.Method + " " + e.URL
}

// ExchangeLine writes an exchange as one line: method, URL, status, time, connection.
func (t *Text) ExchangeLine(e *Exchange) {
	if e.Browser {
		t.Line(LevelDebug, e.visit())
		return
	}
	t.Line(LevelDebug, e.name()+": "+e.Method+" "+e.URL+": "+e.outcome())
}

// name is the endpoint of an exchange, or what else is known of it.
func (e *Exchange) name() string {
	if e.Endpoint == "" {
		return "http"
	}
	return e.Endpoint
}

// outcome is the response in words, with the time and the connection.
func (e *Exchange) outcome() string {
	took := e.Duration.Round(100 * time.Microsecond).String()
	var response string
	switch {
	case e.Cached:
		response = e.Status + ", cached"
	case e.Status == "":
		response = "none after " + took + ": " + e.Err
	case e.Err != "":
		response = e.Status + ", broken off after " + took + ": " + e.Err
	case e.Reused:
		response = e.Status + " in " + took + ", connection reused"
	default:
		response = e.Status + " in " + took + ", new connection"
	}
	return response
}

// Exchange writes a request and its response, with headers and bodies.
func (t *Text) Exchange(e *Exchange) {
	if e.Browser {
		t.write(t.line(LevelDebug, e.visit()) + message(e.Header, e.Body))
		return
	}
	t.write(t.line(LevelDebug, e.name()+" request: "+e.Method+" "+e.URL) + message(e.Header, e.Body) +
		t.line(LevelDebug, e.name()+" response: "+e.outcome()) + message(e.ResponseHeader, e.ResponseBody))
}

func message(header []string, body string) string {
	text := ""
	for _, h := range header {
		text += "  | " + Escape(h) + "\n"
	}
	if body != "" {
		text += "  |\n" + quoted(body)
	}
	return text
}
