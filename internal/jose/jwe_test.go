package jose

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/oidc-client/oidc-client/internal/reason"
)

// encrypted is a JWE of text for a public key.
func encrypted(t *testing.T, alg, enc string, key any, options *gojose.EncrypterOptions, text string) string {
	t.Helper()
	e, err := gojose.NewEncrypter(gojose.ContentEncryption(enc),
		gojose.Recipient{Algorithm: gojose.KeyAlgorithm(alg), Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	jwe, err := e.Encrypt([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jwe.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func decryptionKey(t *testing.T, key any) DecryptionKey {
	t.Helper()
	k, why := newDecryptionKey(key)
	if why != "" {
		t.Fatal(why)
	}
	return k
}

// open reads and decrypts.
func open(token string, keys ...DecryptionKey) (string, error) {
	e, err := ParseEncrypted(token)
	if err != nil {
		return "", err
	}
	plain, err := e.Decrypt(keys)
	return string(plain), err
}

func TestDecrypt(t *testing.T) {
	t.Parallel()
	r := rsaKey()
	for _, alg := range keyAlgorithms {
		for enc := range contentAlgorithms {
			for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
				var public any = &r.PublicKey
				key := decryptionKey(t, r)
				if alg.kty == "EC" {
					e := ecKey(t, curve)
					public, key = &e.PublicKey, decryptionKey(t, e)
				} else if curve != elliptic.P256() {
					continue
				}
				token := encrypted(t, alg.name, enc, public, nil, "a.b.c")
				if plain, err := open(token, key); plain != "a.b.c" || err != nil {
					t.Errorf("%s, %s: %q, %v", alg.name, enc, plain, err)
				}
				for i := range strings.Split(token, ".") { // every part counts
					if _, err := open(spoilt(t, token, i), key); err == nil {
						t.Errorf("%s, %s: part %d spoilt: accepted", alg.name, enc, i)
					}
				}
			}
		}
	}
}

// spoilt changes the last byte of a part, or gives it one if it is empty.
func spoilt(t *testing.T, token string, part int) string {
	t.Helper()
	parts := strings.Split(token, ".")
	data, err := base64.RawURLEncoding.DecodeString(parts[part])
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case part == 0: // the header stays JSON: a space more
		data = append(data, ' ')
	case len(data) == 0:
		data = []byte{0}
	default:
		data[len(data)-1] ^= 0x5A
	}
	parts[part] = base64.RawURLEncoding.EncodeToString(data)
	return strings.Join(parts, ".")
}

// What no key is tried on: J09 to J13, J20.
func TestParseEncryptedRefuses(t *testing.T) {
	t.Parallel()
	r, e := rsaKey(), ecKey(t, elliptic.P256())
	keys := []DecryptionKey{decryptionKey(t, r), decryptionKey(t, e)}
	good := encrypted(t, "RSA-OAEP-256", "A256GCM", &r.PublicKey, nil, "x")
	part := strings.Split(good, ".")
	with := func(i int, text string) string {
		p := slices.Clone(part)
		p[i] = text
		return strings.Join(p, ".")
	}
	header := func(text string) string { return with(0, base64.RawURLEncoding.EncodeToString([]byte(text))) }
	for name, c := range map[string]struct {
		token string
		want  reason.ID
	}{
		"three parts":    {"a.b.c", reason.JWTParts},
		"a million dots": {strings.Repeat(".", 1_000_000), reason.JWTSize}, // J13
		"many dots":      {strings.Repeat(".", 200_000), reason.JWTParts},
		"padding":        {with(3, part[3]+"="), reason.JWTBase64},
		"line break":     {with(2, part[2][:4]+"\n"+part[2][4:]), reason.JWTBase64},
		"no alg":         {header(`{"enc":"A256GCM"}`), reason.JWTHeader},
		"alg is a list":  {header(`{"alg":["RSA-OAEP"],"enc":"A256GCM"}`), reason.JWTHeader},
		"alg twice":      {header(`{"alg":"RSA-OAEP","alg":"RSA1_5","enc":"A256GCM"}`), reason.JSONDuplicate},
		"crit":           {header(`{"alg":"RSA-OAEP","enc":"A256GCM","crit":["x"]}`), reason.JWTCrit},
		"zip (J09)": {
			encrypted(t, "RSA-OAEP", "A256GCM", &r.PublicKey, &gojose.EncrypterOptions{Compression: gojose.DEFLATE},
				strings.Repeat("x", 1000)), reason.JWEZip,
		},
		"RSA1_5 (J12)": {encrypted(t, "RSA1_5", "A256GCM", &r.PublicKey, nil, "x"), reason.JWEAlgorithm},
		"PBES2 (J10)": {
			header(`{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":2147483647,"p2s":"AAAAAAAAAAA"}`),
			reason.JWEAlgorithm,
		},
		"dir":         {header(`{"alg":"dir","enc":"A256GCM"}`), reason.JWEAlgorithm},
		"A256KW":      {header(`{"alg":"A256KW","enc":"A256GCM"}`), reason.JWEAlgorithm},
		"none":        {header(`{"alg":"none","enc":"A256GCM"}`), reason.JWEAlgorithm},
		"unknown enc": {header(`{"alg":"RSA-OAEP-256","enc":"A256CBC"}`), reason.JWEEnc},
		"no enc":      {header(`{"alg":"RSA-OAEP-256"}`), reason.JWEEnc},
		"no key for KW (J11)": {
			without(t, encrypted(t, "ECDH-ES+A128KW", "A128GCM", &e.PublicKey, nil, "x"), 1), reason.JWEDecrypt,
		},
		"short key for KW": {
			swapped(t, encrypted(t, "ECDH-ES+A128KW", "A128GCM", &e.PublicKey, nil, "x"), 1, "AAAA"), reason.JWEDecrypt,
		},
		"a key for ECDH-ES": {
			swapped(t, encrypted(t, "ECDH-ES", "A128GCM", &e.PublicKey, nil, "x"), 1, "AAAA"), reason.JWEDecrypt,
		},
		"short iv":  {with(2, "AAAA"), reason.JWEDecrypt},
		"long iv":   {with(2, part[2]+"AAAA"), reason.JWEDecrypt},
		"no tag":    {with(4, ""), reason.JWEDecrypt},
		"short tag": {with(4, part[4][:8]), reason.JWEDecrypt},
		"half a block": {
			swapped(t, encrypted(t, "RSA-OAEP", "A128CBC-HS256", &r.PublicKey, nil, "x"), 3, "AAAA"), reason.JWEDecrypt,
		},
		"for another key": {
			encrypted(t, "RSA-OAEP-256", "A256GCM", &otherRSA(t).PublicKey, nil, "x"), reason.JWEDecrypt,
		},
		"for another curve": {
			encrypted(t, "ECDH-ES", "A256GCM", &ecKey(t, elliptic.P521()).PublicKey, nil, "x"), reason.JWEKey,
		},
		"epk off its curve": {epk(t, e, func(m map[string]any) { m["y"] = m["x"] }), reason.JWEDecrypt}, // J12
		"epk at infinity": {
			epk(t, e, func(m map[string]any) {
				zero := strings.Repeat("A", 43)
				m["x"], m["y"] = zero, zero
			}), reason.JWEDecrypt,
		},
		"epk with a private d": {epk(t, e, func(m map[string]any) { m["d"] = m["x"] }), reason.JWEDecrypt},
		"epk is no key":        {epk(t, e, func(m map[string]any) { delete(m, "kty") }), reason.JWEDecrypt},
		"another kid than ours": {
			encrypted(t, "RSA-OAEP-256", "A256GCM", gojose.JSONWebKey{Key: &r.PublicKey, KeyID: "other"}, nil, "x"),
			reason.JWEKey,
		},
	} {
		named := slices.Clone(keys)
		named[0].ID, named[1].ID = "r", ""
		if _, err := open(c.token, named...); reason.Of(err) != c.want {
			t.Errorf("%s: %v (%s)", name, err, reason.Of(err))
		}
	}
	if _, err := open(good); reason.Of(err) != reason.JWEKey {
		t.Errorf("no key at all: %v", err)
	}
	if _, err := open(good, keys[1]); reason.Of(err) != reason.JWEKey {
		t.Errorf("only a key of another kind: %v", err)
	}
	// Every failure after the key was chosen reads the same.
	_, first := open(spoilt(t, good, 1), keys[0])
	_, second := open(spoilt(t, good, 4), keys[0])
	if first == nil || second == nil || first.Error() != second.Error() {
		t.Errorf("an oracle: %v, %v", first, second)
	}
}

// Lengths that an algorithm does not have are refused before a key is tried.
func TestParseEncryptedJudgesLengths(t *testing.T) {
	t.Parallel()
	const iv, ciphertext, tag = 2, 3, 4
	resized := func(token string, part, by int) string {
		parts := strings.Split(token, ".")
		data, err := base64.RawURLEncoding.DecodeString(parts[part])
		if err != nil {
			t.Fatal(err)
		}
		parts[part] = base64.RawURLEncoding.EncodeToString(append(data, make([]byte, max(by, 0))...)[:len(data)+by])
		return strings.Join(parts, ".")
	}
	for enc, content := range contentAlgorithms {
		good := encrypted(t, "RSA-OAEP", enc, &rsaKey().PublicKey, nil, "x")
		if _, err := ParseEncrypted(good); err != nil {
			t.Errorf("%s: %v", enc, err)
		}
		for _, part := range []int{iv, tag, ciphertext} {
			for _, by := range []int{-1, 1} {
				_, err := ParseEncrypted(resized(good, part, by))
				if ok := part == ciphertext && content.block == 1; (err == nil) != ok {
					t.Errorf("%s, part %d is %+d bytes: %v", enc, part, by, err)
				}
			}
		}
	}
}

// Of several keys the one that the token is for is found, by its curve or by
// trying: a provider need not name it (kid).
func TestDecryptFindsTheKey(t *testing.T) {
	t.Parallel()
	first, second := ecKey(t, elliptic.P384()), ecKey(t, elliptic.P256())
	old, current := rsaKey(), otherRSA(t)
	keys := []DecryptionKey{
		decryptionKey(t, first), decryptionKey(t, second), decryptionKey(t, old),
		decryptionKey(t, current),
	}
	keys[2].ID, keys[3].ID = "old", "current"
	for name, token := range map[string]string{
		"by its curve": encrypted(t, "ECDH-ES+A128KW", "A128GCM", &second.PublicKey, nil, "x"),
		"by trying":    encrypted(t, "RSA-OAEP", "A128GCM", &current.PublicKey, nil, "x"),
		"by its kid": encrypted(t, "RSA-OAEP", "A128GCM",
			gojose.JSONWebKey{Key: &current.PublicKey, KeyID: "current"}, nil, "x"),
	} {
		if plain, err := open(token, keys...); plain != "x" || err != nil {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
}

func without(t *testing.T, token string, part int) string { return swapped(t, token, part, "") }

func swapped(t *testing.T, token string, part int, text string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	parts[part] = text
	return strings.Join(parts, ".")
}

func otherRSA(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(nil, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// epk is a token whose ephemeral key was changed.
func epk(t *testing.T, key *ecdsa.PrivateKey, change func(map[string]any)) string {
	t.Helper()
	token := encrypted(t, "ECDH-ES", "A128GCM", &key.PublicKey, nil, "x")
	encoded, rest, _ := strings.Cut(token, ".")
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	header := map[string]any{}
	if err := json.Unmarshal(data, &header); err != nil {
		t.Fatal(err)
	}
	change(header["epk"].(map[string]any))
	return base64.RawURLEncoding.EncodeToString(mustJSON(t, header)) + "." + rest
}

func TestReadDecryptionKeys(t *testing.T) {
	t.Parallel()
	r, e := rsaKey(), ecKey(t, elliptic.P256())
	set := mustJSON(t, map[string]any{"keys": []json.RawMessage{
		jwk(t, r, map[string]any{"kid": "sig", "use": "sig"}),
		jwk(t, r, map[string]any{"kid": "ops", "key_ops": []string{"sign"}}),
		jwk(t, r, map[string]any{"kid": "r", "use": "enc", "alg": "RSA-OAEP"}),
		jwk(t, e, map[string]any{"kid": "e", "key_ops": []string{"deriveKey"}}),
		jwk(t, &r.PublicKey, map[string]any{"kid": "public"}),
		jwk(t, edKey(t), map[string]any{"kid": "ed"}),
	}})
	keys, err := ReadDecryptionKeys(set)
	if err != nil || len(keys) != 2 || keys[0].ID != "r" || keys[1].ID != "e" {
		t.Fatalf("%v, %v", keys, err)
	}
	if keys[0].Fits("RSA-OAEP") != nil || keys[0].Fits("RSA-OAEP-256") == nil || keys[1].Fits("ECDH-ES") != nil ||
		keys[1].Fits("PBES2") == nil {
		t.Error("Fits")
	}
	if text := fmt.Sprintf("%v %+v %#v", keys, keys, keys); strings.Contains(text, r.D.String()) {
		t.Error("printing a key shows it")
	}
	for name, data := range map[string][]byte{
		"nothing": nil, "not a key": []byte("hello"), "an empty set": []byte(`{"keys":[]}`),
		"no list": []byte(`{"keys":1}`),
		"broken":  []byte(`{"keys":`), "Ed25519": jwk(t, edKey(t), nil), "public": jwk(t, &r.PublicKey, nil),
		"twice": []byte(`{"kty":"RSA","kty":"EC"}`),
	} {
		if _, err := ReadDecryptionKeys(data); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	f.Add("eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTEyOEdDTSIsImVwayI6e319..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AAAA.AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA")
	key, why := newDecryptionKey(rsaKey())
	if why != "" {
		f.Fatal(why)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if plain, err := open(token, key); err == nil {
			t.Fatalf("decrypted to %q", plain)
		}
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"a"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kty":"OKP","crv":"Ed25519","x":"AA"}]}`))
	f.Add([]byte(`{"keys":[null,7,{"kty":"RSA","kid":1},{"kty":"oct","k":"AA"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := ReadKeySet(data)
		if err != nil {
			return
		}
		for _, k := range set.Keys {
			if why := weakness(k.public); why != "" {
				t.Fatalf("accepted a key that is %s", why)
			}
		}
		for _, k := range set.Skipped {
			if k.Reason == "" {
				t.Fatalf("%s was passed over without a reason", k.Key)
			}
		}
	})
}
