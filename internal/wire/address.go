package wire

import (
	"net"
	"net/url"
)

// Loopback reports whether a host is this machine, by address or by the name
// localhost in lower case: net/http takes no other name for this machine, and
// would send what is for LOCALHOST through a proxy.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Secure reports whether secrets may be sent to u: https, or http on the
// loopback address, with a host and without a user name.
func Secure(u *url.URL) bool {
	if u.Host == "" || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && Loopback(u.Hostname())
}

// SecureURL is [Secure] for a URL as text.
func SecureURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && Secure(u)
}
