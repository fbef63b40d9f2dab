package report

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

// start is when the first exchange of a test began.
var start = time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)

// exchange is a request to an endpoint that took place some milliseconds after the start.
func exchange(endpoint string, after, took int) *transcript.Exchange {
	return &transcript.Exchange{
		Endpoint: endpoint, Method: http.MethodGet, URL: "https://op.example/" + endpoint, Status: "200 OK",
		Protocol: "HTTP/1.1", Address: "192.0.2.1:443", Start: start.Add(time.Duration(after) * time.Millisecond),
		Duration: time.Duration(took) * time.Millisecond, ResponseHeader: []string{"Content-Type: application/json"},
		ResponseBody: "{\n}",
	}
}

// told is the story of exchanges and rules.
func told(checks check.Results, failed *failure.Failure, exchanges ...*transcript.Exchange) *Story {
	log := &transcript.Log{}
	for _, e := range exchanges {
		log.Add(e)
	}
	record := &transcript.Record{
		Command: "refresh-token", Issuer: "https://op.example", Exchanges: log, Checks: checks, Failure: failed,
	}
	return Tell(record, transcript.NewRedactor(), About{
		Arguments: []string{"refresh-token", "it's"}, Version: "v1", Ended: start.Add(time.Second),
	})
}

// forms renders a story in every form.
func forms(t *testing.T, s *Story) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range Forms() {
		form, err := FormOf("r" + strings.ToUpper(name))
		if err != nil {
			t.Fatal(err)
		}
		data, err := form.Render(s)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(data)
	}
	return all
}

// hostile is text that does something in a page, a terminal, a diagram or a shell.
const hostile = "</script><script>alert(1)</script>\x1b[31m\u202e$(touch pwned)`id`\";end\nREQUEST\nid #x;"

func TestHostileTextIsInert(t *testing.T) {
	e := exchange("token", 0, 5)
	e.ResponseBody, e.Err, e.Header = hostile, hostile, []string{"X-Text: " + hostile}
	e.URL, e.Method = "https://op.example/"+hostile, http.MethodPost
	e.Form = []transcript.Parameter{{Name: hostile, Value: hostile}}
	e.Query = []transcript.Parameter{{Name: "a", Value: hostile}}
	checks := check.Results{{
		ID: "token_response.x", Level: check.Must, Text: "it holds",
		Verdict: check.Verdict{Outcome: check.Fail, Want: hostile, Got: hostile, Note: hostile},
	}}
	s := told(checks, &failure.Failure{Message: hostile, Hint: hostile, Endpoint: "token"}, e)
	for name, text := range forms(t, s) {
		for _, bad := range []string{"\x1b", "\u202e"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s holds %q", name, bad)
			}
		}
		switch name {
		case ".html":
			if strings.Contains(text, "<script>") || strings.Count(text, "</script>") != 1 {
				t.Error("the page holds a script")
			}
		case ".mmd":
			if strings.Count(text, "\n") != 7 {
				t.Errorf("a text makes lines of its own:\n%s", text)
			}
		case ".sh":
			for line := range strings.Lines(text) {
				if strings.HasPrefix(line, "REQUEST") && line != "REQUEST\n" || strings.HasPrefix(line, "id") {
					t.Errorf("a text makes a line of its own: %s", line)
				}
				if !strings.HasPrefix(line, "#") && strings.Contains(strings.ReplaceAll(line, `\$(`, ""), "$(touch") {
					t.Errorf("a text is a command: %s", line)
				}
			}
		}
	}
}

func TestBrokenRuleIsFound(t *testing.T) {
	checks := check.Results{
		{ID: "discovery.issuer", Level: check.Must, Verdict: check.Verdict{Outcome: check.Pass}},
		{ID: "id_token.iss", Level: check.Must, Text: "iss is the issuer", Verdict: check.Verdict{Outcome: check.Fail}},
		{ID: "id_token.azp", Level: check.Must, Verdict: check.Verdict{Outcome: check.NotApplicable}},
	}
	s := told(checks, &failure.Failure{Message: "verification failed", Code: "id_token.iss"},
		exchange("discovery", 0, 5), exchange("token", 5, 5), exchange("jwks", 6, 5))
	if got := s.Steps[1].Fault; got != "breaks the rule id_token.iss" {
		t.Errorf("the token response: %q", got)
	}
	if s.Steps[0].Fault != "" || s.Steps[2].Fault != "" {
		t.Errorf("blamed too: %q, %q", s.Steps[0].Fault, s.Steps[2].Fault)
	}
	tables := s.Tables()
	if len(tables) != 2 || tables[1].Name != "id_token" || tables[1].Step != 2 || len(tables[1].Rules) != 1 ||
		len(tables[1].NotApplicable) != 1 {
		t.Errorf("%+v", tables)
	}
	for name, text := range forms(t, s) {
		if name == ".sh" {
			continue // it repeats requests, and judges nothing
		}
		if !strings.Contains(text, "id_token.iss") {
			t.Errorf("%s does not name the rule", name)
		}
	}
}

// The page holds the JSON document, and the HAR is JSON with the times of the exchanges.
func TestFormsAreData(t *testing.T) {
	e := exchange("token", 0, 12)
	e.Timing = transcript.Timing{
		DNS: time.Millisecond, Connect: 2 * time.Millisecond, TLS: 3 * time.Millisecond, Send: time.Millisecond,
		Wait: 4 * time.Millisecond, Body: time.Millisecond,
	}
	all := forms(t, told(nil, nil, e))
	_, rest, _ := strings.Cut(all[".html"], `id="document">`)
	data, _, _ := strings.Cut(rest, "</script>")
	var document struct{ Command string }
	if err := json.Unmarshal([]byte(data), &document); err != nil || document.Command != "refresh-token" {
		t.Errorf("%v: %s", err, data)
	}
	var archive struct {
		Log struct {
			Version string
			Entries []struct {
				Time    float64
				Timings map[string]float64
			}
		}
	}
	if err := json.Unmarshal([]byte(all[".har"]), &archive); err != nil {
		t.Fatal(err)
	}
	entry := archive.Log.Entries[0]
	if archive.Log.Version != "1.2" || entry.Time != 12 || entry.Timings["connect"] != 5 || entry.Timings["ssl"] != 3 {
		t.Errorf("%+v", archive)
	}
}

func TestTokens(t *testing.T) {
	token := func(claims, tag string) string {
		encode := base64.RawURLEncoding.EncodeToString
		return encode([]byte(`{"alg":"ES256"}`)) + "." + encode([]byte(claims)) + ".[secret " + tag + "]"
	}
	first, second := exchange("token", 0, 5), exchange("token", 10, 5)
	first.ResponseBody = fmt.Sprintf(`{"id_token":%q}`, token(`{"sub":"u","exp":1795946400,"nonce":"n"}`, "0a0a0a0a"))
	second.ResponseBody = fmt.Sprintf(`{"id_token":%q}`, token(`{"sub":"u","exp":1795950000,"amr":["pwd"]}`, "0b0b0b0b"))
	s := told(nil, nil, first, second)
	if len(s.Tokens) != 2 {
		t.Fatalf("%+v", s.Tokens)
	}
	want := []string{
		"exp changed from 1795946400 to 1795950000", `amr is new: ["pwd"]`, `nonce is missing; it was "n"`,
	}
	if got := s.Tokens[1].Changes; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := s.Tokens[0].Times[0]; got.At != "2026-11-29T10:00:00Z" || got.Relative != "0s after the exchange" {
		t.Errorf("%+v", got)
	}
}

// Exchanges that go on at the same time count once.
func TestRoundTrips(t *testing.T) {
	discovery, token, keys, info := exchange("discovery", 0, 10), exchange("token", 10, 10), exchange("jwks", 11, 5),
		exchange("userinfo", 21, 5)
	discovery.Timing = transcript.Timing{Connect: time.Millisecond, TLS: time.Millisecond}
	if got := told(nil, nil, discovery, token, keys, info).Waterfall(); got.RoundTrips != 5 || len(got.Bars) != 4 {
		t.Errorf("%d round trips in %d bars, want 5 in 4", got.RoundTrips, len(got.Bars))
	}
}

// A secret is one variable wherever it stands. One that a response holds is taken from there.
func TestScriptVariables(t *testing.T) {
	token, info := exchange("token", 0, 5), exchange("userinfo", 6, 5)
	token.Method = http.MethodPost
	token.Form = []transcript.Parameter{
		{Name: "grant_type", Value: "refresh_token"}, {Name: "refresh_token", Value: "[secret 11111111]"},
	}
	token.ResponseBody = `{"access_token":"eyJh.eyJz.[secret 22222222]","refresh_token":"[secret 33333333]"}`
	info.Header = []string{"Authorization: Bearer [secret 22222222]", "Host: op.example"}
	text := forms(t, told(nil, nil, token, info))[".sh"]
	for _, want := range []string{
		`: "${REFRESH_TOKEN:?the refresh token of request 1}"`,
		`data-urlencode = "refresh_token=$(escape "$REFRESH_TOKEN")"`,
		"ACCESS_TOKEN=$(member 'access_token')\n", `header = "Authorization: Bearer $(escape "$ACCESS_TOKEN")"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, "[secret") || strings.Contains(text, "REFRESH_TOKEN_2") || strings.Contains(text, "Host:") {
		t.Error(text)
	}
}

// A request that works once is not sent again, and the script says why.
func TestScriptLeavesOut(t *testing.T) {
	code, proof, returned := exchange("token", 0, 5), exchange("token", 6, 5), exchange("", 7, 0)
	code.Form = []transcript.Parameter{{Name: "code", Value: "[secret 11111111]"}}
	proof.Header = []string{"Dpop: [secret 22222222]"}
	returned.Endpoint, returned.Browser, returned.Via = transcript.AuthorizationResponse, true, transcript.ViaQuery
	text := forms(t, told(nil, nil, code, proof, returned))[".sh"]
	if strings.Contains(text, "--config") || strings.Count(text, "# Not repeated: ") != 3 {
		t.Error(text)
	}
}

func TestFormOf(t *testing.T) {
	for _, path := range []string{"", "report", "r.pdf", ".html/r", "r.html.gz"} {
		if form, err := FormOf(path); err == nil {
			t.Errorf("%q is a %s", path, form)
		}
	}
}

// BenchmarkPage renders a report of 200 exchanges and 100 rules.
func BenchmarkPage(b *testing.B) {
	var exchanges []*transcript.Exchange
	for i := range 200 {
		e := exchange("token", i*10, 8)
		e.ResponseBody = `{"keys":"` + strings.Repeat("abcdefgh", 250) + `"}`
		exchanges = append(exchanges, e)
	}
	checks := make(check.Results, 100)
	for i := range checks {
		checks[i] = check.Result{
			ID: fmt.Sprintf("id_token.%d", i), Text: "a rule", Verdict: check.Verdict{Outcome: check.Pass},
		}
	}
	for _, name := range Forms() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Form(name).Render(told(checks, nil, exchanges...)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
