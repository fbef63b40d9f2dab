// Watching the relying party: what it asked for, and what it did after a fault.

package fault

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/provider"
)

// A Request is one request that the provider was asked, or that it made: a logout
// token, a ping.
type Request struct {
	Endpoint string   `json:"endpoint"` // "discovery", "jwks", "token", ...; "bait" for what nobody should ask for
	Method   string   `json:"method"`
	Status   int      `json:"status,omitempty"` // of the answer, 0 if there was none
	Faults   []string `json:"faults,omitempty"` // that spoilt the answer
}

// A Verdict is what a relying party did about the faults.
type Verdict struct {
	Requests []Request `json:"requests"` // all of them, in order
	Findings []Finding `json:"findings"` // one for each fault

	// Right says that it did what the standards require, wherever that can be told
	// from its requests. nil means that it can nowhere.
	Right *bool `json:"right,omitempty"`
}

// A Finding is what a relying party did about one fault.
type Finding struct {
	Fault string `json:"fault"`
	Did   string `json:"did"`             // "stopped", "went_on" or "did_not_come"
	Right *bool  `json:"right,omitempty"` // nil if it cannot be told
	Why   string `json:"why"`

	Level  Level  `json:"level"`  // only of a Required fault it is wrong not to be right
	Source string `json:"source"` // the standard's section
}

// Wrong reports whether the relying party did what a standard forbids.
func (f Finding) Wrong() bool { return f.Level != Recommended && f.Discouraged() }

// Discouraged reports whether the relying party did what a standard forbids or advises against.
func (f Finding) Discouraged() bool { return f.Right != nil && !*f.Right }

// A watch remembers what was asked since it began, and which tokens were replaced.
type watch struct {
	mu       sync.Mutex
	faults   []Fault
	requests []Request
	open     int       // requests that were not answered yet
	last     time.Time // when one was begun or ended
	issued   int       // ID Tokens, ever

	pkce     string            // the PKCE challenge of the latest device login
	goodbye  string            // the logout token that was sent last
	replaced map[string]string // token that a fault made -> token of the library
}

func (w *watch) begin(faults []Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults, w.requests, w.last, w.goodbye = faults, nil, time.Time{}, ""
}

// at returns the faults of an endpoint's answers. Those of a refresh leave the
// first ID Token alone, which is what the next one is compared with: the answer at hand is
// counted when it is spoilt.
func (w *watch) at(endpoint string) []Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.faults), func(f Fault) bool {
		return f.spoil[endpoint] == nil || f.Previous && w.issued < 2
	})
}

// has reports whether there is a fault of an endpoint.
func (w *watch) has(endpoint string) bool { return len(w.at(endpoint)) > 0 }

// enter notes that a request is there; the caller calls what is returned when
// it was answered.
func (w *watch) enter() (leave func()) {
	note := func(n int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.open += n
		w.last = time.Now()
	}
	note(1)
	return func() { note(-1) }
}

// saw keeps a request, if there are faults to judge.
func (w *watch) saw(r Request, path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Endpoint == "" {
		r.Endpoint = path
	}
	if len(w.faults) > 0 {
		w.requests = append(w.requests, r)
	}
}

// asked returns how often an endpoint was asked, the request at hand not
// included.
func (w *watch) asked(endpoint string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return count(w.requests, endpoint)
}

func count(requests []Request, endpoint string) int {
	n := 0
	for _, r := range requests {
		if r.Endpoint == endpoint {
			n++
		}
	}
	return n
}

// issue notes that an answer has an ID Token, if it is of the token endpoint.
func (w *watch) issue(a *answer) {
	m, ok := object(a.body)
	if endpointName(a.request.URL.Path) != "token" || !ok || !a.ok() || provider.ParseJWT(text(m["id_token"])) == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.issued++
}

// say notes the logout token that is sent, and returns the one before, "" if there is
// none.
func (w *watch) say(logoutToken string) (before string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before, w.goodbye = w.goodbye, logoutToken
	return before
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

// restore gives the library its own tokens back.
func (w *watch) restore(r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.replaced) == 0 {
		return
	}
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && w.replaced[token] != "" {
		r.Header.Set("Authorization", scheme+" "+w.replaced[token])
	}
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		return
	}
	for _, values := range []url.Values{r.PostForm, r.Form} {
		for _, name := range []string{"refresh_token", "token", "subject_token", "actor_token"} {
			if original := w.replaced[values.Get(name)]; original != "" {
				values.Set(name, original)
			}
		}
	}
}

// Quiet reports how long nothing has been asked or answered, 0 while something
// is, and whether each fault has been shown.
func (p *Provider) Quiet() (since time.Duration, shown bool) {
	w := &p.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	shown = len(w.faults) > 0
	for _, f := range w.faults {
		shown = shown && f.first(w.requests) >= 0
	}
	if w.open > 0 || w.last.IsZero() {
		return 0, shown
	}
	return time.Since(w.last), shown
}

// Judge says what the relying party did about the faults, from the requests
// that came.
func (p *Provider) Judge() Verdict {
	p.watch.mu.Lock()
	defer p.watch.mu.Unlock()
	return judge(p.watch.faults, p.watch.requests)
}

// judge judges each fault by itself, from where it was shown.
func judge(faults []Fault, requests []Request) Verdict {
	v := Verdict{Requests: append([]Request{}, requests...), Findings: []Finding{}}
	for _, f := range faults {
		finding := f.graded(f.judge(requests))
		if f.Accept && finding.Right != nil && !*finding.Right && stoppedBy(faults, requests) {
			finding.Right, finding.Why = nil, "another fault gave it a reason to stop"
		}
		v.Findings = append(v.Findings, finding)
		if right := !finding.Wrong(); finding.Right != nil && (v.Right == nil || *v.Right) {
			v.Right = &right
		}
	}
	return v
}

// stoppedBy reports whether a fault was shown that a relying party stops at.
func stoppedBy(faults []Fault, requests []Request) bool {
	return slices.ContainsFunc(faults, func(f Fault) bool { return !f.Accept && f.first(requests) >= 0 })
}

// first is the index of the first request whose answer shows the fault, -1 if
// there is none. What else it spoils to get there does not count.
func (f Fault) first(requests []Request) int {
	return slices.IndexFunc(requests, func(r Request) bool {
		return r.Endpoint == f.At && slices.Contains(r.Faults, f.Name)
	})
}

// A stop says what follows from refusing an endpoint's answer.
type stop struct {
	not   func(endpoint string) bool // asks for none of these
	once  bool                       // nor a second time for tokens
	last  bool                       // nothing need follow from accepting it either
	right string

	status int // that a call of the provider is refused with
}

var stops = map[string]stop{
	"discovery": {
		not: func(e string) bool { return e != "discovery" }, right: "stops: no request to any other endpoint",
	},
	"authorization": {not: beyondTokens("token"), right: "stops: redeems no code"},
	"pushed_authorization_request": {
		not: beyondTokens("authorization", "token"), right: "stops: sends nobody to the authorization endpoint",
	},
	"device_authorization":       {not: beyondTokens("token"), right: "stops: does not ask for tokens"},
	"backchannel_authentication": {not: beyondTokens("token"), right: "stops: does not ask for tokens"},
	"jwks": {
		not: beyondTokens(), once: true, right: "stops: does not ask for UserInfo, nor again for tokens",
	},
	"token": {
		not: beyondTokens(), once: true, right: "stops: does not ask for UserInfo, nor again for tokens",
	},
	"userinfo":      {not: oneOf(), last: true, right: "discards the response"},
	"introspection": {not: oneOf(), last: true, right: "discards the response"},
	"revocation":    {not: oneOf(), last: true, right: "says that the token is not revoked"},
	"end_session":   {not: oneOf(), last: true, right: "does not take it for the end of this logout"},
	"registration": {
		not: beyondTokens("authorization", "token"), last: true, right: "stops: does not use the registration",
	},
	"resource": {not: oneOf(), last: true, right: "stops: does not ask again"},
	"resource_metadata": {
		not: beyondTokens("authorization", "token"), last: true, right: "stops: does not go by the metadata",
	},
	backchannelLogout: {
		last: true, status: http.StatusBadRequest, right: "responds with the HTTP status 400",
	},
	cibaNotification: {
		last: true, status: http.StatusUnauthorized, right: "responds with the HTTP status 401",
	},
}

// What the provider calls. The status is the relying party's there.
const (
	backchannelLogout = "backchannel_logout"
	cibaNotification  = "ciba_notification"
)

// beyondTokens are the endpoints that only tokens lead to, and others.
func beyondTokens(others ...string) func(string) bool {
	return oneOf(append(others, "userinfo", "introspection", "resource")...)
}

func oneOf(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

func (f Fault) judge(requests []Request) Finding {
	first := f.first(requests)
	if first < 0 {
		return Finding{Fault: f.Name, Did: "did_not_come", Why: f.absence(requests)}
	}
	after, rule := requests[first+1:], stops[f.At]
	if rule.not == nil {
		return f.judgeCall(requests[first].Status)
	}
	on := slices.ContainsFunc(after, func(r Request) bool { return rule.not(r.Endpoint) })
	again := rule.once && count(requests, "token") > 1 && count(after, "token") > f.More ||
		f.More > 0 && count(after, f.At) > f.More
	finding := func(did, why string, right *bool) Finding {
		return Finding{Fault: f.Name, Did: did, Right: right, Why: why}
	}
	yes, no := new(bool), new(bool)
	*yes = true
	did := "stopped"
	if on || again {
		did = "went_on"
	}
	refused := func(r Request) bool { return r.Status >= http.StatusBadRequest && slices.Contains(r.Faults, f.Name) }
	switch {
	case f.demands != nil && slices.ContainsFunc(requests, refused):
		return finding(did, "a request of it lacks what the provider demands", no)
	case count(after, "bait") > 0:
		return finding("went_on", "it followed a redirect, or a URL in the header of a token", no)
	case count(requests[first:], "jwks") > 2 && !slices.Contains(f.Breaks, "network.closed"):
		return finding(did, "it asked more than twice for the keys", no)
	case f.Unseen:
		return finding(did, "its requests do not show what it made of the response: its own exit code has to", nil)
	case f.Accept && (on || rule.last):
		return finding(did, "a correct relying party goes on", yes)
	case f.Accept:
		return finding(did, "it stopped, or never asks for UserInfo; a correct relying party goes on", no)
	case on:
		return finding(did, f.use(), no)
	case again:
		return finding(did, "it sent the request again and got the same response", no)
	}
	return finding(did, "it asked for nothing that it may not ask for", yes)
}

// use says that a relying party went on where a correct one stops.
func (f Fault) use() string {
	switch f.Level {
	case Recommended:
		return "it used a response that it should reject"
	case Choice:
		return "it used the response, which is its own choice"
	case Required:
	}
	return "it used a response that it must reject"
}

// judgeCall judges what a relying party answered to a call of the provider.
func (f Fault) judgeCall(status int) Finding {
	finding := Finding{Fault: f.Name, Did: "stopped", Why: fmt.Sprintf("it responded with the HTTP status %d", status)}
	right := !f.Accept && status == stops[f.At].status
	if status/100 == 2 {
		finding.Did, right = "went_on", f.Accept
	}
	finding.Right = &right
	return finding
}

// absence says why a fault was not shown.
func (f Fault) absence(requests []Request) string {
	for _, r := range requests {
		if r.Endpoint == f.At && r.Status >= 400 {
			return fmt.Sprintf("the provider refused what was asked of the endpoint %s (HTTP status %d): there was "+
				"nothing to spoil", f.At, r.Status)
		}
	}
	if f.Previous && count(requests, f.At) > 0 {
		return "the first ID Token is right, and no other was asked for"
	}
	return "it sent no request to the " + f.At + " endpoint that would show the fault"
}
