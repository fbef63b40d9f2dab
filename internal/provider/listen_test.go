package provider

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A provider in a container is called by the name that its clients use, and by no other.
func TestIssuerBesideTheAddress(t *testing.T) {
	t.Parallel()
	o := testOptions()
	o.Listen, o.Issuer, o.Auto = "127.0.0.1:0", "http://op.example:9400", true
	op, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	address := strings.TrimPrefix(op.at.own, "http://")
	dialed := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}
	t.Cleanup(dialed.CloseIdleConnections)
	for base, want := range map[string]int{
		"http://op.example:9400": http.StatusOK,
		"http://" + address:      http.StatusOK,
		"http://localhost:" + strings.TrimPrefix(address, "127.0.0.1:"): http.StatusOK,
		"http://evil.example:9400":                                      http.StatusMisdirectedRequest,
		"http://op.example:9401":                                        http.StatusMisdirectedRequest,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+openIDMetadata, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := dialed.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		m, _ := DecodeObject(body)
		if res.StatusCode != want || want == http.StatusOK &&
			(m["issuer"] != "http://op.example:9400" || m["token_endpoint"] != "http://op.example:9400/token") {
			t.Errorf("%s: %d %s", base, res.StatusCode, body)
		}
	}
}

func TestListenNonsense(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Options){
		"no issuer of every address": func(o *Options) { o.Listen = "0.0.0.0:0" },
		"a path":                     func(o *Options) { o.Issuer = "https://op.example/tenant" },
		"a slash":                    func(o *Options) { o.Issuer = "https://op.example/" },
		"no URL":                     func(o *Options) { o.Issuer = "op.example:9400" },
		"a user":                     func(o *Options) { o.Issuer = "https://me@op.example" },
		"http with TLS": func(o *Options) {
			o.Issuer, o.Certificate = "http://op.example", certificate(t, "op.example", nil)
		},
		"no PKCE with FAPI 2.0": func(o *Options) { o.FAPI2, o.PKCEOptional = "security", true },
	} {
		o := testOptions()
		change(&o)
		if op, err := Start(o); err == nil {
			_ = op.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// FAPI 2.0 section 5.2.1: with TLS 1.2, only the cipher suites of BCP 195.
func TestFAPICipherSuites(t *testing.T) {
	t.Parallel()
	for profile, works := range map[string]bool{"": true, "security": false} {
		o := testOptions()
		o.FAPI2, o.Certificate = profile, certificate(t, "127.0.0.1", nil)
		op, err := Start(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = op.Close() })
		u, err := url.Parse(op.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		for suite, want := range map[uint16]bool{ // the certificate is of an ECDSA key
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: works, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: true,
		} {
			conn, err := (&tls.Dialer{Config: &tls.Config{
				InsecureSkipVerify: true, //nolint:gosec // a provider of the test's own
				MaxVersion:         tls.VersionTLS12, CipherSuites: []uint16{suite},
			}}).DialContext(t.Context(), "tcp", u.Host)
			if err == nil {
				_ = conn.Close()
			}
			if (err == nil) != want {
				t.Errorf("%q with %s: %v", profile, tls.CipherSuiteName(suite), err)
			}
		}
	}
}
