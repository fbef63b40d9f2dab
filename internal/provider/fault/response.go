// Faults of token and UserInfo responses, and of the way any answer comes: RFC
// 6749 section 5, RFC 6750 section 3, OpenID Connect Core 1.0 section 5.3, HTTP.

package fault

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

func responseFaults() []Fault {
	response := func(name, text string, breaks, rows []string, change func(map[string]any)) Fault {
		return Fault{
			Name: "token-" + name, Text: text, At: "token", Breaks: breaks, Rows: rows,
			spoil: at("token", func(a *answer) { a.edit(change) }),
		}
	}
	kind := []string{"token_response.token_type"}
	return []Fault{
		response("access-token-missing", "The token response has no access_token",
			[]string{"token_response.access_token"}, nil, set("access_token", nil)),
		response("access-token-number", "The token response has an access_token that is a number",
			[]string{"token_response.access_token"}, nil, set("access_token", 1)),
		response("access-token-break", "The token response has an access_token with a line break and a header after it",
			[]string{"token_response.access_token"}, []string{"H25"}, set("access_token", "x\r\nX-Injected: 1")),
		response("type-missing", "The token response has no token_type", kind, []string{"V33"}, set("token_type", nil)),
		response("type-unknown", "The token response has a token_type that nobody knows", kind, []string{"V33"},
			set("token_type", "mac")),
		response("type-dpop", "The token response has the token_type DPoP, which was not asked for", kind,
			[]string{"V33", "V64"}, set("token_type", "DPoP")),
		accepted(response("type-upper-case", "The token response has the token_type BEARER", nil, []string{"F04"},
			set("token_type", "BEARER"))),
		response("lifetime-text", "The token response has the expires_in \"abc\"",
			[]string{"token_response.expires_in"}, []string{"H17"}, set("expires_in", "abc")),
		response("lifetime-list", "The token response has a list as expires_in", []string{"token_response.expires_in"},
			[]string{"H17"}, set("expires_in", []any{3600})),
		accepted(response("lifetime-string", "The token response has the expires_in \"3600\"", nil, []string{"H17"},
			set("expires_in", "3600"))),
		accepted(response("lifetime-fraction", "The token response has the expires_in 3599.5", nil, []string{"H17"},
			set("expires_in", json.Number("3599.5")))),
		accepted(response("lifetime-missing", "The token response has no expires_in", nil, []string{"F05", "A04"},
			set("expires_in", nil))),
		accepted(response("lifetime-zero", "The token response has the expires_in 0",
			[]string{"token_response.lifetime"}, []string{"H17"}, set("expires_in", 0))),
		accepted(response("lifetime-negative", "The token response has the expires_in -1",
			[]string{"token_response.lifetime"}, []string{"H17"}, set("expires_in", -1))),
		accepted(response("lifetime-huge", "The token response has the expires_in 1e19",
			[]string{"token_response.lifetime"}, []string{"H17"}, set("expires_in", json.Number("1e19")))),
		response("refresh-token-number", "The token response has a refresh_token that is a number",
			[]string{"token_response.refresh_token"}, nil, set("refresh_token", 7351028946)),
		response("refresh-token-escapes", "The token response has a refresh_token of escape sequences",
			[]string{"token_response.refresh_token"}, []string{"H14"}, set("refresh_token", "\x1b]0;pwned\x07")),
		accepted(response("refresh-token-missing", "The token response has no refresh_token: the old one stays valid",
			nil, []string{"R09"}, set("refresh_token", nil))),
		accepted(response("refresh-token-empty",
			"The token response has an empty refresh_token, which counts as none: the old one stays valid", nil,
			[]string{"R09"}, set("refresh_token", ""))),
		response("id-token-object", "The token response has an id_token that is an object",
			[]string{"token_response.id_token"}, nil, set("id_token", map[string]any{"sub": "mallory"})),
		demanding("require_id_token: true\n", response("id-token-missing", "The token response has no id_token",
			[]string{"id_token.present"}, []string{"V14"}, set("id_token", nil))),
		accepted(response("id-token-left-out", "The response to a refresh has no id_token, which is allowed", nil,
			[]string{"R09"}, set("id_token", nil))),
		response("scope-list", "The token response has a scope that is a list", []string{"token_response.scope"}, nil,
			set("scope", []any{"openid"})),
		accepted(response("scope-less", "The token response has less scope than was asked for", nil,
			[]string{"R10", "V34"}, set("scope", "openid"))),
		response("error-beside-tokens", "The token response has an error beside the tokens", []string{"server_error"},
			[]string{"V32"}, set("error", "server_error")),
		refusal("refused", "The refresh token is refused", http.StatusBadRequest,
			`{"error":"invalid_grant","error_description":"the refresh token is expired"}`, []string{"V32"}),
		refusal("refused-200", "The refresh token is refused with the HTTP status 200", http.StatusOK,
			`{"error":"invalid_grant"}`, []string{"H23"}),
		refusal("refused-escapes", "The refresh token is refused with escape sequences in the description",
			http.StatusBadRequest,
			`{"error":"invalid_grant","error_description":"\u001b]0;pwned\u0007\u202e\u009b31m\r\n`+
				`[INFO]  oidc-client: all is well"}`, []string{"H14"}),
		{
			Name: "token-refused-and-echoed",
			Text: "The refresh token is refused, and the description repeats the request", At: "token",
			Breaks: []string{"invalid_grant"}, Rows: []string{"H27"},
			spoil: at("token", func(a *answer) {
				said := a.request.PostForm.Encode() + " " + a.request.PostForm.Get("refresh_token") + " " +
					a.request.Header.Get("Authorization")
				a.say(http.StatusBadRequest, "application/json",
					encode(map[string]any{"error": "invalid_grant", "error_description": said}))
			}),
		},
	}
}

// refusal makes the token endpoint refuse.
func refusal(name, text string, status int, body string, rows []string) Fault {
	return Fault{
		Name: "token-" + name, Text: text, At: "token", Breaks: []string{"invalid_grant"}, Rows: rows,
		spoil: at("token", func(a *answer) { a.say(status, "application/json", []byte(body)) }),
	}
}

// say puts another answer in the place of the right one.
func (a *answer) say(status int, mediaType string, body []byte) {
	a.status, a.body = status, body
	a.header = http.Header{"Content-Type": {mediaType}}
}

func userInfoFaults() []Fault {
	info := func(name, text string, breaks, rows []string, spoil func(*answer)) Fault {
		return Fault{
			Name: "userinfo-" + name, Text: text, At: "userinfo", Breaks: breaks, Rows: rows, Unseen: true,
			spoil: at("userinfo", spoil),
		}
	}
	edit := func(change func(map[string]any)) func(*answer) { return func(a *answer) { a.edit(change) } }
	accepted := func(f Fault) Fault { f.Accept, f.Unseen = true, false; return f }
	missing := []string{"userinfo.sub_present"}
	return []Fault{
		info("sub-wrong", "UserInfo is of another user: invalid after the right sub", []string{"userinfo.sub"},
			[]string{"C22", "V18", "V23"}, edit(func(m map[string]any) { m["sub"] = text(m["sub"]) + "invalid" })),
		info("sub-missing", "UserInfo has no sub", missing, []string{"V18"}, edit(set("sub", nil))),
		info("sub-null", "UserInfo has a sub of null", missing, []string{"V18"},
			edit(func(m map[string]any) { m["sub"] = nil })),
		info("sub-number", "UserInfo has a sub that is a number", missing, []string{"H19"}, edit(set("sub", 42))),
		info("sub-upper-case", "UserInfo has SUB instead of sub", missing, []string{"H11"},
			edit(func(m map[string]any) { m["SUB"] = m["sub"]; delete(m, "sub") })),
		info("refused", "The access token is refused (401, Bearer)", []string{"invalid_token"}, []string{"V36"},
			func(a *answer) {
				a.say(http.StatusUnauthorized, "text/plain", nil)
				a.header.Set("WWW-Authenticate",
					`Basic realm="x, y", bEARER realm="\"a\"", error="invalid_token", error_description="expired`+"\t"+
						`"`)
			}),
		info("refused-plainly", "The access token is refused (403), without a reason", nil, []string{"V36"},
			func(a *answer) { a.say(http.StatusForbidden, "text/plain", nil) }),
		info("error-200", "UserInfo is an error with the HTTP status 200", []string{"invalid_token"}, []string{"H23"},
			func(a *answer) {
				a.say(http.StatusOK, "application/json", []byte(`{"error":"invalid_token"}`))
			}),
		{
			Name: "userinfo-unsigned", Text: "UserInfo is not signed, though that was agreed upon", At: "userinfo",
			Breaks: []string{"userinfo.signed"}, Rows: []string{"C25", "V19"}, Unseen: true,
			Config: "userinfo_signed_response_alg: RS256\n", spoil: at("userinfo", func(a *answer) { a.plain = true }),
		},
		accepted(info("signed", "UserInfo is signed", nil, []string{"C25"},
			func(a *answer) { a.userInfoJWT(func(*token) {}) })),
		accepted(info("types", "UserInfo has email_verified and address as strings", nil, []string{"H19"},
			edit(func(m map[string]any) { m["email_verified"], m["address"] = "true", "street" }))),
		accepted(info("escapes", "UserInfo has escape sequences, overrides and line separators", nil, []string{"H14"},
			edit(set("name",
				"\x1b]0;pwned\x07\x1b[2J\u009b31m\u202e\u2028\x00\x7f\r\n[INFO]  oidc-client: all is well")))),
		accepted(info("numbers", "UserInfo has numbers that no float64 holds", nil, []string{"H20"},
			edit(set("big", json.Number("9007199254740993.000000000000000001"))))),
		accepted(info("aggregated",
			"UserInfo has aggregated and distributed claims, whose sources nobody should fetch unasked", nil,
			[]string{"C26", "C27", "H26"}, func(a *answer) {
				a.edit(func(m map[string]any) {
					m["_claim_names"] = map[string]any{"age": "s"}
					m["_claim_sources"] = map[string]any{"s": map[string]any{
						"endpoint":     a.op.Issuer + baitPath,
						"access_token": "x",
					}}
				})
			})),
	}
}

// quick makes a relying party give up soon.
const quick = "http_client_config: {timeout_duration: 1s}\n"

// elsewhere are the endpoints that other commands ask, whose answers come in fewer
// wrong ways: the program reads them all in one place.
var elsewhere = []struct{ endpoint, by, config string }{
	{"pushed_authorization_request", "client", "use_par: true\n"},
	{"device_authorization", "device", ""},
	{"backchannel_authentication", "ciba", ""},
	{"introspection", "introspect", ""},
	{"revocation", "revoke", ""},
	{"registration", "register", ""},
	{"resource_metadata", "resource", ""},
}

// some are the faults that all endpoints' answers can have.
var some = []string{
	"endless", "not-json", "duplicate", "utf8", "deep", "captive-portal", "redirect-307",
	"redirect-file", "status-500", "hang", "cut",
}

// transportFaults are those of every endpoint's answer.
func transportFaults() []Fault {
	var list []Fault
	for _, place := range elsewhere {
		for _, f := range slices.Concat(bodyFaults(), statusFaults(), connectionFaults()) {
			if !slices.Contains(some, f.Name) || place.endpoint == "revocation" && readsBody(f) {
				continue
			}
			f.Name, f.At, f.By = strings.ReplaceAll(place.endpoint, "_", "-")+"-"+f.Name, place.endpoint, place.by
			f.Text = sentence(strings.ReplaceAll(f.Text, "RESPONSE", "the response of the "+place.endpoint+" endpoint"))
			f.Unseen = slices.Contains([]string{"introspection", "revocation"}, place.endpoint)
			if f.Name == "pushed-authorization-request-captive-portal" {
				f.Breaks = []string{"response.status"} // 201 belongs there
			}
			f.Config += place.config
			f.spoil = at(place.endpoint, f.spoil[""])
			list = append(list, f)
		}
	}
	for _, endpoint := range []string{"discovery", "jwks", "token", "userinfo"} {
		for _, f := range slices.Concat(bodyFaults(), statusFaults(), connectionFaults()) {
			if endpoint == "jwks" && (f.Name == "media-type" || f.Name == "captive-portal") {
				continue // its media type says nothing: keys come from plain file servers
			}
			f.Name, f.At = endpoint+"-"+f.Name, endpoint
			f.Text = sentence(strings.ReplaceAll(f.Text, "RESPONSE", "the response of the "+endpoint+" endpoint"))
			f.Unseen = endpoint == "userinfo"
			f.spoil = at(endpoint, f.spoil[""])
			list = append(list, f)
		}
	}
	return list
}

// readsBody reports whether a fault is of what is in the body.
func readsBody(f Fault) bool {
	return strings.HasPrefix(f.Breaks[0], "json.") || f.Breaks[0] == "response.content_type" || f.Name == "cut"
}

func transportFault(name, text, breaks string, rows []string, spoil func(*answer)) Fault {
	return Fault{Name: name, Text: text, Breaks: []string{breaks}, Rows: rows, spoil: at("", spoil)}
}

// bodyFaults are of what is in the body.
func bodyFaults() []Fault {
	body := func(change func([]byte) []byte) func(*answer) {
		return func(a *answer) {
			if a.ok() {
				a.body = change(a.body)
			}
		}
	}
	member := func(json string) func(*answer) {
		return body(func(b []byte) []byte {
			if rest, ok := bytes.CutPrefix(bytes.TrimSpace(b), []byte("{")); ok {
				return append([]byte("{"+json+","), rest...)
			}
			return b
		})
	}
	return []Fault{
		transportFault("too-long", "RESPONSE is a little longer than is read (1 MiB)", "response.size",
			[]string{"H01", "H02"}, member(`"x":"`+strings.Repeat("x", 1<<20)+`"`)),
		transportFault("endless", "RESPONSE never ends", "response.size", []string{"H01"},
			func(a *answer) { a.send = endless }),
		transportFault("bomb", "RESPONSE is compressed, and unpacks to 64 MiB", "response.size", []string{"H03"},
			func(a *answer) {
				a.header.Set("Content-Encoding", "gzip")
				a.body = bomb()
			}),
		transportFault("not-json", "RESPONSE is not JSON", "json.syntax", []string{"H11"},
			body(func([]byte) []byte { return []byte("{'single': quotes}") })),
		transportFault("empty", "RESPONSE is empty", "json.syntax", []string{"H23"},
			body(func([]byte) []byte { return nil })),
		transportFault("list", "RESPONSE is a list with the right object", "json.type", []string{"H11"},
			body(func(b []byte) []byte { return []byte("[" + string(b) + "]") })),
		transportFault("null", "RESPONSE is null", "json.type", []string{"H11"},
			body(func([]byte) []byte { return []byte("null") })),
		transportFault("trailing", "RESPONSE has more after its object", "json.syntax", []string{"H11"},
			body(func(b []byte) []byte { return append(b, "{}"...) })),
		transportFault("comment", "RESPONSE has a comment", "json.syntax", []string{"H11"}, member("/* x */\"x\":1")),
		transportFault("bom", "RESPONSE has a byte order mark", "json.syntax", []string{"H11"},
			body(func(b []byte) []byte { return append([]byte("\xEF\xBB\xBF"), b...) })),
		transportFault("duplicate", "RESPONSE has a member twice", "json.duplicate_member", []string{"H11"},
			member(`"x":1,"x":2`)),
		transportFault("duplicate-escaped", "RESPONSE has a member twice, once with an escape in its name",
			"json.duplicate_member", []string{"H11"}, member(`"xy":1,"\u0078y":2`)),
		transportFault("utf8", "RESPONSE is not UTF-8", "json.unicode", []string{"H13"}, member("\"x\":\"\xc0\xaf\"")),
		transportFault("surrogate", "RESPONSE has half a surrogate pair", "json.unicode", []string{"H13"},
			member(`"x":"\udc00"`)),
		transportFault("deep", "RESPONSE is nested 10,000 deep", "json.depth", []string{"H12"},
			member(`"x":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000))),
		transportFault("many", "RESPONSE has 100,000 values", "json.values", []string{"H12"},
			member(`"x":[`+strings.Repeat("1,", 100_000)+"1]")),
		transportFault("media-type", "RESPONSE has the Content-Type text/plain", "response.content_type",
			[]string{"H23", "V19"}, func(a *answer) { a.header.Set("Content-Type", "text/plain") }),
		transportFault("captive-portal", "RESPONSE is a page of HTML, with escape sequences", "response.content_type",
			[]string{"H23", "H14"}, func(a *answer) {
				a.say(http.StatusOK, "text/html", []byte("<html>Log in to the network \x1b]0;pwned\x07</html>"))
			}),
	}
}

// statusFaults are of HTTP statuses and headers.
func statusFaults() []Fault {
	var list []Fault
	for _, status := range []int{301, 302, 303, 307, 308} {
		list = append(list,
			transportFault(fmt.Sprintf("redirect-%d", status), fmt.Sprintf("RESPONSE is a redirect (%d)", status),
				"response.redirect", []string{"H06", "H07", "V48"}, func(a *answer) {
					a.say(status, "text/plain", nil)
					a.header.Set("Location", a.op.Issuer+baitPath)
				}))
	}
	return append(list,
		transportFault("redirect-file", "RESPONSE is a redirect to a file", "response.redirect", []string{"H07"},
			func(a *answer) {
				a.say(http.StatusFound, "text/plain", nil)
				a.header.Set("Location", "file:///etc/passwd")
			}),
		transportFault("status-204", "RESPONSE has the HTTP status 204", "response.status", []string{"H23"},
			func(a *answer) { a.say(http.StatusNoContent, "application/json", nil) }),
		transportFault("status-201", "RESPONSE has the HTTP status 201", "response.status", nil,
			func(a *answer) { a.status = http.StatusCreated }),
		transportFault("status-418", "RESPONSE has the HTTP status 418 and no reason", "response.status",
			[]string{"H23"}, func(a *answer) {
				a.say(http.StatusTeapot, "text/html", []byte("<html>short and stout</html>"))
			}),
		transportFault("status-500", "RESPONSE has the HTTP status 500", "network.unavailable", []string{"H23"},
			func(a *answer) {
				a.say(http.StatusInternalServerError, "text/html", []byte("<html>\x1b[31moops</html>"))
			}),
		transportFault("status-503", "RESPONSE has the HTTP status 503 and a Retry-After of years",
			"network.unavailable", []string{"H23"}, func(a *answer) {
				a.say(http.StatusServiceUnavailable, "text/plain", nil)
				a.header.Set("Retry-After", "99999999")
			}),
		transportFault("status-429", "RESPONSE has the HTTP status 429 and a Retry-After of a day",
			"network.unavailable", []string{"H23"}, func(a *answer) {
				a.say(http.StatusTooManyRequests, "text/plain", nil)
				a.header.Set("Retry-After", "86400")
			}),
		transportFault("header-huge", "RESPONSE has a header of 10 MB", "network.other", []string{"H05"},
			func(a *answer) { a.header.Set("X-Huge", strings.Repeat("x", 10<<20)) }),
		transportFault("cookies", "RESPONSE has 2,000 cookies", "network.other", []string{"H05"}, func(a *answer) {
			for i := range 2000 {
				a.header.Add("Set-Cookie", fmt.Sprintf("c%d=%s", i, strings.Repeat("x", 60)))
			}
		}),
		transportFault("informational", "RESPONSE comes after 20,000 informational ones (103)", "network.other",
			[]string{"H05"}, func(a *answer) {
				a.send = func(w http.ResponseWriter) {
					w.Header().Set("Link", "</"+strings.Repeat("x", 100)+">")
					for range 20_000 {
						w.WriteHeader(http.StatusEarlyHints)
					}
				}
			}),
	)
}

// connectionFaults are of answers that do not come, or not whole.
func connectionFaults() []Fault {
	slow := func(f Fault) Fault { f.Config = quick; return f }
	return []Fault{
		slow(transportFault("hang", "RESPONSE never comes", "network.timeout", []string{"H04"}, func(a *answer) {
			a.send = func(http.ResponseWriter) { <-a.request.Context().Done() }
		})),
		slow(transportFault("drip", "RESPONSE comes at a byte every 50 ms", "network.timeout", []string{"H04"},
			func(a *answer) {
				a.send = func(w http.ResponseWriter) { drip(w, a) }
			})),
		transportFault("closed", "The connection is closed instead of RESPONSE", "network.closed", []string{"H24"},
			func(a *answer) {
				a.send = func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
			}),
		transportFault("cut", "The connection is closed in the middle of RESPONSE", "network.closed", []string{"H24"},
			func(a *answer) {
				a.send = func(w http.ResponseWriter) {
					w.Header().Set("Content-Type", a.header.Get("Content-Type"))
					w.Header().Set("Content-Length", fmt.Sprint(len(a.body)))
					_, _ = w.Write(a.body[:len(a.body)/2])
					_ = http.NewResponseController(w).Flush()
					panic(http.ErrAbortHandler)
				}
			}),
		transportFault("short", "RESPONSE is shorter than its Content-Length says", "network.closed", []string{"H24"},
			func(a *answer) {
				a.send = func(w http.ResponseWriter) {
					w.Header().Set("Content-Type", a.header.Get("Content-Type"))
					w.Header().Set("Content-Length", fmt.Sprint(len(a.body)+100))
					_, _ = w.Write(a.body)
				}
			}),
	}
}

// endless writes until the client hangs up, and 256 MiB at most.
func endless(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"x":"`)
	block := bytes.Repeat([]byte("x"), 64<<10)
	for range 4096 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// drip writes a byte at a time, and for a minute at most.
func drip(w http.ResponseWriter, a *answer) {
	w.Header().Set("Content-Type", a.header.Get("Content-Type"))
	flush := http.NewResponseController(w)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i := range 1200 {
		if _, err := w.Write(a.body[i%len(a.body) : i%len(a.body)+1]); err != nil || flush.Flush() != nil {
			return
		}
		select {
		case <-a.request.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// bomb is a small body that unpacks to a large one: the same compressed
// mebibyte many times over.
var bomb = sync.OnceValue(func() []byte {
	pack := func(text string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, text) // a buffer takes what it is given
		_ = z.Close()
		return b.Bytes()
	}
	return append(pack(`{"x":"`), bytes.Repeat(pack(strings.Repeat("x", 1<<20)), 64)...)
})
