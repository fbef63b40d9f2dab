// Faults of dynamic client registration: RFC 7591, RFC 7592.

package fault

import "net/http"

func registrationFaults() []Fault {
	created := func(name, what, rule string, change func(map[string]any)) Fault {
		return registrationFault(name, "The registration response "+what, []string{"registration." + rule},
			func(a *answer) {
				if a.request.Method == http.MethodPost {
					a.edit(change)
				}
			})
	}
	method := created("auth-method-unknown", "has a token_endpoint_auth_method that the metadata does not have",
		"auth_method", set("token_endpoint_auth_method", "telepathy"))
	method.Accept = true
	lost := created("secret-missing", "has no client_secret, and when it expires", "client_secret",
		set("client_secret", nil))
	lost.Accept, lost.Breaks = true, nil // a client without a secret may be what was registered
	return []Fault{
		created("client-id-missing", "has no client_id", "client_id", set("client_id", nil)),
		created("client-id-number", "has a client_id that is a number", "client_id", set("client_id", 1)),
		created("secret-number", "has a client_secret that is a number", "client_secret", set("client_secret", 1)),
		created("secret-empty", "has an empty client_secret", "client_secret", set("client_secret", "")),
		lost,
		created("expiry-missing", "has a client_secret, and not when it expires", "client_secret_expires_at",
			set("client_secret_expires_at", nil)),
		created("expiry-text", "has the string \"never\" as client_secret_expires_at", "client_secret_expires_at",
			set("client_secret_expires_at", "never")),
		created("token-missing", "has a registration_client_uri and no registration_access_token", "management",
			set("registration_access_token", nil)),
		created("token-break", "has a registration_access_token with a line break", "management",
			set("registration_access_token", "x\r\nX-Injected: 1")),
		created("uri-missing", "has a registration_access_token and no registration_client_uri", "management",
			set("registration_client_uri", nil)),
		created("uri-http", "has a registration_client_uri that is http, on another machine", "management",
			set("registration_client_uri", "http://op.example/register/x")),
		created("uri-file", "has a registration_client_uri that is a file", "management",
			set("registration_client_uri", "file:///etc/passwd")),
		method,
		registrationFault("status-200", "The registration response has the HTTP status 200",
			[]string{"response.status"},
			func(a *answer) {
				if a.request.Method == http.MethodPost {
					a.status = http.StatusOK
				}
			}),
		registrationFault("refused", "The registration is refused", []string{"invalid_client_metadata"},
			func(a *answer) {
				a.say(http.StatusBadRequest, "application/json",
					[]byte(`{"error":"invalid_client_metadata","error_description":"\u001b]0;pwned\u0007"}`))
			}),
	}
}

// managedRegistrationFaults are those of a registration that is read (RFC 7592).
func managedRegistrationFaults() []Fault {
	managed := func(name, text string, breaks []string, spoil func(*answer)) Fault {
		f := registrationFault("managed-"+name, text, breaks, func(a *answer) {
			if a.request.Method != http.MethodPost {
				spoil(a)
			}
		})
		f.By = "register read"
		return f
	}
	forgotten := managed("secret-missing",
		"A registration that is read has no client_secret: the one that is known stays valid", nil, func(a *answer) {
			a.edit(func(m map[string]any) {
				delete(m, "client_secret")
				delete(m, "client_secret_expires_at")
				delete(m, "registration_access_token")
			})
		})
	forgotten.Accept = true
	return []Fault{
		managed("client-id-wrong", "A registration that is read is of another client",
			[]string{"registration.client_id"}, func(a *answer) { a.edit(set("client_id", "mallory")) }),
		managed("uri-http", "A registration that is read moves its registration_client_uri to http, on another machine",
			[]string{"registration.management"}, func(a *answer) {
				a.edit(set("registration_client_uri", "http://op.example/register/x"))
			}),
		forgotten,
		managed("status-201", "A registration that is read has the HTTP status 201", []string{"response.status"},
			func(a *answer) { a.status = http.StatusCreated }),
		managed("gone", "A registration that is read is gone (401)", []string{"invalid_token"}, func(a *answer) {
			a.say(http.StatusUnauthorized, "application/json", []byte(`{"error":"invalid_token"}`))
		}),
	}
}

func registrationFault(name, text string, breaks []string, spoil func(*answer)) Fault {
	return Fault{
		Name: "registration-" + name, Text: text, At: "registration", By: "register", Breaks: breaks,
		Rows: []string{"V100"}, spoil: at("registration", spoil),
	}
}
