// Watching the relying party: what it asked for, and what it did after a fault.

package provider

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Request is one request that the provider was asked.
type Request struct {
	Endpoint string `json:"endpoint"` // "discovery", "jwks", "token", ...; "bait" for what nobody should ask for
	Method   string `json:"method"`
	Faulty   bool   `json:"faulty"` // its answer was spoilt
}

// A Verdict is what a relying party did about the faults.
type Verdict struct {
	Faults   []string  `json:"faults"`
	Requests []Request `json:"requests"` // all of them, in order
	After    []string  `json:"after"`    // the endpoints that were asked after the first spoilt answer
	Did      string    `json:"did"`      // "stopped", "went_on", "did_not_come", or "unseen"
	Right    bool      `json:"right"`    // it did what a correct one does; false if that cannot be told
	Why      string    `json:"why"`
}

// A watch remembers the requests since it began.
type watch struct {
	mu       sync.Mutex
	faults   []Fault
	requests []Request
	last     time.Time         // of the last request
	replaced map[string]string // token that a fault made -> token of the library
	client   string            // who asked for tokens last
}

func (w *watch) begin(faults []Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults, w.requests, w.last = faults, nil, time.Time{}
}

// at returns what spoils the answers of an endpoint.
func (w *watch) at(endpoint string) []func(*answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []func(*answer)
	for _, f := range w.faults {
		if spoil := f.spoil[endpoint]; spoil != nil {
			list = append(list, spoil)
		}
	}
	return list
}

func (w *watch) saw(r *http.Request, endpoint string, faulty bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if endpoint == "" {
		endpoint = r.URL.Path
	}
	w.requests = append(w.requests, Request{endpoint, r.Method, faulty})
	w.last = time.Now()
}

// asked returns how often an endpoint was asked, the request at hand not
// included.
func (w *watch) asked(endpoint string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, r := range w.requests {
		if r.Endpoint == endpoint {
			n++
		}
	}
	return n
}

// asking is the client that asked for tokens last.
func (w *watch) asking() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.client
}

// replace remembers that a fault put one token in the place of another.
func (w *watch) replace(made, original string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.replaced == nil {
		w.replaced = map[string]string{}
	}
	w.replaced[made] = original
}

// restore gives the library its own tokens back, and notes who asks.
func (w *watch) restore(r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && w.replaced[token] != "" {
		r.Header.Set("Authorization", scheme+" "+w.replaced[token])
	}
	if r.URL.Path != "/token" || r.Method != http.MethodPost || r.ParseForm() != nil {
		return
	}
	if id, _, ok := r.BasicAuth(); ok {
		id, _ = url.QueryUnescape(id)
		w.client = id
	} else if id := r.PostForm.Get("client_id"); id != "" {
		w.client = id
	}
	for _, values := range []url.Values{r.PostForm, r.Form} {
		if original := w.replaced[values.Get("refresh_token")]; original != "" {
			values.Set("refresh_token", original)
		}
	}
}

// Quiet reports how long ago the last request came, and whether any answer was
// spoilt yet.
func (p *Provider) Quiet() (since time.Duration, spoilt bool) {
	p.watch.mu.Lock()
	defer p.watch.mu.Unlock()
	if p.watch.last.IsZero() {
		return 0, false
	}
	return time.Since(p.watch.last), p.watch.first() >= 0
}

// first is the index of the first request whose answer shows a fault, -1 if
// there is none. What else a fault spoils to get there does not count.
func (w *watch) first() int {
	return slices.IndexFunc(w.requests, func(r Request) bool {
		return r.Faulty && slices.ContainsFunc(w.faults, func(f Fault) bool { return f.At == r.Endpoint })
	})
}

// stages are the endpoints in the order that a relying party comes to them.
var stages = []string{"discovery", "authorization", "token", "userinfo"}

// Judge says what the relying party did about the faults, from the requests
// that came.
func (p *Provider) Judge() Verdict {
	p.watch.mu.Lock()
	defer p.watch.mu.Unlock()
	v := Verdict{Requests: slices.Clone(p.watch.requests), After: []string{}, Faults: []string{}}
	for _, f := range p.watch.faults {
		v.Faults = append(v.Faults, f.Name)
	}
	first := p.watch.first()
	if first < 0 {
		v.Did, v.Why = "did_not_come", "no spoilt answer was asked for"
		return v
	}
	for _, r := range v.Requests[first+1:] {
		v.After = append(v.After, r.Endpoint)
	}
	v.judge(p.watch.faults)
	return v
}

func (v *Verdict) judge(faults []Fault) {
	keys := 0
	for _, r := range v.Requests {
		if r.Endpoint == "jwks" {
			keys++
		}
	}
	accept, unseen := true, true
	late := len(stages)
	for _, f := range faults {
		accept = accept && f.Accept
		unseen = unseen && f.Unseen
		late = min(late, stageAfter(f.At))
	}
	on := slices.ContainsFunc(v.After, func(name string) bool { return slices.Index(stages, name) >= late })
	again := slices.Contains(v.After, "token") && slices.ContainsFunc(faults, func(f Fault) bool { return f.At == "token" })
	v.Did = "stopped"
	if on || again {
		v.Did = "went_on"
	}
	switch {
	case slices.Contains(v.After, "bait"):
		v.Did, v.Why = "went_on", "it followed a redirect, or a URL in the header of a token"
	case keys > 2:
		v.Why = "it asked more than twice for the keys: a forged token must not turn into requests"
	case accept:
		v.Right, v.Why = v.Did == "went_on" || late == len(stages), "a correct relying party goes on"
	case unseen:
		v.Did, v.Right, v.Why = "unseen", true, "what it made of the answer shows in its own exit code and output only"
	case v.Did == "went_on":
		v.Why = "it used an answer that it has to refuse"
	default:
		v.Right, v.Why = true, "it asked for nothing that it may not ask for"
	}
}

// stageAfter is the index of the first stage that is not reached after an
// answer of an endpoint is refused.
func stageAfter(endpoint string) int {
	switch endpoint {
	case "discovery":
		return 1
	case "authorization":
		return 2
	case "token", "jwks":
		return 3
	}
	return len(stages)
}
