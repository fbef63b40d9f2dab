// A record of what was asked, for tests of relying parties to look at afterwards.

package fault

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Recorded is one request as it came.
type Recorded struct {
	Endpoint string // "token", ...; the path of what is no endpoint
	Method   string
	Path     string
	Query    url.Values
	Form     url.Values // of a body that is a form
	Body     []byte     // of any other
	Header   http.Header
}

// Value is a parameter of the form, or else of the query.
func (r Recorded) Value(name string) string {
	if r.Form.Has(name) {
		return r.Form.Get(name)
	}
	return r.Query.Get(name)
}

// maxRecorded is how many requests are kept; the oldest go first.
const maxRecorded = 1000

type record struct {
	mu   sync.Mutex
	kept []Recorded
}

// Recorded returns the requests so far, in order. [Options].Record has to be set.
func (p *Provider) Recorded() []Recorded {
	p.record.mu.Lock()
	defer p.record.mu.Unlock()
	return slices.Clone(p.record.kept)
}

// recorded keeps requests before anything else looks at them.
func (p *Provider) recorded(next http.Handler) http.Handler {
	if !p.options.Record {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.record.add(read(r))
		next.ServeHTTP(w, r)
	})
}

// maxBody is how much of a body is kept. The provider refuses longer ones.
const maxBody = 1 << 20

// read returns a request as it came. The handler behind can read its body again.
func read(r *http.Request) Recorded {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	rest := r.Body
	if err != nil {
		rest = io.NopCloser(failedReader{err})
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), rest), r.Body}
	kept := Recorded{
		Endpoint: endpointName(r.URL.Path), Method: r.Method, Path: r.URL.Path,
		Query: r.URL.Query(), Header: r.Header.Clone(),
	}
	if kept.Endpoint == "" {
		kept.Endpoint = r.URL.Path
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		kept.Form, _ = url.ParseQuery(string(body)) // what could be read of it
	} else {
		kept.Body = body
	}
	return kept
}

// A failedReader fails again as it has failed before.
type failedReader struct{ err error }

func (f failedReader) Read([]byte) (int, error) { return 0, f.err }

func (r *record) add(kept Recorded) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) == maxRecorded {
		r.kept = slices.Delete(r.kept, 0, 1)
	}
	r.kept = append(r.kept, kept)
}
