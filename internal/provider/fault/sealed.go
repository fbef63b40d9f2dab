// Faults of encryption of authorization and introspection responses and of logout
// tokens: RFC 7516, RFC 8725. Those of ID Tokens are in encryption.go.

package fault

import (
	"net/url"
	"strings"
)

func sealedFaults() []Fault {
	const key = "decryption_key: decryption-key.json\n"
	spoilt := part(4, func(s string) string { return strings.Repeat("A", len(s)) })
	var list []Fault
	for _, kind := range []struct {
		name, rule, what, at, by, config, agreed string
		rows                                     []string
		seal                                     func(*answer, func(*sealing))
	}{
		{
			"jarm", "jarm", "The authorization response, a JWT,", "authorization", "client", signedResponse,
			"authorization_encrypted_response_alg: [RSA-OAEP-256]\n",
			[]string{"J19"},
			(*answer).sealJARM,
		},
		{
			"introspection", "introspection", "The introspection response", "introspection", "introspect",
			"use_signed_introspection: true\n", "introspection_encrypted_response_alg: [RSA-OAEP-256]\n",
			[]string{"J19"},
			(*answer).sealIntrospection,
		},
		{
			"logout-token", "logout_token", "The logout token", backchannelLogout, "logout-receiver", "",
			"token_encryption_alg: [RSA-OAEP-256]\n",
			[]string{"J19", "B1"},
			(*answer).sealLogoutToken,
		},
	} {
		fault := func(name, text, rule, config string, spoil func(*answer)) Fault {
			return Fault{
				Name: kind.name + "-jwe-" + name, Text: kind.what + " " + text, At: kind.at, By: kind.by,
				Breaks: []string{kind.rule + "." + rule}, Rows: kind.rows,
				Unseen: kind.at == "introspection", Config: kind.config + config, spoil: at(kind.at, spoil),
			}
		}
		list = append(list,
			fault("unasked", "is encrypted, though that was not agreed upon", "encryption", "",
				func(a *answer) { kind.seal(a, nil) }),
			fault("tag-spoilt", "is encrypted, and its tag is wrong", "decryption", kind.agreed+key,
				func(a *answer) { kind.seal(a, spoilt) }))
		if kind.at != backchannelLogout { // which need not be encrypted
			list = append(list,
				fault("missing", "is not encrypted, though that was agreed upon", "encryption", kind.agreed+key,
					func(a *answer) { a.plain = true }))
		}
	}
	return list
}

func (a *answer) sealJARM(change func(*sealing)) {
	a.respond(func(v url.Values) {
		t := a.op.parse(v.Get("response"))
		if t == nil {
			return
		}
		v.Set("response", a.sealWith("authorization", text(t.claims["aud"]), v.Get("response"), change))
	})
}

func (a *answer) sealIntrospection(change func(*sealing)) {
	if a.ok() {
		a.body = []byte(a.sealWith("introspection", a.client, string(a.body), change))
	}
}

func (a *answer) sealLogoutToken(change func(*sealing)) {
	a.edit(func(m map[string]any) {
		m["logout_token"] = a.sealWith("token", a.client, text(m["logout_token"]), change)
	})
}
