package test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/oidc-client/oidc-client/internal/jose"
	"github.com/oidc-client/oidc-client/internal/reason"
)

// A vector file of Wycheproof, as far as it is used.
type vectors struct {
	NumberOfTests int
	TestGroups    []vectorGroup
}

type vectorGroup struct {
	Comment         string
	Private, Public json.RawMessage
	Tests           []vector
}

type vector struct {
	TCID                int
	Comment, Result, PT string
	JWS, JWE            json.RawMessage
}

// verifyJWS verifies as a relying party does: with the one published key that
// fits, or with a shared secret that it was given for one algorithm.
func verifyJWS(token string, keys json.RawMessage) error {
	jws, _, err := jose.ParseSigned(token)
	if err != nil {
		return err
	}
	list, secrets := splitKeys(keys)
	if jose.IsMAC(jws.Algorithm) {
		if len(list) > 0 || len(secrets) != 1 {
			return fmt.Errorf("%d secrets beside %d published keys", len(secrets), len(list))
		}
		key, why := secretKey(secrets[0])
		if why != "" {
			return fmt.Errorf("%s", why)
		}
		return jws.Verify(key)
	}
	set, err := jose.ReadKeySet(mustMarshal(map[string]any{"keys": list}))
	if err != nil {
		return err
	}
	fit, unfit := set.Candidates(jws), set.Others(jws)
	if len(fit) != 1 {
		return fmt.Errorf("%d keys fit; %v", len(fit), unfit)
	}
	return jws.Verify(fit[0])
}

// splitKeys takes a key or a set apart: public keys, as a provider publishes
// them, and secrets.
func splitKeys(raw json.RawMessage) (public, secrets []map[string]any) {
	var set struct{ Keys []map[string]any }
	if json.Unmarshal(raw, &set) != nil || set.Keys == nil {
		var one map[string]any
		must(json.Unmarshal(raw, &one))
		set.Keys = []map[string]any{one}
	}
	for _, k := range set.Keys {
		if k["kty"] == "oct" {
			secrets = append(secrets, k)
			continue
		}
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth"} {
			delete(k, private)
		}
		public = append(public, k)
	}
	return public, secrets
}

// secretKey is a shared secret, that is for signatures by what it says.
func secretKey(jwk map[string]any) (jose.Key, string) {
	secret, err := base64.RawURLEncoding.DecodeString(fmt.Sprint(jwk["k"]))
	if err != nil {
		return jose.Key{}, "not base64url"
	}
	key := jose.SecretKey(string(secret))
	key.Algorithm, _ = jwk["alg"].(string)
	return key, ""
}

func mustMarshal(v any) []byte {
	data, err := json.Marshal(v)
	must(err)
	return data
}

// The vectors that are judged otherwise, and why.
var exceptions = map[string]map[int]string{
	"json_web_signature_test.json": {
		346: "the key is for PS256 by its alg, the token is by PS384",
		350: "the key is for PS256 by its alg, the token is by PS384",
		347: "the key's alg is ES521, which does not exist",
		351: "the key's alg is ES521, which does not exist",
		367: "the token is byte for byte that of the valid 357",
		370: "the token is byte for byte that of the valid 357",
		372: "a ? was inserted in the header: no base64url",
		373: "a ? was inserted in the payload: no base64url",
	},
	"json_web_key_test.json": {
		2: "a set of shared secrets: a client has one",
	},
	"json_web_crypto_test.json": {
		48: "a set of shared secrets: a client has one",
	},
	"json_web_encryption_test.json": {
		135: "it is compressed, which is never read",
	},
}

// Every JOSE vector of Wycheproof: signatures, keys, encryption, and the mixed
// ones. What is valid by an algorithm that a relying party does not take is
// refused, and counted.
func TestWycheproof(t *testing.T) {
	t.Parallel()
	for file, unsupported := range map[string]int{
		"json_web_signature_test.json": 0, "json_web_key_test.json": 0, "json_web_crypto_test.json": 1,
		"json_web_encryption_test.json": 25,
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			data, err := fs.ReadFile(wycheproof.TestVectors, file)
			check(t, err)
			var v vectors
			check(t, json.Unmarshal(data, &v))
			ran, ours := 0, 0
			for _, g := range v.TestGroups {
				for _, c := range g.Tests {
					ran++
					err := g.judge(c)
					valid := c.Result == "valid"
					why, excepted := exceptions[file][c.TCID]
					switch {
					case valid && err != nil && unsupportedAlgorithm(err):
						ours++
					case (err == nil) != valid && !excepted:
						t.Errorf("%d (%s, %s): want %s, got %v", c.TCID, g.Comment, c.Comment, c.Result, err)
					case (err == nil) == valid && excepted:
						t.Errorf("%d (%s, %s) is no exception any more: %s", c.TCID, g.Comment, c.Comment, why)
					}
				}
			}
			if ran != v.NumberOfTests || ours != unsupported {
				t.Errorf("%d of %d ran, %d by algorithms that are not supported", ran, v.NumberOfTests, ours)
			}
			t.Logf("%d vectors, %d by algorithms that are not supported, %d exceptions", ran, ours,
				len(exceptions[file]))
		})
	}
}

func unsupportedAlgorithm(err error) bool {
	id := reason.Of(err)
	return id == reason.JWEAlgorithm || id == reason.JWEEnc || id == reason.SignatureAlgorithm
}

// judge verifies or decrypts one vector.
func (g vectorGroup) judge(c vector) error {
	if c.JWE != nil {
		plain, err := decryptJWE(text(c.JWE), g.Private)
		if err == nil && c.PT != "" && hex.EncodeToString(plain) != c.PT {
			return fmt.Errorf("decrypted to %x", plain)
		}
		return err
	}
	keys := g.Public
	if keys == nil {
		keys = g.Private
	}
	return verifyJWS(text(c.JWS), keys)
}

// text is a string, or JSON as it is: a token in JSON serialization.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return s
}

func decryptJWE(token string, keys json.RawMessage) ([]byte, error) {
	jwe, err := jose.ParseEncrypted(token)
	if err != nil {
		return nil, err
	}
	private, err := jose.ReadDecryptionKeys(keys)
	if err != nil {
		return nil, err
	}
	return jwe.Decrypt(private)
}

// A cookbook entry is an example of RFC 7520, or of RFC 7797.
type cookbookEntry struct {
	Section, Title, Kind, Payload, Compact string
	Key                                    json.RawMessage
	InnerKey                               json.RawMessage `json:"inner_key"`
	JSON                                   json.RawMessage
}

// What of RFC 7520 a relying party takes; everything else has to be refused,
// for the reason: detached and unprotected content, JSON serialization, RSA1_5,
// shared keys, PBES2, compression, b64.
var cookbook = map[string]reason.ID{
	"4.1": "", "4.2": "", "4.3": "", "4.4": "", "5.2": "", "5.4": "", "5.5": "", "6": "", "7797-4.1": "",
	"4.5": reason.SignatureMismatch, "4.6": reason.JWTParts, "4.7": reason.JWTParts, "4.8": reason.JWTParts,
	"5.1": reason.JWEAlgorithm, "5.3": reason.JWEAlgorithm, "5.6": reason.JWEAlgorithm, "5.7": reason.JWEAlgorithm,
	"5.8": reason.JWEAlgorithm,
	"5.9": reason.JWEZip, "5.10": reason.JWTParts, "5.11": reason.JWTParts, "5.12": reason.JWTParts,
	"5.13":     reason.JWTParts,
	"7797-4.2": reason.JWTCrit,
}

func TestRFC7520(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/rfc7520.json")
	check(t, err)
	var entries []cookbookEntry
	check(t, json.Unmarshal(data, &entries))
	seen := map[string]bool{}
	for _, e := range entries {
		seen[e.Section] = true
		want, known := cookbook[e.Section]
		if !known {
			t.Errorf("%s: not in the table", e.Section)
		}
		payload, err := e.read()
		if reason.Of(err) != want || (err == nil) != (want == "") {
			t.Errorf("%s, %s: %v (%s), want %q", e.Section, e.Title, err, reason.Of(err), want)
		}
		if err == nil && payload != e.Payload {
			t.Errorf("%s, %s: payload %q", e.Section, e.Title, payload)
		}
	}
	if len(seen) != len(cookbook) {
		t.Errorf("%d of %d sections", len(seen), len(cookbook))
	}
}

// read decrypts and verifies, as far as there is something to.
func (e cookbookEntry) read() (string, error) {
	token := e.Compact
	if token == "" {
		token = string(e.JSON)
	}
	key := e.Key
	if e.Kind != "jws" {
		plain, err := decryptJWE(token, e.Key)
		if err != nil || e.Kind == "jwe" {
			return string(plain), err
		}
		token, key = string(plain), e.InnerKey
	}
	if _, payload, err := jose.ParseSigned(token); err == nil {
		return string(payload), verifyJWS(token, key)
	}
	return "", verifyJWS(token, key)
}

// FuzzToken begins with every token of Wycheproof: what it makes of them is
// read without falling over, and only as one thing.
func FuzzToken(f *testing.F) {
	for _, file := range slices.Sorted(maps.Keys(exceptions)) {
		data, err := fs.ReadFile(wycheproof.TestVectors, file)
		must(err)
		var v vectors
		must(json.Unmarshal(data, &v))
		for _, g := range v.TestGroups {
			for _, c := range g.Tests {
				f.Add(text(c.JWS) + text(c.JWE))
			}
		}
	}
	keys, err := jose.ReadDecryptionKeys(faultKeys().private)
	must(err)
	f.Fuzz(func(t *testing.T, token string) {
		_, _, signedErr := jose.ParseSigned(token)
		jwe, sealedErr := jose.ParseEncrypted(token)
		if signedErr == nil && sealedErr == nil {
			t.Fatalf("%q is both signed and encrypted", token)
		}
		if sealedErr == nil {
			if _, err := jwe.Decrypt(keys); err == nil {
				t.Fatalf("%q was decrypted", token)
			}
		}
		if signedErr != nil && !errors.Is(signedErr, jose.ErrEncrypted) && reason.Of(signedErr) == "" {
			t.Fatalf("refused without a reason: %v", signedErr)
		}
	})
}
