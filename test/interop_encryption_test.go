package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Encrypted ID Tokens, signed and encrypted UserInfo, and access tokens that
// are JWTs, of a provider that we did not write.
func TestInteropEncryption(t *testing.T) { // not parallel: the setting is an environment variable
	keys := newEncryptionKeys(t)
	t.Setenv("ENC_JWKS", keys.public())
	p := startNPM(t, false)
	for name, try := range map[string]func(*npmProvider, *encryptionKeys){
		"algorithms":    (*npmProvider).tryEncryption,
		"keys":          (*npmProvider).tryDecryptionKeys,
		"UserInfo":      (*npmProvider).tryUserInfo,
		"access tokens": (*npmProvider).tryAccessTokens,
		"refusals":      (*npmProvider).tryRefusals,
		"previous":      (*npmProvider).tryPrevious,
	} {
		t.Run(name, func(t *testing.T) { try(p.in(t), keys) })
	}
}

// in is the provider for a subtest, which then fails by itself.
func (p npmProvider) in(t *testing.T) *npmProvider {
	p.t = t
	return &p
}

// encryptionKeys are the client's private keys that tokens are encrypted for,
// one of each kind, with the kind as kid.
type encryptionKeys struct {
	t      *testing.T
	folder string
	set    jose.JSONWebKeySet
}

func newEncryptionKeys(t *testing.T) *encryptionKeys {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	k := &encryptionKeys{t: t, folder: t.TempDir()}
	k.set.Keys = []jose.JSONWebKey{{Key: rsaKey, KeyID: "RSA", Use: "enc"}}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		check(t, err)
		k.set.Keys = append(k.set.Keys, jose.JSONWebKey{Key: key, KeyID: curve.Params().Name, Use: "enc"})
	}
	return k
}

// public writes the file that the provider reads, and returns its name.
func (k *encryptionKeys) public() string {
	k.t.Helper()
	var public jose.JSONWebKeySet
	for _, key := range k.set.Keys {
		public.Keys = append(public.Keys, key.Public())
	}
	return k.json("public.jwks", public)
}

// all writes all private keys into one file.
func (k *encryptionKeys) all() string { return k.json("all.jwks", k.set) }

// one is the key of a kind.
func (k *encryptionKeys) one(kind string) jose.JSONWebKey { return k.set.Key(kind)[0] }

func (k *encryptionKeys) json(name string, value any) string {
	k.t.Helper()
	data, err := json.Marshal(value)
	check(k.t, err)
	return k.file(name, data)
}

func (k *encryptionKeys) file(name string, data []byte) string {
	k.t.Helper()
	path := filepath.Join(k.folder, name)
	check(k.t, os.WriteFile(path, data, 0o600))
	return path
}

// pkcs8 writes a private key as PEM.
func (k *encryptionKeys) pkcs8(name string, key any) string {
	k.t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	check(k.t, err)
	return k.file(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// traditional writes a private key as PEM of its own kind: PKCS #1 or SEC 1.
func (k *encryptionKeys) traditional(name string, key any) string {
	k.t.Helper()
	if key, ok := key.(*rsa.PrivateKey); ok {
		return k.file(name,
			pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	}
	der, err := x509.MarshalECPrivateKey(key.(*ecdsa.PrivateKey))
	check(k.t, err)
	return k.file(name, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}

// forms writes the key of a kind in every form that is read, and returns the
// lines of the configuration that name it.
func (k *encryptionKeys) forms(kind string) map[string]string {
	k.t.Helper()
	key := k.one(kind)
	anonymous := key
	anonymous.KeyID, anonymous.Use = "", ""
	pkcs8 := k.pkcs8(kind+"-pkcs8.pem", key.Key)
	return map[string]string{
		"PKCS #1 or SEC 1": "decryption_key: " + k.traditional(kind+".pem", key.Key) + "\n",
		"PKCS #8":          "decryption_key: " + pkcs8 + "\n",
		"private_key":      "auth_method: none\nprivate_key: " + pkcs8 + "\n",
		"JWK":              "decryption_key: " + k.json(kind+".jwk", key) + "\n",
		"JWK without kid":  "decryption_key: " + k.json(kind+"-anonymous.jwk", anonymous) + "\n",
		"JWK Set":          "decryption_key: " + k.all() + "\n",
	}
}

// A tokenDocument is what --format json prints, with what is told of tokens.
type tokenDocument struct {
	document
	IDToken     *shownToken `json:"id_token"`
	AccessToken *shownToken `json:"access_token"`
}

type shownToken struct {
	Encryption     map[string]any `json:"encryption_header"`
	Header, Claims map[string]any
	Verified       bool
}

// refreshed is refresh with more of the document.
func (p *npmProvider) refreshed(config, token string, more ...string) (int, tokenDocument, string) {
	p.t.Helper()
	file := p.write(fmt.Sprintf("config-%d.yaml", time.Now().UnixNano()), []byte("issuer: "+p.Issuer+"\n"+config))
	args := append([]string{"refresh-token", "--format", "json", "-c", file, "--refresh-token", "-"}, more...)
	code, stdout, stderr := runProgram(args, token)
	var d tokenDocument
	if err := json.Unmarshal([]byte(stdout), &d); err != nil {
		p.t.Fatalf("not JSON: %v\n%s\n%s", err, stdout, stderr)
	}
	return code, d, stderr
}

// rotated is the new refresh token of the document.
func (d *tokenDocument) rotated(sent string) (string, bool) {
	token, _ := d.TokenResponse["refresh_token"].(string)
	return token, token != "" && token != sent
}

// not lists the rules of some that did not pass. One that ends in a dot stands
// for a whole table.
func (d *tokenDocument) not(some ...string) []string {
	var failed []string
	for _, id := range some {
		is := func(c string) bool { return c == id || strings.HasSuffix(id, ".") && strings.HasPrefix(c, id) }
		found := false
		for _, c := range d.Checks {
			found = found || is(c.ID)
			if is(c.ID) && c.Outcome != "pass" {
				failed = append(failed, c.ID+": "+c.Outcome)
			}
		}
		if !found {
			failed = append(failed, id+": not there")
		}
	}
	return failed
}

// encAlgorithms are the key algorithms that a kind of key decrypts by.
func encAlgorithms(kind string) []string {
	if kind == "RSA" {
		return []string{"RSA-OAEP", "RSA-OAEP-256"}
	}
	return []string{"ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"}
}

// Every kind of key, algorithm of the key and algorithm of the content, for ID
// Token, the one before it, and UserInfo.
func (p *npmProvider) tryEncryption(keys *encryptionKeys) {
	all := keys.all()
	for _, key := range keys.set.Keys {
		for _, alg := range encAlgorithms(key.KeyID) {
			for _, enc := range []string{
				"A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM",
				"A256GCM",
			} {
				p.tryAlgorithm(key.KeyID, alg, enc, all)
			}
		}
	}
}

func (p *npmProvider) tryAlgorithm(kind, alg, enc, file string) {
	name := kind + "/" + alg + "/" + enc
	first := p.mint("enc/"+name, nil)
	previous := p.write("id-token", []byte(first.IDToken))
	config := fmt.Sprintf("client_id: enc/%s\namr_list: [otp]\ntoken_encryption_alg: [%s]\nuserinfo_signed_response_alg: ES256\nuserinfo_encrypted_response_alg: [%s]\ndecryption_key: %s\n", name, alg, alg, file)
	code, d, stderr := p.refreshed(config, first.RefreshToken, "--previous-id-token", "@"+previous)
	if code != 0 || d.IDToken == nil || !d.IDToken.Verified || d.UserInfo["name"] != "Alice Example" {
		p.t.Errorf("%s: exit %d\n%s", name, code, stderr)
		return
	}
	if h := d.IDToken.Encryption; h["alg"] != alg || h["enc"] != enc || h["kid"] != kind || h["cty"] != "JWT" ||
		d.IDToken.Header["alg"] != "RS256" {
		p.t.Errorf("%s: it came with %v in %v", name, d.IDToken.Header, h)
	}
	if raw, _ := d.TokenResponse["id_token"].(string); strings.Count(first.IDToken, ".") != 4 ||
		strings.Count(raw, ".") != 4 {
		p.t.Errorf("%s: the ID Tokens are not encrypted", name)
	}
	if failed := d.not("id_token.encryption", "id_token.decryption", "id_token.signature", "id_token.amr",
		"refresh.iss", "refresh.sub", "refresh.aud",
		"userinfo.encryption", "userinfo.decryption", "userinfo.signed", "userinfo.signature",
		"userinfo.sub"); failed != nil {
		p.t.Errorf("%s: %v", name, failed)
	}
	if _, ok := d.rotated(first.RefreshToken); !ok {
		p.t.Errorf("%s: the token was not rotated", name)
	}
}

// Every form that a decryption key is read in.
func (p *npmProvider) tryDecryptionKeys(keys *encryptionKeys) {
	for _, key := range keys.set.Keys {
		alg := encAlgorithms(key.KeyID)[1]
		client := "enc/" + key.KeyID + "/" + alg + "/A128CBC-HS256"
		for form, line := range keys.forms(key.KeyID) {
			config := fmt.Sprintf("client_id: %s\ntoken_encryption_alg: [%s]\n%s", client, alg, line)
			code, d, stderr := p.refreshed(config, p.mint(client, nil).RefreshToken)
			if code != 0 || !d.IDToken.Verified || d.UserInfo["sub"] != "alice" {
				p.t.Errorf("%s, %s: exit %d\n%s", key.KeyID, form, code, stderr)
			}
			// what nothing is said of may be encrypted as ID Tokens are
			if failed := d.not("id_token.decryption", "userinfo.decryption", "userinfo.signature"); failed != nil {
				p.t.Errorf("%s, %s: %v", key.KeyID, form, failed)
			}
		}
	}
}

// UserInfo that is signed, with ID Tokens by another algorithm; and encrypted,
// with ID Tokens that are not.
func (p *npmProvider) tryUserInfo(keys *encryptionKeys) {
	signed := []string{
		"userinfo.signed", "userinfo.alg", "userinfo.signature", "userinfo.iss", "userinfo.aud",
		"userinfo.sub",
	}
	encrypted := append([]string{"userinfo.encryption", "userinfo.decryption"}, signed...)
	try := func(client, config string, passes []string) {
		code, d, stderr := p.refreshed("client_id: "+client+"\n"+config, p.mint(client, nil).RefreshToken)
		if code != 0 || d.UserInfo["email"] != "alice@example.com" || d.IDToken.Encryption != nil ||
			d.IDToken.Header["alg"] != "RS256" {
			p.t.Errorf("%s: exit %d\n%s", client, code, stderr)
		}
		if failed := d.not(passes...); failed != nil {
			p.t.Errorf("%s: %v", client, failed)
		}
	}
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"} {
		try("userinfo-"+alg, "userinfo_signed_response_alg: "+alg+"\n", signed)
		try("userinfo-"+alg, "", signed[1:])
	}
	for _, key := range keys.set.Keys {
		for _, alg := range encAlgorithms(key.KeyID) {
			config := fmt.Sprintf("decryption_key: %s\nuserinfo_encrypted_response_alg: [%s]\nuserinfo_signed_response_alg: ES256\n", keys.all(), alg)
			try("enc-userinfo/"+key.KeyID+"/"+alg+"/A256GCM", config, encrypted)
		}
	}
}

// Access tokens that are JWTs (RFC 9068). They are for another resource than
// UserInfo, which refuses them.
func (p *npmProvider) tryAccessTokens(*encryptionKeys) {
	for resource, alg := range map[string]string{
		"urn:example:api": "RS256", "urn:example:PS256": "PS256", "urn:example:ES256": "ES256",
		"urn:example:EdDSA": "EdDSA",
	} {
		for _, config := range []string{
			"client_id: public\naccess_token_jwt: true\n",
			"client_id: public\naccess_token_jwt: true\nresource: ['" + resource + "']\n",
		} {
			token := p.mint("public", map[string]any{"resource": resource}).RefreshToken
			code, d, stderr := p.refreshed(config, token, "--skip-userinfo")
			if code != 0 || d.AccessToken == nil || !d.AccessToken.Verified {
				p.t.Errorf("%s: exit %d, %+v\n%s", resource, code, d.AccessToken, stderr)
				continue
			}
			if a := d.AccessToken; a.Header["typ"] != "at+jwt" || a.Header["alg"] != alg ||
				a.Claims["aud"] != resource || a.Claims["client_id"] != "public" {
				p.t.Errorf("%s: %+v", resource, a)
			}
			if failed := d.not("access_token."); !slices.Equal(failed, []string{
				"access_token.nbf: not_applicable", "access_token.aud: not_applicable",
				"access_token.required: not_applicable", "access_token.cnf: not_applicable",
				"access_token.possession: not_applicable", "access_token.scope: not_applicable",
			}) {
				p.t.Errorf("%s: %v", resource, failed)
			}
			if next, ok := d.rotated(token); !ok {
				p.t.Errorf("%s: the token was not rotated", resource)
			} else if code, _, stderr := p.refreshed(config, next, "--skip-userinfo"); code != 0 {
				p.t.Errorf("%s: the rotated token: exit %d\n%s", resource, code, stderr)
			}
		}
	}
}

// A refusal is a configuration that is wrong about the tokens of a client, the
// rule that is broken, and what would have been right.
type refusal struct{ client, wrong, rule, right string }

func (k *encryptionKeys) refusals() map[string]refusal {
	strange := newEncryptionKeys(k.t)
	strangeRSA, strangeEC := strange.pkcs8("rsa.pem", strange.one("RSA").Key),
		strange.pkcs8("ec.pem", strange.one("P-256").Key)
	renamed := k.one("RSA")
	renamed.KeyID = "another"
	right := "decryption_key: " + k.all() + "\n"
	rsaAlg, ecAlg, kwAlg := "token_encryption_alg: [RSA-OAEP-256]\n", "token_encryption_alg: [ECDH-ES]\n",
		"token_encryption_alg: [ECDH-ES+A256KW]\n"
	rsaClient, ecClient, kwClient := "enc/RSA/RSA-OAEP-256/A256GCM", "enc/P-256/ECDH-ES/A128CBC-HS256",
		"enc/P-256/ECDH-ES+A256KW/A256GCM"
	info, infoAlg := "enc-userinfo/RSA/RSA-OAEP-256/A256GCM", "userinfo_encrypted_response_alg: [RSA-OAEP-256]\n"
	return map[string]refusal{
		"ID Token encrypted, but not agreed": {rsaClient, "", "id_token.encryption", rsaAlg + right},
		"ID Token encrypted by another alg": {
			rsaClient, "token_encryption_alg: [RSA-OAEP, ECDH-ES]\n" + right, "id_token.encryption", rsaAlg + right,
		},
		"ID Token not encrypted": {"public", rsaAlg + right, "id_token.encryption", ""},
		"ID Token for another key, RSA": {
			rsaClient, rsaAlg + "decryption_key: " + strangeRSA + "\n", "id_token.decryption", rsaAlg + right,
		},
		"ID Token for another key, ECDH-ES": {
			ecClient, ecAlg + "decryption_key: " + strangeEC + "\n", "id_token.decryption", ecAlg + right,
		},
		"ID Token for another key, ECDH-ES+KW": {
			kwClient, kwAlg + "decryption_key: " + strangeEC + "\n", "id_token.decryption", kwAlg + right,
		},
		"ID Token for another curve": {
			ecClient, ecAlg + "decryption_key: " + k.pkcs8("curve.pem", k.one("P-384").Key) + "\n",
			"id_token.decryption", ecAlg + right,
		},
		"ID Token for another kid": {
			rsaClient, rsaAlg + "decryption_key: " + k.json("renamed.jwk", renamed) + "\n", "id_token.decryption",
			rsaAlg + right,
		},
		"UserInfo not signed": {
			"public", "userinfo_signed_response_alg: RS256\n", "userinfo.signed", "",
		},
		"UserInfo signed by another alg": {
			"userinfo-ES256", "userinfo_signed_response_alg: RS256\n", "userinfo.signed", "",
		},
		"UserInfo not encrypted":             {"userinfo-ES256", infoAlg + right, "userinfo.encryption", ""},
		"UserInfo encrypted, but not agreed": {info, "", "userinfo.encryption", infoAlg + right},
		"UserInfo encrypted by another alg": {
			info, "userinfo_encrypted_response_alg: [RSA-OAEP]\n" + right, "userinfo.encryption", infoAlg + right,
		},
		"UserInfo for another key": {
			info, infoAlg + "decryption_key: " + strangeRSA + "\n", "userinfo.decryption", infoAlg + right,
		},
		"access token not a JWT": {"public", "access_token_jwt: true\n", "access_token.readable", ""},
	}
}

// What is not as it was agreed upon is refused, and the new refresh token is
// there all the same, and works.
func (p *npmProvider) tryRefusals(keys *encryptionKeys) {
	for name, c := range keys.refusals() {
		p.tryRefusal(name, c, p.mint(c.client, nil).RefreshToken)
	}
	foreign := refusal{
		"public", "access_token_jwt: true\ntoken_signing_alg: [RS256]\nskip_userinfo_call: true\n",
		"access_token.alg", "skip_userinfo_call: true\n",
	}
	p.tryRefusal("access token by another alg", foreign,
		p.mint("public", map[string]any{"resource": "urn:example:ES256"}).RefreshToken)
}

func (p *npmProvider) tryRefusal(name string, c refusal, token string) {
	client := "client_id: " + c.client + "\n"
	code, d, stderr := p.refreshed(client+c.wrong, token)
	if code != 5 || d.Error == nil || d.Error.Code != c.rule || d.Error.Hint == "" {
		p.t.Errorf("%s: exit %d, %+v\n%s", name, code, d.Error, stderr)
	}
	if strings.HasPrefix(c.rule, "id_token.") && (d.IDToken != nil && d.IDToken.Verified || d.UserInfo != nil) {
		p.t.Errorf("%s: the ID Token counts as verified: %+v", name, d)
	}
	next, ok := d.rotated(token)
	if !ok {
		p.t.Errorf("%s: the new refresh token is not in %v", name, d.TokenResponse)
		return
	}
	if code, _, stderr := p.refreshed(client+c.right, next); code != 0 {
		p.t.Errorf("%s, the new refresh token: exit %d\n%s", name, code, stderr)
	}
}

// An encrypted ID Token that the new one must continue: of somebody else, for
// another key, and one that came before encryption was agreed upon.
func (p *npmProvider) tryPrevious(keys *encryptionKeys) {
	const client, other = "enc/P-521/ECDH-ES+A192KW/A256CBC-HS512", "enc/RSA/RSA-OAEP/A128GCM"
	config := "client_id: " + client + "\ntoken_encryption_alg: [ECDH-ES+A192KW]\ndecryption_key: " +
		keys.pkcs8("previous.pem", keys.one("P-521").Key) + "\n"
	token := p.mint(client, nil).RefreshToken
	previous := func(client, sub string) string {
		return "@" + p.write("previous", []byte(p.mint(client, map[string]any{"sub": sub}).IDToken))
	}
	// refused before anything is sent: the token can be used again
	if code, d, stderr := p.refreshed(config, token, "--previous-id-token", previous(other, "alice")); code != 2 ||
		d.TokenResponse != nil {
		p.t.Errorf("for another key: exit %d\n%s", code, stderr)
	}
	code, d, stderr := p.refreshed(config, token, "--previous-id-token", previous(client, "bob"))
	next, ok := d.rotated(token)
	if code != 5 || d.Error.Code != "refresh.sub" || !ok {
		p.t.Fatalf("somebody else's: exit %d, %+v\n%s", code, d, stderr)
	}
	code, d, stderr = p.refreshed(config, next, "--previous-id-token", previous("public", "alice"))
	if failed := d.not("refresh.iss", "refresh.sub"); code != 5 || d.Error.Code != "refresh.aud" || failed != nil {
		p.t.Errorf("not encrypted, of another client: exit %d, %+v %v\n%s", code, d.Error, failed, stderr)
	}
}
