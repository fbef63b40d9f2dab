// Introspection as a signed JWT: RFC 9701. It is encrypted in encryption.go.

package provider

import (
	"mime"
	"net/http"
	"strings"
	"time"
)

const introspectionType = "application/token-introspection+jwt"

// signIntrospection makes the answer a JWT for those who ask for one.
func (p *Provider) signIntrospection(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/introspect" || !accepts(r, introspectionType) {
			next.ServeHTTP(w, r)
			return
		}
		res := responseOf(next, r)
		info, ok := DecodeObject(res.Body)
		if id := clientID(r); ok && res.OK() {
			alg := attribute(p.clients.find(id), "introspection_signed_response_alg")
			if alg == "" {
				alg = string(p.options.signatures()[0])
			}
			token := p.newJWT(alg, "token-introspection+jwt", map[string]any{
				"iss": p.Issuer, "aud": id, "iat": time.Now().Unix(), "token_introspection": info,
			})
			res.replace(res.Status, introspectionType, []byte(token))
			res.Header.Set("Cache-Control", "no-store")
		}
		res.Send(w)
	})
}

// accepts reports whether a request names a media type in Accept.
func accepts(r *http.Request, mediaType string) bool {
	for _, header := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(header, ",") {
			if name, _, err := mime.ParseMediaType(part); err == nil && name == mediaType {
				return true
			}
		}
	}
	return false
}
