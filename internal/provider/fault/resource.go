// Faults of protected resources: RFC 6750, RFC 9449, RFC 9470, RFC 9728.

package fault

import (
	"crypto/rand"
	"net/http"
	"strings"
)

func resourceFaults() []Fault {
	metadata := func(name, text string, breaks []string, spoil func(*answer)) Fault {
		return Fault{
			Name: "resource-metadata-" + name, Text: text, At: "resource_metadata", By: "resource", Breaks: breaks,
			Rows:  []string{"V94", "V96"},
			spoil: at("resource_metadata", spoil),
		}
	}
	edit := func(change func(map[string]any)) func(*answer) { return func(a *answer) { a.edit(change) } }
	resource := func(name, text string, breaks, rows []string, config string, spoil func(*answer)) Fault {
		return Fault{
			Name: "resource-" + name, Text: text, At: "resource", By: "resource", Breaks: breaks, Rows: rows,
			Config: config, Unseen: true,
			spoil: at("resource", spoil),
		}
	}
	again := func(f Fault) Fault { f.More, f.Unseen = 1, false; return f }
	own, servers, url := []string{"protected_resource.resource"}, []string{"protected_resource.authorization_servers"},
		[]string{"endpoint.url"}
	accepted := func(f Fault) Fault { f.Accept, f.Unseen = true, false; return f }
	return []Fault{
		metadata("other", "The resource's metadata is of another resource", own,
			edit(func(m map[string]any) { m["resource"] = text(m["resource"]) + "1" })),
		metadata("slash", "The resource's metadata has its resource with a slash after it", own,
			edit(func(m map[string]any) { m["resource"] = text(m["resource"]) + "/" })),
		metadata("unnamed", "The resource's metadata names no resource", own, edit(set("resource", nil))),
		metadata("server-http", "The resource's metadata has an authorization server that is http, on another machine",
			servers, edit(set("authorization_servers", []any{"http://op.example"}))),
		metadata("server-javascript", "The resource's metadata has an authorization server that is a script", servers,
			edit(set("authorization_servers", []any{"javascript:alert(1)"}))),
		metadata("server-string", "The resource's metadata has authorization_servers that are a string", servers,
			edit(set("authorization_servers", "https://op.example"))),
		metadata("missing", "The resource has no metadata (404)", []string{"response.status"},
			func(a *answer) { a.say(http.StatusNotFound, "text/plain", nil) }),
		accepted(metadata("servers-missing", "The resource's metadata names no authorization servers", nil,
			edit(set("authorization_servers", nil)))),

		accepted(resource("metadata-unchallenged",
			"The resource allows another method only (405), and its response has "+
				"no challenge", nil, nil, "",
			func(a *answer) { a.say(http.StatusMethodNotAllowed, "text/plain", nil) })),
		resource("metadata-elsewhere", "The resource's challenge names metadata at another origin", url,
			[]string{"V96", "H26"}, "", challenging(`Bearer resource_metadata="https://op.example/metadata"`)),
		resource("metadata-file", "The resource's challenge names metadata that is a file", url, []string{"V96"}, "",
			challenging(`Bearer resource_metadata="file:///etc/passwd"`)),
		again(resource("step-up-endless", "The resource asks for a stronger login every time",
			[]string{"insufficient_user_authentication"}, []string{"V93"}, "",
			challenging(`Bearer error="insufficient_user_authentication", error_description="`+"\x1b]0;pwned\x07"+
				`", acr_values="2", max_age="300"`))),
		again(resource("step-up-scope-endless", "The resource asks for another scope every time, always the same",
			[]string{"insufficient_scope"}, nil, "", func(a *answer) {
				challenging(`Bearer error="insufficient_scope", scope="email"`)(a)
				a.status = http.StatusForbidden
			})),
		again(resource("nonce-endless", "The resource demands another nonce every time", []string{"use_dpop_nonce"},
			[]string{"V68"}, bound, func(a *answer) {
				challenging(`DPoP error="use_dpop_nonce", algs="ES256"`)(a)
				a.header.Set("DPoP-Nonce", rand.Text())
			})),
		resource("refused", "The resource refuses the access token", []string{"invalid_token"}, []string{"V36"}, "",
			challenging(`Bearer error="invalid_token"`)),
		resource("redirect", "The resource redirects (302)", []string{"response.redirect"}, []string{"H06", "V71"}, "",
			func(a *answer) {
				a.say(http.StatusFound, "text/plain", nil)
				a.header.Set("Location", a.op.Issuer+baitPath)
			}),
		accepted(resource("escapes", "The resource's response has escape sequences", nil, []string{"H14"}, "",
			func(a *answer) {
				a.say(http.StatusOK, "text/plain",
					[]byte("\x1b]0;pwned\x07\u202e\u009b31m\r\n[INFO]  oidc-client: all is well\n"))
			})),

		stepUp("acr", "The ID Token of the login that a resource asked for has not the acr that it asked for",
			"id_token.acr", func(t *token) { t.claims["acr"] = "0" }, "id_token.acr_requested"),
		stepUp("auth-time", "The ID Token of the login that a resource asked for is of an old login (auth_time)",
			"id_token.auth_time", when("auth_time", -day)),
		stepUp("auth-time-missing", "The ID Token of the login that a resource asked for has no auth_time",
			"id_token.auth_time", claim("auth_time", nil)),
	}
}

// challenging refuses an access token.
func challenging(challenge string) func(*answer) {
	return func(a *answer) {
		a.say(http.StatusUnauthorized, "text/plain", nil)
		a.header.Set("WWW-Authenticate", strings.Map(visibleInHeader, challenge))
	}
}

func visibleInHeader(r rune) rune {
	if r < ' ' {
		return '?' // net/http would not send it
	}
	return r
}

// stepUp makes a fault of the login that a resource asks for.
func stepUp(name, what, rule string, change func(*token), also ...string) Fault {
	return Fault{
		Name: "step-up-" + name, Text: what, At: "token", By: "resource", Breaks: append([]string{rule}, also...),
		Rows: []string{"V93"},
		spoil: map[string]func(*answer){
			"token":    func(a *answer) { a.loginIDToken(change) },
			"resource": challenging(`Bearer error="insufficient_user_authentication", acr_values="2", max_age="300"`),
		},
	}
}
