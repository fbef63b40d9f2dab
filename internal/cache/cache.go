// Package cache keeps what providers publish of themselves, metadata and keys, between
// runs: a private HTTP cache (RFC 9111) in a folder.
package cache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// A Transport is an http.RoundTripper that answers from the folder where it can. All fields
// have to be set.
type Transport struct {
	Base   http.RoundTripper
	Folder string
	Now    func() time.Time

	// Scope is what an answer depends on besides its URL: whose it is, and who was trusted to
	// say so. What was kept in one scope is never used in another.
	Scope string

	// Keeps reports whether the answer to a request is of a kind that is kept.
	Keeps func(context.Context) bool

	// Valid reports whether an answer is what was asked for: what is not is never kept.
	Valid func(context.Context, []byte) bool

	mu   sync.Mutex
	used []string // files of the entries that were used or made
}

// RoundTrip answers a request. An answer that was kept has the header Age.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet || !t.Keeps(r.Context()) {
		return t.Base.RoundTrip(r)
	}
	kept := t.load(r.URL.String())
	if kept != nil && t.satisfies(kept, r) {
		return kept.response(r, t.Now()), nil
	}
	if kept != nil {
		r = kept.conditional(r)
	}
	answer, err := t.Base.RoundTrip(r)
	switch {
	case err != nil:
		return nil, err
	case answer.StatusCode == http.StatusNotModified && kept != nil:
		_ = answer.Body.Close() // it has none
		kept.freshen(answer.Header, r, t.Now())
		if storable(answer.Header) {
			t.store(kept)
		} else {
			remove(t.file(kept.URL))
		}
		return kept.response(r, t.Now()), nil
	case answer.StatusCode == http.StatusOK:
		return t.keep(answer, r), nil
	}
	return answer, nil
}

// satisfies reports whether an entry answers a request without asking. A request that wants
// to know better (Cache-Control: no-cache, RFC 9111 section 5.2.1.4) does so once in
// [limit.KeysAgain], whichever process it is of: a forged kid must not turn into requests.
func (t *Transport) satisfies(e *entry, r *http.Request) bool {
	now := t.Now()
	if anew(r) {
		since := now.Sub(e.Anew)
		return since >= 0 && since < limit.KeysAgain
	}
	return e.fresh(now)
}

func anew(r *http.Request) bool { return r.Header.Get("Cache-Control") == "no-cache" }

// keep keeps an answer once it was read to its end.
func (t *Transport) keep(answer *http.Response, r *http.Request) *http.Response {
	e := newEntry(t.Scope, r, answer.Header, t.Now())
	if e == nil {
		return answer
	}
	answer.Body = &tee{ReadCloser: answer.Body, end: func(body []byte) {
		if t.Valid(r.Context(), body) {
			e.Body = body
			t.store(e)
		}
	}}
	return answer
}

// Forget drops every entry that was used or made: what they said was not good.
func (t *Transport) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, file := range t.used {
		remove(file)
	}
	t.used = nil
}

func (t *Transport) uses(file string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.used = append(t.used, file)
}

// A tee hands on what it reads, and what it was when it ends.
type tee struct {
	io.ReadCloser
	read bytes.Buffer
	end  func([]byte)
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if t.read.Len() <= limit.Body {
		t.read.Write(p[:n])
	}
	//nolint:errorlint // what Read returns at the end, as it is
	if err == io.EOF && t.read.Len() <= limit.Body && t.end != nil {
		t.end(t.read.Bytes())
		t.end = nil
	}
	return n, err
}

// An entry is an answer that is kept.
type entry struct {
	Scope   string            `json:"scope"` // hashed: it may be long
	URL     string            `json:"url"`
	Fetched time.Time         `json:"fetched"`       // or found to be unchanged
	Anew    time.Time         `json:"anew,omitzero"` // when somebody last wanted to know better
	Age     time.Duration     `json:"age"`           // that it had then, of other caches
	Expires time.Time         `json:"expires"`
	Header  map[string]string `json:"header"` // what is worth keeping of it
	Body    []byte            `json:"body"`
}

// keptHeaders are those that say what an answer is. Date is not: clocks are compared by it.
var keptHeaders = []string{"Content-Type", "Etag", "Last-Modified"}

// storable reports whether a response with this header may be stored. A max-age that is
// no number of seconds, such as a negative one, says nothing about freshness that could be
// relied on (RFC 9111 section 4.2.1), and a response that varies on * never answers a
// second request (section 4.1).
func storable(h http.Header) bool {
	d := directives(h)
	for _, list := range h.Values("Vary") {
		for _, name := range strings.Split(list, ",") {
			if strings.TrimSpace(name) == "*" {
				return false
			}
		}
	}
	age := d["max-age"]
	return d["no-store"] == nil && (age == nil || *age != "" && strings.Trim(*age, "0123456789") == "")
}

// newEntry is an entry for an answer, nil if it must not be kept.
func newEntry(scope string, r *http.Request, h http.Header, now time.Time) *entry {
	if !storable(h) {
		return nil
	}
	e := &entry{Scope: hash(scope), URL: r.URL.String(), Header: map[string]string{}}
	for _, name := range keptHeaders {
		if value := h.Get(name); value != "" {
			e.Header[name] = value
		}
	}
	e.freshen(h, r, now)
	return e
}

// freshen sets how long the entry is good from now on.
func (e *entry) freshen(h http.Header, r *http.Request, now time.Time) {
	if e.Fetched, e.Age = now, seconds(h.Get("Age")); anew(r) {
		e.Anew = now
	}
	e.Expires = now.Add(lifetime(h, wire.Loopback(r.URL.Hostname())))
}

// lifetime is for how long an answer is good: as it says itself (RFC 9111 section 4.2.1), but
// within bounds. A provider on this machine is being worked on: what it does not say is not
// assumed.
func lifetime(h http.Header, development bool) time.Duration {
	d := directives(h)
	said := time.Duration(0)
	if text := d["max-age"]; text != nil {
		said = seconds(*text)
	} else if expires, err := http.ParseTime(h.Get("Expires")); err == nil {
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			said = expires.Sub(date)
		}
	}
	said -= seconds(h.Get("Age"))
	switch {
	case d["no-cache"] != nil:
		return 0
	case development:
		return min(max(said, 0), limit.CacheMost)
	}
	return min(max(said, limit.CacheLeast), limit.CacheMost)
}

// seconds reads a number of seconds (RFC 9111 section 1.2.2). It returns 0 for text that is no
// such number, and [limit.CacheMost] at most.
func seconds(text string) time.Duration {
	const most = uint64(limit.CacheMost / time.Second)
	n, err := strconv.ParseUint(text, 10, 64) // the largest number with ErrRange
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	return time.Duration(min(n, most)) * time.Second //nolint:gosec // a day fits
}

// directives are those of Cache-Control (RFC 9111 section 5.2), with their values: of a
// repeated one the first counts (section 4.2.1).
func directives(h http.Header) map[string]*string {
	found := map[string]*string{}
	for _, part := range strings.Split(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		value = strings.Trim(value, `"`)
		if name = strings.ToLower(name); found[name] == nil {
			found[name] = &value
		}
	}
	return found
}

func (e *entry) fresh(now time.Time) bool {
	backwards := now.Before(e.Fetched.Add(-time.Minute)) // the clock was set back
	return now.Before(e.Expires) && !backwards && e.Expires.Sub(e.Fetched) <= limit.CacheMost
}

// conditional is a request that asks only whether the entry is as it was (RFC 9110 section
// 13.1).
func (e *entry) conditional(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	if tag := e.Header["Etag"]; tag != "" {
		r.Header.Set("If-None-Match", tag)
	} else if modified := e.Header["Last-Modified"]; modified != "" {
		r.Header.Set("If-Modified-Since", modified)
	}
	return r
}

// response is the entry as an answer.
func (e *entry) response(r *http.Request, now time.Time) *http.Response {
	h := http.Header{}
	for name, value := range e.Header {
		h.Set(name, value)
	}
	h.Set("Age", strconv.Itoa(int(max(e.Age+now.Sub(e.Fetched), 0)/time.Second))) // RFC 9111 section 5.1
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(bytes.NewReader(e.Body)), ContentLength: int64(len(e.Body)), Request: r,
	}
}
