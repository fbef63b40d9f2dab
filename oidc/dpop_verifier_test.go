package oidc

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Each thing that RFC 9449 section 4.3 demands of a proof is demanded.
func TestDPoPVerifier(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey("ES256")
	if err != nil {
		t.Fatal(err)
	}
	good := func() map[string]any {
		return map[string]any{
			"jti": rand.Text(), "htm": "GET", "htu": "https://api.example/mail", "iat": noon.Unix(),
			"ath": hash256([]byte("at")),
		}
	}
	sign := func(typ string, claims map[string]any) string {
		proof, err := key.key.SignProof("ES256", typ, claims)
		if err != nil {
			t.Fatal(err)
		}
		return proof
	}
	with := func(name string, value any) string {
		claims := good()
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
		return sign("dpop+jwt", claims)
	}
	tampered := sign("dpop+jwt", good())
	named, err := key.key.Sign("ES256", "dpop+jwt", good()) // with a kid, and no jwk
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		proofs []string
		ok     bool
	}{
		"good":                     {[]string{sign("dpop+jwt", good())}, true},
		"htu with its port":        {[]string{with("htu", "https://API.example:443/mail?q#f")}, true},
		"a little late":            {[]string{with("iat", noon.Unix()-59)}, true},
		"none":                     {nil, false},
		"two":                      {[]string{sign("dpop+jwt", good()), sign("dpop+jwt", good())}, false},
		"not a JWT":                {[]string{"x"}, false},
		"of another type":          {[]string{sign("JWT", good())}, false},
		"another signature":        {[]string{tampered[:len(tampered)-8] + strings.Repeat("A", 8)}, false},
		"no key in it":             {[]string{named}, false},
		"no jti":                   {[]string{with("jti", nil)}, false},
		"jti is empty":             {[]string{with("jti", "")}, false},
		"another method":           {[]string{with("htm", "POST")}, false},
		"another path":             {[]string{with("htu", "https://api.example/mail/")}, false},
		"another host":             {[]string{with("htu", "https://other.example/mail")}, false},
		"another scheme":           {[]string{with("htu", "http://api.example/mail")}, false},
		"a user in the URL":        {[]string{with("htu", "https://a@api.example/mail")}, false},
		"of another token":         {[]string{with("ath", hash256([]byte("other")))}, false},
		"of no token":              {[]string{with("ath", nil)}, false},
		"no iat":                   {[]string{with("iat", nil)}, false},
		"iat is no number":         {[]string{with("iat", "now")}, false},
		"old":                      {[]string{with("iat", noon.Unix()-61)}, false},
		"of the future":            {[]string{with("iat", noon.Unix()+61)}, false},
		"a claim more is harmless": {[]string{with("nonce", "n")}, true},
	} {
		v := &DPoPVerifier{Origin: "https://api.example", Now: func() time.Time { return noon }}
		r := httptest.NewRequest(http.MethodGet, "/mail?unread=1", nil)
		r.Header["Dpop"] = c.proofs
		thumbprint, err := v.Verify(r, "at")
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrInvalidProof) ||
			c.ok && thumbprint != key.Thumbprint() {
			t.Errorf("%s: %q, %v", name, thumbprint, err)
		}
		if _, err := v.Verify(r, "at"); err == nil {
			t.Errorf("%s: accepted twice", name)
		}
	}
}

// A proof is remembered for as long as it is valid, and the memory is bounded.
func TestDPoPVerifierRemembers(t *testing.T) {
	t.Parallel()
	now := noon
	v := &DPoPVerifier{Now: func() time.Time { return now }}
	for _, c := range []struct {
		after time.Duration
		fresh bool
	}{{0, true}, {0, false}, {119 * time.Second, false}, {121 * time.Second, false}} {
		now = noon.Add(c.after)
		if got := v.remember("a"); got != c.fresh {
			t.Errorf("after %s: %v", c.after, got)
		}
	}
	for i := range 200_000 {
		v.remember(strconv.Itoa(i))
	}
	if n := len(v.seen) + len(v.older); n > 100_000 {
		t.Errorf("%d proofs are remembered", n)
	}
}
