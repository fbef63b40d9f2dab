// Faults of DPoP: RFC 9449.

package fault

import (
	"crypto/rand"
	"net/http"
	"strings"
)

const bound = "dpop: true\n"

func dpopFaults() []Fault {
	list := []Fault{
		{
			Name: "dpop-token-type-bearer", Text: "The token_type is Bearer, though a DPoP proof was sent", At: "token",
			By: "client-credentials", Breaks: []string{"token_response.dpop"},
			Rows: []string{"V64"}, Config: bound,
			spoil: at("token", func(a *answer) { a.edit(set("token_type", "Bearer")) }),
		},
		{
			Name: "dpop-token-type-case", Text: "The token_type is dpOp", At: "token", By: "client",
			Rows: []string{"F04"}, Config: bound, Accept: true,
			spoil: at("token", func(a *answer) { a.edit(set("token_type", "dpOp")) }),
		},
		bindingFault("missing", "The access token, a JWT, is bound to no key (cnf)", nil),
		bindingFault("other", "The access token, a JWT, is bound to another key (cnf.jkt)",
			map[string]any{"jkt": strings.Repeat("A", 43)}),
		bindingFault("number", "The access token, a JWT, has a number as cnf.jkt", map[string]any{"jkt": 1}),
		bindingFault("list", "The access token, a JWT, has a list as cnf", []any{"jkt"}),
	}
	for _, place := range []struct{ endpoint, by, config string }{
		{"token", "client-credentials", ""},
		{"pushed_authorization_request", "client", "use_par: true\n"},
		{"userinfo", "client", ""},
	} {
		list = append(list, nonceFaults(place.endpoint, place.by, bound+place.config)...)
	}
	return list
}

func bindingFault(name, text string, cnf any) Fault {
	return Fault{
		Name: "dpop-binding-" + name, Text: text, At: "token", By: "client-credentials",
		Breaks: []string{"access_token.cnf"}, Unseen: true,
		Config: bound + "access_token_jwt: true\n",
		spoil:  at("token", func(a *answer) { a.accessToken(claim("cnf", cnf)) }),
	}
}

// nonceFaults are of the nonces of one endpoint.
func nonceFaults(endpoint, by, config string) []Fault {
	fault := func(name, text string, breaks, rows []string, spoil func(*answer)) Fault {
		return Fault{
			Name: "dpop-" + strings.ReplaceAll(endpoint, "_", "-") + "-nonce-" + name,
			Text: "The endpoint " + endpoint + " " + text, At: endpoint, By: by, Breaks: breaks,
			Rows: rows, Config: config, Unseen: endpoint == "userinfo", spoil: at(endpoint, spoil),
		}
	}
	demand := func(nonces ...string) func(*answer) { return func(a *answer) { a.demandNonce(nonces...) } }
	again := func(f Fault) Fault { f.More, f.Unseen = 1, false; return f }
	wanted, odd := []string{"use_dpop_nonce"}, []string{"dpop.nonce"}
	once := again(fault("once", "demands a nonce once", wanted, []string{"V66", "F01"}, func(a *answer) {
		if a.op.watch.asked(endpoint) == 0 {
			a.demandNonce(rand.Text())
		}
	}))
	once.Accept, once.Breaks, once.By, once.instead = true, nil, "client", true
	return []Fault{
		once,
		again(fault("endless", "demands another nonce every time", wanted, []string{"V66", "V68"},
			func(a *answer) { a.demandNonce(rand.Text()) })),
		again(fault("same", "demands the nonce that it was sent", wanted, []string{"V66", "V68"},
			demand("the-same-nonce"))),
		fault("missing", "demands a nonce and names none", wanted, nil, demand()),
		fault("twice", "demands a nonce and names two", odd, []string{"V69"}, demand("one", "two")),
		fault("long", "demands a nonce of 2 KiB", odd, []string{"V69"}, demand(strings.Repeat("n", 2<<10))),
		fault("characters", "demands a nonce with characters that no nonce has", odd, []string{"V69", "H25"},
			demand(`a"b c`)),
		fault("afterwards", "names two nonces for the next proof", odd, []string{"V69"}, func(a *answer) {
			if a.ok() {
				a.header["Dpop-Nonce"] = []string{"one", "two"}
			}
		}),
	}
}

// demandNonce refuses a proof for want of a nonce.
func (a *answer) demandNonce(nonces ...string) {
	status := http.StatusBadRequest
	if endpointName(a.request.URL.Path) == "userinfo" {
		status = http.StatusUnauthorized
	}
	a.say(status, "application/json", encode(map[string]any{"error": "use_dpop_nonce"}))
	if status == http.StatusUnauthorized {
		a.header.Set("WWW-Authenticate", `DPoP error="use_dpop_nonce", algs="ES256"`)
	}
	if nonces != nil {
		a.header["Dpop-Nonce"] = nonces
	}
}
