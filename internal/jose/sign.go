// Signing: the client's own keys and the JWTs it makes with them.

package jose

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // x5t is made of it
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// A PrivateKey signs.
type PrivateKey struct {
	ID        string // kid, "" if the key's file does not name one
	Algorithm string // alg, "" if the key's file does not name one

	kty, crv string
	signer   crypto.Signer
}

// String describes the key without its material, so that printing one by
// mistake shows nothing.
func (k *PrivateKey) String() string { return PublicKey(k).String() }

// GoString is String: %#v shows no material either.
func (k *PrivateKey) GoString() string { return k.String() }

func (k *PrivateKey) public() any { return k.signer.Public() }

// Public returns the public half.
func (k *PrivateKey) Public() crypto.PublicKey { return k.signer.Public() }

// ReadPrivateKey reads a private key: PEM in PKCS #1 (RSA PRIVATE KEY), PKCS #8
// (PRIVATE KEY) or SEC 1 (EC PRIVATE KEY) form, or a JSON Web Key. Errors never
// quote the data.
func ReadPrivateKey(data []byte) (*PrivateKey, error) {
	if trimmed := bytes.TrimSpace(data); bytes.HasPrefix(trimmed, []byte("{")) {
		return readPrivateJWK(trimmed)
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("the private key is encrypted with a password; " + decryptHint)
		default: // a certificate or curve parameters beside the key
			continue
		}
		if encryptedBlock(block) {
			return nil, errEncryptedBlock
		}
		if err != nil {
			return nil, fmt.Errorf("unreadable %s", block.Type)
		}
		return newPrivateKey(key)
	}
	if err := Misread(data); err != nil {
		return nil, err
	}
	return nil, errors.New("no private key: neither PEM (PKCS #1, PKCS #8, SEC 1) nor a JSON Web Key")
}

func readPrivateJWK(data []byte) (*PrivateKey, error) {
	if _, err := strictjson.Parse(data); err != nil {
		return nil, errors.New("not a JSON Web Key: the JSON is not well-formed")
	}
	var jwk gojose.JSONWebKey
	if err := jwk.UnmarshalJSON(data); err != nil {
		return nil, errors.New("not a JSON Web Key of a kind that can sign")
	}
	key, err := newPrivateKey(jwk.Key)
	if err != nil {
		return nil, err
	}
	key.ID, key.Algorithm = jwk.KeyID, jwk.Algorithm
	return key, nil
}

// NewPrivateKey is a key that was read or made elsewhere, such as one in
// hardware. It is an error if it is weak or of a kind that no algorithm of
// this package takes.
func NewPrivateKey(signer crypto.Signer, kid, alg string) (*PrivateKey, error) {
	key, err := newPrivateKey(signer)
	if err != nil {
		return nil, err
	}
	key.ID, key.Algorithm = kid, alg
	return key, nil
}

func newPrivateKey(key any) (*PrivateKey, error) {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("a public or symmetric key where a private key belongs")
	}
	k := &PrivateKey{signer: signer}
	switch public := signer.Public().(type) {
	case *rsa.PublicKey:
		k.kty = "RSA"
	case *ecdsa.PublicKey:
		k.kty, k.crv = "EC", public.Params().Name
	case ed25519.PublicKey:
		k.kty, k.crv = "OKP", "Ed25519"
	default:
		return nil, fmt.Errorf("a private key of an unknown kind (%T)", key)
	}
	if why := weakness(k.public()); why != "" {
		return nil, errors.New(why)
	}
	return k, nil
}

// Fits reports whether the key can sign by alg; the error says why not.
func (k *PrivateKey) Fits(alg string) error {
	a, ok := lookup(alg)
	if !ok {
		return fmt.Errorf("alg %q is not supported", alg)
	}
	if why := PublicKey(k).unfit(a); why != "" {
		return errors.New(why)
	}
	return nil
}

// Natural returns the algorithm that the key's file names, or else the first
// that fits the key: RS256, ES256, ES384, ES512 or EdDSA.
func (k *PrivateKey) Natural() string {
	if k.Algorithm != "" {
		return k.Algorithm
	}
	for _, a := range algorithms {
		if PublicKey(k).unfit(a) == "" {
			return a.name
		}
	}
	return ""
}

// Sign makes a JWT of claims with the private key. typ is left out of the
// header if it is "".
func (k *PrivateKey) Sign(alg, typ string, claims any) (string, error) {
	return k.SignCertified(alg, typ, "", nil, claims)
}

// SignCertified is Sign with a header member that names the key's certificate, the first of a chain: x5t,
// x5t#S256 or x5c (RFC 7515 sections 4.1.6 to 4.1.8). If member is "", none does.
func (k *PrivateKey) SignCertified(
	alg, typ, member string, chain []*x509.Certificate, claims any,
) (string, error) {
	if err := k.Fits(alg); err != nil {
		return "", err
	}
	header := map[gojose.HeaderKey]any{"kid": k.ID}
	switch {
	case member == "":
	case len(chain) == 0:
		return "", errors.New("there is no certificate for the header")
	case member == "x5t":
		sum := sha1.Sum(chain[0].Raw) //nolint:gosec // what x5t is; it names a certificate and proves nothing
		header["x5t"] = base64.RawURLEncoding.EncodeToString(sum[:])
	case member == "x5t#S256":
		sum := sha256.Sum256(chain[0].Raw)
		header["x5t#S256"] = base64.RawURLEncoding.EncodeToString(sum[:])
	case member == "x5c":
		encoded := make([]string, len(chain))
		for i, c := range chain {
			encoded[i] = base64.StdEncoding.EncodeToString(c.Raw)
		}
		header["x5c"] = encoded
	default:
		return "", fmt.Errorf("%q names no certificate: x5t, x5t#S256 and x5c do", member)
	}
	return sign(gojose.SignatureAlgorithm(alg), opaqueSigner{k}, typ, header, claims)
}

// SignProof makes a JWT that carries the public half of its key in the header
// (jwk) instead of naming it, as DPoP proofs do (RFC 9449 section 4.2).
func (k *PrivateKey) SignProof(alg, typ string, claims any) (string, error) {
	if err := k.Fits(alg); err != nil {
		return "", err
	}
	return sign(gojose.SignatureAlgorithm(alg), opaqueSigner{k}, typ, map[gojose.HeaderKey]any{"jwk": k.bareJWK()},
		claims)
}

// SignWithSecret makes a JWT of claims with a shared secret, by HS256, HS384
// or HS512.
func SignWithSecret(alg, secret, typ string, claims any) (string, error) {
	a, ok := lookup(alg)
	if !ok || a.kty != "oct" {
		return "", fmt.Errorf("%q is not a MAC algorithm", alg)
	}
	if why := SecretKey(secret).unfit(a); why != "" {
		return "", errors.New(why)
	}
	return sign(gojose.SignatureAlgorithm(alg), []byte(secret), typ, nil, claims)
}

func sign(alg gojose.SignatureAlgorithm, key any, typ string, header map[gojose.HeaderKey]any,
	claims any,
) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	options := &gojose.SignerOptions{}
	if typ != "" {
		options.WithType(gojose.ContentType(typ))
	}
	for name, value := range header {
		if value != "" {
			options.WithHeader(name, value)
		}
	}
	signer, err := gojose.NewSigner(gojose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// An opaqueSigner signs with any crypto.Signer, such as a key in hardware, and
// under the name Ed25519 too, which the library does not know.
type opaqueSigner struct{ key *PrivateKey }

func (s opaqueSigner) Public() *gojose.JSONWebKey { return nil }

func (s opaqueSigner) Algs() []gojose.SignatureAlgorithm {
	names := make([]gojose.SignatureAlgorithm, len(algorithms))
	for i, a := range algorithms {
		names[i] = gojose.SignatureAlgorithm(a.name)
	}
	return names
}

func (s opaqueSigner) SignPayload(payload []byte, alg gojose.SignatureAlgorithm) ([]byte, error) {
	a, _ := lookup(string(alg))
	if a.kty == "OKP" { // Ed25519 hashes by itself
		return s.key.signer.Sign(rand.Reader, payload, crypto.Hash(0))
	}
	h := a.hash.New()
	h.Write(payload)
	var options crypto.SignerOpts = a.hash
	if a.rsaPSS {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: a.hash}
	}
	signature, err := s.key.signer.Sign(rand.Reader, h.Sum(nil), options)
	if err != nil || a.kty != "EC" {
		return signature, err
	}
	return joinRS(signature, s.key.public())
}

// joinRS turns an ECDSA signature from ASN.1 into the form of RFC 7518 section
// 3.4: r and s, each as long as the curve's order.
func joinRS(der []byte, public any) ([]byte, error) {
	key, ok := public.(*ecdsa.PublicKey)
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &rs); err != nil || len(rest) > 0 || !ok {
		return nil, errors.New("the key's signature is not ECDSA's")
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	if rs.R.BitLen() > 8*size || rs.S.BitLen() > 8*size || rs.R.Sign() <= 0 || rs.S.Sign() <= 0 {
		return nil, errors.New("the key's signature is not of its curve")
	}
	return append(rs.R.FillBytes(make([]byte, size)), rs.S.FillBytes(make([]byte, size))...), nil
}
