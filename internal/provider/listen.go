// Where the provider listens, and what it is called there.

package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
)

// validIssuer refuses an issuer that the provider could not be.
func (o Options) validIssuer() error {
	if o.Issuer == "" {
		return nil
	}
	u, err := url.Parse(o.Issuer)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return fmt.Errorf("the issuer %q is no http or https URL", o.Issuer)
	case u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fmt.Errorf("the issuer %q has more than a scheme, a host and a port", o.Issuer)
	case o.Certificate != nil && u.Scheme != "https":
		return fmt.Errorf("the issuer %q is not https, and the provider speaks TLS", o.Issuer)
	}
	return nil
}

// A place is where a provider is.
type place struct {
	issuer string
	own    string // the address that it listens on, as a URL
	mtls   string // the URL for mutual TLS, "" if there is none
}

// listen opens the provider's port, and a second one for mutual TLS if there
// is a certificate.
func (o Options) listen() ([]net.Listener, place, error) {
	address := o.Listen
	if address == "" {
		address = net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port))
	}
	listener, err := listen(address)
	if err != nil {
		return nil, place{}, err
	}
	at, err := o.placeOf(listener)
	if err == nil && o.Certificate == nil {
		return []net.Listener{listener}, at, nil
	}
	var mutual net.Listener
	if err == nil {
		mutual, err = at.listenMutual(address)
	}
	if err != nil {
		_ = listener.Close()
		return nil, place{}, err
	}
	mutualConfig := o.tls()
	mutualConfig.ClientAuth = tls.RequestClientCert // chains are verified per client
	return []net.Listener{tls.NewListener(listener, o.tls()), tls.NewListener(mutual, mutualConfig)}, at, nil
}

// placeOf returns where a provider is that listens, and its issuer.
func (o Options) placeOf(listener net.Listener) (place, error) {
	scheme := "http://"
	if o.Certificate != nil {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return place{}, err
	}
	everywhere := net.ParseIP(host).IsUnspecified()
	if everywhere {
		host = "127.0.0.1" // where a program beside it finds it
	}
	at := place{issuer: o.Issuer, own: scheme + net.JoinHostPort(host, port)}
	switch {
	case at.issuer != "":
	case everywhere:
		return at, errors.New("a provider that listens on every address needs an issuer: the URL that its clients use")
	default:
		at.issuer = at.own
	}
	return at, nil
}

// listenMutual opens the port for mutual TLS, beside the other.
func (at *place) listenMutual(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	mutual, err := listen(net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(mutual.Addr().String())
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(at.issuer)
	if err != nil {
		return nil, err
	}
	at.mtls = "https://" + net.JoinHostPort(u.Hostname(), port)
	return mutual, nil
}

func listen(address string) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
}

// tls is how the provider speaks TLS. FAPI 2.0 section 5.2.1 allows the cipher suites of BCP
// 195 only (RFC 9325 section 4.2); those of TLS 1.3 are all among them.
func (o Options) tls() *tls.Config {
	config := &tls.Config{
		Certificates: []tls.Certificate{*o.Certificate},
		NextProtos:   []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12,
	}
	if o.FAPI2 != "" {
		config.CipherSuites = []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		}
	}
	return config
}
