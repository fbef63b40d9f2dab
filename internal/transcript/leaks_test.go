package transcript

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const canary = "canary\"refresh-token-of-some-length"

// An answering is a transport with one answer, or none.
type answering struct {
	res *http.Response
	err error
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	return a.res, a.err
}

// exchange records one refresh and returns what is shown of it.
func exchange(t *testing.T, reveal bool, a answering) string {
	t.Helper()
	var shown bytes.Buffer
	text := &Text{W: &shown}
	r := &Recorder{
		Base: a, Redactor: NewRedactor(), Name: func(context.Context) string { return "token" }, Now: time.Now,
		Show: text.Exchange, Reveal: reveal,
	}
	form := strings.NewReader("grant_type=refresh_token&refresh_token=canary%22refresh-token-of-some-length")
	const to = "https://op.example/token?code=canary-code-in-the-query"
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, to, form)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Basic Y2FuYXJ5OmNhbmFyeS1jbGllbnQtc2VjcmV0") // canary:canary-client-secret
	res, err := r.RoundTrip(req)
	if err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	return shown.String()
}

func says(mediaType, body string, more ...string) answering {
	header := http.Header{"Content-Type": {mediaType}}
	for i := 0; i+1 < len(more); i += 2 {
		header[more[i]] = []string{more[i+1]}
	}
	return answering{res: &http.Response{
		Status: "200 OK", StatusCode: 200, Header: header, Body: io.NopCloser(strings.NewReader(body)),
	}}
}

// H27: wherever a secret stands in an exchange, it is not shown.
func TestExchangesShowNoSecret(t *testing.T) {
	t.Parallel()
	status := says("text/plain", "")
	status.res.Status = "400 " + canary
	const jwt = "eyJhbGciOiJub25lIn0.canary-token-in-the-middle.canary-signature"
	for name, a := range map[string]answering{
		"status":                {res: status.res},
		"error":                 {err: errors.New(`malformed header: "` + canary + `"`)},
		"header":                says("text/plain", "", "X-Echo", canary),
		"header before body":    says("application/json", `{"access_token":"canary-access-token"}`, "X-Echo", "canary-access-token"),
		"header's name":         says("text/plain", "", canary, "x"),
		"header's name, spelt":  says("text/plain", "", http.CanonicalHeaderKey("canary-client-secret"), "x"),
		"quoted":                says("application/json", `{"error_description":"canary\"refresh-token-of-some-length"}`),
		"form":                  says("application/x-www-form-urlencoded", canary),
		"camel case":            says("application/json", `{"accessToken":"canary-access-token","Refresh-Token":"canary-x"}`),
		"hidden name":           says("application/json", `{"refresh\u005ftoken":"canary-rotated","a":1,"a":2}`),
		"text":                  says("text/plain", "refresh_token canary-rotated-and-long"),
		"short name in a page":  says("text/html", "<p>the password canary-rotated-and-long"),
		"shortest name":         says("text/html", "<p>the token canary-rotated-and-long"),
		"HTML entity":           says("text/html", "<p>canary&quot;refresh&#45;token-of-some-length"),
		"percent, lower case":   says("application/json", `{"note":"canary%22refresh%2dtoken-of-some-length"}`),
		"not HTTP":              {err: errors.New(`net/http: HTTP/1.x transport connection broken: malformed HTTP response "{\"access_token\":\"canary\"}"`)},
		"cut":                   says("application/json", `{"refresh_token":"canary-rotated`),
		"beginning of a secret": says("application/json", `{"note":"canary\"refresh-token"}`),
	} {
		if shown := exchange(t, false, a); strings.Contains(strings.ToLower(shown), "canary") {
			t.Errorf("%s: %s", name, shown)
		}
	}
	shown := exchange(t, false, says("application/json", `{"id_token":"`+jwt+`"}`))
	if strings.Contains(shown, "canary-signature") {
		t.Errorf("a signature is shown: %s", shown)
	}
}

// With Reveal everything is shown as it came.
func TestRevealShowsEverything(t *testing.T) {
	t.Parallel()
	const jwt = "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.canary-signature"
	for name, a := range map[string]answering{
		"JSON":       says("application/json", `{"id_token":"`+jwt+`","token":{"canary-member":1}}`, "Set-Cookie", "canary-cookie"),
		"JWT":        says("application/jwt", jwt),
		"unreadable": says("application/json", `{"refresh_token":"canary-signature canary-member canary-cookie`),
	} {
		shown := exchange(t, true, a)
		wanted := []string{
			"Y2FuYXJ5OmNhbmFyeS1jbGllbnQtc2VjcmV0", "canary-code-in-the-query", "canary%22refresh-token-of-some-length",
			"canary-signature",
		}
		if name == "JSON" {
			wanted = append(wanted, "canary-member", "canary-cookie")
		}
		for _, want := range wanted {
			if !strings.Contains(shown, want) {
				t.Errorf("%s: %s is not shown:\n%s", name, want, shown)
			}
		}
	}
}

// What is held is shown when it is released, and in order.
func TestHold(t *testing.T) {
	t.Parallel()
	var shown []string
	r := &Recorder{Show: func(e *Exchange) { shown = append(shown, e.Endpoint) }}
	r.Hold()
	r.show(&Exchange{Endpoint: "jwks"})
	r.show(&Exchange{Endpoint: "token"})
	if len(shown) != 0 {
		t.Errorf("shown while held: %v", shown)
	}
	r.Release()
	r.show(&Exchange{Endpoint: "userinfo"})
	if strings.Join(shown, " ") != "jwks token userinfo" {
		t.Errorf("%v", shown)
	}
}

// A provider that calls thousands of things secrets makes nobody wait, and hides
// no real one behind them.
func TestLearningIsBounded(t *testing.T) {
	t.Parallel()
	r := NewRedactor()
	for i := range 20_000 {
		r.value("token", fmt.Sprintf("a-so-called-secret-%d", i))
	}
	if len(r.named) > mostNamed+4 {
		t.Errorf("%d are known", len(r.named))
	}
	r.value("refresh_token", "canary-refresh-token") // called one first, known to be one then
	r.Learn("canary-refresh-token")
	if text := r.Text("it is canary-refresh-token"); strings.Contains(text, "canary") {
		t.Errorf("%s", text)
	}
}

// A word that a provider calls a secret is not taken out of what is said.
func TestWordsAreNotSecrets(t *testing.T) {
	t.Parallel()
	r := NewRedactor()
	r.Body("application/json", []byte(`{"error":"invalid_grant","code":"invalid_grant","token":"https://op.example/errors/expired"}`))
	const said = "invalid_grant at https://op.example/errors/expired"
	if got := r.Text(said); got != said {
		t.Errorf("%s", got)
	}
}
