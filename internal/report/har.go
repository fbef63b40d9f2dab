// The report as an HTTP Archive: HAR 1.2, http://www.softwareishard.com/blog/har-12-spec/

package report

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/transcript"
)

type harLog struct {
	Version string     `json:"version"`
	Creator harCreator `json:"creator"`
	Entries []harEntry `json:"entries"`
	Comment string     `json:"comment,omitempty"`
}

type harCreator struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type harEntry struct {
	Started  string      `json:"startedDateTime"`
	Time     float64     `json:"time"` // milliseconds
	Request  harRequest  `json:"request"`
	Response harResponse `json:"response"`
	Cache    struct{}    `json:"cache"`
	Timings  harTimings  `json:"timings"`
	Address  string      `json:"serverIPAddress,omitempty"`
	Comment  string      `json:"comment,omitempty"`
	Endpoint string      `json:"_endpoint,omitempty"`
}

type harRequest struct {
	Method      string    `json:"method"`
	URL         string    `json:"url"`
	HTTPVersion string    `json:"httpVersion"`
	Cookies     []string  `json:"cookies"` // none: the program has no cookies
	Headers     []harPair `json:"headers"`
	Query       []harPair `json:"queryString"`
	Post        *harPost  `json:"postData,omitempty"`
	HeadersSize int       `json:"headersSize"`
	BodySize    int       `json:"bodySize"`
}

type harPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type harPost struct {
	MIMEType string    `json:"mimeType"`
	Params   []harPair `json:"params,omitempty"`
	Text     string    `json:"text,omitempty"`
}

type harResponse struct {
	Status      int        `json:"status"`
	StatusText  string     `json:"statusText"`
	HTTPVersion string     `json:"httpVersion"`
	Cookies     []string   `json:"cookies"`
	Headers     []harPair  `json:"headers"`
	Content     harContent `json:"content"`
	Redirect    string     `json:"redirectURL"`
	HeadersSize int        `json:"headersSize"`
	BodySize    int        `json:"bodySize"`
	Error       string     `json:"_error,omitempty"`
}

type harContent struct {
	Size     int    `json:"size"`
	MIMEType string `json:"mimeType"`
	Text     string `json:"text,omitempty"`
}

// harTimings are milliseconds; -1 is a part that did not take place. ssl is a part of connect.
type harTimings struct {
	DNS     float64 `json:"dns"`
	Connect float64 `json:"connect"`
	TLS     float64 `json:"ssl"`
	Send    float64 `json:"send"`
	Wait    float64 `json:"wait"`
	Receive float64 `json:"receive"`
	Blocked float64 `json:"blocked"`
}

// unknownSize is what HAR has for a size that is not known. Redaction changes sizes.
const unknownSize = -1

// archive renders the steps as a HAR.
func archive(s *Story) ([]byte, error) {
	log := harLog{
		Version: "1.2", Creator: harCreator{"oidc-client", s.Version}, Entries: []harEntry{},
		Comment: "Secrets are replaced by tags. " + s.Verdict(),
	}
	for i := range s.Steps {
		log.Entries = append(log.Entries, harEntryOf(&s.Steps[i]))
	}
	data, err := json.MarshalIndent(map[string]any{"log": log}, "", "  ")
	if err != nil {
		return nil, err
	}
	return []byte(transcript.EscapeJSON(string(data)) + "\n"), nil
}

func harEntryOf(step *Step) harEntry {
	t := harTimingsOf(step)
	return harEntry{
		Started: step.Start.Format(time.RFC3339Nano), Time: t.sum(), Request: harRequestOf(step),
		Response: harResponseOf(step), Timings: t, Address: hostOf(step.Address), Endpoint: step.Endpoint,
		Comment: step.Fault,
	}
}

func harRequestOf(step *Step) harRequest {
	r := harRequest{
		Method: step.Method, URL: addressOf(step.Exchange), HTTPVersion: step.Protocol, Cookies: []string{},
		Headers: harHeaders(step.Header), Query: harPairs(step.Query), HeadersSize: unknownSize, BodySize: unknownSize,
	}
	if r.Method == "" {
		r.Method = http.MethodGet // a person pasted the address that a browser was sent to
	}
	switch {
	case step.Form != nil:
		r.Post = &harPost{MIMEType: headerOf(step.Header, "Content-Type"), Params: harPairs(step.Form)}
	case step.Body != "":
		r.Post = &harPost{MIMEType: headerOf(step.Header, "Content-Type"), Text: step.Body}
	}
	return r
}

func harResponseOf(step *Step) harResponse {
	code, text, _ := strings.Cut(step.Status, " ")
	status, _ := strconv.Atoi(code) // 0 means that there was no response
	return harResponse{
		Status: status, StatusText: text, HTTPVersion: step.Protocol, Cookies: []string{},
		Headers: harHeaders(step.ResponseHeader), Redirect: headerOf(step.ResponseHeader, "Location"),
		Content: harContent{
			Size: len(step.ResponseBody), MIMEType: headerOf(step.ResponseHeader, "Content-Type"),
			Text: step.ResponseBody,
		},
		HeadersSize: unknownSize, BodySize: unknownSize, Error: step.Err,
	}
}

func harTimingsOf(step *Step) harTimings {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	t := harTimings{
		DNS: -1, Connect: -1, TLS: -1, Blocked: -1, Send: ms(step.Timing.Send), Wait: ms(step.Timing.Wait),
		Receive: ms(step.Timing.Body),
	}
	if step.Timing.DNS > 0 {
		t.DNS = ms(step.Timing.DNS)
	}
	if step.Timing.Connect > 0 {
		t.Connect = ms(step.Timing.Connect + step.Timing.TLS)
	}
	if step.Timing.TLS > 0 {
		t.TLS = ms(step.Timing.TLS)
	}
	return t
}

// sum is the time of an entry: all that took place, with ssl inside connect.
func (t harTimings) sum() float64 {
	total := t.Send + t.Wait + t.Receive
	for _, part := range []float64{t.DNS, t.Connect} {
		total += max(part, 0)
	}
	return total
}

func harHeaders(lines []string) []harPair {
	pairs := []harPair{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		pairs = append(pairs, harPair{name, value})
	}
	return pairs
}

func harPairs(list []transcript.Parameter) []harPair {
	pairs := []harPair{}
	for _, p := range list {
		pairs = append(pairs, harPair(p))
	}
	return pairs
}

// headerOf is the value of a header, "" if there is none.
func headerOf(lines []string, name string) string {
	for _, line := range lines {
		if n, value, ok := strings.Cut(line, ": "); ok && strings.EqualFold(n, name) {
			return value
		}
	}
	return ""
}

// addressOf is the URL of an exchange with its query encoded, as programs read it.
func addressOf(e *transcript.Exchange) string {
	u, err := url.Parse(e.URL)
	if err != nil {
		base, _, _ := strings.Cut(e.URL, "?")
		return base
	}
	query := url.Values{}
	for _, p := range e.Query {
		query.Add(p.Name, p.Value)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// hostOf is the address of a peer without its port.
func hostOf(address string) string {
	if i := strings.LastIndexByte(address, ':'); i > 0 {
		return strings.Trim(address[:i], "[]")
	}
	return address
}
