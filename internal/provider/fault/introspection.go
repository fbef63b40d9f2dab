// Faults of introspection and revocation: RFC 7662, RFC 9701, RFC 7009.

package fault

import "net/http"

func introspectionFaults() []Fault {
	fault := func(name, text string, breaks []string, config string, spoil func(*answer)) Fault {
		return Fault{
			Name: "introspection-" + name, Text: text, At: "introspection", By: "introspect", Breaks: breaks,
			Rows: []string{"V98"}, Unseen: true, Config: config,
			spoil: at("introspection", spoil),
		}
	}
	active := func(name, what string, change func(map[string]any)) Fault {
		return fault("active-"+name, "The introspection response has "+what, []string{"introspection.active"}, "",
			func(a *answer) { a.edit(change) })
	}
	const signed = "use_signed_introspection: true\n"
	escapes := fault("escapes", "The introspection response has escape sequences", nil, "",
		func(a *answer) { a.edit(set("note", "\x1b]0;pwned\x07\u202e\u009b31m")) })
	escapes.Accept, escapes.Unseen, escapes.Rows = true, false, []string{"H14"}
	return []Fault{
		active("missing", "no active", set("active", nil)),
		active("string", "the string \"true\" as active", set("active", "true")),
		active("number", "the number 1 as active", set("active", 1)),
		active("null", "an active of null", func(m map[string]any) { m["active"] = nil }),
		active("upper-case", "ACTIVE instead of active", func(m map[string]any) {
			m["ACTIVE"] = m["active"]
			delete(m, "active")
		}),
		escapes,
		fault("unsigned", "The introspection response is not signed, though that was asked for",
			[]string{"introspection.signed"}, signed, func(a *answer) {
				if t := a.op.parse(string(a.body)); t != nil {
					a.say(http.StatusOK, "application/json", encode(t.claims["token_introspection"]))
				}
			}),
		fault("jwt-empty", "The introspection response, a JWT, has no token_introspection",
			[]string{"introspection.active"}, signed, func(a *answer) {
				a.introspectionJWT(claim("token_introspection", nil))
			}),
		fault("jwt-active-string", "The introspection response, a JWT, has the string \"true\" as active",
			[]string{"introspection.active"}, signed, func(a *answer) {
				a.introspectionJWT(claim("token_introspection", map[string]any{"active": "true"}))
			}),
		fault("refused", "The introspection is refused (401)", []string{"invalid_client"}, "", func(a *answer) {
			a.say(http.StatusUnauthorized, "application/json", []byte(`{"error":"invalid_client"}`))
		}),
	}
}

func revocationFaults() []Fault {
	fault := func(name, text, breaks string, spoil func(*answer)) Fault {
		return Fault{
			Name: "revocation-" + name, Text: text, At: "revocation", By: "revoke", Breaks: []string{breaks},
			Rows: []string{"V97"}, Unseen: true,
			spoil: at("revocation", spoil),
		}
	}
	// RFC 7009 section 2.2: all that counts is the status.
	answered := fault("error-200", "The revocation endpoint responds with an error and the HTTP status 200", "",
		func(a *answer) {
			a.say(http.StatusOK, "application/json", []byte(`{"error":"invalid_client"}`))
		})
	answered.Accept, answered.Unseen, answered.Breaks = true, false, nil
	return []Fault{
		fault("unavailable", "The revocation endpoint responds with the HTTP status 503 and a Retry-After",
			"network.unavailable", func(a *answer) {
				a.say(http.StatusServiceUnavailable, "text/plain", nil)
				a.header.Set("Retry-After", "120")
			}),
		fault("unsupported", "The revocation endpoint responds with unsupported_token_type", "unsupported_token_type",
			func(a *answer) {
				a.say(http.StatusBadRequest, "application/json",
					[]byte(`{"error":"unsupported_token_type","error_description":"\u001b]0;pwned\u0007"}`))
			}),
		answered,
	}
}
