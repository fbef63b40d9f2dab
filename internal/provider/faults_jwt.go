// Faults of tokens: signatures, headers, encodings and claims of ID Tokens, of
// UserInfo as a JWT, and of access and refresh tokens that are JWTs. RFC 7515,
// RFC 7519, RFC 8725, OpenID Connect Core 1.0 sections 2, 3.1.3.7 and 12.2.

package provider

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"
	"time"
)

// A tokenFault is a fault that any kind of token can have.
type tokenFault struct {
	name, text string
	kinds      string   // letters of the kinds it is made for: i, u, a, r
	rules      []string // that it breaks, without the kind
	rows       []string
	accept     bool
	config     string // besides the kind's
	previous   bool
	spoil      func(*token)
	keys       func(*answer) // spoils the JWK Set too
}

// kinds are the kinds of tokens.
var kinds = []struct {
	letter, name, rule, at, config string
	change                         func(*answer, func(*token))
}{
	{"i", "id-token", "id_token", "token", "", (*answer).idToken},
	{"u", "userinfo-jwt", "userinfo", "userinfo", "", (*answer).userInfoJWT},
	{"a", "access-token", "access_token", "token", "access_token_jwt: true\n", (*answer).accessToken},
	{"r", "refresh-token", "refresh_token", "token", "refresh_token_jwt: true\n", (*answer).refreshToken},
}

func tokenFaults() []Fault {
	var list []Fault
	for _, kind := range kinds {
		for _, f := range slices.Concat(signatureFaults(), headerFaults(), encodingFaults(), claimFaults(), policyFaults()) {
			if !strings.Contains(f.kinds, kind.letter) {
				continue
			}
			fault := Fault{
				Name: kind.name + "-" + f.name, Text: sentence(strings.ReplaceAll(f.text, "TOKEN", kindText(kind.letter))), At: kind.at, Rows: f.rows,
				Accept: f.accept, Unseen: kind.letter != "i" && !f.accept, Config: kind.config + f.config, Previous: f.previous,
				spoil: at(kind.at, func(a *answer) { kind.change(a, f.spoil) }),
			}
			for _, rule := range f.rules {
				if !strings.Contains(rule, ".") {
					rule = kind.rule + "." + rule
				}
				fault.Breaks = append(fault.Breaks, rule)
			}
			if f.keys != nil {
				fault.spoil["jwks"] = f.keys
			}
			list = append(list, fault)
		}
	}
	return list
}

// sentence begins a text with a capital.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

func kindText(letter string) string {
	return map[string]string{"i": "the ID Token", "u": "the signed UserInfo response", "a": "the access token, a JWT,", "r": "the refresh token, a JWT,"}[letter]
}

const (
	all     = "iuar"
	noneBut = "token_signing_alg: [RS256]\n" // with several, another alg may be right
)

// header sets a member of the header, or takes it out.
func header(name string, value any) func(*token) {
	return func(t *token) { set(name, value)(t.header) }
}

// claim sets a claim, or takes it out.
func claim(name string, value any) func(*token) {
	return func(t *token) { set(name, value)(t.claims) }
}

// when sets a claim to a time from now, in seconds.
func when(name string, after time.Duration) func(*token) {
	return func(t *token) { t.claims[name] = time.Now().Add(after).Unix() }
}

// forged signs with a key that is the stranger's.
func forged(t *token) { t.key = strangersKey() }

func signatureFaults() []tokenFault {
	signature := []string{"signature"}
	return []tokenFault{
		{
			name: "signature-spoilt", text: "TOKEN has a signature whose every byte is wrong", kinds: all, rules: signature, rows: []string{"C06", "A21", "K20", "V6"},
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
			name: "signature-es256-spoilt", text: "TOKEN is signed by ES256, and the signature is wrong", kinds: "iu", rules: signature, rows: []string{"C07"},
			spoil: func(t *token) {
				es256(t)
				t.signature = func(s []byte) []byte { s[0] ^= 0x5A; return s }
			},
		},
		{
			name: "signature-empty", text: "TOKEN has an empty signature", kinds: all, rules: signature, rows: []string{"J07"},
			spoil: func(t *token) { t.signature = func([]byte) []byte { return nil } },
		},
		{
			name: "signature-zero", text: "TOKEN is signed by ES256 with r = s = 0", kinds: all, rules: signature, rows: []string{"J06"},
			spoil: func(t *token) {
				es256(t)
				t.signature = func([]byte) []byte { return make([]byte, 64) }
			},
		},
		{
			name: "signature-order", text: "TOKEN is signed by ES256 with r and s as the order of the curve", kinds: "iu", rules: signature, rows: []string{"J06"},
			spoil: func(t *token) {
				es256(t)
				order := t.op.order()
				t.signature = func([]byte) []byte { return append(bytes.Clone(order), order...) }
			},
		},
		{name: "signature-strangers", text: "TOKEN is signed by a key that is not published, under the kid of one that is", kinds: all, rules: signature, rows: []string{"J03", "F24"}, spoil: forged},
		{
			name: "hmac-public-key", text: "TOKEN is signed by HS256 with the provider's public key, PEM, as the secret", kinds: all, rules: []string{"signature", "alg"}, rows: []string{"J02"}, config: noneBut,
			spoil: func(t *token) { t.mac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: t.op.publicDER()})) },
		},
		{
			name: "hmac-public-der", text: "TOKEN is signed by HS256 with the provider's public key, DER, as the secret", kinds: "iu", rules: []string{"signature", "alg"}, rows: []string{"J02"}, config: noneBut,
			spoil: func(t *token) { t.mac(t.op.publicDER()) },
		},
		{
			name: "hmac-public-jwk", text: "TOKEN is signed by HS256 with the provider's public key, JWK, as the secret", kinds: "iu", rules: []string{"signature", "alg"}, rows: []string{"J02"}, config: noneBut,
			spoil: func(t *token) { t.mac(t.op.publicJWK()) },
		},
		{
			name: "hmac-spoilt", text: "TOKEN is signed by HS256 with the client's secret, and the signature is wrong", kinds: "i", rules: signature, rows: []string{"C08"}, config: "token_signing_alg: [HS256]\n",
			spoil: func(t *token) {
				t.mac([]byte(t.secret()))
				t.signature = func(s []byte) []byte { s[0] ^= 0x5A; return s }
			},
		},
		{
			name: "hmac-empty", text: "TOKEN is signed by HS256 with an empty secret", kinds: all, rules: []string{"signature", "alg"}, rows: []string{"J07"}, config: noneBut,
			spoil: func(t *token) { t.mac([]byte{}) },
		},
		{name: "alg-none", text: "TOKEN has alg none and no signature", kinds: all, rules: []string{"signature", "alg_none"}, rows: []string{"J01", "C05", "F23", "A22", "K21"}, spoil: unsigned("none")},
		{name: "alg-none-mixed", text: "TOKEN has alg nOnE and no signature", kinds: all, rules: []string{"signature", "alg_none"}, rows: []string{"J01"}, spoil: unsigned("nOnE")},
		{
			name: "alg-none-signed", text: "TOKEN has alg none, and a signature", kinds: "i", rules: []string{"signature", "alg_none"}, rows: []string{"J01"},
			spoil: func(t *token) { t.header["alg"], t.alg = "none", "RS256" },
		},
		{name: "alg-other", text: "TOKEN is signed by ES256, with a key that is published, where RS256 was agreed upon", kinds: all, rules: []string{"alg"}, rows: []string{"F24", "A23", "K22", "V7"}, config: noneBut, spoil: es256},
		{name: "alg-missing", text: "TOKEN has no alg", kinds: all, rules: []string{"readable"}, spoil: func(t *token) { delete(t.header, "alg"); t.alg = "RS256" }},
		{name: "alg-lower-case", text: "TOKEN has the alg rs256", kinds: "i", rules: []string{"signature", "alg"}, spoil: func(t *token) { t.header["alg"], t.alg = "rs256", "RS256" }},
		{
			name: "mac-audiences", text: "TOKEN is signed by HS256 with the client's secret, and has another audience besides", kinds: "i", rules: []string{"mac"}, rows: []string{"V8"},
			config: "token_signing_alg: [HS256]\ntrusted_audiences: [other]\n",
			spoil: func(t *token) {
				t.mac([]byte(t.secret()))
				t.claims["aud"] = []any{t.claims["aud"], "other"}
			},
		},
	}
}

// es256 signs by ES256 with the provider's key.
func es256(t *token) { t.header["alg"], t.header["kid"] = "ES256", t.op.keyFor("ES256").KeyID }

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
	der, err := x509.MarshalPKIXPublicKey(p.keyFor("RS256").Public().Key)
	if err != nil {
		panic(err) // a key that was made here
	}
	return der
}

func (p *Provider) publicJWK() []byte { return encode(p.keyFor("RS256").Public()) }

// secret is that of the token's client.
func (t *token) secret() string {
	for _, c := range t.op.options.Clients {
		if c.ID == t.client {
			return c.Secret
		}
	}
	return ""
}

func headerFaults() []tokenFault {
	signature := []string{"signature"}
	attack := func(t *token) { // signed by the stranger, whom the header introduces
		forged(t)
		t.header["kid"] = "stranger"
	}
	baited := func(name string) func(*token) {
		return func(t *token) { attack(t); t.header[name] = t.op.Issuer + baitPath }
	}
	return []tokenFault{
		{
			name: "embedded-jwk", text: "TOKEN is signed by the key in its header (jwk)", kinds: all, rules: signature, rows: []string{"J03"},
			spoil: func(t *token) {
				attack(t)
				var set map[string][]any
				_ = json.Unmarshal(t.op.bait(), &set) // made a moment ago
				t.header["jwk"] = set["keys"][0]
			},
		},
		{name: "jku", text: "TOKEN says in its header (jku) where to get the key it is signed by", kinds: all, rules: signature, rows: []string{"J04", "H26"}, spoil: baited("jku")},
		{name: "x5u", text: "TOKEN says in its header (x5u) where to get the certificate it is signed by", kinds: "iu", rules: signature, rows: []string{"J04", "H26"}, spoil: baited("x5u")},
		{
			name: "x5c", text: "TOKEN brings the certificate it is signed by in its header (x5c)", kinds: "iu", rules: signature, rows: []string{"J04"},
			spoil: func(t *token) { attack(t); t.header["x5c"] = []string{selfSigned(strangersKey())} },
		},
		{name: "kid-unknown", text: "TOKEN names a key (kid) that is not published", kinds: all, rules: signature, rows: []string{"J05", "H22"}, spoil: header("kid", "unknown")},
		{name: "kid-hostile", text: "TOKEN has a kid of a path, a query, a NUL and escapes", kinds: all, rules: signature, rows: []string{"J05", "H14"}, spoil: header("kid", "../../dev/null' OR '1'='1\x00\x1b]0;kid\x07\u202e\u009b31m")},
		{name: "kid-long", text: "TOKEN has a kid of 100 KiB", kinds: "i", rules: signature, rows: []string{"J05"}, spoil: header("kid", strings.Repeat("k", 100<<10))},
		{name: "kid-number", text: "TOKEN has a kid that is a number", kinds: all, rules: []string{"readable"}, spoil: header("kid", 1)},
		{name: "kid-absent", text: "TOKEN names no key, and one key fits", kinds: all, accept: true, rows: []string{"C16"}, spoil: header("kid", nil)},
		{
			name: "kid-absent-several-keys", text: "TOKEN names no key, and several keys fit", kinds: "iu", rules: signature, rows: []string{"C17"}, spoil: header("kid", nil),
			keys: addKeys(func(*Provider) any {
				return publicJWK(&strangersKey().PublicKey, map[string]any{"kid": "another", "use": "sig", "alg": "RS256"})
			}),
		},
		{name: "kid-kelvin", text: "TOKEN has a second kid, spelt with the Kelvin sign, that is not published", kinds: "iu", accept: true, rows: []string{"J14"}, spoil: header("\u212Aid", "unknown")},
		{name: "crit", text: "TOKEN demands an extension that nobody knows (crit)", kinds: all, rules: []string{"readable"}, rows: []string{"J08"}, spoil: func(t *token) { t.header["crit"], t.header["x"] = []string{"x"}, 1 }},
		{name: "crit-empty", text: "TOKEN has an empty crit", kinds: "iu", rules: []string{"readable"}, rows: []string{"J08"}, spoil: header("crit", []string{})},
		{name: "crit-null", text: "TOKEN has a crit that is null", kinds: "iu", rules: []string{"readable"}, rows: []string{"J08"}, spoil: func(t *token) { t.header["crit"] = nil }},
		{name: "b64", text: "TOKEN has an unencoded payload by its header (b64)", kinds: "iu", rules: []string{"readable"}, rows: []string{"J08"}, spoil: func(t *token) { t.header["b64"], t.header["crit"] = false, []string{"b64"} }},
		{
			name: "header-duplicate", text: "TOKEN has alg twice in its header: none, and the right one", kinds: all, rules: []string{"readable"}, rows: []string{"J14"},
			spoil: func(t *token) {
				t.alg = text(t.header["alg"])
				t.headerJSON = append([]byte(`{"alg":"none",`), encode(t.header)[1:]...)
			},
		},
		{name: "header-list", text: "TOKEN has a header that is a list", kinds: "i", rules: []string{"readable"}, spoil: func(t *token) { t.headerJSON, t.alg = []byte(`["RS256"]`), "RS256" }},
		{name: "typ-access-token", text: "TOKEN says that it is an access token (typ at+jwt)", kinds: "iur", rules: []string{"typ"}, rows: []string{"J16"}, spoil: header("typ", "at+jwt")},
		{name: "typ-logout-token", text: "TOKEN says that it is a Logout Token (typ logout+jwt)", kinds: all, rules: []string{"typ"}, rows: []string{"J16"}, spoil: header("typ", "application/logout+JWT")},
		{name: "typ-request-object", text: "TOKEN says that it is a request object (typ oauth-authz-req+jwt)", kinds: "iua", rules: []string{"typ"}, rows: []string{"J16"}, spoil: header("typ", "oauth-authz-req+jwt")},
		{
			name: "weak-key", text: "TOKEN is signed by a published RSA key of 1024 bits", kinds: "iu", rules: signature, rows: []string{"J21"},
			spoil: func(t *token) { t.key = weakKey(); t.header["kid"] = "weak" },
			keys: addKeys(func(*Provider) any {
				return publicJWK(&weakKey().PublicKey, map[string]any{"kid": "weak", "use": "sig"})
			}),
		},
		{
			name: "encryption-key", text: "TOKEN is signed by a published key that is for encryption (use enc)", kinds: "iu", rules: signature, rows: []string{"J21"},
			spoil: attack, keys: addKeys(func(*Provider) any {
				return publicJWK(&strangersKey().PublicKey, map[string]any{"kid": "stranger", "use": "enc"})
			}),
		},
		{
			name: "encrypting-key", text: "TOKEN is signed by a published key whose key_ops do not allow it", kinds: "i", rules: signature, rows: []string{"J21"},
			spoil: attack, keys: addKeys(func(*Provider) any {
				return publicJWK(&strangersKey().PublicKey, map[string]any{"kid": "stranger", "key_ops": []string{"encrypt"}})
			}),
		},
		{
			name: "other-alg-key", text: "TOKEN is signed by RS256 with a published key that is for PS256", kinds: "i", rules: signature,
			spoil: attack, keys: addKeys(func(*Provider) any {
				return publicJWK(&strangersKey().PublicKey, map[string]any{"kid": "stranger", "alg": "PS256"})
			}),
		},
		{
			name: "private-key", text: "TOKEN is signed by a key that is published with its private part", kinds: "i", rules: signature, rows: []string{"J21"},
			spoil: attack, keys: addKeys(func(*Provider) any {
				return publicJWK(&strangersKey().PublicKey, map[string]any{"kid": "stranger", "use": "sig", "d": b64(strangersKey().D.Bytes())})
			}),
		},
		{
			name: "key-published-twice", text: "TOKEN is signed by a key whose kid, kty and alg another published key has too", kinds: "i", rules: signature, rows: []string{"H21"},
			spoil: func(*token) {}, keys: addKeys(func(p *Provider) any {
				return publicJWK(&strangersKey().PublicKey, map[string]any{"kid": p.keyFor("RS256").KeyID, "alg": "RS256", "use": "sig"})
			}),
		},
	}
}

// encodingFaults are of the text of a token: what one reader takes for the
// same, another does not.
func encodingFaults() []tokenFault {
	unreadable := func(name, text string, kinds string, rows []string, spoil func(*token)) tokenFault {
		return tokenFault{name: name, text: text, kinds: kinds, rules: []string{"readable"}, rows: rows, spoil: spoil}
	}
	whole := func(change func(string) string) func(*token) { return func(t *token) { t.compact = change } }
	payload := func(change func([]byte) []byte) func(*token) {
		return func(t *token) { t.claimsJSON = change(encode(t.claims)) }
	}
	member := func(json string) func(*token) {
		return payload(func(data []byte) []byte { return append([]byte("{"+json+","), data[1:]...) })
	}
	return []tokenFault{
		unreadable("parts-two", "TOKEN has two parts", all, []string{"J13"}, whole(func(s string) string { return s[:strings.LastIndex(s, ".")] })),
		unreadable("parts-four", "TOKEN has four parts", "iu", []string{"J13"}, whole(func(s string) string { return s + ".AA" })),
		unreadable("dots", "TOKEN is 200,000 dots", "iu", []string{"J13"}, whole(func(string) string { return strings.Repeat(".", 200_000) })),
		unreadable("long", "TOKEN is longer than 256 KiB", "iu", []string{"J13"}, claim("padding", strings.Repeat("x", 256<<10))),
		unreadable("json", "TOKEN is a JWS in JSON serialization", "i", nil, whole(func(s string) string {
			p := strings.Split(s, ".")
			return `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`
		})),
		unreadable("base64-padding", "TOKEN has base64 with padding", "iu", []string{"J20"}, whole(func(s string) string { return s + "==" })),
		unreadable("base64-standard", "TOKEN has base64 of the other alphabet (+ and /)", "i", []string{"J20"}, func(t *token) {
			t.claims["x"] = "\u00ff\u00fe\u00ff>>>???"
			t.compact = func(s string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(s) }
		}),
		unreadable("base64-bits", "TOKEN has stray bits at the end of its base64", "iu", []string{"J20"}, func(t *token) {
			t.compact = func(s string) string {
				data, err := base64.RawURLEncoding.DecodeString(s[strings.LastIndex(s, ".")+1:])
				if err != nil || len(data)%3 == 0 {
					return s + "A"
				}
				const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
				last := strings.IndexByte(alphabet, s[len(s)-1])
				return s[:len(s)-1] + string(alphabet[last^1])
			}
		}),
		unreadable("claim-duplicate", "TOKEN has sub twice: another, and the right one", all, []string{"J14"}, member(`"sub":"mallory"`)),
		unreadable("claim-duplicate-deep", "TOKEN has a member twice deep in its claims", "i", []string{"J14"}, member(`"x":{"y":[{"z":1,"z":2}]}`)),
		unreadable("payload-list", "TOKEN has a payload that is a list", "i", []string{"H11"}, payload(func(d []byte) []byte { return []byte("[" + string(d) + "]") })),
		unreadable("payload-string", "TOKEN has a payload that is a string", "i", []string{"H11"}, payload(func([]byte) []byte { return []byte(`"claims"`) })),
		unreadable("payload-null", "TOKEN has a payload of null", "i", []string{"H11"}, payload(func([]byte) []byte { return []byte("null") })),
		unreadable("payload-empty", "TOKEN has an empty payload", "i", []string{"H11"}, payload(func([]byte) []byte { return []byte{} })),
		unreadable("payload-trailing", "TOKEN has text after its claims", "iu", []string{"H11"}, payload(func(d []byte) []byte { return append(d, "{}"...) })),
		unreadable("payload-bom", "TOKEN has a byte order mark before its claims", "i", []string{"H11"}, payload(func(d []byte) []byte { return append([]byte("\xEF\xBB\xBF"), d...) })),
		unreadable("payload-utf8", "TOKEN has claims that are not UTF-8", "iu", []string{"H13"}, member("\"x\":\"\xff\"")),
		unreadable("payload-surrogate", "TOKEN has half a surrogate pair in its claims", "iu", []string{"H13"}, member(`"x":"\ud800"`)),
		unreadable("payload-deep", "TOKEN has claims nested 1,000 deep", "iu", []string{"H12"}, member(`"x":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000))),
		unreadable("payload-many", "TOKEN has 60,000 claims", "i", []string{"H12"}, member(`"x":[`+strings.Repeat("1,", 60_000)+"1]")),
		unreadable("payload-nan", "TOKEN has the number NaN in its claims", "i", []string{"H11"}, member(`"x":NaN`)),
		{
			name: "numbers", text: "TOKEN has numbers that no float64 holds, and fractions of seconds", kinds: "iu", accept: true, rows: []string{"H20", "J17"},
			spoil: func(t *token) {
				t.claims["big"], t.claims["fraction"] = json.Number("9007199254740993"), json.Number("0.10000000000000000001")
				t.claims["exp"] = json.Number(formatSeconds(5*time.Minute) + ".5")
			},
		},
		{
			name: "escapes", text: "TOKEN has claims with escape sequences, overrides and line separators", kinds: "iu", accept: true, rows: []string{"H14"},
			spoil: claim("note", "\x1b]0;pwned\x07\x1b[2J\u009b31m\u202egnp.exe\u2028\x00\x7f\r\n[INFO]  oidc-client: all is well"),
		},
	}
}

// formatSeconds is a time from now as a NumericDate.
func formatSeconds(after time.Duration) string {
	return string(encode(time.Now().Add(after).Unix()))
}

func claimFaults() []tokenFault {
	return slices.Concat(
		issuerFaults(), audienceFaults(), timeFaults(),
		[]tokenFault{
			{name: "sub-missing", text: "TOKEN has no sub", kinds: "i", rules: []string{"sub"}, rows: []string{"C13"}, spoil: claim("sub", nil)},
			{name: "sub-empty", text: "TOKEN has an empty sub", kinds: "i", rules: []string{"sub"}, spoil: claim("sub", "")},
			{name: "sub-number", text: "TOKEN has a sub that is a number", kinds: "i", rules: []string{"sub"}, rows: []string{"H19"}, spoil: claim("sub", 42)},
			{name: "sub-long", text: "TOKEN has a sub of 256 characters", kinds: "i", rules: []string{"sub"}, rows: []string{"V24"}, spoil: claim("sub", strings.Repeat("s", 256))},
			{
				name: "sub-upper-case", text: "TOKEN has the claim SUB instead of sub", kinds: "i", rules: []string{"sub"}, rows: []string{"J14", "H11"},
				spoil: func(t *token) { t.claims["SUB"] = t.claims["sub"]; delete(t.claims, "sub") },
			},
			{
				name: "events", text: "TOKEN has the claims of a Logout Token (events)", kinds: "ia", rules: []string{"kind"}, rows: []string{"J16"},
				spoil: claim("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}),
			},
			{name: "at-hash-wrong", text: "TOKEN has the hash of another access token (at_hash)", kinds: "i", rules: []string{"at_hash"}, rows: []string{"C18", "V15"}, spoil: claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")},
			{name: "at-hash", text: "TOKEN is an ID Token by its claims (at_hash)", kinds: "a", rules: []string{"kind"}, rows: []string{"J16"}, spoil: claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")},
			{name: "claims-missing", text: "TOKEN lacks jti and client_id", kinds: "a", rules: []string{"claims"}, spoil: func(t *token) { delete(t.claims, "jti"); delete(t.claims, "client_id") }},
			{name: "client-id-wrong", text: "TOKEN is another client's (client_id)", kinds: "a", rules: []string{"client_id"}, spoil: claim("client_id", "mallory")},
		})
}

func issuerFaults() []tokenFault {
	return []tokenFault{
		{name: "iss-wrong", text: "TOKEN has the issuer with a 1 after it", kinds: all, rules: []string{"iss"}, rows: []string{"C09", "C34", "F13", "A16", "K15", "R01", "V2"}, spoil: func(t *token) { t.claims["iss"] = t.op.Issuer + "1" }},
		{name: "iss-slash", text: "TOKEN has the issuer with a slash after it", kinds: "iu", rules: []string{"iss"}, rows: []string{"H32"}, spoil: func(t *token) { t.claims["iss"] = t.op.Issuer + "/" }},
		{name: "iss-upper-case", text: "TOKEN has the issuer in upper case", kinds: "i", rules: []string{"iss"}, rows: []string{"H32"}, spoil: func(t *token) { t.claims["iss"] = strings.ToUpper(t.op.Issuer) }},
		{name: "iss-missing", text: "TOKEN has no iss", kinds: "iu", rules: []string{"iss"}, rows: []string{"F14", "A17", "K16", "V2"}, spoil: claim("iss", nil)},
		{name: "iss-list", text: "TOKEN has an iss that is a list with the right one", kinds: "iu", rules: []string{"iss"}, spoil: func(t *token) { t.claims["iss"] = []string{t.op.Issuer} }},
	}
}

func audienceFaults() []tokenFault {
	aud := func(change func(client any) any) func(*token) {
		return func(t *token) { t.claims["aud"] = change(t.claims["aud"]) }
	}
	return []tokenFault{
		{name: "aud-wrong", text: "TOKEN has the client_id with a 1 after it as aud", kinds: "iu", rules: []string{"aud"}, rows: []string{"C10", "F15", "A18", "K17", "V3"}, spoil: aud(func(c any) any { return text(c) + "1" })},
		{name: "aud-missing", text: "TOKEN has no aud", kinds: "iu", rules: []string{"aud"}, rows: []string{"C11", "F16", "A19", "K18", "V3"}, spoil: claim("aud", nil)},
		{name: "aud-empty", text: "TOKEN has an empty list as aud", kinds: "iu", rules: []string{"aud"}, rows: []string{"J18"}, spoil: claim("aud", []any{})},
		{name: "aud-null", text: "TOKEN has a list with null as aud", kinds: "i", rules: []string{"aud"}, rows: []string{"J18"}, spoil: claim("aud", []any{nil})},
		{name: "aud-object", text: "TOKEN has an object as aud", kinds: "i", rules: []string{"aud"}, rows: []string{"J18"}, spoil: aud(func(c any) any { return map[string]any{text(c): true} })},
		{name: "aud-nested", text: "TOKEN has the client_id in a list in a list as aud", kinds: "i", rules: []string{"aud"}, rows: []string{"J18"}, spoil: aud(func(c any) any { return []any{[]any{c}} })},
		{name: "aud-mixed", text: "TOKEN has the client_id and a number as aud", kinds: "i", rules: []string{"aud"}, rows: []string{"J18"}, spoil: aud(func(c any) any { return []any{c, 1} })},
		{name: "aud-upper-case", text: "TOKEN has the client_id in upper case as aud", kinds: "i", rules: []string{"aud"}, spoil: aud(func(c any) any { return strings.ToUpper(text(c)) })},
		{name: "aud-list", text: "TOKEN has a list with the client_id as aud", kinds: "iu", accept: true, rows: []string{"F06", "A03", "K03"}, spoil: aud(func(c any) any { return []any{c} })},
		{name: "aud-second", text: "TOKEN has an audience besides the client_id", kinds: "i", rules: []string{"aud_trusted"}, rows: []string{"F17", "A20", "K19", "V3"}, spoil: aud(func(c any) any { return []any{c, text(c) + "1"} })},
		{name: "azp-wrong", text: "TOKEN has another client as azp", kinds: "i", rules: []string{"azp"}, rows: []string{"V5"}, spoil: claim("azp", "mallory")},
	}
}

func timeFaults() []tokenFault {
	odd := func(name, what string, value any) tokenFault {
		return tokenFault{name: "exp-" + name, text: "TOKEN has an exp that is " + what, kinds: "i", rules: []string{"exp"}, rows: []string{"J17"}, spoil: claim("exp", value)}
	}
	return []tokenFault{
		{name: "exp-past", text: "TOKEN expired six minutes ago", kinds: all, rules: []string{"exp"}, rows: []string{"F18", "A24", "K23", "V9"}, spoil: when("exp", -6*time.Minute)},
		{name: "exp-missing", text: "TOKEN has no exp", kinds: "i", rules: []string{"exp"}, rows: []string{"F19", "A25", "K24"}, spoil: claim("exp", nil)},
		odd("huge", "1e19", json.Number("1e19")), odd("endless", "1e400", json.Number("1e400")), odd("negative", "-1", -1),
		odd("string", "a string", formatSeconds(5*time.Minute)), odd("true", "true", true), odd("list", "a list", []any{1}),
		{name: "iat-missing", text: "TOKEN has no iat", kinds: "i", rules: []string{"iat"}, rows: []string{"C12"}, spoil: claim("iat", nil)},
		{name: "iat-future", text: "TOKEN is from an hour in the future (iat)", kinds: "ia", rules: []string{"iat"}, rows: []string{"V10"}, spoil: when("iat", time.Hour)},
		{name: "iat-old", text: "TOKEN is a week old (iat), and not expired", kinds: "i", accept: true, rules: []string{"iat_age"}, rows: []string{"A26", "K25"}, spoil: when("iat", -7*24*time.Hour)},
		{name: "nbf-future", text: "TOKEN is not valid for another hour (nbf)", kinds: all, rules: []string{"nbf"}, rows: []string{"J17"}, spoil: when("nbf", time.Hour)},
		{name: "nbf-huge", text: "TOKEN has an nbf of 1e19", kinds: "iua", rules: []string{"nbf"}, rows: []string{"J17"}, spoil: claim("nbf", json.Number("1e19"))},
	}
}

// policyFaults matter to a relying party that demands something, or that knows
// the ID Token before a refresh.
func policyFaults() []tokenFault {
	return []tokenFault{
		{name: "acr-wrong", text: "TOKEN has another acr than was asked for", kinds: "i", rules: []string{"acr"}, rows: []string{"V12"}, config: "acr_list: [\"2\"]\n", spoil: claim("acr", "0")},
		{name: "amr-wrong", text: "TOKEN has none of the methods (amr) that are demanded", kinds: "i", rules: []string{"amr"}, config: "amr_list: [otp]\n", spoil: claim("amr", []string{"pwd"})},
		{name: "amr-string", text: "TOKEN has an amr that is a string", kinds: "i", rules: []string{"amr_type"}, rows: []string{"H19"}, spoil: claim("amr", "otp")},
		{name: "auth-time-old", text: "TOKEN is of a login two hours ago (auth_time)", kinds: "i", rules: []string{"auth_time"}, rows: []string{"V13"}, config: "max_age: 3600\n", spoil: when("auth_time", -2*time.Hour)},
		{name: "auth-time-missing", text: "TOKEN has no auth_time where max_age is demanded", kinds: "i", rules: []string{"auth_time"}, rows: []string{"V13"}, config: "max_age: 3600\n", spoil: claim("auth_time", nil)},

		{name: "other-user", text: "TOKEN is of another user than the one before the refresh", kinds: "i", rules: []string{"refresh.sub"}, rows: []string{"R02", "C35"}, previous: true, spoil: claim("sub", "mallory")},
		{name: "other-issuer", text: "TOKEN is of another issuer than the one before the refresh", kinds: "i", rules: []string{"iss", "refresh.iss"}, rows: []string{"R01", "C34"}, previous: true, spoil: func(t *token) { t.claims["iss"] = t.op.Issuer + "1" }},
		{
			name: "other-audience", text: "TOKEN has another audience besides, which the one before the refresh had not", kinds: "i", rules: []string{"refresh.aud"}, rows: []string{"R03"}, previous: true, config: "trusted_audiences: [other]\n",
			spoil: func(t *token) { t.claims["aud"] = []any{t.claims["aud"], "other"} },
		},
		{name: "older", text: "TOKEN is older than the one before the refresh (iat)", kinds: "i", rules: []string{"refresh.iat"}, rows: []string{"R04"}, previous: true, spoil: when("iat", -time.Hour)},
		{name: "new-auth-time", text: "TOKEN has the time of the refresh as that of the login (auth_time)", kinds: "i", rules: []string{"refresh.auth_time"}, rows: []string{"R05"}, previous: true, spoil: when("auth_time", 0)},
		{
			name: "new-azp", text: "TOKEN has an azp, which the one before the refresh had not", kinds: "i", rules: []string{"refresh.azp"}, rows: []string{"R06"}, previous: true,
			spoil: func(t *token) { t.claims["azp"] = t.claims["aud"] },
		},
		{name: "new-nonce", text: "TOKEN has a nonce, which the one before the refresh had not", kinds: "i", rules: []string{"refresh.nonce"}, rows: []string{"R07"}, previous: true, spoil: claim("nonce", "n")},
		{name: "nonce", text: "TOKEN has a nonce after a refresh", kinds: "i", accept: true, rules: []string{"refresh.nonce_absent"}, rows: []string{"R07"}, spoil: claim("nonce", "n")},
	}
}
