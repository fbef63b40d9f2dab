// Faults of authorization responses and of pushed requests: RFC 6749 section 4.1.2,
// RFC 9207, JARM, OpenID Connect Core 1.0 sections 3.2 and 3.3, RFC 9126.

package fault

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const formPost = "response_mode: form_post\n"

func authorizationFaults() []Fault {
	state, iss := []string{"authorization_response.state"}, []string{"authorization_response.iss"}
	code, once := []string{"authorization_response.code"}, []string{"authorization_response.once"}
	mode := []string{"authorization_response.mode"}
	return []Fault{
		authorizationFault("state-wrong", "The authorization response has another state", state, []string{"F11", "V54"},
			otherState),
		authorizationFault("state-missing", "The authorization response has no state", state, []string{"F12"},
			func(_ *Provider, v url.Values) { v.Del("state") }),
		authorizationFault("state-twice", "The authorization response has a second state", once, []string{"V31"},
			func(_ *Provider, v url.Values) { v.Add("state", "another") }),
		authorizationFault("iss-wrong", "The authorization response is of another issuer", iss, []string{"F09", "V56"},
			otherIssuer),
		authorizationFault("iss-missing", "The authorization response has no iss, though the metadata promises one",
			iss,
			[]string{"F10", "V57"}, func(_ *Provider, v url.Values) { v.Del("iss") }),
		authorizationFault("iss-upper-case", "The authorization response has its iss in upper case", iss,
			[]string{"V56"},
			func(_ *Provider, v url.Values) { v.Set("iss", strings.ToUpper(v.Get("iss"))) }),
		authorizationFault("iss-of-error", "The authorization response is an error, of another issuer", iss,
			[]string{"H36", "V56"}, func(p *Provider, v url.Values) {
				refused(v, "access_denied", "")
				otherIssuer(p, v)
			}),
		authorizationFault("code-and-error", "The authorization response has a code and an error", code,
			[]string{"H36"},
			func(_ *Provider, v url.Values) { v.Set("error", "access_denied") }),
		authorizationFault("nothing", "The authorization response has neither a code nor an error", code, nil,
			func(_ *Provider, v url.Values) { v.Del("code") }),
		authorizationFault("code-twice", "The authorization response has two codes", once, []string{"V31"},
			func(_ *Provider, v url.Values) { v.Add("code", "another") }),
		authorizationFault("token-unasked", "The authorization response has an access token that was not asked for",
			code, nil,
			func(_ *Provider, v url.Values) { v.Set("access_token", "x") }),
		authorizationFault("id-token-unasked", "The authorization response has an ID Token that was not asked for",
			code, nil,
			func(_ *Provider, v url.Values) { v.Set("id_token", "x.y.z") }),
		authorizationFault("response-unasked",
			"The authorization response has a JWT (response) beside the code, which was not asked for", mode, nil,
			func(p *Provider, v url.Values) { v.Set("response", p.jarmOf(v)) }),
		authorizationFault("refused", "The authorization response is the error access_denied",
			[]string{"access_denied"},
			[]string{"V32"}, func(_ *Provider, v url.Values) { refused(v, "access_denied", "no") }),
		authorizationFault("refused-escapes",
			"The authorization response is an error with escape sequences and HTML in its description",
			[]string{"login_required"}, []string{"H14", "H15"}, func(_ *Provider, v url.Values) {
				refused(v, "login_required",
					"\x1b]0;pwned\x07\u202e<script>alert(1)</script>\r\n[INFO]  oidc-client: all is well")
			}),
	}
}

// responseModeFaults are those of responses that come as a form or as a JWT.
func responseModeFaults() []Fault {
	state, iss := []string{"authorization_response.state"}, []string{"authorization_response.iss"}
	code, mode := []string{"authorization_response.code"}, []string{"authorization_response.mode"}
	return []Fault{
		{
			Name: "authorization-mode-ignored", At: "authorization", By: "client", Accept: true,
			Text:  "The authorization response is behind the #, whatever response_mode was asked for",
			spoil: at("authorization", behindHash),
		},
		demanding(formPost,
			authorizationFault("form-state-wrong", "The authorization response, a form, has another state", state,
				[]string{"F11", "V54"}, otherState)),
		demanding(formPost,
			authorizationFault("form-iss-wrong", "The authorization response, a form, is of another issuer", iss,
				[]string{"F09", "V56"}, otherIssuer)),
		demanding(formPost,
			authorizationFault("form-refused", "The authorization response, a form, is the error login_required",
				[]string{"login_required"}, []string{"C29"},
				func(_ *Provider, v url.Values) { refused(v, "login_required", "") })),

		demanding(signedResponse,
			authorizationFault("jarm-missing", "The authorization response is no JWT, though that was asked for", mode,
				[]string{"V79"}, func(p *Provider, v url.Values) { p.unpack(v) })),
		demanding(signedResponse,
			authorizationFault("jarm-beside", "The authorization response, a JWT, has a code beside it", mode,
				[]string{"H36", "V79"}, func(_ *Provider, v url.Values) { v.Set("code", "another") })),
		demanding(signedResponse,
			authorizationFault("jarm-twice", "The authorization response is two JWTs", []string{"jarm.readable"},
				[]string{"V31"},
				func(_ *Provider, v url.Values) { v.Add("response", v.Get("response")) })),
		demanding(signedResponse,
			authorizationFault("jarm-state-wrong", "The authorization response, a JWT, has another state", state,
				[]string{"V54"},
				func(p *Provider, v url.Values) {
					p.repack(v, func(t *token) { t.claims["state"] = text(t.claims["state"]) + "1" })
				})),
		demanding(signedResponse,
			authorizationFault("jarm-code-missing",
				"The authorization response, a JWT, has neither a code nor an error", code,
				nil, func(p *Provider, v url.Values) {
					p.repack(v, claim("code", nil))
				})),
		demanding("response_mode: form_post.jwt\n",
			authorizationFault("jarm-form-signature",
				"The authorization response, a JWT in a form, has a signature that is wrong",
				[]string{"jarm.signature"}, []string{"F26"}, func(p *Provider, v url.Values) {
					p.repack(v, forged)
				})),
		nonce("wrong", "The ID Token of a login has another nonce", []string{"C14", "F20", "A14", "V11"},
			func(t *token) { t.claims["nonce"] = text(t.claims["nonce"]) + "1" }),
		nonce("missing", "The ID Token of a login has no nonce", []string{"F21", "A15", "V11"}, claim("nonce", nil)),
	}
}

// behindHash moves an authorization response from the query of the redirect behind a #.
func behindHash(a *answer) {
	location := a.header.Get("Location")
	back := a.response().Authorization()
	if location == "" || back == nil || !back.Values.Has("state") {
		return
	}
	base, _, _ := strings.Cut(location, "?")
	a.header.Set("Location", base+"#"+back.Values.Encode())
	a.body = nil // a link to the other one
}

// authorizationFault changes the parameters of an authorization response.
func authorizationFault(name, text string, breaks, rows []string, change func(*Provider, url.Values)) Fault {
	return Fault{
		Name: "authorization-" + name, Text: text, At: "authorization", By: "client", Breaks: breaks, Rows: rows,
		spoil: at("authorization", func(a *answer) { a.respond(func(v url.Values) { change(a.op, v) }) }),
	}
}

// demanding returns the fault with what the relying party has to ask for.
func demanding(config string, f Fault) Fault {
	f.Config = config
	return f
}

// What several faults of an authorization response do.
func otherIssuer(p *Provider, v url.Values) { v.Set("iss", p.Issuer+"1") }

func otherState(_ *Provider, v url.Values) { v.Set("state", v.Get("state")+"1") }

func refused(v url.Values, code, description string) {
	v.Del("code")
	v.Set("error", code)
	v.Set("error_description", description)
}

// nonce makes a fault of the ID Token of a login.
func nonce(name, what string, rows []string, change func(*token)) Fault {
	return Fault{
		Name: "authorization-nonce-" + name, Text: what, At: "token", By: "client", Breaks: []string{"id_token.nonce"},
		Rows:  rows,
		spoil: at("token", func(a *answer) { a.loginIDToken(change) }),
	}
}

// jarmOf is a response as a JWT, of the client that is registered first.
func (p *Provider) jarmOf(v url.Values) string {
	claims := map[string]any{"exp": time.Now().Add(time.Minute).Unix()}
	if len(p.options.Clients) > 0 {
		claims["aud"] = p.options.Clients[0].ID
	}
	for name := range v {
		claims[name] = v.Get(name)
	}
	return p.newToken(claims).String()
}

// unpack puts what a JWT says in its place.
func (p *Provider) unpack(v url.Values) {
	t := p.parse(v.Get("response"))
	if t == nil {
		return
	}
	v.Del("response")
	for name, value := range t.claims {
		if name != "aud" && name != "exp" {
			v.Set(name, fmt.Sprint(value))
		}
	}
}

// repack changes the JWT that a response is.
func (p *Provider) repack(v url.Values, change func(*token)) {
	if t := p.parse(v.Get("response")); t != nil {
		change(t)
		v.Set("response", t.String())
	}
}

// hybridFaults are of what comes through the browser beside the code, or instead
// of it, and of how that and the token endpoint's answer go together.
func hybridFaults() []Fault {
	const (
		withToken  = "response_type: code id_token token\nresponse_mode: form_post\n"
		codeToken  = "response_type: code token\nresponse_mode: form_post\n"
		implicit   = "response_type: id_token token\nresponse_mode: form_post\n"
		onlyToken  = "response_type: id_token\nresponse_mode: form_post\n"
		wrongHash  = "AAAAAAAAAAAAAAAAAAAAAA"
		throughIt  = "The ID Token that comes through the browser "
		tokenOfTwo = "The ID Token that comes for the code "
	)
	front := func(name, text, config string, breaks, rows []string, change func(*token)) Fault {
		return Fault{
			Name: "hybrid-" + name, Text: text, At: "authorization", By: "client", Breaks: breaks, Rows: rows,
			Config: config,
			spoil:  at("authorization", func(a *answer) { a.frontIDToken(change) }),
		}
	}
	response := func(name, text, config string, breaks []string, change func(url.Values)) Fault {
		return Fault{
			Name: "hybrid-" + name, Text: text, At: "authorization", By: "client", Breaks: breaks, Config: config,
			spoil: at("authorization", func(a *answer) { a.respond(change) }),
		}
	}
	back := func(name, text, config string, breaks, rows []string, change func(*token)) Fault {
		return Fault{
			Name: "hybrid-" + name, Text: text, At: "token", By: "client", Breaks: breaks, Rows: rows, Config: config,
			spoil: at("token", func(a *answer) { a.loginIDToken(change) }),
		}
	}
	cHash, sHash, atHash := []string{"id_token.c_hash"}, []string{"id_token.s_hash"}, []string{"id_token.at_hash"}
	nonce, code := []string{"id_token.nonce"}, []string{"authorization_response.code"}
	otherNonce := func(t *token) { t.claims["nonce"] = text(t.claims["nonce"]) + "1" }
	return []Fault{
		front("c-hash-wrong", throughIt+"has the hash of another code (c_hash)", hybrid, cHash,
			[]string{"C20", "A13", "V16"}, claim("c_hash", wrongHash)),
		front("c-hash-missing", throughIt+"has no hash of the code (c_hash)", hybrid, cHash, []string{"C21", "V16"},
			claim("c_hash", nil)),
		front("s-hash-wrong", throughIt+"has the hash of another state (s_hash)", hybrid, sHash, []string{"A11"},
			claim("s_hash", wrongHash)),
		front("at-hash-wrong", throughIt+"has the hash of another access token (at_hash)", withToken, atHash,
			[]string{"C18", "V15"}, claim("at_hash", wrongHash)),
		front("at-hash-missing", throughIt+"has no hash of the access token (at_hash)", withToken, atHash,
			[]string{"C19", "V15"}, claim("at_hash", nil)),
		front("nonce-wrong", throughIt+"has another nonce", hybrid, nonce, []string{"C14", "A14", "V11"}, otherNonce),
		front("nonce-missing", throughIt+"has no nonce", hybrid, nonce, []string{"C15", "A15", "V11"},
			claim("nonce", nil)),
		back("user-wrong", tokenOfTwo+"is of another user than the one through the browser", hybrid,
			[]string{"hybrid.sub"}, []string{"V17"}, claim("sub", "mallory")),
		back("issuer-wrong", tokenOfTwo+"is of another issuer than the one through the browser",
			hybrid+"waive: [id_token.iss]\n", []string{"hybrid.iss", "id_token.iss"}, []string{"V17"}, func(t *token) {
				t.claims["iss"] = t.op.Issuer + "1"
			}),
		back("second-nonce-missing", tokenOfTwo+"has no nonce", hybrid, nonce, []string{"V11"}, claim("nonce", nil)),
		response("code-missing", "The authorization response has an ID Token and no code", hybrid, code,
			func(v url.Values) { v.Del("code") }),
		response("id-token-missing", "The authorization response has a code and no ID Token", hybrid, code,
			func(v url.Values) { v.Del("id_token") }),
		response("token-unasked",
			"The authorization response has an access token beside code and ID Token, which was not asked for", hybrid,
			code, func(v url.Values) { v.Set("access_token", "x") }),
		response("token-type-missing", "The authorization response has an access token without token_type", codeToken,
			[]string{"token_response.token_type"}, func(v url.Values) { v.Del("token_type") }),
		response("token-lifetime", "The authorization response has an access token whose expires_in is \"abc\"",
			codeToken, []string{"token_response.expires_in"}, func(v url.Values) { v.Set("expires_in", "abc") }),
		front("implicit-at-hash-wrong",
			"The ID Token of the implicit flow has the hash of another access token (at_hash)", implicit, atHash,
			[]string{"C18", "V15"}, claim("at_hash", wrongHash)),
		front("implicit-at-hash-missing", "The ID Token of the implicit flow has no hash of the access token (at_hash)",
			implicit, atHash, []string{"C19", "V15"}, claim("at_hash", nil)),
		front("implicit-nonce-wrong", "The ID Token of the implicit flow has another nonce", onlyToken, nonce,
			[]string{"C14", "V11"}, otherNonce),
		front("implicit-signature", "The ID Token of the implicit flow is signed by a key that is not published",
			onlyToken, []string{"id_token.signature"}, []string{"C06"}, forged),
		response("implicit-code-unasked", "The authorization response of the implicit flow has a code", onlyToken, code,
			func(v url.Values) { v.Set("code", "x") }),
	}
}

// pushedFaults are of the answer to a pushed authorization request.
func pushedFaults() []Fault {
	const pushes = "use_par: true\n"
	pushed := func(name, text string, breaks []string, change func(map[string]any)) Fault {
		return Fault{
			Name: "par-" + name, Text: text, At: "pushed_authorization_request", By: "client", Breaks: breaks,
			Rows: []string{"V72"}, Config: pushes,
			spoil: at("pushed_authorization_request", func(a *answer) { a.edit(change) }),
		}
	}
	uri, lifetime := []string{"pushed_authorization.request_uri"}, []string{"pushed_authorization.expires_in"}
	said := func(name, text string, status int, body, breaks string) Fault {
		return Fault{
			Name: "par-" + name, Text: text, At: "pushed_authorization_request", By: "client", Breaks: []string{breaks},
			Config: pushes,
			spoil: at("pushed_authorization_request",
				func(a *answer) { a.say(status, "application/json", []byte(body)) }),
		}
	}
	return []Fault{
		pushed("request-uri-missing", "The pushed authorization response has no request_uri", uri,
			set("request_uri", nil)),
		pushed("request-uri-number", "The pushed authorization response has a request_uri that is a number", uri,
			set("request_uri", 1)),
		pushed("request-uri-break", "The pushed authorization response has a request_uri with a line break", uri,
			set("request_uri", "urn:x\r\nX-Injected: 1")),
		pushed("request-uri-escapes", "The pushed authorization response has a request_uri of escape sequences", uri,
			set("request_uri", "urn:\x1b]0;pwned\x07")),
		pushed("lifetime-missing", "The pushed authorization response has no expires_in", lifetime,
			set("expires_in", nil)),
		pushed("lifetime-zero", "The pushed authorization response has the expires_in 0", lifetime,
			set("expires_in", 0)),
		pushed("lifetime-negative", "The pushed authorization response has the expires_in -1", lifetime,
			set("expires_in", -1)),
		pushed("lifetime-text", "The pushed authorization response has the expires_in \"soon\"", lifetime,
			set("expires_in", "soon")),
		{
			Name: "par-status-200", Text: "The pushed authorization response has the HTTP status 200",
			At: "pushed_authorization_request", By: "client", Breaks: []string{"response.status"},
			Rows: []string{"V72"}, Config: pushes,
			spoil: at("pushed_authorization_request", func(a *answer) { a.status = http.StatusOK }),
		},
		said("refused", "The pushed request is refused", http.StatusBadRequest,
			`{"error":"invalid_request","error_description":"\u001b]0;pwned\u0007no"}`, "invalid_request"),
		said("refused-201", "The pushed request is refused with the HTTP status 201", http.StatusCreated,
			`{"error":"invalid_request","expires_in":60}`, "pushed_authorization.request_uri"),
	}
}

// number is a number that no int holds.
func number(n string) json.Number { return json.Number(n) }
