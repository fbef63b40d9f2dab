// What real providers do, which the standards do not have, or leave open. The rest of it is
// with the faults that it is alike.

package fault

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
)

// oddityFaults are those of responses. Those of tokens are in oddTokenFaults.
func oddityFaults() []Fault {
	accepted := func(f Fault) Fault { f.Accept = true; return f }
	token := func(name, text, by string, breaks []string, spoil func(*answer)) Fault {
		return Fault{Name: name, Text: text, At: "token", By: by, Breaks: breaks, spoil: at("token", spoil)}
	}
	refusedAs := func(name, who string, status int, members map[string]any) Fault {
		return token("token-refused-"+name, "The refresh token is refused as "+who, "",
			[]string{text(members["error"])},
			func(a *answer) { a.say(status, "application/json", encode(members)) })
	}
	return []Fault{
		refusedAs("unauthorized", "Keycloak refuses a wrong client secret (401, unauthorized_client)",
			http.StatusUnauthorized, map[string]any{
				"error": "unauthorized_client", "error_description": "Invalid client or Invalid client credentials",
			}),
		refusedAs("proof", "Keycloak refuses requests without a DPoP proof (invalid_request)", http.StatusBadRequest,
			map[string]any{"error": "invalid_request", "error_description": "DPoP proof is missing"}),
		refusedAs("sentence", "Hydra refuses some requests: the error is a sentence", http.StatusBadRequest,
			map[string]any{"error": "The request could not be authorized"}),
		refusedAs("undescribed", "Spring Authorization Server refuses requests: without a description",
			http.StatusBadRequest, map[string]any{"error": "invalid_grant"}),
		token("token-form-encoded", "The token response is a form instead of JSON, as GitHub's", "",
			[]string{"response.content_type"}, formEncoded),
		accepted(token("token-refresh-token-space", "The token response has a refresh_token with spaces in it", "", nil,
			func(a *answer) {
				a.edit(func(m map[string]any) {
					original := text(m["refresh_token"])
					if original == "" {
						return
					}
					m["refresh_token"] = "a token " + rand.Text()
					a.op.watch.replace(text(m["refresh_token"]), original)
				})
			})),
		accepted(token("login-refresh-token-missing", "The response to a code has no refresh_token, though "+
			"offline_access was asked for, as Spring Authorization Server's to public clients", "client", nil,
			func(a *answer) { a.edit(set("refresh_token", nil)) })),
		accepted(metadata("endpoints-fewer", "The metadata lacks response_modes_supported, revocation_endpoint and "+
			"introspection_endpoint, as Django OAuth Toolkit's", nil, nil, func(_ *Provider, m map[string]any) {
			for _, name := range []string{
				"response_modes_supported", "revocation_endpoint", "introspection_endpoint",
			} {
				delete(m, name)
			}
		})),
		accepted(registrationFault("issued-at-string",
			"The registration response has a client_id_issued_at that is a string, as LemonLDAP::NG's", nil,
			func(a *answer) { a.edit(set("client_id_issued_at", "1700000000")) })),
		{
			Name: "device-scope-refused", At: "device_authorization", By: "device", Breaks: []string{"invalid_scope"},
			Text: "The device authorization request is refused (invalid_scope), as Spring Authorization Server " +
				"refuses openid",
			spoil: at("device_authorization", func(a *answer) { a.refuse("invalid_scope", "") }),
		},
		inactive(), jwtMember(), silentPage(),
		authorizationFault("refused-par", "The authorization response is an error: only pushed requests are allowed, "+
			"as Keycloak says it", []string{"invalid_request"}, nil, func(_ *Provider, v url.Values) {
			refused(v, "invalid_request", "Pushed Authorization Request is only allowed.")
		}),
		authorizationFault("refused-pkce", "The authorization response is an error: PKCE is missing, as Keycloak says "+
			"it", []string{"invalid_request"}, nil, func(_ *Provider, v url.Values) {
			refused(v, "invalid_request", "Missing parameter: code_challenge_method")
		}),
	}
}

// formEncoded makes a JSON object a form.
func formEncoded(a *answer) {
	m, ok := object(a.body)
	if !ok || !a.ok() {
		return
	}
	form := url.Values{}
	for name, value := range m {
		form.Set(name, strings.Trim(string(encode(value)), `"`))
	}
	a.say(http.StatusOK, "application/x-www-form-urlencoded", []byte(form.Encode()))
}

// silentPage is what LemonLDAP::NG and Spring Authorization Server show for prompt=none.
func silentPage() Fault {
	return Fault{
		Name: "authorization-none-page", At: "authorization", By: "client", Breaks: []string{"login_required"},
		Text: "The provider shows a login page for prompt=none, as Spring Authorization Server and LemonLDAP::NG, " +
			"and sends nobody back",
		Config: "prompt: none\n",
		spoil: at("authorization", func(a *answer) {
			a.say(http.StatusOK, "text/html", []byte("<!doctype html><title>Log in</title><h1>Log in</h1>"))
		}),
	}
}

// inactive is what Keycloak says of a token to a client that is not in its aud.
func inactive() Fault {
	return Fault{
		Name: "introspection-audience", At: "introspection", By: "introspect", Accept: true,
		Text: "The introspection response says that a valid token is not active, as Keycloak's to a client " +
			"that is not in its aud",
		spoil: at("introspection", func(a *answer) {
			if a.ok() {
				a.say(http.StatusOK, "application/json", []byte(`{"active":false}`))
			}
		}),
	}
}

// jwtMember is a member that Keycloak has in its introspection responses.
func jwtMember() Fault {
	return Fault{
		Name: "introspection-jwt-member", At: "introspection", By: "introspect", Accept: true,
		Text:  "The introspection response, JSON, has a JWT beside active, as Keycloak's",
		spoil: at("introspection", func(a *answer) { a.edit(set("jwt", a.op.newToken(map[string]any{}).String())) }),
	}
}

// oddTokenFaults are those of tokens.
func oddTokenFaults() []tokenFault {
	return []tokenFault{
		{
			name: "claim-duplicate-same", text: "TOKEN has iss twice, with the same value, as Keycloak's",
			kinds: jarmJWT, accept: true, rules: []string{"unique"}, spoil: repeatIssuer,
		},
		unreadable("claim-duplicate-same", "TOKEN has iss twice, with the same value",
			refreshedIDToken|userInfoJWT|introspectionJWT|logoutJWT, []string{"J14"}, repeatIssuer),
		{
			name: "hmac-own-key", text: "TOKEN is signed by HS256 with a key of the provider's own, as Keycloak can",
			kinds: refreshedIDToken | userInfoJWT, rules: []string{"signature", "alg"}, config: noneBut,
			spoil: func(t *token) {
				t.mac([]byte(rand.Text()))
				t.header["kid"] = "own-hs256"
			},
		},
		{
			name: "client-id-missing", text: "TOKEN lacks client_id only, as Keycloak's", kinds: accessJWT,
			rules: []string{"claims"}, spoil: claim("client_id", nil),
		},
		{
			name: "iss-bare", text: "TOKEN has the issuer without its scheme, as Google's had", kinds: refreshedIDToken,
			rules: []string{"iss"},
			spoil: func(t *token) { _, bare, _ := strings.Cut(t.op.Issuer, "://"); t.claims["iss"] = bare },
		},
		unreadable("alg-none-parts-two", "TOKEN has alg none and two parts, as LemonLDAP::NG's", refreshedIDToken,
			[]string{"J01"}, func(t *token) {
				unsigned("none")(t)
				t.compact = func(s string) string { return strings.TrimSuffix(s, ".") }
			}),
	}
}

// repeatIssuer has the claim iss twice, with the same value.
func repeatIssuer(t *token) {
	again := append([]byte(`{"iss":`), encode(t.claims["iss"])...)
	t.claimsJSON = append(append(again, ','), encode(t.claims)[1:]...)
}
