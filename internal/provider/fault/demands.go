// What some providers demand of requests, and others do not: PKCE in device logins, as
// Keycloak; client_id beside a client assertion, as Spring Authorization Server; the token
// endpoint as the audience of assertions, as Hydra and Authlib.

package fault

import (
	"crypto/sha256"
	"net/http"
	"net/url"

	"github.com/oidc-client/oidc-client/internal/provider"
)

func demandFaults() []Fault {
	return []Fault{
		devicePKCE(),
		ofAssertions("client-id", "without a client_id beside them, and does not say why", "", "invalid_request",
			func(a *answer) bool { return a.form().Get("client_id") != "" }),
		ofAssertions("aud-endpoint", "whose aud is not the URL of the token endpoint alone",
			"jwt_profile_endpoint_audience: true\n", "invalid_client", func(a *answer) bool {
				assertion := provider.ParseJWT(a.form().Get("client_assertion"))
				return assertion != nil && assertion.Claims["aud"] == a.op.Issuer+"/token"
			}),
		ofAssertions("typ", "whose typ is not client-authentication+jwt, as RFC 7523bis demands",
			"client_assertion_typ: client-authentication+jwt\n", "invalid_client", func(a *answer) bool {
				assertion := provider.ParseJWT(a.form().Get("client_assertion"))
				return assertion != nil && assertion.Header["typ"] == "client-authentication+jwt"
			}),
	}
}

// ofAssertions is a fault that refuses client assertions at the token endpoint.
func ofAssertions(name, what, config, code string, met func(*answer) bool) Fault {
	asserts := func(a *answer) bool { return a.form().Get("client_assertion") != "" }
	return Fault{
		Name: "client-assertion-" + name, Text: "The provider refuses client assertions " + what, At: "token",
		By: "client", Config: "jwt_signing_alg: HS256\n" + config, Accept: true, instead: true, demands: asserts,
		spoil: at("token", func(a *answer) {
			if asserts(a) && !met(a) {
				a.refuse(code, "")
			}
		}),
	}
}

// devicePKCE is a fault that refuses device logins without PKCE.
func devicePKCE() Fault {
	return Fault{
		Name: "device-pkce-required", At: "device_authorization", By: "device", Accept: true, instead: true,
		Text: "The provider refuses device authorization requests without a PKCE challenge, and polls without " +
			"its verifier",
		demands: func(*answer) bool { return true },
		spoil: map[string]func(*answer){
			"device_authorization": func(a *answer) {
				form := a.form()
				a.op.watch.challenge(form.Get("code_challenge"))
				if form.Get("code_challenge") == "" || form.Get("code_challenge_method") != "S256" {
					a.refuse("invalid_request", "Missing parameter: code_challenge_method")
				}
			},
			"token": func(a *answer) {
				hash := sha256.Sum256([]byte(a.form().Get("code_verifier")))
				if a.op.watch.challenged() != b64(hash[:]) {
					a.refuse("invalid_grant", "PKCE verification failed")
				}
			},
		},
	}
}

// refuse refuses a request with an OAuth error.
func (a *answer) refuse(code, description string) {
	refusal := map[string]any{"error": code}
	if description != "" {
		refusal["error_description"] = description
	}
	a.say(http.StatusBadRequest, "application/json", encode(refusal))
}

// form is the form of the request. The provider behind reads it again.
func (a *answer) form() url.Values {
	if a.request.ParseForm() != nil {
		return nil
	}
	return a.request.PostForm
}

// challenge remembers the PKCE challenge of the latest device login.
func (w *watch) challenge(challenge string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pkce = challenge
}

// challenged returns it.
func (w *watch) challenged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pkce
}

// deviceSpellingFaults are what providers call otherwise than RFC 8628 does.
func deviceSpellingFaults() []Fault {
	refused := func(name, code, who string) Fault {
		return Fault{
			Name: "device-poll-" + name, Text: "The token endpoint responds with " + code + ", as " + who, At: "token",
			By: "device", Breaks: []string{code},
			spoil: map[string]func(*answer){
				"token":                func(a *answer) { a.refuse(code, "") },
				"device_authorization": func(a *answer) { a.edit(set("interval", 1)) },
			},
		}
	}
	return []Fault{
		{
			Name: "device-uri-url", At: "device_authorization", By: "device", Accept: true,
			Text: "The device authorization response has verification_url instead of verification_uri, as Google's",
			spoil: at("device_authorization", func(a *answer) {
				a.edit(func(m map[string]any) {
					m["verification_url"] = m["verification_uri"]
					delete(m, "verification_uri")
				})
			}),
		},
		refused("declined", "authorization_declined", "Entra ID does if the user says no"),
		refused("code-expired", "code_expired", "AD FS does if the time to approve is over"),
	}
}
