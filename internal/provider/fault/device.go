// Faults of logins on another device: RFC 8628, OpenID Connect CIBA Core 1.0.

package fault

import (
	"net/http"
	"strings"
)

func deviceFaults() []Fault {
	const endpoint = "device_authorization"
	device := func(name, text string, breaks []string, change func(map[string]any)) Fault {
		return Fault{
			Name: "device-" + name, Text: text, At: endpoint, By: "device", Breaks: breaks, Rows: []string{"V83"},
			spoil: at(endpoint, func(a *answer) { a.edit(change) }),
		}
	}
	interval := func(name, what string, value any) Fault {
		f := device("interval-"+name, "The device authorization response has an interval "+what,
			[]string{"device_authorization.interval"}, set("interval", value))
		f.Rows, f.Accept = []string{"H18", "V89"}, true
		return f
	}
	code, user := []string{"device_authorization.device_code"}, []string{"device_authorization.user_code"}
	uri, lifetime := []string{"device_authorization.verification_uri"}, []string{"device_authorization.expires_in"}
	escapes := device("user-code-escapes", "The user_code has escape sequences, overrides and line breaks", nil,
		set("user_code", "AB\x1b]0;pwned\x07\u202eCD\u009b31m\r\n[INFO]  oidc-client: all is well"))
	escapes.Accept, escapes.Rows = true, []string{"H14"}
	return append([]Fault{
		device("code-missing", "The device authorization response has no device_code", code, set("device_code", nil)),
		device("code-number", "The device authorization response has a device_code that is a number", code,
			set("device_code", 1)),
		device("code-break", "The device authorization response has a device_code with a line break", code,
			set("device_code", "x\r\nX-Injected: 1")),
		device("user-code-missing", "The device authorization response has no user_code", user, set("user_code", nil)),
		device("user-code-number", "The device authorization response has a user_code that is a number", user,
			set("user_code", 12345678)),
		escapes,
		device("uri-missing", "The device authorization response has no verification_uri", uri,
			set("verification_uri", nil)),
		device("uri-javascript", "The verification_uri is a script", uri,
			set("verification_uri", "javascript:alert(1)")),
		device("uri-file", "The verification_uri is a file", uri, set("verification_uri", "file:///etc/passwd")),
		device("uri-http", "The verification_uri is http, on another machine", uri,
			set("verification_uri", "http://op.example/device")),
		device("uri-escapes", "The verification_uri has escape sequences", uri,
			set("verification_uri", "https://op.example/\x1b]0;pwned\x07")),
		device("uri-complete-javascript", "The verification_uri_complete is a script", uri,
			set("verification_uri_complete", "javascript:alert(1)")),
		device("uri-complete-list", "The verification_uri_complete is a list", uri,
			set("verification_uri_complete", []any{"https://op.example"})),
		device("lifetime-missing", "The device authorization response has no expires_in", lifetime,
			set("expires_in", nil)),
		device("lifetime-zero", "The device authorization response has the expires_in 0", lifetime,
			set("expires_in", 0)),
		device("lifetime-text", "The device authorization response has the expires_in \"soon\"", lifetime,
			set("expires_in", "soon")),
		interval("zero", "of 0", 0), interval("negative", "of -1", -1),
		// These wait for longer than anybody does: the lifetime is over before.
		endlessInterval(interval("huge", "of 1e9, and expires in a second", number("1e9"))),
		endlessInterval(interval("endless", "of 1e400, and expires in a second", number("1e400"))),
		endlessInterval(interval("string", "that is a string, and expires in a second", "1")),
	}, pollFaults("device", endpoint)...)
}

// endlessInterval gives a fault of an interval a lifetime that ends before it.
func endlessInterval(f Fault) Fault {
	inner := f.spoil[f.At]
	f.Accept, f.Breaks = false, append([]string{"expired_token"}, f.Breaks...)
	f.spoil = at(f.At, func(a *answer) { inner(a); a.edit(set("expires_in", 1)) })
	return f
}

// pollFaults are of the answers to a client that asks if the user is done. The
// interval is a second.
func pollFaults(by, endpoint string) []Fault {
	quick := func(a *answer) { a.edit(set("interval", 1)) }
	poll := func(name, text string, breaks, rows []string, spoil func(*answer)) Fault {
		return Fault{
			Name: by + "-poll-" + name, Text: text, At: "token", By: by, Breaks: breaks, Rows: rows,
			spoil: map[string]func(*answer){"token": spoil, endpoint: quick},
		}
	}
	refuse := func(code string) func(*answer) {
		return func(a *answer) {
			a.say(http.StatusBadRequest, "application/json",
				encode(map[string]any{"error": code, "error_description": "\x1b]0;pwned\x07"}))
		}
	}
	first := func(spoil func(*answer)) func(*answer) {
		return func(a *answer) {
			if a.op.watch.asked("token") == 0 {
				spoil(a)
			}
		}
	}
	accepted := func(f Fault) Fault { f.Accept, f.More, f.instead = true, 2, true; return f }
	endless := func(f Fault) Fault {
		f.More = 3
		f.spoil[endpoint] = func(a *answer) { quick(a); a.edit(set("expires_in", 2)) }
		return f
	}
	forever := poll("pending", "The user is never done (authorization_pending), and the time to wait is two seconds",
		[]string{"expired_token"}, []string{"V85", "V88"}, refuse("authorization_pending"))
	return []Fault{
		poll("denied", "The user says no (access_denied)", []string{"access_denied"}, []string{"V86", "K12"},
			refuse("access_denied")),
		poll("expired", "The time to approve is over (expired_token)", []string{"expired_token"},
			[]string{"V86", "K13"}, refuse("expired_token")),
		poll("unknown", "The token endpoint responds with an error that nobody knows", []string{"gone_fishing"},
			[]string{"V86"}, refuse("gone_fishing")),
		poll("invalid", "The token endpoint responds with invalid_request", []string{"invalid_request"},
			[]string{"V86", "K14"}, refuse("invalid_request")),
		poll("redirect", "The token endpoint responds with a redirect (307)", []string{"response.redirect"},
			[]string{"H06", "V48"}, func(a *answer) {
				a.say(http.StatusTemporaryRedirect, "text/plain", nil)
				a.header.Set("Location", a.op.Issuer+baitPath)
			}),
		poll("html", "The token endpoint responds with a page of HTML", []string{"response.content_type"},
			[]string{"H23"}, func(a *answer) {
				a.say(http.StatusOK, "text/html", []byte("<html>Log in to the network \x1b]0;pwned\x07</html>"))
			}),
		endless(poll("pending-200",
			"The user is never done (authorization_pending, with the HTTP status 200), and the time to wait is two "+
				"seconds", []string{"expired_token"}, nil, func(a *answer) {
				a.say(http.StatusOK, "application/json", []byte(`{"error":"authorization_pending"}`))
			})),
		endless(forever),
		accepted(poll("slow-down", "The token endpoint responds with slow_down once", nil, []string{"V85", "K06"},
			first(refuse("slow_down")))),
		accepted(poll("unavailable", "The token endpoint responds with the HTTP status 503 once", nil, []string{"V87"},
			first(func(a *answer) { a.say(http.StatusServiceUnavailable, "text/plain", nil) }))),
	}
}

func cibaFaults() []Fault {
	const endpoint = "backchannel_authentication"
	ciba := func(name, text string, breaks, rows []string, change func(map[string]any)) Fault {
		return Fault{
			Name: "ciba-" + name, Text: text, At: endpoint, By: "ciba", Breaks: breaks, Rows: append(rows, "V90"),
			spoil: at(endpoint, func(a *answer) { a.edit(change) }),
		}
	}
	refused := func(code string, rows ...string) Fault {
		return Fault{
			Name: "ciba-" + strings.ReplaceAll(code, "_", "-"),
			Text: "The backchannel authentication request is refused (" + code + ")", At: endpoint, By: "ciba",
			Breaks: []string{code}, Rows: append(rows, "V90"),
			spoil: at(endpoint, func(a *answer) {
				a.say(http.StatusBadRequest, "application/json", encode(map[string]any{"error": code}))
			}),
		}
	}
	id, lifetime := []string{"backchannel_authentication.auth_req_id"},
		[]string{"backchannel_authentication.expires_in"}
	interval := ciba("interval-zero", "The backchannel authentication response has an interval of 0",
		[]string{"backchannel_authentication.interval"}, []string{"H18"}, set("interval", 0))
	interval.Accept = true
	return append([]Fault{
		refused("expired_id_token_hint", "K07"), refused("invalid_id_token_hint", "K08"),
		refused("unknown_user_id", "K09"),
		ciba("id-missing", "The backchannel authentication response has no auth_req_id", id, []string{"K10"},
			set("auth_req_id", nil)),
		ciba("id-number", "The backchannel authentication response has an auth_req_id that is a number", id, nil,
			set("auth_req_id", 1)),
		ciba("id-break", "The backchannel authentication response has an auth_req_id with a line break", id, nil,
			set("auth_req_id", "x\r\nX-Injected: 1")),
		ciba("lifetime-missing", "The backchannel authentication response has no expires_in", lifetime, []string{"K11"},
			set("expires_in", nil)),
		ciba("lifetime-negative", "The backchannel authentication response has the expires_in -1", lifetime, nil,
			set("expires_in", -1)),
		interval,
		{
			Name: "ciba-ping-bearer",
			Text: "The provider calls with another bearer token than it was given, and then rightly",
			At:   cibaNotification, By: "ciba", Rows: []string{"K26"},
			spoil: at(cibaNotification, func(a *answer) {
				a.header.Set("Authorization", a.header.Get("Authorization")+"1")
			}),
		},
		{
			Name: "ciba-ping-request", Text: "The provider calls about another auth_req_id, and then rightly",
			At: cibaNotification, By: "ciba", Rows: []string{"V90"},
			spoil: at(cibaNotification, func(a *answer) { a.edit(set("auth_req_id", "another")) }),
		},
	}, pollFaults("ciba", endpoint)...)
}
