// Whom the provider answers: requests that name it in their Host header.

package provider

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// ownHost hands a request on if its Host is one of the provider's. Otherwise a page on the web
// whose name is made to mean this machine (DNS rebinding) could use the provider as its own
// origin: read its responses, register clients and log in.
func (p *Provider) ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, own := range []string{p.Issuer, p.at.own, p.at.mtls} {
			if namesServer(r.Host, own) {
				next.ServeHTTP(w, r)
				return
			}
		}
		http.Error(w, "This server answers for "+p.Issuer+" only. The Host header of the request names another.",
			http.StatusMisdirectedRequest)
	})
}

// namesServer reports whether a Host header names the server of a URL: by the host and the
// port that it has there or, on the loopback address, by any name that only means that.
func namesServer(header, server string) bool {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" {
		return false
	}
	host, port := splitHost(header, u.Scheme)
	ownHost, ownPort := splitHost(u.Host, u.Scheme)
	return port == ownPort && (strings.EqualFold(host, ownHost) || isLoopback(host) && isLoopback(ownHost))
}

// splitHost returns the host and the port of an authority, which may leave out the port of
// its scheme.
func splitHost(authority, scheme string) (host, port string) {
	if host, port, err := net.SplitHostPort(authority); err == nil {
		return host, port
	}
	standard := map[string]string{"http": "80", "https": "443"}
	return strings.Trim(authority, "[]"), standard[scheme]
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
