package oidc

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

func newDPoP(t *testing.T) *DPoP {
	t.Helper()
	key, err := GenerateKey("ES256")
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDPoP(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// proofClaims are those of the proof in a header.
func proofClaims(t *testing.T, h http.Header) map[string]any {
	t.Helper()
	parts := strings.Split(h.Get("Dpop"), ".")
	if len(parts) != 3 {
		t.Fatalf("no proof: %v", h)
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(data, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// bound is a client that asks for bound tokens, and its provider.
func bound(t *testing.T) (*Client, *fakeop.OP) {
	t.Helper()
	op := fakeop.Start()
	t.Cleanup(op.Close)
	op.Tokens["token_type"] = "DPoP"
	p, err := Discover(t.Context(), op.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &Client{Provider: p, ID: fakeop.ClientID, DPoP: newDPoP(t)}, op
}

// wants makes an endpoint ask for a nonce, and hand out another with what it grants.
func wants(op *fakeop.OP, path string, t *testing.T, proofs *[]map[string]any, refuse func(w http.ResponseWriter)) {
	op.Handlers[path] = func(w http.ResponseWriter, r *http.Request) {
		claims := proofClaims(t, r.Header)
		*proofs = append(*proofs, claims)
		nonce, _ := claims["nonce"].(string)
		switch {
		case !strings.HasPrefix(nonce, path):
			w.Header().Set("Dpop-Nonce", path+"-1")
			refuse(w)
		default:
			w.Header().Set("Dpop-Nonce", path+"-2")
			op.Answer(w, r)
		}
	}
}

// V66, V67, V68: a nonce is used at once, and the next one the next time; those of
// the resource are others.
func TestNonces(t *testing.T) {
	t.Parallel()
	c, op := bound(t)
	var token, userinfo []map[string]any
	wants(op, "/token", t, &token, func(w http.ResponseWriter) {
		fakeop.Says(400, map[string]string{"Content-Type": "application/json"}, `{"error":"use_dpop_nonce"}`)(w, nil)
	})
	wants(op, "/userinfo", t, &userinfo, func(w http.ResponseWriter) {
		// F03
		fakeop.Says(401, map[string]string{"WWW-Authenticate": `Bearer realm="x", dPoP error="use_dpop_nonce"`}, "")(w,
			nil)
	})
	for range 2 {
		tokens, err := c.Token(t.Context(), RefreshToken("rt"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.UserInfo(t.Context(), tokens); err != nil {
			t.Fatal(err)
		}
	}
	for name, proofs := range map[string][]map[string]any{"/token": token, "/userinfo": userinfo} {
		if len(proofs) != 3 || proofs[0]["nonce"] != nil || proofs[1]["nonce"] != name+"-1" ||
			proofs[2]["nonce"] != name+"-2" {
			t.Errorf("%s: %v", name, proofs)
		}
		if proofs[0]["jti"] == proofs[1]["jti"] {
			t.Errorf("%s: one proof was used twice", name)
		}
		if _, ath := proofs[0]["ath"]; ath != (name == "/userinfo") {
			t.Errorf("%s: %v", name, proofs[0])
		}
	}
}

// V66, V69: the same challenge again ends it, and so does a nonce that is none.
func TestBadNonces(t *testing.T) {
	t.Parallel()
	refusal := `{"error":"use_dpop_nonce"}`
	for name, c := range map[string]struct {
		nonces []string
		reason string
		asked  int
	}{
		"again and again": {[]string{"n"}, "use_dpop_nonce", 2},
		"none at all":     {nil, "use_dpop_nonce", 1},
		"twice":           {[]string{"n", "m"}, "dpop.nonce", 1},
		"a space":         {[]string{"a b"}, "dpop.nonce", 1},
		"a quote":         {[]string{`a"b`}, "dpop.nonce", 1},
		"too long":        {[]string{strings.Repeat("n", 1025)}, "dpop.nonce", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, op := bound(t)
			op.Handlers["/token"] = func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Dpop-Nonce"] = c.nonces
				fakeop.Says(400, map[string]string{"Content-Type": "application/json"}, refusal)(w, nil)
			}
			_, err := client.Token(t.Context(), RefreshToken("rt"))
			if Reason(err) != c.reason || op.Asked("/token") != c.asked {
				t.Errorf("%v (%s), asked %d times", err, Reason(err), op.Asked("/token"))
			}
		})
	}
}

// V64: a token that is not bound is not used, and one that is bound to a key which is
// not there neither.
func TestDowngrade(t *testing.T) {
	t.Parallel()
	c, op := bound(t)
	op.Tokens["token_type"] = "Bearer"
	tokens, err := c.Token(t.Context(), RefreshToken("rt"))
	if Reason(err) != "token_response.dpop" || tokens == nil || tokens.RefreshToken != fakeop.Rotated {
		t.Errorf("%+v, %v", tokens, err)
	}
	if _, err := c.UserInfo(t.Context(), tokens); err == nil {
		t.Error("a token that was refused was used")
	}
	c.DPoP = nil
	if _, err := c.UserInfo(t.Context(), &Tokens{AccessToken: "at", TokenType: "dpop"}); !errors.Is(err, errNoDPoP) {
		t.Errorf("without a key: %v", err)
	}
}

// Q10: htu has neither query nor fragment.
func TestProofOfAResource(t *testing.T) {
	t.Parallel()
	d, h := newDPoP(t), http.Header{}
	if err := d.prove(h, proof{"POST", "https://api.example/a%20b?x=1#y", "at", resourceServer}, noon); err != nil {
		t.Fatal(err)
	}
	claims := proofClaims(t, h)
	if claims["htu"] != "https://api.example/a%20b" || claims["htm"] != "POST" ||
		claims["ath"] != "nVhAKwBxqO26ZEpCCR2Qc82PY1gWOQbx4GmiihWgBRU" && claims["ath"] == nil {
		t.Errorf("%v", claims)
	}
	if _, err := NewDPoP(SigningKey{}, ""); err == nil {
		t.Error("without a key")
	}
}
