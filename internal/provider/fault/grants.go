// Faults of token responses that only some grants have: RFC 9396, RFC 8693, OpenID
// Connect Core 1.0 section 5.5.1.1.

package fault

func grantFaults() []Fault {
	const (
		payment  = "authorization_details: '[{\"type\":\"payment\"}]'\n"
		noUser   = "client-credentials"
		exchange = "token-exchange"
	)
	response := func(by, name, text string, breaks, rows []string, config string, change func(map[string]any)) Fault {
		return Fault{
			Name: name, Text: text, At: "token", By: by, Breaks: breaks, Rows: rows, Config: config,
			spoil: at("token", func(a *answer) { a.edit(change) }),
		}
	}
	accepted := func(f Fault) Fault { f.Accept, f.Unseen = true, f.By != "client"; return f }
	details := func(name, what string, value any) Fault {
		return response(noUser, "authorization-details-"+name,
			"The token response has authorization_details that are "+what,
			[]string{"token_response.authorization_details"}, []string{"V92"}, payment,
			set("authorization_details", value))
	}
	granted := []string{"token_response.authorization_details_granted"}
	kind, issued := []string{"token_response.token_type"}, []string{"token_response.issued_token_type"}
	return []Fault{
		details("object", "an object", map[string]any{"type": "payment"}),
		details("string", "a string", `[{"type":"payment"}]`),
		details("untyped", "without a type", []any{map[string]any{"actions": []any{"pay"}}}),
		details("numbers", "numbers", []any{1, 2}),
		accepted(response(noUser, "authorization-details-missing",
			"The token response has no authorization_details, though some were asked for", granted, []string{"V92"},
			payment, set("authorization_details", nil))),
		accepted(response("client", "authorization-details-other",
			"The token response of a login has authorization_details of another type than was asked for", granted,
			[]string{"V92"}, payment, set("authorization_details", []any{map[string]any{"type": "account"}}))),

		response(exchange, "exchange-type-missing", "The token exchange response has no issued_token_type", issued,
			[]string{"V99"}, "", set("issued_token_type", nil)),
		response(exchange, "exchange-type-list", "The token exchange response has a list as issued_token_type", issued,
			[]string{"V99"}, "", set("issued_token_type", []any{"x"})),
		response(exchange, "exchange-not-applicable",
			"The token exchange response has the token_type N_A for an access token", kind, []string{"V99"}, "",
			set("token_type", "N_A")),
		accepted(response(exchange, "exchange-type-odd", "The token exchange response calls a Bearer access token a "+
			"refresh token (issued_token_type), as zitadel's", nil, nil, "",
			set("issued_token_type", "urn:ietf:params:oauth:token-type:refresh_token"))),
		response(noUser, "credentials-not-applicable", "The token response has the token_type N_A", kind,
			[]string{"V33"}, "", set("token_type", "N_A")),
		response(noUser, "credentials-token-missing", "The response to client credentials has no access_token",
			[]string{"token_response.access_token"}, nil, "", set("access_token", nil)),
		response("client", "login-token-missing", "The response to a code has no access_token",
			[]string{"token_response.access_token"}, nil, "", set("access_token", nil)),
		response("client", "login-id-token-missing", "The response to a code has no id_token",
			[]string{"id_token.present"}, []string{"V14"}, "", set("id_token", nil)),
		{
			Name: "login-id-token-acr-requested",
			Text: "The ID Token of a login has another acr than was asked for (acr_values)", At: "token", By: "client",
			Accept: true, Breaks: []string{"id_token.acr_requested"},
			Rows: []string{"V12"}, Config: "acr_values: \"2\"\n",
			spoil: at("token", func(a *answer) { a.loginIDToken(claim("acr", "0")) }),
		},
	}
}
