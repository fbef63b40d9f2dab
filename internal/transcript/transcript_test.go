package transcript

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/failure"
)

var at = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// H14: nothing that steers a terminal or deceives the eye comes through.
func TestEscape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain ünïcode 漢字 😀":                 "plain ünïcode 漢字 😀",
		"\x1b]0;title\x07":                   `\u001b]0;title\u0007`,
		"a\r\nb\tc":                          `a\u000d\u000ab\u0009c`,
		"\u009b31m\x7f":                      `\u009b31m\u007f`,
		"\u202eevil\u2066":                   `\u202eevil\u2066`,
		"a\u2028b\u200bc":                    `a\u2028b\u200bc`,
		"\xff\xfe":                           `\xff\xfe`,
		"a\u3164b\u2800\u115f":               `a\u3164b\u2800\u115f`,
		"tag \U000e0041":                     `tag \udb40\udc41`,
		"\ufeffmark":                         `\ufeffmark`,
		"note \U0001d173":                    `note \ud834\udd73`,
		"select \ufe00\U000e0100":            `select \ufe00\udb40\udd00`,
		"❤\ufe0f \U0001f468\u200d\U0001f469": "❤\\ufe0f \U0001f468\\u200d\U0001f469",
		"number \U000110bd":                  `number \ud804\udcbd`,
		"private \ue000":                     `private \ue000`,
		"nothing yet \U000effff":             `nothing yet \udb7f\udfff`,
		"nobody's \ufdd0":                    `nobody's \ufdd0`,
		"null \U0001d159":                    `null \ud834\udd59`,
		"no-break\u00a0space":                "no-break\u00a0space",
		"e\u0301 क्षि ไทย עברית":             "e\u0301 क्षि ไทย עברית",
		"a real \ufffd character":            "a real \ufffd character",
	} {
		if got := Escape(in); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
	if got := EscapeLines("a\n\tb\x1b"); got != "a\n\tb\\u001b" {
		t.Errorf("lines: %q", got)
	}
}

// Nothing that Unicode calls a control, format, private or surrogate character or a separator
// of lines comes through, nor what selects variants.
func TestEscapeKnowsEveryCharacter(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Bidi_Control,
			unicode.Join_Control) {
			if shown := Escape(string(r)); shown == string(r) && utf8.ValidRune(r) {
				t.Errorf("%U comes through", r)
			}
		}
	}
	for r := rune(' '); r < 0x7f; r++ {
		if Escape(string(r)) != string(r) {
			t.Errorf("%c does not", r)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("\x1b[2J\u202e\xff")
	f.Fuzz(func(t *testing.T, in string) {
		for _, r := range Escape(in) {
			if unicode.IsControl(r) || dangerous(r) {
				t.Fatalf("%q: %U came through", in, r)
			}
		}
	})
}

// response is a token response with all that is odd about one.
func response() TokenResponse {
	return TokenResponse{
		Raw:     []byte(`{"x":1.50,"token_type":"Bearer","expires_in":3600,"access_token":"at","big":9007199254740993,"évil":"\u001b[2J` + "\u202e" + `<&>"}`),
		Expires: at.Add(time.Hour),
		IDToken: &Token{Header: []byte(`{"alg":"RS256"}`), Claims: []byte(`{"nonce":"n-0S6"}`), Verified: true},
	}
}

func record() *Record {
	r := &Record{
		Command: "refresh-token", Issuer: "https://op.example",
		Checks: check.Results{{
			ID: "id_token.iss", Level: check.Must,
			Spec: check.Spec{Doc: "OpenID Connect Core 1.0", Section: "3.1.3.7", Item: 2},
			Text: "iss is the issuer.", Verdict: check.Verdict{Outcome: check.Fail, Want: `"a"`, Got: `"b"`},
		}},
		Failure: &failure.Failure{Kind: failure.KindVerification, Code: "id_token.iss", Message: "broken"},
	}
	t := response()
	r.Add(t.Result(at))
	r.Add(Result{Member: "id_token", Value: "replaced"})
	r.Add(TokenClaims("id_token", "IDToken Claims", "IDTokenClaims", t.IDToken))
	r.Add(JSONResult("userinfo", "Userinfo Claims", "UserInfoClaims", []byte(`{"sub":"u"}`)))
	r.Seal()
	return r
}

func TestTextBlocksAreTheSeedPages(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	view := &TextView{Blocks: &Text{W: &b}}
	for _, r := range []Result{
		response().Result(at), JSONResult("userinfo", "Userinfo Claims", "UserInfoClaims", []byte(`{}`)),
		{Title: "Stopping server"},
	} {
		if err := view.Result(r); err != nil {
			t.Fatal(err)
		}
	}
	want := `[INFO]  oidc-client: Access Token Response:
  Response=
  | {
  |     "access_token": "at",
  |     "refresh_token": "",
  |     "scope": "",
  |     "id_token": "",
  |     "token_type": "Bearer",
  |     "nonce": "n-0S6",
  |     "expires_in_human_readable": "` + response().Expires.Local().Format(time.RFC3339) + ` (in 1h0m0s)",
  |     "x": 1.50,
  |     "expires_in": 3600,
  |     "big": 9007199254740993,
  |     "évil": "\u001b[2J\u202e<&>"
  | }
  
[INFO]  oidc-client: Userinfo Claims:
  UserInfoClaims=
  | {
  | }
  
[INFO]  oidc-client: Stopping server
`
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
	b.Reset()
	(&Text{W: &b, Colour: true}).Line(LevelError, "x\x1b[0m")
	if b.String() != "\x1b[31m[ERROR]\x1b[0m oidc-client: x\\u001b[0m\n" {
		t.Errorf("colour: %q", b.String())
	}
}

func TestWithoutIDTokenOrExpiry(t *testing.T) {
	t.Parallel()
	r := TokenResponse{Raw: []byte(`{"access_token":"at","token_type":"Bearer"}`)}
	view := string(r.view(at))
	if !strings.Contains(view, `"nonce":"-","expires_in_human_readable":""`) {
		t.Errorf("got %s", view)
	}
	r.Expires = at.Add(-time.Minute)
	if view := string(r.view(at)); !strings.Contains(view, "(expired 1m0s ago)") {
		t.Errorf("got %s", view)
	}
}

func TestJSONDocument(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := (&JSONView{W: &b}).End(record()); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.String() {
		if r != '\n' && dangerous(r) {
			t.Errorf("%U came through", r)
		}
	}
	var doc struct {
		Schema        int
		Command       string
		TokenResponse map[string]json.RawMessage `json:"token_response"`
		IDToken       map[string]json.RawMessage `json:"id_token"`
		Checks        []map[string]any
		Error         map[string]any
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if string(doc.TokenResponse["big"]) != "9007199254740993" || string(doc.TokenResponse["x"]) != "1.50" ||
		string(doc.TokenResponse["expires_at"]) != `"2026-01-02T16:04:05Z"` ||
		string(doc.IDToken["verified"]) != "false" {
		t.Errorf("got %s", b.String())
	}
	if c := doc.Checks[0]; c["waived"] != false || c["outcome"] != "fail" || c["note"] != nil || c["text"] != nil {
		t.Errorf("check: %v", c)
	}
	if doc.Error["kind"] != "verification" || doc.Error["http_status"] != nil {
		t.Errorf("error: %v", doc.Error)
	}
}

// H27: secrets are taken out by name, in every form they travel in, and equal
// ones stay equal.
func TestRedaction(t *testing.T) {
	t.Parallel()
	r := NewRedactor()
	const secret = "canary/secret+1"
	r.Learn(secret)
	u, err := url.Parse("https://user:pw@op.example/cb?code=canary-code&state=st#access_token=canary-token&x=y")
	if err != nil {
		t.Fatal(err)
	}
	const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1In0.canary-signature"
	shown := strings.Join(slices.Concat(
		[]string{r.URL(u)},
		r.Header(http.Header{
			"Authorization": {"Basic canary-basic"}, "Set-Cookie": {"sid=canary-cookie"}, "Dpop": {"canary-proof"},
			"X-Api-Key": {"canary-part1 canary-part2"}, "Cookie": {"canary-sid x=1"},
			"Location": {"https://a.example/?code=canary-location"}, "X-Other": {"kept " + url.QueryEscape(secret)},
		}),
		r.Form(url.Values{
			"refresh_token": {"canary-refresh"}, "grant_type": {"refresh_token"}, "client_assertion": {jwt},
		}),
		[]string{
			r.Body("application/json; charset=utf-8", []byte(`{"access_token":"canary-at","nested":[{"id_token":"`+jwt+`"},{"client_secret":["canary-list"]}],"note":"`+secret+`","n":1}`)),
			r.Body("application/json", []byte(`{"value":"eyJhbGciOiJFUzI1NiJ9.e30.canary-job"}`)), // a JWT, by any name
			r.Body("application/x-www-form-urlencoded", []byte("password=canary-password&scope=a")),
			r.Body("application/jwt", []byte(jwt)),
			r.Body("text/html", []byte("<p>hello "+secret)),
			r.Body("application/json", []byte(`{"access_token":"canary-broken`)),
		},
	), "\n")
	if strings.Contains(shown, "canary") || strings.Contains(shown, "user:pw") {
		t.Errorf("a secret is shown:\n%s", shown)
	}
	for _, kept := range []string{
		"state=st", "grant_type=refresh_token", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1In0.[secret ", "X-Other: kept",
		"scope=a", `"n": 1`, "<p>hello",
	} {
		if !strings.Contains(shown, kept) {
			t.Errorf("%s is gone:\n%s", kept, shown)
		}
	}
	if one, again := r.Tag("a"), r.Tag("a"); one != again || one == r.Tag("b") || one == NewRedactor().Tag("a") {
		t.Error("tags")
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRecorder(t *testing.T) {
	t.Parallel()
	var shown []*Exchange
	r := &Recorder{
		Redactor: NewRedactor(), Name: func(context.Context) string { return "token" },
		Now:  func() time.Time { return at },
		Show: func(e *Exchange) { shown = append(shown, e) },
		Base: roundTripper(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil || string(body) != "refresh_token=canary" {
				t.Errorf("the server got %q, %v", body, err)
			}
			if r.URL.Path == "/down" {
				return nil, errors.New("refused")
			}
			return &http.Response{
				Status: "200 OK", StatusCode: 200,
				Header: http.Header{
					"Content-Type": {"application/json"}, "Date": {at.Add(90 * time.Second).Format(http.TimeFormat)},
				},
				Body: io.NopCloser(strings.NewReader(`{"access_token":"canary"}`)),
			}, nil
		}),
	}
	for _, path := range []string{"/token", "/down"} {
		form := strings.NewReader("refresh_token=canary")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://op.example"+path, form)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := r.RoundTrip(req)
		if err != nil {
			continue
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || string(body) != `{"access_token":"canary"}` {
			t.Errorf("the client got %q, %v", body, err)
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	if skew, ok := r.Skew(); !ok || skew != 90*time.Second {
		t.Errorf("skew %v, %v", skew, ok)
	}
	var b bytes.Buffer
	text := &Text{W: &b}
	for _, e := range shown {
		text.Exchange(e)
	}
	if len(shown) != 2 || strings.Contains(b.String(), "canary") ||
		!strings.Contains(b.String(), "token request: POST https://op.example/token") ||
		!strings.Contains(b.String(), "none after 0s: refused") {
		t.Errorf("%d shown:\n%s", len(shown), b.String())
	}
}
