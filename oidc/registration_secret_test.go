package oidc

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// What a provider stores of a secret is not taken for a new one; any other value is.
func TestStandsFor(t *testing.T) {
	t.Parallel()
	const known = "the-secret-that-is-known"
	sum := sha256.Sum256([]byte(known))
	for shown, want := range map[string]bool{
		"{bcrypt}$2a$10$N9qo8uLOickgx2ZMRZoMye": true, "{noop}x": true, "{SSHA}abc=": true,
		"$2b$12$abc": true, "$argon2id$v=19$m=4096": true, "$6$salt$hash": true, "pbkdf2_sha256$870000$salt$hash": true,
		"pbkdf2:sha256:600000$salt$hash": true, "scrypt:32768:8:1$salt$hash": true, "**********": true,
		"the-***": true, hex.EncodeToString(sum[:]): true,
		known: false, "another-secret": false, "$ecret": false, "{x": false, "a{b}c": false, "pbkdf2": false,
	} {
		if got := standsFor(shown, known); got != want {
			t.Errorf("%s: %v", shown, got)
		}
	}
	if standsFor("{bcrypt}$2a$10$x", "") {
		t.Error("without a secret that is known, a value is what it is")
	}
}
