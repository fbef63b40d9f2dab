// What stands in front of the library: every request passes through here.

package provider

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

type (
	endpointKey    struct{}
	certificateKey struct{}
)

// endpointOf returns the path of the request that a context belongs to.
func endpointOf(ctx context.Context) string {
	path, _ := ctx.Value(endpointKey{}).(string)
	return path
}

const maxRequest = 1 << 20 // of a request's body, in bytes

// around adapts requests and answers to what the standards say and the library
// does not do.
func (p *Provider) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		ctx := context.WithValue(r.Context(), endpointKey{}, r.URL.Path)
		if c := p.clientCertificate(r); c != nil {
			ctx = context.WithValue(ctx, certificateKey{}, c)
		}
		r = r.Clone(ctx)
		r.RequestURI = r.URL.EscapedPath() // htu of a DPoP proof has no query (RFC 9449 section 4.2)
		p.decodeClientID(r)
		switch r.URL.Path {
		case "/logout":
			logout := logoutEndpoint{p}
			r = logout.allowAnyPort(logout.acceptExpiredHint(r))
		case "/device_authorization":
			device := &deviceWriter{ResponseWriter: w, interval: p.options.pollSeconds()}
			defer device.flush()
			w = device
		}
		next.ServeHTTP(&challengeWriter{w, r.URL.Path}, r)
	})
}

// decodeClientID undoes the form-urlencoding of the user name in an
// Authorization header (RFC 6749 section 2.3.1).
func (p *Provider) decodeClientID(r *http.Request) {
	id, secret, ok := r.BasicAuth()
	if !ok || p.clients.find(id) != nil {
		return
	}
	decoded, err := url.QueryUnescape(id)
	if err == nil && p.clients.find(decoded) != nil && !strings.Contains(decoded, ":") {
		r.SetBasicAuth(decoded, secret)
	}
}

// clientCertificate returns the certificate that the client showed. For
// tls_client_auth its chain must be good; the library only compares names.
func (p *Provider) clientCertificate(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	chain := r.TLS.PeerCertificates
	client := p.clients.find(r.PostFormValue("client_id"))
	if client == nil || client.TokenAuthnMethod != goidc.AuthnMethodTLS {
		return chain[0]
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	roots := p.options.ClientCAs
	if roots == nil {
		roots = x509.NewCertPool()
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil
	}
	return chain[0]
}

// A challengeWriter adds the WWW-Authenticate header that a 401 must have.
type challengeWriter struct {
	http.ResponseWriter
	path string
}

func (w *challengeWriter) WriteHeader(status int) {
	if status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
		challenge := `Basic realm="provider"`
		switch {
		case strings.HasPrefix(w.path, "/register"):
			challenge = `Bearer error="invalid_token"`
		case w.path == "/userinfo":
			challenge = `Bearer error="invalid_token", ` +
				`error_description="the access token is expired, revoked or unknown"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *challengeWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A deviceWriter adds verification_uri_complete and the interval to a device authorization
// response (RFC 8628 section 3.2).
type deviceWriter struct {
	http.ResponseWriter
	status   int
	body     bytes.Buffer
	interval int
}

func (w *deviceWriter) WriteHeader(status int)      { w.status = status }
func (w *deviceWriter) Write(p []byte) (int, error) { return w.body.Write(p) }

func (w *deviceWriter) flush() {
	body, m := w.body.Bytes(), map[string]any{}
	if w.status == http.StatusOK && json.Unmarshal(body, &m) == nil {
		m["verification_uri_complete"] = fmt.Sprintf("%s?user_code=%s", m["verification_uri"], m["user_code"])
		m["interval"] = w.interval
		if complete, err := json.Marshal(m); err == nil {
			body = complete
		}
	}
	if w.status != 0 {
		w.ResponseWriter.WriteHeader(w.status)
	}
	_, _ = w.ResponseWriter.Write(body) // a client that hung up is no error here
}
