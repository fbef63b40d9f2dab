// Faults of encrypted tokens: RFC 7516, RFC 7518 section 4, RFC 8725.

package fault

import (
	"encoding/base64"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// agreed is what a relying party has to demand to be sent encrypted tokens: it
// is registered with id_token_encrypted_response_alg, and has the key.
const agreed = "token_encryption_alg: [RSA-OAEP-256, ECDH-ES+A128KW]\ndecryption_key: decryption-key.json\n"

// encryptionAgreedFaults are about whether an ID Token is encrypted at all.
func encryptionAgreedFaults() []Fault {
	unasked := encryptionFault("unasked", "The ID Token is encrypted, though that was not agreed upon",
		[]string{"id_token.encryption"}, []string{"J19", "V1"}, nil)
	unasked.Config = ""
	missing := Fault{
		Name: "id-token-jwe-missing", Text: "The ID Token is not encrypted, though that was agreed upon", At: "token",
		Breaks: []string{"id_token.encryption"}, Rows: []string{"J19", "V1"}, Config: agreed,
		spoil: at("token", func(a *answer) { a.plain = true }),
	}
	good := encryptionFault("good", "The ID Token is encrypted, as was agreed upon", nil, []string{"A02", "V1"}, nil)
	good.Accept = true
	return []Fault{unasked, missing, good}
}

func encryptionFaults() []Fault {
	decryption := []string{"id_token.decryption"}
	readable := []string{"id_token.readable"}
	header := func(change func(map[string]any)) func(*sealing) {
		return func(s *sealing) { s.compact = func(c string) string { return reheaded(c, change) } }
	}
	by := func(alg string) func(*sealing) {
		return func(s *sealing) { s.to.Algorithm = jose.KeyAlgorithm(alg) }
	}
	return []Fault{
		encryptionFault("other-alg", "The ID Token is encrypted by another alg than was agreed upon (RSA-OAEP)",
			[]string{"id_token.encryption"}, []string{"J19"}, by("RSA-OAEP")),
		encryptionFault("rsa1-5", "The ID Token is encrypted by RSA1_5", []string{"id_token.encryption"},
			[]string{"J12", "A10"},
			by("RSA1_5")),
		encryptionFault("pbes2", "The ID Token is encrypted by PBES2, with 2^31 - 1 rounds",
			[]string{"id_token.encryption"},
			[]string{"J10"}, header(func(m map[string]any) {
				m["alg"], m["p2c"], m["p2s"] = "PBES2-HS256+A128KW", 1<<31-1, "AAAAAAAAAAA"
			})),
		encryptionFault("dir", "The ID Token is encrypted with a shared secret (dir)", []string{"id_token.encryption"},
			nil,
			header(set("alg", "dir"))),
		encryptionFault("zip", "The ID Token is compressed, and unpacks to a megabyte", decryption, []string{"J09"},
			func(s *sealing) {
				s.options.Compression, s.text = jose.DEFLATE, s.text+strings.Repeat(" ", 1<<20)
			}),
		encryptionFault("enc-unknown", "The ID Token is encrypted by an enc that nobody knows", decryption, nil,
			header(set("enc", "A512XTS"))),
		encryptionFault("crit", "The encryption demands an extension that nobody knows (crit)", decryption,
			[]string{"J08"},
			header(func(m map[string]any) { m["crit"], m["x"] = []string{"x"}, 1 })),
		encryptionFault("duplicate", "The header of the encryption has alg twice", decryption, []string{"J14"},
			func(s *sealing) {
				s.compact = func(c string) string {
					head, rest, _ := strings.Cut(c, ".")
					data, _ := base64.RawURLEncoding.DecodeString(head) // made a moment ago
					return b64(append([]byte(`{"alg":"dir",`), data[1:]...)) + "." + rest
				}
			}),
		encryptionFault("other-key", "The ID Token is encrypted for another key", decryption, nil,
			func(s *sealing) { s.to.Key = &strangersKey().PublicKey }),
		encryptionFault("tag-spoilt", "The tag of the encrypted ID Token is wrong", decryption, []string{"J12"},
			part(4, func(s string) string { return strings.Repeat("A", len(s)) })),
		encryptionFault("tag-short", "The tag of the encrypted ID Token is of four bytes", decryption, []string{"J12"},
			part(4, func(string) string { return strings.Repeat("A", 6) })),
		encryptionFault("iv-long", "The initialization vector of the encrypted ID Token is of 1 KiB", decryption, nil,
			part(2, func(string) string { return strings.Repeat("A", 1368) })),
		encryptionFault("key-empty", "The encrypted ID Token lacks its encrypted key", decryption, []string{"J11"},
			part(1, func(string) string { return "" })),
		encryptionFault("key-wrap-empty", "The ID Token is encrypted by ECDH-ES+A128KW and lacks its encrypted key",
			decryption,
			[]string{"J11"}, ecdh(part(1, func(string) string { return "" }))),
		encryptionFault("epk-off-curve",
			"The ID Token is encrypted by ECDH-ES+A128KW with a point that is not on the curve",
			decryption, []string{"J12"}, ecdh(header(func(m map[string]any) {
				if epk, ok := m["epk"].(map[string]any); ok {
					epk["y"] = epk["x"]
				}
			}))),
		encryptionFault("nested-twice", "The ID Token is encrypted twice", readable, []string{"J15"}, func(s *sealing) {
			s.text = encryptedFor(s.to, s.text)
		}),
		encryptionFault("unsigned", "The ID Token is encrypted and not signed", readable, []string{"J15"},
			func(s *sealing) {
				data, _ := base64.RawURLEncoding.DecodeString(strings.Split(s.text, ".")[1]) // made a moment ago
				s.text = string(data)
			}),
		encryptionFault("alg-none", "The encrypted ID Token has alg none and no signature",
			[]string{"id_token.signature", "id_token.alg_none"}, []string{"J01"}, func(s *sealing) {
				s.text = b64([]byte(`{"alg":"none"}`)) + "." + strings.Split(s.text, ".")[1] + "."
			}),
	}
}

func encryptionFault(name, text string, breaks, rows []string, change func(*sealing)) Fault {
	return Fault{
		Name: "id-token-jwe-" + name, Text: text, At: "token", Breaks: breaks, Rows: rows, Config: agreed,
		spoil: at("token", func(a *answer) { a.sealed("token", change) }),
	}
}

// userInfoEncryptionFaults are of UserInfo.
func userInfoEncryptionFaults() []Fault {
	info := func(f Fault) Fault { f.At, f.Unseen = "userinfo", !f.Accept; return f }
	return []Fault{
		info(Fault{
			Name: "userinfo-jwe-unasked", Text: "UserInfo is encrypted, though that was not agreed upon",
			Breaks: []string{"userinfo.encryption"}, Rows: []string{"J19"},
			spoil: at("userinfo", func(a *answer) { a.sealed("userinfo", nil) }),
		}),
		info(Fault{
			Name: "userinfo-jwe-missing", Text: "UserInfo is not encrypted, though that was agreed upon",
			Breaks: []string{"userinfo.encryption"}, Rows: []string{"J19"},
			Config: "userinfo_encrypted_response_alg: [RSA-OAEP-256]\ndecryption_key: decryption-key.json\n",
			spoil:  at("userinfo", func(a *answer) { a.plain = true }),
		}),
		info(Fault{
			Name: "userinfo-jwe-tag-spoilt", Text: "The tag of encrypted UserInfo is wrong",
			Breaks: []string{"userinfo.decryption"}, Rows: []string{"J12"}, Config: agreed,
			spoil: at("userinfo", func(a *answer) {
				a.sealed("userinfo", part(4, func(s string) string { return strings.Repeat("A", len(s)) }))
			}),
		}),
		info(Fault{
			Name: "userinfo-jwe-good", Text: "UserInfo is encrypted, as was agreed upon, and not signed", Accept: true,
			Config: agreed,
			spoil:  at("userinfo", func(a *answer) { a.sealed("userinfo", nil) }),
		}),
		info(Fault{
			Name: "userinfo-jwe-signed", Text: "UserInfo is signed and encrypted, as was agreed upon", Accept: true,
			Config: agreed,
			spoil:  at("userinfo", func(a *answer) { a.userInfoJWT(func(*token) {}); a.sealed("userinfo", nil) }),
		}),
	}
}

// part changes one of the five parts of an encrypted token.
func part(i int, change func(string) string) func(*sealing) {
	return func(s *sealing) {
		s.compact = func(c string) string {
			parts := strings.Split(c, ".")
			parts[i] = change(parts[i])
			return strings.Join(parts, ".")
		}
	}
}

// ecdh encrypts for the client's EC key. Without one the fault cannot be done.
func ecdh(then func(*sealing)) func(*sealing) {
	return func(s *sealing) {
		s.to = jose.Recipient{Algorithm: jose.ECDH_ES_A128KW}
		if s.ec != nil {
			s.to = *s.ec
		}
		then(s)
	}
}

// reheaded changes the header of an encrypted token.
func reheaded(compact string, change func(map[string]any)) string {
	head, rest, _ := strings.Cut(compact, ".")
	data, _ := base64.RawURLEncoding.DecodeString(head) // made a moment ago
	m, ok := object(data)
	if !ok {
		return compact
	}
	change(m)
	return b64(encode(m)) + "." + rest
}

// encryptedFor encrypts once more.
func encryptedFor(to jose.Recipient, text string) string {
	compact, err := encrypt(jose.A128GCM, to, nil, text)
	if err != nil {
		return text
	}
	return compact
}
