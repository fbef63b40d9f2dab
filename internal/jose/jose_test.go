package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"
)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func ecKey(t *testing.T, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func edKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func private(t *testing.T, key any) *PrivateKey {
	t.Helper()
	k, err := newPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// signers is one private key for every asymmetric algorithm.
func signers(t *testing.T) map[string]*PrivateKey {
	t.Helper()
	r, e := private(t, rsaKey()), private(t, inHardware{edKey(t)})
	keys := map[string]*PrivateKey{
		"RS256": r, "RS384": r, "RS512": r, "PS256": r, "PS384": r, "PS512": r,
		"ES256": private(t, inHardware{ecKey(t, elliptic.P256())}),
		"ES384": private(t, ecKey(t, elliptic.P384())),
		"ES512": private(t, ecKey(t, elliptic.P521())),
		"EdDSA": e, "Ed25519": e,
	}
	for _, k := range keys {
		k.ID = "k1"
	}
	return keys
}

// inHardware hides what kind of key a key is: only crypto.Signer is left.
type inHardware struct{ crypto.Signer }

func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	keys := signers(t)
	secret := strings.Repeat("s", 64)
	for _, alg := range Algorithms() {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			var token string
			var err error
			key := SecretKey(secret)
			if IsMAC(alg) {
				token, err = SignWithSecret(alg, secret, "JWT", map[string]string{"iss": "me"})
			} else {
				token, err = keys[alg].Sign(alg, "JWT", map[string]string{"iss": "me"})
				key = PublicKey(keys[alg])
			}
			if err != nil {
				t.Fatal(err)
			}
			jwt, err := Parse(token)
			if err != nil {
				t.Fatal(err)
			}
			if err := jwt.Verify(key); err != nil {
				t.Errorf("good signature: %v", err)
			}
			if !IsMAC(alg) && jwt.KeyID != "k1" {
				t.Errorf("kid %q", jwt.KeyID)
			}
			if jwt.Algorithm != alg || jwt.Type != "JWT" {
				t.Errorf("alg %q, typ %q", jwt.Algorithm, jwt.Type)
			}
			for i := range jwt.signature { // C06-C08: as the OIDF suite spoils it
				jwt.signature[i] ^= 0x5A
			}
			if jwt.Verify(key) == nil {
				t.Error("spoilt signature accepted")
			}
			jwt.signature = nil // J07
			if jwt.Verify(key) == nil {
				t.Error("empty signature accepted")
			}
		})
	}
}

// A key is used only with the algorithm it is for: J02 and its relatives.
func TestVerifyPinsTheKey(t *testing.T) {
	t.Parallel()
	keys := signers(t)
	for alg, key := range keys {
		token, err := key.Sign(alg, "", map[string]string{})
		if err != nil {
			t.Fatal(err)
		}
		jwt, err := Parse(token)
		if err != nil {
			t.Fatal(err)
		}
		for other, otherKey := range keys {
			if otherKey != key && jwt.Verify(PublicKey(otherKey)) == nil {
				t.Errorf("a %s token verified with the key of %s", alg, other)
			}
		}
		pinned := PublicKey(key)
		pinned.Algorithm = "HS256"
		if jwt.Verify(pinned) == nil {
			t.Errorf("%s: a key for HS256 was used", alg)
		}
		der, err := x509.MarshalPKIXPublicKey(key.public())
		if err != nil {
			t.Fatal(err)
		}
		forged, err := SignWithSecret("HS256", string(der), "", map[string]string{})
		if err != nil {
			t.Fatal(err)
		}
		if jwt, err := Parse(forged); err != nil || jwt.Verify(PublicKey(key)) == nil {
			t.Errorf("%s: HS256 with the public key as secret: %v", alg, err)
		}
	}
	if _, err := SignWithSecret("HS256", "short", "", nil); err == nil {
		t.Error("a secret shorter than the hash was used")
	}
}

func TestPSSSaltMustBeAsLongAsTheHash(t *testing.T) {
	t.Parallel()
	a, _ := lookup("PS256")
	input := []byte("a.b")
	h := crypto.SHA256.New()
	h.Write(input)
	for salt, want := range map[int]bool{32: true, 20: false, 33: false} {
		sig, err := rsa.SignPSS(rand.Reader, rsaKey(), crypto.SHA256, h.Sum(nil), &rsa.PSSOptions{SaltLength: salt})
		if err != nil {
			t.Fatal(err)
		}
		if got := a.verify(&rsaKey().PublicKey, input, sig); got != want {
			t.Errorf("salt of %d bytes: accepted = %v", salt, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	b64 := base64.RawURLEncoding.EncodeToString
	header, payload, sig := b64([]byte(`{"alg":"RS256"}`)), b64([]byte(`{}`)), b64([]byte("sign"))
	if _, err := Parse(header + "." + payload + "." + sig); err != nil {
		t.Fatal(err)
	}
	with := func(header string) string { return b64([]byte(header)) + "." + payload + "." + sig }
	for name, token := range map[string]string{
		"empty":                 "",
		"two parts":             header + "." + payload,
		"four parts":            header + "." + payload + "." + sig + ".",
		"a million dots":        strings.Repeat(".", 1_000_000),
		"too long":              header + "." + strings.Repeat("A", 256<<10) + "." + sig,
		"padding":               header + "." + payload + "." + base64.URLEncoding.EncodeToString([]byte("sign")),
		"standard alphabet":     header + "." + payload + ".+/+/",
		"newline in signature":  header + "." + payload + "." + sig[:2] + "\n" + sig[2:],
		"trailing bits":         header + "." + payload + ".QQB",
		"stray bits":            header + "." + payload + ".QR",
		"no alg":                with(`{}`),
		"empty alg":             with(`{"alg":""}`),
		"alg in another case":   with(`{"Alg":"RS256"}`),
		"two alg":               with(`{"alg":"none","alg":"RS256"}`),
		"alg is a number":       with(`{"alg":1}`),
		"kid is an array":       with(`{"alg":"RS256","kid":["a"]}`),
		"crit":                  with(`{"alg":"RS256","crit":["exp"],"exp":1}`),
		"empty crit":            with(`{"alg":"RS256","crit":[]}`),
		"null crit":             with(`{"alg":"RS256","crit":null}`),
		"b64":                   with(`{"alg":"RS256","b64":false}`),
		"payload not an object": header + "." + b64([]byte(`"x"`)) + "." + sig,
		"payload not JSON":      header + "." + b64([]byte(`x`)) + "." + sig,
		"duplicate claim":       header + "." + b64([]byte(`{"sub":"a","sub":"b"}`)) + "." + sig,
		"encrypted":             "a.b.c.d.e",
	} {
		if _, err := Parse(token); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := Parse(header + "." + strings.Repeat("A", 256<<10) + "." + sig); err == nil ||
		!strings.Contains(err.Error(), "more than") {
		t.Errorf("a token that is too long: %v", err)
	}
	for _, alg := range []string{"none", "None", "nOnE", "RS1", "ES256K"} { // J01
		jwt, err := Parse(with(fmt.Sprintf(`{"alg":%q}`, alg)))
		if err != nil {
			t.Fatal(err)
		}
		if jwt.Verify(PublicKey(private(t, rsaKey()))) == nil {
			t.Errorf("alg %s verified", alg)
		}
	}
}

func jwk(t *testing.T, key any, members map[string]any) json.RawMessage {
	t.Helper()
	data, err := (&gojose.JSONWebKey{Key: key}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]any{}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	for k, v := range members {
		m[k] = v
	}
	data, err = json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// H21, J21 and the decoys of F01: bad keys are skipped and named, good ones
// work.
func TestReadKeySetSkipsWhatIsUnusable(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := &rsaKey().PublicKey
	p256 := &ecKey(t, elliptic.P256()).PublicKey
	ed := edKey(t).Public().(ed25519.PublicKey)
	exponent1 := &rsa.PublicKey{N: good.N, E: 1}
	set, err := ReadKeySet(mustJSON(t, map[string]any{"keys": []json.RawMessage{
		jwk(t, good, map[string]any{"kid": "good", "alg": "RS256", "use": "sig"}),
		jwk(t, p256, map[string]any{"kid": "good", "alg": "ES256"}), // same kid, other kty: legal
		jwk(t, good, map[string]any{"kid": "broken certificate", "x5c": []string{"!"}}),
		jwk(t, good, map[string]any{"kid": "enc", "use": "enc"}),
		jwk(t, good, map[string]any{"kid": "ops", "key_ops": []string{"encrypt"}}),
		jwk(t, good, map[string]any{"kid": "oaep", "alg": "RSA-OAEP"}),
		jwk(t, good, map[string]any{"kid": "alg of another kty", "alg": "ES256"}),
		jwk(t, &weak.PublicKey, map[string]any{"kid": "weak"}),
		jwk(t, exponent1, map[string]any{"kid": "e=1"}),
		jwk(t, &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 8192, 1), E: 65537}, map[string]any{"kid": "slow"}),
		jwk(t, rsaKey(), map[string]any{"kid": "private"}),
		jwk(t, []byte(strings.Repeat("k", 32)), map[string]any{"kid": "oct"}),
		jwk(t, ed, map[string]any{"kid": "twice", "alg": "EdDSA"}),
		jwk(t, edKey(t).Public(), map[string]any{"kid": "twice", "alg": "EdDSA"}),
		json.RawMessage(`{"kty":"EC","crv":"secp256k1","kid":"k1","x":"AA","y":"AA"}`),
		json.RawMessage(`{"kty":"OKP","crv":"Ed25519","kid":"low order","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`),
		json.RawMessage(`{"kty":"AKP","kid":"ml-dsa"}`),
		json.RawMessage(`{"kid":"no kty"}`),
		json.RawMessage(`{"kty":"RSA","kid":"no n"}`),
		json.RawMessage(`"not an object"`),
		json.RawMessage(`{"kty":"RSA","kid":1}`),
	}}))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range set.Keys {
		names = append(names, k.ID+"/"+k.Type)
	}
	if got := strings.Join(names, " "); got != "good/RSA good/EC broken certificate/RSA" {
		t.Errorf("usable keys: %s", got)
	}
	if len(set.Skipped) != 18 {
		t.Errorf("%d skipped", len(set.Skipped))
	}
	for _, s := range set.Skipped {
		if s.Reason == "" {
			t.Errorf("%s: skipped without a reason", s.Key)
		}
		if s.Key.ID == "slow" && !strings.Contains(s.Reason, "8193 bits, more than 8192") {
			t.Errorf("the slow key: %s", s.Reason) // by our bound, not by the library's
		}
	}
	if !set.HasKeyID("weak") || !set.HasKeyID("good") || set.HasKeyID("absent") {
		t.Error("HasKeyID")
	}
}

// A published key with any part of a private one is not used, however little it is.
func TestReadKeySetSkipsPrivateKeys(t *testing.T) {
	t.Parallel()
	for _, public := range []any{&rsaKey().PublicKey, &ecKey(t, elliptic.P256()).PublicKey, edKey(t).Public()} {
		for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "oth"} {
			key := jwk(t, public, map[string]any{member: "AQ"})
			set, err := ReadKeySet(mustJSON(t, map[string]any{"keys": []json.RawMessage{key}}))
			if err != nil || len(set.Keys) != 0 || len(set.Skipped) != 1 ||
				!strings.Contains(set.Skipped[0].Reason, "private") {
				t.Errorf("%T with %s: %+v, %v", public, member, set, err)
			}
		}
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadKeySetLimits(t *testing.T) {
	t.Parallel()
	one := jwk(t, &rsaKey().PublicKey, nil)
	many := make([]json.RawMessage, 150)
	for i := range many {
		many[i] = one
	}
	set, err := ReadKeySet(mustJSON(t, map[string]any{"keys": many}))
	if err != nil || len(set.Keys) != 100 || len(set.Skipped) != 50 {
		t.Errorf("%d used, %d skipped, %v", len(set.Keys), len(set.Skipped), err)
	}
	for _, doc := range []string{
		``, `[]`, `{}`, `{"keys":null}`, `{"keys":{}}`, `{"keys":[],"keys":[]}`,
		`{"Keys":[]}`,
	} {
		if _, err := ReadKeySet([]byte(doc)); err == nil {
			t.Errorf("%s: accepted", doc)
		}
	}
	if set, err := ReadKeySet([]byte(`{"keys":[]}`)); err != nil || len(set.Keys) != 0 {
		t.Errorf("an empty set: %v", err)
	}
}

func TestCandidates(t *testing.T) {
	t.Parallel()
	r, e := PublicKey(private(t, rsaKey())), PublicKey(private(t, ecKey(t, elliptic.P256())))
	r.ID, e.ID = "a", "a"
	r2 := r
	r2.ID = "b"
	set := &KeySet{Keys: []Key{r, e, r2}}
	for _, c := range []struct {
		alg, kid string
		fit      int
	}{
		{"RS256", "a", 1},
		{"ES256", "a", 1},
		{"RS256", "", 2},
		{"ES384", "a", 0},
		{"RS256", "x", 0},
		{"HS256", "a", 0},
		{"none", "", 0},
	} {
		token := &JWT{Algorithm: c.alg, KeyID: c.kid}
		fit, unfit := set.Candidates(token), set.Others(token)
		if len(fit) != c.fit || len(fit)+len(unfit) != 3 {
			t.Errorf("%s %q: %d fit, %d do not", c.alg, c.kid, len(fit), len(unfit))
		}
	}
}

// A key without a kid is not said to have another one.
func TestOthersTellKeysWithoutKID(t *testing.T) {
	t.Parallel()
	named, nameless := PublicKey(private(t, rsaKey())), PublicKey(private(t, rsaKey()))
	named.ID = "b"
	others := (&KeySet{Keys: []Key{named, nameless}}).Others(&JWT{Algorithm: "RS256", KeyID: "a"})
	if len(others) != 2 || others[0].Reason != "another kid" || others[1].Reason != "no kid" {
		t.Errorf("%+v", others)
	}
}

func TestReadPrivateKey(t *testing.T) {
	t.Parallel()
	encode := func(typ string, der []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der})
	}
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		return encode("PRIVATE KEY", der, err)
	}
	ec := ecKey(t, elliptic.P384())
	sec1, err := x509.MarshalECPrivateKey(ec)
	for name, c := range map[string]struct {
		data []byte
		alg  string
	}{
		"PKCS #1":       {encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey()), nil), "RS256"},
		"PKCS #8 RSA":   {pkcs8(rsaKey()), "RS256"},
		"PKCS #8 EC":    {pkcs8(ec), "ES384"},
		"PKCS #8 EdDSA": {pkcs8(edKey(t)), "EdDSA"},
		"SEC 1": {
			append([]byte("-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n"),
				encode("EC PRIVATE KEY", sec1, err)...), "ES384",
		},
		"JWK": {jwk(t, rsaKey(), map[string]any{"kid": "k", "alg": "PS256"}), "PS256"},
	} {
		key, err := ReadPrivateKey(c.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := key.Natural(); got != c.alg {
			t.Errorf("%s: natural algorithm %s", name, got)
		}
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"nothing":    nil,
		"not a key":  []byte("hello"),
		"broken":     encode("PRIVATE KEY", []byte("x"), nil),
		"encrypted":  encode("ENCRYPTED PRIVATE KEY", []byte("x"), nil),
		"public JWK": jwk(t, &rsaKey().PublicKey, nil),
		"secret JWK": []byte(`{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0"}`),
		"weak":       pkcs8(weak),
	} {
		if _, err := ReadPrivateKey(data); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	key := private(t, rsaKey())
	if text := fmt.Sprintf("%v %+v %#v", key, key, key); strings.Contains(text, rsaKey().D.String()) {
		t.Error("printing a key shows it")
	}
}

// A key that a JWT carries is public, and of a kind that signs.
func TestOwnKey(t *testing.T) {
	t.Parallel()
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	const point = `"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"`
	for header, ok := range map[string]bool{
		`{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256",` + point + `}}`:          true,
		`{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256",` + point + `,"d":"AA"}}`: false,
		`{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}`:      false,
		`{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}`:                          false,
		`{"alg":"ES256","jwk":"a key"}`:                                           false,
		`{"alg":"ES256","kid":"k"}`:                                               false,
	} {
		jwt, err := Parse(encode(header) + "." + encode(`{}`) + ".AA")
		if err != nil {
			t.Fatal(err)
		}
		key, err := jwt.OwnKey()
		if (err == nil) != ok || ok && key.Thumbprint() == "" {
			t.Errorf("%s: %v, %v", header, key, err)
		}
	}
}
