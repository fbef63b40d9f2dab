// The tokens of a run: what they say, for whom, and how they differ from the ones before.

package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

// A Token is a JWT that was sent or received.
type Token struct {
	Name     string // of the parameter or member that held it
	Where    string // in words
	Step     int    // the exchange in which it was first seen, 0 if it was in none
	Verified string // in words
	Header   string // JSON
	Claims   string // JSON
	Times    []Time
	Audience string
	Changes  []string // since the one before of the same name
}

// A Time is a claim that is a time.
type Time struct{ Name, At, Relative string }

// jwt is a JWT in a redacted exchange: the tag of the whole stands in the place of its signature.
var jwt = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(eyJ[A-Za-z0-9_-]*)\.(eyJ[A-Za-z0-9_-]*)\.\[secret [0-9a-f]+\]`)
})

// tokens are the JWTs of a run: those that were verified, and all others that an exchange holds.
func tokens(record *transcript.Record, redactor *transcript.Redactor, steps []Step) []Token {
	var list []Token
	known := map[string]bool{}
	for _, step := range steps {
		for _, part := range partsOf(step.Exchange) {
			for _, found := range jwt().FindAllStringSubmatch(part.Value, -1) {
				if known[found[0]] {
					continue
				}
				known[found[0]] = true
				if t, ok := decoded(part.Name, found[1], found[2], step.Start); ok {
					t.Step = step.Number
					t.Where = fmt.Sprintf("%s of exchange %d", part.where, step.Number)
					list = append(list, t)
				}
			}
		}
	}
	list = verified(list, record, redactor)
	for i := range list {
		for _, earlier := range slices.Backward(list[:i]) {
			if earlier.Name == list[i].Name {
				list[i].Changes = changes(earlier.Claims, list[i].Claims)
				break
			}
		}
	}
	return list
}

// verified says of tokens what the run found, and adds those that were in no exchange.
func verified(list []Token, record *transcript.Record, redactor *transcript.Redactor) []Token {
	for _, result := range record.Results {
		t, ok := result.Value.(*transcript.Token)
		if !ok {
			continue
		}
		claims := redactor.Text(transcript.Indent(t.Claims))
		word := "not verified"
		if t.Verified {
			word = "verified"
		}
		i := slices.IndexFunc(list, func(one Token) bool { return one.Claims == claims })
		if i < 0 {
			one := described(result.Member, redactor.Text(transcript.Indent(t.Header)), claims, time.Time{})
			one.Where = "not in an exchange as plain text"
			i, list = len(list), append(list, one)
		}
		list[i].Verified = word
	}
	for i := range list {
		if list[i].Verified == "" {
			list[i].Verified = "not judged by this command"
		}
	}
	return list
}

// A part is a named text of an exchange.
type part struct {
	transcript.Parameter
	where string
}

// partsOf are the texts of an exchange that can hold a token.
func partsOf(e *transcript.Exchange) []part {
	var list []part
	for _, p := range slices.Concat(e.Query, e.Form) {
		list = append(list, part{p, "in the request"})
	}
	response, err := strictjson.Parse([]byte(e.ResponseBody))
	if err != nil {
		return append(list, part{transcript.Parameter{Name: e.Endpoint, Value: e.ResponseBody}, "in the response"})
	}
	for _, m := range response.Members {
		if text, ok := strictjson.Text(m.Value); ok {
			list = append(list, part{transcript.Parameter{Name: m.Name, Value: text}, "in the response"})
		}
	}
	return list
}

// decoded is a JWT by its encoded header and claims. ok is false if it is none.
func decoded(name, header, claims string, at time.Time) (t Token, ok bool) {
	head, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil {
		return t, false
	}
	body, err := base64.RawURLEncoding.DecodeString(claims)
	if err != nil {
		return t, false
	}
	if _, err := strictjson.Parse(body); err != nil {
		return t, false
	}
	return described(name, transcript.Indent(head), transcript.Indent(body), at), true
}

// described is a token with its times and audience in words. Times are relative to at, if it is known.
func described(name, header, claims string, at time.Time) Token {
	t := Token{Name: name, Header: header, Claims: claims}
	o, err := strictjson.Parse([]byte(claims))
	if err != nil {
		return t
	}
	if audience, ok := o.Get("aud"); ok {
		t.Audience = compact(audience)
	}
	for _, name := range []string{"iat", "nbf", "exp", "auth_time"} {
		seconds, ok, err := o.Number(name)
		if !ok || err != nil || seconds < 0 || seconds > 1e11 {
			continue
		}
		moment := time.Unix(int64(seconds), 0).UTC()
		one := Time{Name: name, At: moment.Format(time.RFC3339)}
		if !at.IsZero() {
			one.Relative = relative(moment.Sub(at).Round(time.Second))
		}
		t.Times = append(t.Times, one)
	}
	return t
}

// relative writes a distance from the time of the exchange.
func relative(d time.Duration) string {
	if d < 0 {
		return (-d).String() + " before the exchange"
	}
	return d.String() + " after the exchange"
}

// changes are the claims that differ between two tokens, one a line.
func changes(before, after string) []string {
	a, errA := strictjson.Parse([]byte(before))
	b, errB := strictjson.Parse([]byte(after))
	if errA != nil || errB != nil {
		return nil
	}
	var list []string
	for _, m := range b.Members {
		old, ok := a.Get(m.Name)
		switch {
		case !ok:
			list = append(list, fmt.Sprintf("%s is new: %s", m.Name, compact(m.Value)))
		case compact(old) != compact(m.Value):
			list = append(list, fmt.Sprintf("%s changed from %s to %s", m.Name, compact(old), compact(m.Value)))
		}
	}
	for _, m := range a.Members {
		if !b.Has(m.Name) {
			list = append(list, m.Name+" is missing; it was "+compact(m.Value))
		}
	}
	if list == nil {
		return []string{"no claim changed (" + strconv.Itoa(len(b.Members)) + " claims)"}
	}
	return list
}

// compact is JSON on one line.
func compact(value json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		return string(value)
	}
	return b.String()
}
