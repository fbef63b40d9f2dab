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

// listen opens the provider's port, and a second one for mutual TLS if there
// is a certificate.
func (p *Provider) listen() ([]net.Listener, error) {
	at := p.options.Listen
	if at == "" {
		at = net.JoinHostPort("127.0.0.1", strconv.Itoa(p.options.Port))
	}
	listener, err := listen(at)
	if err != nil {
		return nil, err
	}
	scheme := "http://"
	if p.options.Certificate != nil {
		scheme = "https://"
	}
	if err := p.name(scheme, listener.Addr().String()); err != nil {
		_ = listener.Close()
		return nil, err
	}
	if p.options.Certificate == nil {
		return []net.Listener{listener}, nil
	}
	mutual, err := p.listenMutual(at)
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	mutualConfig := p.options.tls()
	mutualConfig.ClientAuth = tls.RequestClientCert // chains are verified per client
	return []net.Listener{tls.NewListener(listener, p.options.tls()), tls.NewListener(mutual, mutualConfig)}, nil
}

// name gives the provider its issuer.
func (p *Provider) name(scheme, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	everywhere := net.ParseIP(host).IsUnspecified()
	if everywhere {
		host = "127.0.0.1" // where a program beside it finds it
	}
	p.address, p.Issuer = scheme+net.JoinHostPort(host, port), p.options.Issuer
	switch {
	case p.Issuer != "":
		return nil
	case everywhere:
		return errors.New("a provider that listens on every address needs an issuer: the URL that its clients use")
	}
	p.Issuer = p.address
	return nil
}

// listenMutual opens the port for mutual TLS, beside the other.
func (p *Provider) listenMutual(at string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(at)
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
	u, err := url.Parse(p.Issuer)
	if err != nil {
		return nil, err
	}
	p.mtlsHost = "https://" + net.JoinHostPort(u.Hostname(), port)
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
