// What some providers show in the place of a client_secret that they know no more.

package oidc

import (
	"crypto/md5"  //nolint:gosec // what a provider stores, not what anything here relies on
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// standsFor reports whether shown is no client_secret, but stands for the known one: a hash of it, as
// the provider stores it, or asterisks.
func standsFor(shown, known string) bool {
	if known == "" || shown == known {
		return false
	}
	return strings.Contains(shown, "***") || hashed().MatchString(shown) || slices.Contains(digests(known), shown)
}

// hashed returns the pattern of stored hashes: {bcrypt}... and {SSHA}..., $2a$... and $argon2id$..., and
// pbkdf2_sha256$... or pbkdf2:sha256:....
var hashed = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(
		`^(\{[A-Za-z][A-Za-z0-9@_.-]*\}.|\$[a-z0-9]+(-[a-z0-9]+)*\$.|(argon2|bcrypt|pbkdf2|scrypt)[a-z0-9_]*[:$].)`)
})

// digests returns the plain digests of a secret, as hexadecimal digits and in base64.
func digests(secret string) []string {
	data := []byte(secret)
	sum1, sum5, sum256, sum512 := sha1.Sum(data), md5.Sum(data), sha256.Sum256(data), //nolint:gosec // see above
		sha512.Sum512(data)
	var all []string
	for _, sum := range [][]byte{sum1[:], sum5[:], sum256[:], sum512[:]} {
		all = append(all, hex.EncodeToString(sum), strings.ToUpper(hex.EncodeToString(sum)),
			base64.StdEncoding.EncodeToString(sum), base64.RawURLEncoding.EncodeToString(sum))
	}
	return all
}

// keepSecret gives a registration the secret that is known, where the response has what only stands for
// it.
func keepSecret(doc *strictjson.Object, registered *Registration, known string) {
	if shown, err := doc.String("client_secret"); err == nil && standsFor(shown, known) {
		registered.ClientSecret = known
	}
}
