package provider

import "testing"

// The provider encrypts for clients that are registered for it, with nothing in front of
// it: ID Tokens of the token endpoint, and UserInfo, signed or not.
func TestEncryptedTokens(t *testing.T) {
	t.Parallel()
	private, public, err := NewDecryptionKeys()
	if err != nil {
		t.Fatal(err)
	}
	encrypted := Client{
		ID: "encrypted", JWKS: string(public), IDTokenEncryptionAlg: "RSA-OAEP-256", UserInfoEncryptionAlg: "ECDH-ES",
	}
	signed := encrypted
	signed.ID, signed.UserInfoSigningAlg = "signed", "ES256"
	p := automatic(t, func(o *Options) { o.Clients = append(o.Clients, encrypted, signed) })
	for _, id := range []string{"public", "encrypted", "signed"} {
		tokens := p.redeem(id, "", p.authorize(authorization(id)).Get("code"))
		idToken := text(tokens["id_token"])
		res, info := p.get(p.endpoint("userinfo_endpoint"), text(tokens["access_token"]))
		if id != "public" {
			idToken = decrypted(t, private, idToken)
			if mediaType := res.Header.Get("Content-Type"); mediaType != "application/jwt" {
				t.Errorf("%s: UserInfo is %s", id, mediaType)
			}
			plain := decrypted(t, private, text(info["body"]))
			if id == "signed" {
				_, info = p.open(plain)
			} else {
				info, _ = DecodeObject([]byte(plain))
			}
		}
		if _, claims := p.open(idToken); claims["sub"] != "alice" || claims["aud"] != id {
			t.Errorf("%s: ID Token: %v", id, claims)
		}
		if info["sub"] != "alice" {
			t.Errorf("%s: UserInfo: %v", id, info)
		}
	}
}
