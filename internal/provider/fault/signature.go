// Faults of signatures, headers and the keys behind them: RFC 7515, RFC 8725.

package fault

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
)

// signedWithZeros signs by ES256 with r = s = 0.
func signedWithZeros(t *token) {
	es256(t)
	t.signature = func([]byte) []byte { return make([]byte, 64) }
}

func signatureFaults() []tokenFault {
	signature := []string{"signature"}
	return []tokenFault{
		{
			name: "signature-spoilt", text: "TOKEN has a signature whose every byte is wrong",
			kinds: everyJWT | loginIDToken | frontIDToken, rules: signature, rows: []string{"C06", "A21", "K20", "V6"},
			spoil: func(t *token) {
				t.signature = func(s []byte) []byte {
					for i := range s {
						s[i] ^= 0x5A
					}
					return s
				}
			},
		},
		{
			name: "signature-es256-spoilt", text: "TOKEN is signed by ES256, and the signature is wrong",
			kinds: refreshedIDToken | userInfoJWT, rules: signature, rows: []string{"C07"},
			spoil: func(t *token) {
				es256(t)
				t.signature = func(s []byte) []byte { s[0] ^= 0x5A; return s }
			},
		},
		{
			name: "signature-empty", text: "TOKEN has an empty signature", kinds: everyJWT, rules: signature,
			rows:  []string{"J07"},
			spoil: func(t *token) { t.signature = func([]byte) []byte { return nil } },
		},
		{
			name: "signature-zero", text: "TOKEN is signed by ES256 with r = s = 0", kinds: everyJWT &^ logoutJWT,
			rules: signature, rows: []string{"J06"},
			spoil: signedWithZeros,
		},
		{ // whose alg has to be that of the ID Token
			name: "signature-zero", text: "TOKEN is signed by ES256 with r = s = 0", kinds: logoutJWT,
			rules: []string{"signature", "alg"}, rows: []string{"J06"},
			spoil: signedWithZeros,
		},
		{
			name: "signature-order", text: "TOKEN is signed by ES256 with r and s as the order of the curve",
			kinds: refreshedIDToken | userInfoJWT, rules: signature, rows: []string{"J06"},
			spoil: func(t *token) {
				es256(t)
				order := t.op.order()
				t.signature = func([]byte) []byte { return append(bytes.Clone(order), order...) }
			},
		},
		{
			name: "signature-strangers",
			text: "TOKEN is signed by a key that is not published, under the kid of one that is", kinds: everyJWT,
			rules: signature, rows: []string{"J03", "F24"}, spoil: forged,
		},
	}
}

// algorithmFaults are of tokens that are signed by another algorithm than was
// agreed upon, or by none.
func algorithmFaults() []tokenFault {
	signature := []string{"signature"}
	return []tokenFault{
		{
			name: "hmac-public-key",
			text: "TOKEN is signed by HS256 with the provider's public key, PEM, as the secret", kinds: everyJWT,
			rules: []string{"signature", "alg"}, rows: []string{"J02"}, config: noneBut,
			spoil: func(t *token) {
				t.mac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: t.op.publicDER()}))
			},
		},
		{
			name:  "hmac-public-der",
			text:  "TOKEN is signed by HS256 with the provider's public key, DER, as the secret",
			kinds: refreshedIDToken | userInfoJWT, rules: []string{"signature", "alg"}, rows: []string{"J02"},
			config: noneBut,
			spoil:  func(t *token) { t.mac(t.op.publicDER()) },
		},
		{
			name:  "hmac-public-jwk",
			text:  "TOKEN is signed by HS256 with the provider's public key, JWK, as the secret",
			kinds: refreshedIDToken | userInfoJWT, rules: []string{"signature", "alg"}, rows: []string{"J02"},
			config: noneBut,
			spoil:  func(t *token) { t.mac(t.op.publicJWK()) },
		},
		{
			name: "hmac-spoilt", text: "TOKEN is signed by HS256 with the client's secret, and the signature is wrong",
			kinds: refreshedIDToken, rules: signature, rows: []string{"C08"}, config: "token_signing_alg: [HS256]\n",
			spoil: func(t *token) {
				t.mac([]byte(t.secret()))
				t.signature = func(s []byte) []byte { s[0] ^= 0x5A; return s }
			},
		},
		{
			name: "hmac-empty", text: "TOKEN is signed by HS256 with an empty secret", kinds: everyJWT,
			rules: []string{"signature", "alg"}, rows: []string{"J07"}, config: noneBut,
			spoil: func(t *token) { t.mac([]byte{}) },
		},
		{
			name: "alg-none", text: "TOKEN has alg none and no signature",
			kinds: everyJWT | loginIDToken | frontIDToken, rules: []string{"signature", "alg_none"},
			rows: []string{"J01", "C05", "F23", "A22", "K21"}, spoil: unsigned("none"),
		},
		{
			name: "alg-none-mixed", text: "TOKEN has alg nOnE and no signature", kinds: everyJWT,
			rules: []string{"signature", "alg_none"}, rows: []string{"J01"}, spoil: unsigned("nOnE"),
		},
		{
			name: "alg-none-signed", text: "TOKEN has alg none, and a signature", kinds: refreshedIDToken,
			rules: []string{"signature", "alg_none"}, rows: []string{"J01"},
			spoil: func(t *token) { t.header["alg"], t.alg = "none", "RS256" },
		},
		{
			name:  "alg-other",
			text:  "TOKEN is signed by ES256, with a key that is published, where RS256 was agreed upon",
			kinds: everyJWT | loginIDToken, rules: []string{"alg"}, rows: []string{"F24", "A23", "K22", "V7"},
			config: noneBut, spoil: es256,
		},
		{
			name: "alg-missing", text: "TOKEN has no alg", kinds: everyJWT, rules: []string{"readable"},
			spoil: func(t *token) { delete(t.header, "alg"); t.alg = "RS256" },
		},
		{
			name: "alg-lower-case", text: "TOKEN has the alg rs256", kinds: refreshedIDToken,
			rules: []string{"signature", "alg"}, spoil: func(t *token) { t.header["alg"], t.alg = "rs256", "RS256" },
		},
		{
			name:  "mac-audiences",
			text:  "TOKEN is signed by HS256 with the client's secret, and has another audience besides",
			kinds: refreshedIDToken | loginIDToken, rules: []string{"mac"}, rows: []string{"V8"},
			config: "token_signing_alg: [HS256]\ntrusted_audiences: [other]\n",
			spoil: func(t *token) {
				t.mac([]byte(t.secret()))
				t.claims["aud"] = []any{t.claims["aud"], "other"}
			},
		},
	}
}

// es256 signs by ES256 with the provider's key.
func es256(t *token) { t.header["alg"], t.header["kid"] = "ES256", t.op.Key("ES256").KeyID }

// mac signs by HS256.
func (t *token) mac(secret []byte) {
	t.header["alg"], t.key = "HS256", secret
	delete(t.header, "kid")
}

// unsigned takes the signature away.
func unsigned(alg string) func(*token) {
	return func(t *token) {
		t.header["alg"] = alg
		t.signature = func([]byte) []byte { return nil }
	}
}

func (p *Provider) publicDER() []byte {
	der, err := x509.MarshalPKIXPublicKey(p.Key("RS256").Public().Key)
	if err != nil {
		panic(err) // a key that was made here
	}
	return der
}

func (p *Provider) publicJWK() []byte { return encode(p.Key("RS256").Public()) }

// secret is that of the token's client.
func (t *token) secret() string {
	for _, c := range t.op.options.Clients {
		if c.ID == t.client {
			return c.Secret
		}
	}
	return ""
}

func keyHeaderFaults() []tokenFault {
	signature := []string{"signature"}
	baited := func(name string) func(*token) {
		return func(t *token) { introduced(t); t.header[name] = t.op.Issuer + baitPath }
	}
	return []tokenFault{
		{
			name: "embedded-jwk", text: "TOKEN is signed by the key in its header (jwk)", kinds: everyJWT,
			rules: signature, rows: []string{"J03"},
			spoil: func(t *token) {
				introduced(t)
				var set map[string][]any
				_ = json.Unmarshal(t.op.bait(), &set) // made a moment ago
				t.header["jwk"] = set["keys"][0]
			},
		},
		{
			name: "jku", text: "TOKEN says in its header (jku) where to get the key it is signed by", kinds: everyJWT,
			rules: signature, rows: []string{"J04", "H26"}, spoil: baited("jku"),
		},
		{
			name: "x5u", text: "TOKEN says in its header (x5u) where to get the certificate it is signed by",
			kinds: refreshedIDToken | userInfoJWT, rules: signature, rows: []string{"J04", "H26"}, spoil: baited("x5u"),
		},
		{
			name: "x5c", text: "TOKEN brings the certificate it is signed by in its header (x5c)",
			kinds: refreshedIDToken | userInfoJWT, rules: signature, rows: []string{"J04"},
			spoil: func(t *token) { introduced(t); t.header["x5c"] = []string{selfSigned(strangersKey())} },
		},
		{
			name: "kid-unknown", text: "TOKEN names a key (kid) that is not published", kinds: everyJWT,
			rules: signature, rows: []string{"J05", "H22"}, spoil: header("kid", "unknown"),
		},
		{
			name: "kid-hostile", text: "TOKEN has a kid of a path, a query, a NUL and escapes", kinds: everyJWT,
			rules: signature, rows: []string{"J05", "H14"},
			spoil: header("kid", "../../dev/null' OR '1'='1\x00\x1b]0;kid\x07\u202e\u009b31m"),
		},
		{
			name: "kid-long", text: "TOKEN has a kid of 100 KiB", kinds: refreshedIDToken, rules: signature,
			rows: []string{"J05"}, spoil: header("kid", strings.Repeat("k", 100<<10)),
		},
		{
			name: "kid-number", text: "TOKEN has a kid that is a number", kinds: everyJWT, rules: []string{"readable"},
			spoil: header("kid", 1),
		},
		{
			name: "kid-absent", text: "TOKEN names no key, and one key fits", kinds: everyJWT, accept: true,
			rows: []string{"C16"}, spoil: header("kid", nil),
		},
		{
			name: "kid-absent-several-keys", text: "TOKEN names no key, and several keys fit",
			kinds: refreshedIDToken | userInfoJWT, rules: signature, rows: []string{"C17"}, spoil: header("kid", nil),
			keys: addKeys(func(*Provider) any {
				return publicJWK(&strangersKey().PublicKey,
					map[string]any{"kid": "another", "use": "sig", "alg": "RS256"})
			}),
		},
		{
			name: "kid-kelvin", text: "TOKEN has a second kid, spelt with the Kelvin sign, that is not published",
			kinds: refreshedIDToken | userInfoJWT, accept: true, rows: []string{"J14"},
			spoil: header("\u212Aid", "unknown"),
		},
	}
}

func headerFaults() []tokenFault {
	return []tokenFault{
		{
			name: "crit", text: "TOKEN demands an extension that nobody knows (crit)", kinds: everyJWT,
			rules: []string{"readable"}, rows: []string{"J08"},
			spoil: func(t *token) { t.header["crit"], t.header["x"] = []string{"x"}, 1 },
		},
		{
			name: "crit-empty", text: "TOKEN has an empty crit", kinds: refreshedIDToken | userInfoJWT,
			rules: []string{"readable"}, rows: []string{"J08"}, spoil: header("crit", []string{}),
		},
		{
			name: "crit-null", text: "TOKEN has a crit that is null", kinds: refreshedIDToken | userInfoJWT,
			rules: []string{"readable"}, rows: []string{"J08"}, spoil: func(t *token) { t.header["crit"] = nil },
		},
		{
			name: "b64", text: "TOKEN has an unencoded payload by its header (b64)",
			kinds: refreshedIDToken | userInfoJWT, rules: []string{"readable"}, rows: []string{"J08"},
			spoil: func(t *token) { t.header["b64"], t.header["crit"] = false, []string{"b64"} },
		},
		{
			name: "header-duplicate", text: "TOKEN has alg twice in its header: none, and the right one",
			kinds: everyJWT, rules: []string{"readable"}, rows: []string{"J14"},
			spoil: func(t *token) {
				t.alg = text(t.header["alg"])
				t.headerJSON = append([]byte(`{"alg":"none",`), encode(t.header)[1:]...)
			},
		},
		{
			name: "header-list", text: "TOKEN has a header that is a list", kinds: refreshedIDToken,
			rules: []string{"readable"}, spoil: func(t *token) { t.headerJSON, t.alg = []byte(`["RS256"]`), "RS256" },
		},
		{
			name: "typ-access-token", text: "TOKEN says that it is an access token (typ at+jwt)",
			kinds: everyJWT&^accessJWT | loginIDToken | frontIDToken, rules: []string{"typ"}, rows: []string{"J16"},
			spoil: header("typ", "at+jwt"),
		},
		{
			name: "typ-logout-token", text: "TOKEN says that it is a Logout Token (typ logout+jwt)",
			kinds: refreshedIDToken | userInfoJWT | accessJWT | refreshJWT | jarmJWT | introspectionJWT,
			rules: []string{"typ"}, rows: []string{"J16"}, spoil: header("typ", "application/logout+JWT"),
		},
		{
			name: "typ-request-object", text: "TOKEN says that it is a request object (typ oauth-authz-req+jwt)",
			kinds: refreshedIDToken | userInfoJWT | accessJWT, rules: []string{"typ"}, rows: []string{"J16"},
			spoil: header("typ", "oauth-authz-req+jwt"),
		},
	}
}

// introduced signs by the stranger, whom the header introduces.
func introduced(t *token) {
	forged(t)
	t.header["kid"] = "stranger"
}

// keyFaults are of tokens that are signed by a published key which is not for
// that.
func keyFaults() []tokenFault {
	signature := []string{"signature"}
	return []tokenFault{
		{
			name: "weak-key", text: "TOKEN is signed by a published RSA key of 1024 bits",
			kinds: refreshedIDToken | userInfoJWT, rules: signature, rows: []string{"J21"},
			spoil: func(t *token) { t.key = weakKey(); t.header["kid"] = "weak" },
			keys: addKeys(func(*Provider) any {
				return publicJWK(&weakKey().PublicKey, map[string]any{"kid": "weak", "use": "sig"})
			}),
		},
		{
			name: "encryption-key", text: "TOKEN is signed by a published key that is for encryption (use enc)",
			kinds: refreshedIDToken | userInfoJWT, rules: signature, rows: []string{"J21"},
			spoil: introduced, keys: addKeys(func(*Provider) any {
				return publicJWK(&strangersKey().PublicKey, map[string]any{"kid": "stranger", "use": "enc"})
			}),
		},
		{
			name: "encrypting-key", text: "TOKEN is signed by a published key whose key_ops do not allow it",
			kinds: refreshedIDToken, rules: signature, rows: []string{"J21"},
			spoil: introduced, keys: addKeys(func(*Provider) any {
				return publicJWK(&strangersKey().PublicKey,
					map[string]any{"kid": "stranger", "key_ops": []string{"encrypt"}})
			}),
		},
		{
			name: "other-alg-key", text: "TOKEN is signed by RS256 with a published key that is for PS256",
			kinds: refreshedIDToken, rules: signature,
			spoil: introduced, keys: addKeys(func(*Provider) any {
				return publicJWK(&strangersKey().PublicKey, map[string]any{"kid": "stranger", "alg": "PS256"})
			}),
		},
		{
			name: "private-key", text: "TOKEN is signed by a key that is published with its private part",
			kinds: refreshedIDToken, rules: signature, rows: []string{"J21"},
			spoil: introduced, keys: addKeys(func(*Provider) any {
				return publicJWK(&strangersKey().PublicKey,
					map[string]any{"kid": "stranger", "use": "sig", "d": b64(strangersKey().D.Bytes())})
			}),
		},
		{
			name:  "key-published-twice",
			text:  "TOKEN is signed by a key whose kid, kty and alg another published key has too",
			kinds: refreshedIDToken, rules: signature, rows: []string{"H21"},
			spoil: func(*token) {}, keys: addKeys(func(p *Provider) any {
				return publicJWK(&strangersKey().PublicKey,
					map[string]any{"kid": p.Key("RS256").KeyID, "alg": "RS256", "use": "sig"})
			}),
		},
	}
}
