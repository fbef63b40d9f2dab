// DPoP proofs as a resource server sees them: RFC 9449 sections 4.3 and 7.1.

package oidc

import (
	"cmp"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/jose"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// A DPoPVerifier verifies the DPoP proofs that come to a resource server with access
// tokens. It remembers proofs, so that none works twice, and demands no nonces. It is safe
// for concurrent use, and must not be copied after its first use.
type DPoPVerifier struct {
	// Origin is the scheme, host and port that clients use for the resource server, such
	// as https://api.example. It is required: behind a proxy a request does not tell.
	Origin string

	// Algorithms are the algorithms that proofs may be signed with. nil means those of
	// [SignatureAlgorithms].
	Algorithms []string

	// ClockTolerance is how far the time of a proof (iat) may be from now. 0 means 60
	// seconds.
	ClockTolerance time.Duration

	// Now returns the current time. nil means time.Now.
	Now func() time.Time

	mu          sync.Mutex
	seen, older map[string]struct{} // proofs of this period, and of the one before
	until       time.Time           // when the period ends
}

// ErrInvalidProof says that a request has no valid DPoP proof. A resource server responds
// with the status 401 and the error invalid_dpop_proof (RFC 9449 section 7.1).
var ErrInvalidProof = errors.New("oidc: no valid DPoP proof")

// Verify verifies the DPoP proof of a request that has an access token (RFC 9449 section
// 4.3), and returns the thumbprint of its key: the KeyThumbprint of an
// [AccessTokenExpectation], with which [Client.VerifyAccessToken] checks that the token is
// bound to that key. The error is [ErrInvalidProof].
func (v *DPoPVerifier) Verify(r *http.Request, accessToken string) (thumbprint string, err error) {
	proofs := r.Header.Values("Dpop")
	if len(proofs) != 1 {
		return "", fmt.Errorf("%w: %d DPoP headers", ErrInvalidProof, len(proofs))
	}
	key, claims, err := v.read(proofs[0])
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalidProof, err)
	}
	if why := v.judge(r, claims, accessToken); why != "" {
		return "", fmt.Errorf("%w: %s", ErrInvalidProof, why)
	}
	thumbprint = key.Thumbprint()
	if !v.remember(hash256([]byte(thumbprint + " " + claims.id))) {
		return "", fmt.Errorf("%w: it was used before", ErrInvalidProof)
	}
	return thumbprint, nil
}

// A proofContent is the claims of a proof.
type proofContent struct {
	id, method, url, hash string // jti, htm, htu, ath
	issuedAt              time.Time
}

// read reads a proof and checks its signature.
func (v *DPoPVerifier) read(raw string) (key jose.Key, c proofContent, err error) {
	proof, err := jose.Parse(raw)
	if err != nil {
		return key, c, err
	}
	algorithms := v.Algorithms
	if algorithms == nil {
		algorithms = SignatureAlgorithms()
	}
	switch {
	case mediaType(proof) != "dpop+jwt":
		return key, c, errors.New("the typ is not dpop+jwt")
	case !slices.Contains(algorithms, proof.Algorithm) || jose.IsMAC(proof.Algorithm):
		return key, c, fmt.Errorf("the alg %.32q is not accepted", proof.Algorithm)
	}
	if key, err = proof.OwnKey(); err != nil {
		return key, c, err
	}
	if err := proof.Verify(key); err != nil {
		return key, c, err
	}
	for name, to := range map[string]*string{"jti": &c.id, "htm": &c.method, "htu": &c.url, "ath": &c.hash} {
		if *to, err = proof.Claims.String(name); err != nil || *to == "" {
			return key, c, fmt.Errorf("there is no %s, or it is not a string", name)
		}
	}
	claims, _ := readClaims(proof.Claims)
	if !claims.there("iat") || claims.malformed["iat"] != "" {
		return key, c, errors.New("there is no iat, or it is not a time")
	}
	c.issuedAt = claims.IssuedAt
	return key, c, nil
}

// judge returns what is wrong with a proof for a request, "" if nothing is.
func (v *DPoPVerifier) judge(r *http.Request, c proofContent, accessToken string) string {
	age := clock(v.Now)().Sub(c.issuedAt)
	switch {
	case c.method != cmp.Or(r.Method, http.MethodGet):
		return "htm is another method"
	case !v.here(c.url, r.URL):
		return "htu is another URL"
	case subtle.ConstantTimeCompare([]byte(c.hash), []byte(hash256([]byte(accessToken)))) != 1:
		return "ath is of another access token"
	case age > v.tolerance() || age < -v.tolerance():
		return "iat is not now"
	}
	return ""
}

// here reports whether an htu is the URL of a request: without query and fragment, and as
// RFC 3986 section 6.2 compares them.
func (v *DPoPVerifier) here(htu string, asked *url.URL) bool {
	at, err := url.Parse(htu)
	own, ownErr := url.Parse(v.Origin)
	if err != nil || ownErr != nil || !wire.Secure(own) || at.User != nil {
		return false
	}
	return origin(at) == origin(own) && cmp.Or(at.EscapedPath(), "/") == cmp.Or(asked.EscapedPath(), "/")
}

func (v *DPoPVerifier) tolerance() time.Duration { return cmp.Or(v.ClockTolerance, time.Minute) }

// remember reports whether a proof is new. It keeps those of two periods, each as long as a
// proof can be valid: early or late by the tolerance.
func (v *DPoPVerifier) remember(id string) bool {
	now := clock(v.Now)()
	v.mu.Lock()
	defer v.mu.Unlock()
	if now.After(v.until) || len(v.seen) >= limit.Proofs { // too many: the oldest are forgotten early
		v.older, v.seen, v.until = v.seen, map[string]struct{}{}, now.Add(2*v.tolerance())
	}
	_, seen := v.seen[id]
	_, older := v.older[id]
	v.seen[id] = struct{}{}
	return !seen && !older
}
