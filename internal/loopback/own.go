package loopback

import (
	"net"
	"net/http"
	"strconv"
	"strings"
)

// OwnHost hands on requests whose Host is that of a listener on the loopback address, and
// refuses others: a page on the web whose name is made to mean this machine (DNS rebinding)
// must not pass for one of it. address is what the listener was asked to listen at; its host
// is a name of the listener too. A listener that is not on the loopback address is reached by
// names that are not known here, so all are handed on.
func OwnHost(listener net.Listener, address string, next http.Handler) http.Handler {
	at, ok := listener.Addr().(*net.TCPAddr)
	if !ok || !at.IP.IsLoopback() {
		return next
	}
	name, _, err := net.SplitHostPort(address)
	if err != nil {
		name = ""
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, port, err := net.SplitHostPort(r.Host)
		if err != nil {
			host, port = strings.Trim(r.Host, "[]"), "80"
		}
		if port != strconv.Itoa(at.Port) || !isLoopback(host) && (name == "" || !strings.EqualFold(host, name)) {
			http.Error(w, "This server answers for "+at.String()+" only. The Host header of the request names another.",
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isLoopback reports whether a host only means this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
