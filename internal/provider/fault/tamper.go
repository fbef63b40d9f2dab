// Tampering with tokens: they are taken apart, changed, and signed again.

package fault

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oidc-client/oidc-client/internal/provider"
)

// A token is a JWT in parts. Every part can be spoilt.
type token struct {
	op     *Provider
	client string // that it is for
	header map[string]any
	claims map[string]any

	headerJSON, claimsJSON []byte // instead of header and claims, if set
	alg                    string // signs by another than the header's, if set
	// signs instead of the provider's key: a private key, or []byte for HS256
	key       any
	signature func([]byte) []byte // changes the signature
	compact   func(string) string // changes the whole
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// parse takes a JWT apart. It returns nil if the text is none.
func (p *Provider) parse(compact string) *token {
	t := provider.ParseJWT(compact)
	if t == nil {
		return nil
	}
	return &token{op: p, header: t.Header, claims: t.Claims}
}

// newToken makes a JWT of claims, to be signed by RS256.
func (p *Provider) newToken(claims map[string]any) *token {
	return &token{
		op: p, claims: claims,
		header: map[string]any{"alg": "RS256", "typ": "JWT", "kid": p.Key("RS256").KeyID},
	}
}

// String signs the token and puts it together.
func (t *token) String() string {
	header, claims := t.headerJSON, t.claimsJSON
	if header == nil {
		header = encode(t.header)
	}
	if claims == nil {
		claims = encode(t.claims)
	}
	input := b64(header) + "." + b64(claims)
	alg := t.alg
	if alg == "" {
		alg, _ = t.header["alg"].(string)
	}
	key := t.key
	if key == nil {
		key = t.op.Key(alg).Key
	}
	signature := sign(alg, key, []byte(input))
	if t.signature != nil {
		signature = t.signature(signature)
	}
	compact := input + "." + b64(signature)
	if t.compact != nil {
		compact = t.compact(compact)
	}
	return compact
}

// sign signs by HS256 if the key is a secret, and else as the provider does.
func sign(alg string, key any, input []byte) []byte {
	secret, ok := key.([]byte)
	if !ok {
		return provider.Signature(alg, key, input)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(input)
	return mac.Sum(nil)
}

// idToken changes the ID Token of a token response.
func (a *answer) idToken(change func(*token)) {
	a.edit(func(m map[string]any) {
		if t := a.op.parse(text(m["id_token"])); t != nil {
			t.client = a.client
			change(t)
			m["id_token"] = t.String()
		}
	})
}

// jarm changes the JWT that an authorization response is.
func (a *answer) jarm(change func(*token)) { a.respond(retoken(a, "response", change)) }

// frontIDToken changes the ID Token in an authorization response.
func (a *answer) frontIDToken(change func(*token)) { a.respond(retoken(a, "id_token", change)) }

// respond changes the parameters of an authorization response.
func (a *answer) respond(change func(url.Values)) {
	res := a.response()
	if back := res.Authorization(); back != nil {
		change(back.Values)
		back.Put(back.Values)
		a.body = res.Body
	}
}

// retoken changes a parameter that is a JWT.
func retoken(a *answer, name string, change func(*token)) func(url.Values) {
	return func(v url.Values) {
		if t := a.op.parse(v.Get(name)); t != nil {
			t.client = text(t.claims["aud"])
			change(t)
			v.Set(name, t.String())
		}
	}
}

// loginIDToken changes the ID Token that a code is redeemed for: a refreshed one
// has no nonce.
func (a *answer) loginIDToken(change func(*token)) {
	a.idToken(func(t *token) {
		if text(t.claims["nonce"]) != "" {
			change(t)
		}
	})
}

// logoutToken changes the logout token that is about to be sent.
func (a *answer) logoutToken(change func(*token)) {
	a.edit(func(m map[string]any) {
		if t := a.op.parse(text(m["logout_token"])); t != nil {
			t.client = a.client
			change(t)
			m["logout_token"] = t.String()
		}
	})
}

// introspectionJWT changes an introspection response that is signed.
func (a *answer) introspectionJWT(change func(*token)) {
	if t := a.op.parse(string(a.body)); a.ok() && t != nil {
		t.client = a.client
		change(t)
		a.body = []byte(t.String())
	}
}

// accessToken puts a JWT of RFC 9068 in the place of the access token.
func (a *answer) accessToken(change func(*token)) {
	a.substitute("access_token", func(claims map[string]any) *token {
		t := a.op.newToken(claims)
		t.header["typ"] = "at+jwt"
		return t
	}, change)
}

// refreshToken puts a JWT in the place of the refresh token.
func (a *answer) refreshToken(change func(*token)) {
	a.substitute("refresh_token", a.op.newToken, change)
}

// substitute puts a JWT in the place of a token, which the provider will know
// when it comes back.
func (a *answer) substitute(member string, build func(map[string]any) *token, change func(*token)) {
	a.edit(func(m map[string]any) {
		original := text(m[member])
		if original == "" {
			return
		}
		now := time.Now().Unix()
		t := build(map[string]any{
			"iss": a.op.Issuer, "sub": "alice", "aud": a.op.Issuer + "/api", "client_id": a.client,
			"iat": now, "exp": now + 300, "jti": rand.Text(),
		})
		t.client = a.client
		change(t)
		m[member] = t.String()
		a.op.watch.replace(text(m[member]), original)
	})
}

// userInfoJWT makes the UserInfo response a signed one and changes it.
func (a *answer) userInfoJWT(change func(*token)) {
	if !a.ok() {
		return
	}
	t := a.op.parse(string(a.body))
	if t == nil {
		claims, ok := object(a.body)
		if !ok {
			return
		}
		claims["iss"], claims["aud"] = a.op.Issuer, a.client
		t = a.op.newToken(claims)
	}
	t.client = a.client
	change(t)
	a.header.Set("Content-Type", "application/jwt")
	a.body = []byte(t.String())
}

// text returns a string, "" for what is none.
func text(v any) string { s, _ := v.(string); return s }

// strangersKey is a key that the provider does not publish.
var strangersKey = sync.OnceValue(func() *rsa.PrivateKey { return generate(2048) })

// weakKey is an RSA key that is too short.
var weakKey = sync.OnceValue(func() *rsa.PrivateKey { return generate(1024) })

func generate(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err) // no randomness
	}
	return key
}

// bait is what lies where nobody should look: a JWK Set with the stranger's
// key, so that whoever looks is fooled.
func (p *Provider) bait() []byte {
	return encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &strangersKey().PublicKey, KeyID: "stranger"}}})
}
