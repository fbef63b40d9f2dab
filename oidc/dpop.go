// Tokens bound to a key: DPoP, RFC 9449.

package oidc

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/reason"
)

// A DPoP binds the tokens of a [Client] to a key (RFC 9449): whoever has one of them
// and not the key cannot use it. It remembers the nonces of servers, by origin, and
// those of authorization servers apart from those of resource servers. A DPoP is safe
// for concurrent use, several clients may share one, and it must not be copied.
type DPoP struct {
	key SigningKey
	alg string

	mu     sync.Mutex
	nonces map[nonceKey]string
}

// NewDPoP returns a DPoP of a private key, which signs by alg, or by the key's
// own algorithm if alg is "". The provider has to allow it:
// dpop_signing_alg_values_supported. A key that cannot sign by it is an error.
func NewDPoP(key SigningKey, alg string) (*DPoP, error) {
	if alg == "" {
		alg = key.Algorithm()
	}
	if err := key.Fits(alg); err != nil {
		return nil, fmt.Errorf("DPoP: %w", err)
	}
	return &DPoP{key: key, alg: alg, nonces: map[nonceKey]string{}}, nil
}

// Thumbprint returns the thumbprint of the key, as in dpop_jkt and cnf (RFC 9449 sections 6.1 and 10).
func (d *DPoP) Thumbprint() string { return d.key.Thumbprint() }

// Algorithm returns the algorithm that proofs are signed with.
func (d *DPoP) Algorithm() string { return d.alg }

// A role is what a server is to the client. Each has its own nonces (RFC 9449
// section 8.2 and 9).
type role string

const (
	authorizationServer role = "authorization server"
	resourceServer      role = "resource server"
)

type nonceKey struct {
	role   role
	origin string
}

// A proof says what a DPoP proof is for.
type proof struct {
	method, url string
	accessToken string // that goes with it, "" if none does
	role        role   // of the server
}

// prove adds a proof to the header of a request (RFC 9449 section 4.2). No two
// are the same. Without a DPoP nothing is added.
func (d *DPoP) prove(header http.Header, p proof, now time.Time) error {
	if d == nil {
		return nil
	}
	u, err := url.Parse(p.url)
	if err != nil {
		return fmt.Errorf("DPoP: %q is not a URL", withoutQuery(p.url))
	}
	u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = "", false, "", ""
	claims := map[string]any{"jti": rand.Text(), "htm": p.method, "htu": u.String(), "iat": now.Unix()}
	if nonce := d.nonce(p.role, u); nonce != "" {
		claims["nonce"] = nonce
	}
	if p.accessToken != "" {
		claims["ath"] = hash256([]byte(p.accessToken))
	}
	signed, err := d.key.key.SignProof(d.alg, "dpop+jwt", claims)
	if err != nil {
		return fmt.Errorf("DPoP: %w", err)
	}
	header.Set("Dpop", signed)
	return nil
}

// origin returns the scheme, host and port of a URL (RFC 6454 section 4), without the
// port that is the scheme's own.
func origin(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	standard := map[string]string{"https": ":443", "http": ":80"}[scheme]
	if bare := strings.TrimSuffix(host, standard); standard != "" &&
		(bare == strings.ToLower(u.Hostname()) || strings.HasSuffix(bare, "]")) {
		host = bare
	}
	return scheme + "://" + host
}

func (d *DPoP) nonce(r role, u *url.URL) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.nonces[nonceKey{r, origin(u)}]
}

// keep remembers the nonce of a response, for the next proof to its origin (RFC
// 9449 section 8.2). One that cannot be a nonce is an error.
func (d *DPoP) keep(r *response, from role) error {
	if d == nil {
		return nil
	}
	values := r.header.Values("Dpop-Nonce")
	if len(values) == 0 {
		return nil
	}
	if len(values) > 1 || !isNonce(values[0]) {
		return r.broken(reason.Errorf(
			reason.DPoPNonce,
			"the header DPoP-Nonce comes more than once, is too long, or holds characters that no nonce has",
		))
	}
	u, err := url.Parse(r.url)
	if err != nil {
		return r.broken(reason.Errorf(reason.EndpointURL, "not a URL"))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.nonces) >= limit.Nonces {
		clear(d.nonces) // a nonce that is gone costs one request more
	}
	d.nonces[nonceKey{from, origin(u)}] = values[0]
	return nil
}

// isNonce reports whether s is 1*NQCHAR (RFC 9449 section 8.1, RFC 6749 appendix
// A) and short enough to be sent back.
func isNonce(s string) bool {
	bad := func(r rune) bool { return r != '!' && (r < '#' || r > '[') && (r < ']' || r > '~') }
	return s != "" && len(s) <= limit.Nonce && !strings.ContainsFunc(s, bad)
}

// wanted reports whether a response refuses a proof for want of the nonce that
// came with it: as an OAuth error (RFC 9449 section 8) or as a challenge (section
// 9).
func (d *DPoP) wanted(r *response) bool {
	if d == nil || r.header.Get("Dpop-Nonce") == "" {
		return false
	}
	switch r.status {
	case http.StatusUnauthorized:
		if challenge, found := findChallenge(r.header.Values("Www-Authenticate"), "DPoP"); found &&
			challenge.params["error"] == useNonce {
			return true
		}
	case http.StatusBadRequest:
	default:
		return false
	}
	refusal := r.oauthError()
	return refusal != nil && refusal.Code == useNonce
}

const useNonce = "use_dpop_nonce"

// errNoDPoP says that a token is bound to a key which the client does not have.
var errNoDPoP = errors.New("oidc: the token's type is DPoP: it is bound to a key, and the Client has none")

// DPoPAlgorithm chooses an algorithm for proofs that the provider allows, and
// that is at hand for a new key: ES256 if it may be. It is "" if none fits.
func (p *Provider) DPoPAlgorithm() string {
	var allowed []string
	if p != nil {
		allowed = p.DPoPSigningAlgorithms
	}
	for _, alg := range []string{"ES256", "Ed25519", "EdDSA", "ES384", "ES512", "PS256", "RS256"} {
		if len(allowed) == 0 || slices.Contains(allowed, alg) {
			return alg
		}
	}
	return ""
}
