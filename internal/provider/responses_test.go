package provider

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// automatic starts a provider without making an RSA key.
func automatic(t *testing.T, change func(*Options)) *peer {
	t.Helper()
	return start(t, func(o *Options) {
		o.Auto = true
		if change != nil {
			change(o)
		}
	})
}

// with is an authorization request with some parameters changed, in pairs; ""
// takes one out.
func with(id string, pairs ...string) url.Values {
	values := authorization(id)
	for i := 0; i < len(pairs); i += 2 {
		values.Del(pairs[i])
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	return values
}

// respond sends the user to the provider and reads the response, wherever it is.
func (p *peer) respond(query url.Values) (url.Values, string) {
	p.t.Helper()
	res, body := p.get(p.endpoint("authorization_endpoint")+"?"+query.Encode(), "")
	response := &Response{
		Request: &http.Request{URL: &url.URL{Path: "/authorize"}}, Header: res.Header,
		Body: []byte(text(body["body"])),
	}
	back := response.Authorization()
	if back == nil {
		p.t.Fatalf("no response: %d, %v", res.StatusCode, body)
	}
	mode := "form_post"
	if location := res.Header.Get("Location"); location != "" {
		mode = "query"
		if strings.Contains(location, "#") {
			mode = "fragment"
		}
	}
	return back.Values, mode
}

// open verifies a JWT of the provider.
func (p *peer) open(compact string) (header jose.Header, claims map[string]any) {
	p.t.Helper()
	parsed, err := jwt.ParseSigned(compact, signatureAlgorithms)
	if err != nil {
		p.t.Fatalf("%v: %q", err, compact)
	}
	key, err := p.op.keys.Key(parsed.Headers[0].KeyID)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := parsed.Claims(key.Public().Key, &claims); err != nil {
		p.t.Fatal(err)
	}
	return parsed.Headers[0], claims
}

func TestResponseTypes(t *testing.T) {
	t.Parallel()
	p := automatic(t, func(o *Options) {
		o.Clients = append(o.Clients, Client{ID: "eddsa", IDTokenSigningAlg: "EdDSA"})
	})
	for _, c := range []struct{ asked, mode, members, hashes string }{
		{"code", "query", "code iss state", ""},
		{"code id_token", "fragment", "code id_token iss state", "c_hash s_hash"},
		{"id_token code", "fragment", "code id_token iss state", "c_hash s_hash"},
		{"code token", "fragment", "access_token code expires_in iss state token_type", ""},
		{
			"code id_token token", "fragment", "access_token code expires_in id_token iss state token_type",
			"at_hash c_hash s_hash",
		},
		{"id_token", "fragment", "id_token iss state", "s_hash"},
		{"id_token token", "fragment", "access_token expires_in id_token iss state token_type", "at_hash s_hash"},
	} {
		for _, client := range []string{"public", "eddsa"} {
			for _, mode := range []string{"", "form_post"} {
				query := with(client, "response_type", c.asked, "response_mode", mode)
				if !strings.Contains(c.asked, "code") {
					query.Del("code_challenge")
					query.Del("code_challenge_method")
				}
				values, got := p.respond(query)
				if names := strings.Join(slices.Sorted(maps.Keys(values)), " "); names != c.members {
					t.Errorf("%s: %s, want %s: %v", c.asked, names, c.members, values)
				}
				if want := c.mode; got != want && got != mode {
					t.Errorf("%s: by %s", c.asked, got)
				}
				if values.Get("iss") != p.op.Issuer || values.Get("state") != "st" {
					t.Errorf("%s: %v", c.asked, values)
				}
				if id := values.Get("id_token"); id != "" {
					p.checkHashes(client, id, values, c.hashes)
				}
				if access := values.Get("access_token"); access != "" {
					if _, info := p.get(p.endpoint("userinfo_endpoint"), access); info["sub"] != "alice" {
						t.Errorf("%s: UserInfo: %v", c.asked, info)
					}
				}
			}
		}
	}
}

func (p *peer) checkHashes(client, idToken string, values url.Values, hashes string) {
	p.t.Helper()
	_, claims := p.open(idToken)
	if claims["nonce"] != "no" || claims["aud"] != client || claims["sid"] == nil {
		p.t.Errorf("claims: %v", claims)
	}
	for name, of := range map[string]string{"at_hash": "access_token", "c_hash": "code", "s_hash": "state"} {
		digest := sha256.Sum256([]byte(values.Get(of)))
		half := digest[:16]
		if client == "eddsa" {
			digest := sha512.Sum512([]byte(values.Get(of)))
			half = digest[:32]
		}
		want := any(base64.RawURLEncoding.EncodeToString(half))
		if !has(hashes, name) {
			want = nil
		}
		if claims[name] != want {
			p.t.Errorf("%s: %v, want %v", name, claims[name], want)
		}
	}
}

func TestResponseTypeRefused(t *testing.T) {
	t.Parallel()
	p := automatic(t, func(o *Options) {
		o.Clients = append(o.Clients, Client{ID: "code", ResponseTypes: []string{"code"}})
	})
	for name, query := range map[string]url.Values{
		"not registered":         with("code", "response_type", "id_token"),
		"unknown":                with("public", "response_type", "magic"),
		"no nonce":               with("public", "response_type", "id_token", "nonce", ""),
		"no challenge":           with("public", "code_challenge", ""),
		"tokens in the query":    with("public", "response_type", "id_token token", "response_mode", "query"),
		"unknown mode":           with("public", "response_mode", "pigeon"),
		"prompt none and others": with("public", "prompt", "none login"),
		"unknown resource":       with("public", "resource", "https://other.example"),
		"unknown details":        with("public", "authorization_details", `[{"type":"magic"}]`),
		"details are no JSON":    with("public", "authorization_details", `{`),
	} {
		values, _ := p.respond(query)
		if want := "unsupported_response_type"; (name == "unknown" || name == "not registered") &&
			values.Get("error") != want {
			t.Errorf("%s: %v", name, values)
		}
		if values.Get("error") == "" || values.Get("iss") != p.op.Issuer || values.Has("code") ||
			values.Has("id_token") {
			t.Errorf("%s: %v", name, values)
		}
	}
	values, _ := p.respond(with("public", "scope", "magic", "response_mode", "jwt"))
	if _, claims := p.open(values.Get("response")); claims["error"] != "invalid_scope" || claims["aud"] != "public" {
		t.Errorf("an error by JARM: %v", claims)
	}
	for name, query := range map[string]url.Values{
		"claims are no JSON": with("public", "claims", "{"),
		"twice the same":     {"client_id": {"public"}, "state": {"a", "b"}},
	} {
		if res, _ := p.get(p.endpoint("authorization_endpoint")+"?"+query.Encode(),
			""); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
}

func TestJARM(t *testing.T) {
	t.Parallel()
	private, public, err := NewDecryptionKeys()
	if err != nil {
		t.Fatal(err)
	}
	p := automatic(t, func(o *Options) {
		o.Clients = []Client{
			{ID: "signed", AuthorizationSigningAlg: "ES256"},
			{
				ID: "rsa", JWKS: string(public), AuthorizationEncryptionAlg: "RSA-OAEP-256",
				AuthorizationEncryptionEnc: "A256GCM",
			},
			{
				ID: "ec", JWKS: string(public), AuthorizationEncryptionAlg: "ECDH-ES",
				IDTokenEncryptionAlg: "ECDH-ES+A128KW",
			},
		}
	})
	for _, client := range []string{"signed", "rsa", "ec"} {
		for mode, by := range map[string]string{
			"jwt": "query", "query.jwt": "query", "fragment.jwt": "fragment",
			"form_post.jwt": "form_post",
		} {
			values, got := p.respond(with(client, "response_mode", mode))
			response := values.Get("response")
			if len(values) != 1 || got != by {
				t.Fatalf("%s, %s: by %s: %v", client, mode, got, values)
			}
			if client != "signed" {
				response = decrypted(t, private, response)
			}
			header, claims := p.open(response)
			if client == "signed" && header.Algorithm != "ES256" {
				t.Errorf("alg %s", header.Algorithm)
			}
			if claims["iss"] != p.op.Issuer || claims["aud"] != client || claims["exp"] == nil ||
				claims["state"] != "st" {
				t.Errorf("%s, %s: %v", client, mode, claims)
			}
			if p.redeem(client, "", text(claims["code"]))["id_token"] == nil {
				t.Errorf("%s, %s: no ID Token", client, mode)
			}
		}
	}
	if values, _ := p.respond(authorization("signed")); values.Get("code") == "" {
		t.Errorf("a response that was not asked for as a JWT: %v", values)
	}
	values, _ := p.respond(with("ec", "response_type", "code id_token", "response_mode", "jwt"))
	_, claims := p.open(decrypted(t, private, values.Get("response")))
	if _, inner := p.open(decrypted(t, private, text(claims["id_token"]))); inner["c_hash"] == nil {
		t.Errorf("the ID Token in the response: %v", inner)
	}
	values, _ = p.respond(with("ec", "response_type", "code id_token"))
	if _, inner := p.open(decrypted(t, private, values.Get("id_token"))); inner["c_hash"] == nil {
		t.Errorf("the ID Token beside the code: %v", inner)
	}
}

// decrypted opens a JWE by the keys of NewDecryptionKeys.
func decrypted(t *testing.T, private []byte, compact string) string {
	t.Helper()
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(private, &keys); err != nil {
		t.Fatal(err)
	}
	sealed, err := jose.ParseEncryptedCompact(compact, encryptionAlgs(), contentAlgs())
	if err != nil {
		t.Fatalf("%v: %q", err, compact)
	}
	plain, err := sealed.Decrypt(keys.Key(sealed.Header.KeyID)[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}
