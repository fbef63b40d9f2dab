// Faults of metadata and keys: OpenID Connect
// Discovery 1.0, RFC 8414, RFC 7517, RFC 9207.

package fault

import (
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// metadata makes a fault of the metadata.
func metadata(name, text string, breaks, rows []string, change func(*Provider, map[string]any)) Fault {
	return Fault{
		Name: "metadata-" + name, Text: text, At: "discovery", Breaks: breaks, Rows: rows,
		spoil: at("discovery", func(a *answer) { a.edit(func(m map[string]any) { change(a.op, m) }) }),
	}
}

func metadataFaults() []Fault {
	issuer := []string{"discovery.issuer"}
	urls := []string{"discovery.endpoint_urls"}
	suffix := func(text string) func(*Provider, map[string]any) {
		return func(p *Provider, m map[string]any) { m["issuer"] = p.Issuer + text }
	}
	return []Fault{
		metadata("issuer-wrong", "The metadata is of another issuer: INVALID after the right one", issuer,
			[]string{"D03", "F08", "A09"}, suffix("INVALID")),
		metadata("issuer-slash", "The metadata's issuer has a slash at its end", issuer, []string{"H32", "V25"},
			suffix("/")),
		metadata("issuer-upper-case", "The metadata's issuer is in upper case", issuer, []string{"H32", "V25"},
			func(p *Provider, m map[string]any) { m["issuer"] = strings.ToUpper(p.Issuer) }),
		metadata("issuer-template", "The metadata's issuer is a template, {tenantid}", issuer, []string{"H32"},
			suffix("/{tenantid}/v2.0")),
		metadata("issuer-missing", "The metadata names no issuer", []string{"discovery.issuer_named"}, nil,
			metadatum("issuer", nil)),
		metadata("issuer-number", "The metadata's issuer is a number", []string{"json.type"}, []string{"H08"},
			metadatum("issuer", 1)),
		metadata("token-endpoint-missing", "The metadata has no token_endpoint", []string{"discovery.token_endpoint"},
			nil, metadatum("token_endpoint", nil)),
		metadata("jwks-uri-missing", "The metadata has no jwks_uri", []string{"discovery.jwks_uri"}, nil,
			metadatum("jwks_uri", nil)),
		toLogin(metadata("authorization-endpoint-missing", "The metadata has no authorization_endpoint",
			[]string{"discovery.authorization_endpoint"}, nil, func(_ *Provider, m map[string]any) {
				delete(m, "authorization_endpoint")
				delete(m, "code_challenge_methods_supported")
			})),
		metadata("endpoint-http", "The token_endpoint is http on another machine", urls, []string{"H08", "H09", "V27"},
			metadatum("token_endpoint", "http://op.example/token")),
		metadata("endpoint-file", "The jwks_uri is a file", urls, []string{"H08"},
			metadatum("jwks_uri", "file:///etc/passwd")),
		toLogin(metadata("endpoint-javascript", "The authorization_endpoint is a script", urls, []string{"H08"},
			metadatum("authorization_endpoint", "javascript:alert(1)"))),
		toLogin(metadata("endpoint-command", "The authorization_endpoint is a command line", urls, []string{"H08"},
			metadatum("authorization_endpoint", "a:$(touch /tmp/pwned)"))),
		metadata("endpoint-user", "The token_endpoint has a user name, that looks like the right host", urls,
			[]string{"H08"}, func(p *Provider, m map[string]any) {
				m["token_endpoint"] = "https://" +
					strings.TrimPrefix(strings.TrimPrefix(p.Issuer, "http://"), "https://") +
					"@op.example/token"
			}),
		metadata("endpoint-fragment", "The userinfo_endpoint has a fragment", urls, []string{"H08"},
			func(p *Provider, m map[string]any) { m["userinfo_endpoint"] = p.Issuer + "/userinfo#x" }),
		metadata("endpoint-relative", "The token_endpoint is relative", urls, []string{"H08"},
			metadatum("token_endpoint", "/token")),
		metadata("endpoint-number", "The token_endpoint is a number", []string{"json.type"}, []string{"H08"},
			metadatum("token_endpoint", 7)),
		metadata("list-read-string", "id_token_signing_alg_values_supported is a string where a list belongs",
			[]string{"json.type"}, nil, metadatum("id_token_signing_alg_values_supported", "RS256")),
	}
}

// toLogin is a fault of what only a login uses.
func toLogin(f Fault) Fault {
	f.By = "client"
	return f
}

// plainOAuth makes the metadata those of an authorization server that is no OpenID Provider
// (RFC 8414).
func plainOAuth(_ *Provider, m map[string]any) {
	for _, name := range []string{
		"jwks_uri", "scopes_supported", "subject_types_supported", "id_token_signing_alg_values_supported",
	} {
		delete(m, name)
	}
}

func acceptedMetadataFaults() []Fault {
	unused := []string{"discovery.unused"}
	oauth := metadata("plain-oauth", "The metadata are an authorization server's that is no OpenID Provider", nil,
		nil, plainOAuth)
	oauth.By = "client-credentials"
	return []Fault{
		accepted(oauth),
		accepted(metadata("unused-endpoint-http", "The revocation_endpoint, which a refresh does not use, is http on "+
			"another machine", unused, nil, metadatum("revocation_endpoint", "http://op.example/revoke"))),
		accepted(metadata("endpoint-alias-http", "An endpoint for mutual TLS, which a client without a certificate "+
			"does not use, is http on another machine", unused, []string{"H08", "C28"},
			metadatum("mtls_endpoint_aliases", map[string]any{"token_endpoint": "http://op.example/token"}))),
		accepted(metadata("list-string", "scopes_supported is a string where a list belongs", unused, nil,
			metadatum("scopes_supported", "openid"))),
		accepted(metadata("endpoint-elsewhere", "The revocation_endpoint is at another host",
			[]string{"discovery.endpoint_hosts"}, []string{"H35"},
			metadatum("revocation_endpoint", "https://elsewhere.example/revoke"))),
		accepted(metadata("response-types-missing", "response_types_supported is missing",
			[]string{"discovery.response_types_supported"}, nil, metadatum("response_types_supported", nil))),
		accepted(metadata("subject-types-missing", "subject_types_supported is missing",
			[]string{"discovery.subject_types_supported"}, nil, metadatum("subject_types_supported", nil))),
		accepted(metadata("alg-none", "id_token_signing_alg_values_supported is none and HS256 only",
			[]string{"discovery.id_token_signing_alg_values_supported"}, []string{"H34"},
			metadatum("id_token_signing_alg_values_supported", []string{"none", "HS256"}))),
		accepted(metadata("no-openid", "scopes_supported lacks openid", []string{"discovery.scopes_supported"}, nil,
			metadatum("scopes_supported", []string{"email"}))),
		accepted(metadata("no-pkce", "code_challenge_methods_supported is missing", []string{"discovery.pkce"},
			[]string{"H34", "V39"}, metadatum("code_challenge_methods_supported", nil))),
		accepted(metadata("auth-methods-missing", "token_endpoint_auth_methods_supported is missing", nil,
			[]string{"H34"}, metadatum("token_endpoint_auth_methods_supported", nil))),
		accepted(metadata("odd-order",
			"response_types_supported is in an order of its own, with members that nobody knows", nil, []string{"V34"},
			func(_ *Provider, m map[string]any) {
				m["response_types_supported"] = []string{"id_token code", "code", "token code id_token"}
				m["x_unknown"] = map[string]any{"y": []any{1, nil}}
			})),
		accepted(metadata("escapes", "The metadata has escape sequences", nil, []string{"H14"},
			metadatum("op_policy_uri", "https://op.example/\x1b]0;pwned\x07\u202e\u009b31m"))),
	}
}

// metadatum sets one member of the metadata.
func metadatum(name string, value any) func(*Provider, map[string]any) {
	return func(_ *Provider, m map[string]any) { set(name, value)(m) }
}

// accepted returns the fault as one that a relying party accepts.
func accepted(f Fault) Fault {
	f.Accept = true
	return f
}

// keys makes a fault of the JWK Set.
func keys(name, text string, accept bool, breaks, rows []string, change func(*Provider, map[string]any)) Fault {
	return Fault{
		Name: "keys-" + name, Text: text, At: "jwks", Breaks: breaks, Rows: rows, Accept: accept,
		spoil: at("jwks", func(a *answer) { a.edit(func(m map[string]any) { change(a.op, m) }) }),
	}
}

// addKeys puts a key at the head of the JWK Set.
func addKeys(key func(*Provider) any) func(*answer) {
	return func(a *answer) {
		a.edit(func(m map[string]any) {
			list, _ := m["keys"].([]any)
			m["keys"] = append([]any{key(a.op)}, list...)
		})
	}
}

func keysFaults() []Fault {
	signature := []string{"id_token.signature"}
	to := func(value any) func(*Provider, map[string]any) {
		return func(_ *Provider, m map[string]any) { m["keys"] = value }
	}
	add := func(list ...any) func(*Provider, map[string]any) {
		return func(_ *Provider, m map[string]any) {
			old, _ := m["keys"].([]any)
			m["keys"] = append(append([]any{}, list...), old...)
		}
	}
	mine := func(change func(map[string]any)) func(*Provider, map[string]any) {
		return func(p *Provider, m map[string]any) {
			list, _ := m["keys"].([]any)
			for _, k := range list {
				if key, ok := k.(map[string]any); ok && key["kid"] == p.Key("RS256").KeyID {
					change(key)
				}
			}
		}
	}
	return []Fault{
		keys("none", "The JWK Set is empty", false, signature, []string{"H21"}, to([]any{})),
		keys("no-list", "The JWK Set has an object where the list belongs", false, []string{"json.type"},
			[]string{"H21"}, to(map[string]any{})),
		keys("missing", "The JWK Set has no keys", false, []string{"response.jwk_set"}, []string{"H21"},
			func(_ *Provider, m map[string]any) { delete(m, "keys") }),
		keys("others", "The JWK Set has other keys only", false, signature, []string{"V21"},
			to([]any{publicJWK(&rsa.PublicKey{N: bigNumber(2048), E: 65537}, map[string]any{"kid": "other"})})),
		keys("many", "The JWK Set has 2,000 keys, the right one last", false, signature, []string{"H21"},
			func(_ *Provider, m map[string]any) {
				old, _ := m["keys"].([]any)
				var list []any
				for i := range 2000 {
					list = append(list,
						map[string]any{
							"kty": "OKP", "crv": "Ed25519", "kid": fmt.Sprint(i),
							"x": b64(make([]byte, 32)),
						})
				}
				m["keys"] = append(list, old...)
			}),
		keys("huge-modulus", "The key has an RSA modulus of 16,384 bits", false, signature, []string{"J21"},
			mine(func(k map[string]any) { k["n"] = b64(bigNumber(16384).Bytes()) })),
		keys("exponent-one", "The key has the RSA exponent 1", false, signature, []string{"J21"},
			mine(func(k map[string]any) { k["e"] = "AQ" })),
		keys("use-enc", "The key is for encryption (use)", false, signature, []string{"J21"},
			mine(func(k map[string]any) { k["use"] = "enc" })),
		keys("kid-upper-case", "The key's kid is in upper case", false, signature, nil,
			mine(func(k map[string]any) { k["kid"] = strings.ToUpper(text(k["kid"])) })),
		keys("escapes", "A key has a kid of escape sequences", true, nil, []string{"H14"},
			add(map[string]any{"kty": "\x1b[2J", "kid": "\x1b]0;pwned\x07\u202e"})),
		keys("unknown",
			"Beside the right key there are secp256k1, X25519, ML-DSA and unknown ones, and some that are broken", true,
			nil, []string{"H21", "C16"}, add(
				map[string]any{
					"kty": "EC", "crv": "secp256k1", "kid": "k1", "x": b64(make([]byte, 32)),
					"y": b64(make([]byte, 32)),
				},
				map[string]any{"kty": "OKP", "crv": "X25519", "kid": "k2", "x": b64(make([]byte, 32))},
				map[string]any{"kty": "AKP", "alg": "ML-DSA-65", "kid": "k3", "pub": "AA"},
				map[string]any{"kty": "quantum", "kid": "k4"}, map[string]any{"kid": "k5"},
				map[string]any{"kty": "RSA", "n": 1, "e": "AQAB"}, "no key", nil,
				map[string]any{"kty": "oct", "kid": "k6", "k": b64(make([]byte, 32))})),
		keys("same-kid", "Keys of another kty or alg have the kid of the right one", true, nil, []string{"F01"},
			func(p *Provider, m map[string]any) {
				kid, old := p.Key("RS256").KeyID, m["keys"].([]any)
				m["keys"] = append([]any{
					publicJWK(p.Key("ES256").Public().Key, map[string]any{"kid": kid, "alg": "ES256"}),
					publicJWK(p.Key("PS256").Public().Key, map[string]any{"kid": kid, "alg": "PS256"}),
				}, old...)
			}),
		rotated(),
	}
}

// rotated serves other keys the first time: the provider has new ones, and a
// relying party that asks once more finds them.
func rotated() Fault {
	return Fault{
		Name: "keys-rotated",
		Text: "The JWK Set has old keys the first time that it is asked for, and then the right ones", At: "jwks",
		Rows: []string{"D07", "D08", "V21"}, Accept: true,
		spoil: at("jwks", func(a *answer) {
			if a.op.watch.asked("jwks") == 0 {
				a.body = encode(map[string]any{"keys": []any{publicJWK(&rsa.PublicKey{N: bigNumber(2048), E: 65537},
					map[string]any{"kid": "old"})}})
			}
		}),
	}
}

// publicJWK is a public key as a JWK, with members set.
func publicJWK(key any, members map[string]any) any {
	data, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		panic(err) // keys that were made here
	}
	m, _ := object(data)
	for name, value := range members {
		m[name] = value
	}
	return m
}

// bigNumber is an odd number of so many bits, the same every time.
func bigNumber(bits int) *big.Int {
	var data []byte
	for i := 0; len(data) < bits/8; i++ {
		block := sha256.Sum256(fmt.Append(nil, i))
		data = append(data, block[:]...)
	}
	data[0] |= 0x80
	data[len(data)-1] |= 1
	return new(big.Int).SetBytes(data)
}

// order is that of the curve of ES256.
func (p *Provider) order() []byte { return elliptic.P256().Params().N.Bytes() }

// selfSigned is a certificate of a key, base64 as x5c has it.
func selfSigned(key *rsa.PrivateKey) string {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mallory"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(nil, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err) // a key that was made here
	}
	return base64.StdEncoding.EncodeToString(der)
}
