// The exchanges of a run as steps between those who took part.

package report

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

// A Party is somebody who sends or receives. The lifelines of the diagram stand in this order.
type Party int

// The parties.
const (
	Browser Party = iota
	Client
	Provider
	Resource
)

var partyNames = []string{"Browser", "oidc-client", "Provider", "Resource"}

// String returns the name of the party.
func (p Party) String() string { return partyNames[p] }

// A Step is one exchange.
type Step struct {
	*transcript.Exchange
	Number   int
	From, To Party
	Request  string // in a few words
	Response string // in a few words, "" if there is none to show
	Fault    string // what is wrong with it, "" if nothing is
	Offset   time.Duration
}

// steps are the exchanges as steps, in the order of their starts.
func steps(exchanges []*transcript.Exchange) []Step {
	list := make([]Step, len(exchanges))
	for i, e := range exchanges {
		list[i] = Step{
			Exchange: e, Number: i + 1, From: Client, To: Provider, Request: requestOf(e), Response: responseOf(e),
			Fault: faultOf(e), Offset: e.Start.Sub(exchanges[0].Start),
		}
		switch {
		case e.Browser && e.Via != "":
			list[i].From, list[i].To = Browser, Client
		case e.Browser:
			list[i].From = Browser
		case e.Endpoint == "resource":
			list[i].To = Resource
		}
	}
	return list
}

// requestOf says what was sent: method, path, and which grant.
func requestOf(e *transcript.Exchange) string {
	path := e.URL
	if u, err := url.Parse(e.URL); err == nil {
		path = u.Path
	}
	text := strings.TrimSpace(e.Method + " " + path)
	if grant := parameter(e.Form, "grant_type"); grant != "" {
		text += " (" + grant[strings.LastIndexByte(grant, ':')+1:] + ")"
	}
	if e.Via != "" {
		var names []string
		for _, list := range [][]transcript.Parameter{e.Query, e.Form} {
			for _, p := range list {
				names = append(names, p.Name)
			}
		}
		text += " (" + strings.Join(names, ", ") + ")"
	}
	return text
}

// responseOf says what came back: the status, an error code, how long it took.
func responseOf(e *transcript.Exchange) string {
	switch {
	case e.Browser:
		return ""
	case e.Status == "":
		return "no response: " + e.Err
	case e.Cached:
		return e.Status + " (cached)"
	}
	text := e.Status
	if code := errorCode(e); code != "" {
		text += " " + code
	}
	return text + ", " + milliseconds(e.Duration)
}

// faultOf says what is wrong with an exchange by itself.
func faultOf(e *transcript.Exchange) string {
	status, _ := strconv.Atoi(strings.SplitN(e.Status, " ", 2)[0])
	switch {
	case e.Err != "":
		return e.Err
	case e.Via != "":
		if code := parameter(append(e.Query, e.Form...), "error"); code != "" {
			return "an error response: " + code
		}
	case status >= 400:
		return "HTTP status " + e.Status
	}
	return ""
}

// errorCode is the member error of a JSON response.
func errorCode(e *transcript.Exchange) string {
	o, err := strictjson.Parse([]byte(e.ResponseBody))
	if err != nil {
		return ""
	}
	code, _ := o.String("error") // a member of another type is no code
	return code
}

// parameter is the value of the first parameter of a name.
func parameter(list []transcript.Parameter, name string) string {
	for _, p := range list {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// milliseconds writes a duration as people compare them.
func milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// Connection says which connection carried the exchange.
func (s *Step) Connection() string {
	switch {
	case s.Via == transcript.ViaPasted:
		return "pasted by a person"
	case s.Via != "":
		return "sent by the browser (" + s.Via + ")"
	case s.Browser:
		return "sent by the browser"
	case s.Cached:
		return "from the cache; nothing was sent"
	case s.Address == "":
		return "no connection"
	case s.Reused:
		return s.Protocol + ", reused connection to " + s.Address
	}
	return s.Protocol + ", new connection to " + s.Address
}
