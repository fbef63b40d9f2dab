// DPoP, RFC 9449: server nonces, and proofs that are looked at before the
// library does, whose error codes are not those of the specification.

package provider

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// nonces are the newest ones, of the authorization server and of the resources.
type nonces struct {
	mu               sync.Mutex
	server, resource string
}

func (n *nonces) at(resource bool) *string {
	if resource {
		return &n.resource
	}
	return &n.server
}

// current is the nonce that a proof has to have.
func (n *nonces) current(resource bool) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	nonce := n.at(resource)
	if *nonce == "" {
		*nonce = rand.Text()
	}
	return *nonce
}

// rotate makes another nonce the current one.
func (n *nonces) rotate(resource bool) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	*n.at(resource) = rand.Text()
	return *n.at(resource)
}

// A proof is a DPoP proof that is good for the request it came with.
type proof struct {
	jkt, jti string
	ath      string // of the access token, "" if there is none
	nonce    string
}

// readProof reads the DPoP proof of a request, nil if there is none. Whether it
// was seen before, whose it has to be, and the nonce are left to the caller.
func (p *Provider) readProof(r *http.Request) (*proof, error) {
	headers := r.Header.Values("DPoP")
	if len(headers) == 0 {
		return nil, nil
	}
	if len(headers) > 1 {
		return nil, errors.New("there are several DPoP headers")
	}
	parsed, err := jwt.ParseSigned(headers[0], p.options.clientSignatures())
	if err != nil || len(parsed.Headers) != 1 {
		return nil, errors.New("the proof is no JWT of a known algorithm")
	}
	key := parsed.Headers[0].JSONWebKey
	if parsed.Headers[0].ExtraHeaders[jose.HeaderType] != "dpop+jwt" || key == nil || !key.Valid() || !key.IsPublic() {
		return nil, errors.New("the proof has no public key, or its typ is not dpop+jwt")
	}
	thumbprint, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, errors.New("the proof's key has no thumbprint")
	}
	var claims struct {
		jwt.Claims
		Method string `json:"htm"`
		URI    string `json:"htu"`
		Hash   string `json:"ath"`
		Nonce  string `json:"nonce"`
	}
	if err := parsed.Claims(key.Key, &claims); err != nil {
		return nil, errors.New("the proof's signature is wrong")
	}
	if claims.Method != r.Method {
		return nil, errors.New("the htm of the proof is not the method")
	}
	if !p.isHere(claims.URI, r.URL.Path) {
		return nil, errors.New("the htu of the proof is not the URI")
	}
	if u, err := url.Parse(claims.URI); err == nil {
		r.RequestURI = u.EscapedPath() // the library compares it with the htu, encoding and all
	}
	if claims.ID == "" || !fresh(claims.IssuedAt) {
		return nil, errors.New("the proof has no jti, or its iat is not now")
	}
	return &proof{base64.RawURLEncoding.EncodeToString(thumbprint), claims.ID, claims.Hash, claims.Nonce}, nil
}

// isHere reports whether a URI without its query is a path of this provider.
func (p *Provider) isHere(uri, path string) bool {
	uri = normalized(uri)
	return uri == normalized(p.Issuer+path) || p.at.mtls != "" && uri == normalized(p.at.mtls+path)
}

// normalized returns a URI without its query, in the form that is compared (RFC 9449 section
// 4.3, RFC 3986 sections 6.2.2 and 6.2.3), "" if it is none.
func normalized(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return ""
	}
	scheme := strings.ToLower(u.Scheme)
	host, port := splitHost(strings.ToLower(u.Host), scheme)
	path := u.Path // without the encoding of what needs none
	if path == "" {
		path = "/"
	}
	return (&url.URL{Scheme: scheme, Host: net.JoinHostPort(host, port), Path: path}).String()
}

// fresh allows for clocks that differ by a minute and requests that take some.
func fresh(at *jwt.NumericDate) bool {
	if at == nil {
		return false
	}
	age := time.Since(at.Time())
	return age < 5*time.Minute && age > -time.Minute
}

func hashOf(token string) string {
	digest := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// proofs looks at the proofs that come to the authorization server's endpoints.
func (p *Provider) proofs(next http.Handler) http.Handler {
	endpoints := []string{"/par", "/token", "/bc-authorize", "/device_authorization"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(endpoints, r.URL.Path) || len(r.Header.Values("DPoP")) == 0 {
			next.ServeHTTP(w, r)
			return
		}
		proof, err := p.readProof(r)
		switch {
		case err != nil:
			p.options.report(r.Context(), err)
			refuse(w, http.StatusBadRequest, "invalid_dpop_proof", err.Error())
			return
		case p.options.DPoPNonces && proof.nonce != p.nonces.current(false):
			w.Header().Set("DPoP-Nonce", p.nonces.current(false))
			refuse(w, http.StatusBadRequest, "use_dpop_nonce", "the proof needs the nonce of the header DPoP-Nonce")
			return
		}
		res := responseOf(next, r)
		if res.Status == http.StatusBadRequest && strings.Contains(string(res.Body), "invalid DPoP proof") {
			res.replace(http.StatusBadRequest, "application/json", EncodeJSON(map[string]any{
				"error": "invalid_dpop_proof", "error_description": "the proof was used before, or is by another key",
			}))
		}
		if p.options.DPoPNonces && res.OK() {
			res.Header.Set("DPoP-Nonce", p.nonces.rotate(false))
		}
		res.Send(w)
	})
}
