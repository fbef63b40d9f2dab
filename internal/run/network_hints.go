// Hints for requests that got no usable response: the network, TLS, proxies, and
// responses that are none.

package run

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// wsaConnRefused is ECONNREFUSED as Windows numbers it.
const wsaConnRefused = syscall.Errno(10061)

// networkHint explains why there is no response.
func (s situation) networkHint(err error) string {
	var (
		transport *oidc.TransportError
		name      *net.DNSError
		operation *net.OpError
	)
	errors.As(err, &transport)
	setting := addressSetting(transport)
	if errors.As(err, &operation) && operation.Op == "proxyconnect" {
		return s.proxyHint()
	}
	if text := s.tlsHint(err, setting); text != "" {
		return text
	}
	switch {
	case errors.As(err, &name):
		return fmt.Sprintf("the name %s does not resolve: check %s, the network (VPN), or whether a proxy is needed "+
			"(HTTPS_PROXY)", name.Name, setting)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, wsaConnRefused):
		return "nothing listens there: is the server running, and are host and port right? Check " + setting
	case errors.Is(err, context.DeadlineExceeded):
		if errors.As(err, new(*TimeoutError)) {
			return "--timeout bounds the whole command: allow more time, or see with -d which request takes so long"
		}
		return "the server may be down or busy, or a firewall drops what is sent to it; " +
			"http_client_config.timeout_duration sets how long one request may take (default 10s)"
	case transport != nil && transport.Status == http.StatusTooManyRequests:
		return retryHint("the provider says that it gets too many requests", transport.RetryAfter)
	case transport != nil && transport.Status >= 500:
		return retryHint("the provider failed", transport.RetryAfter)
	case s.proxied(transport):
		return s.proxyHint()
	case transport != nil && strings.HasPrefix(transport.URL, "http:"):
		return "check the network between here and the provider, and whether the port wants https; -d shows each " +
			"request"
	}
	return "check the network between here and the provider; -d shows each request"
}

// addressSetting names what says where a request goes.
func addressSetting(transport *oidc.TransportError) string {
	endpoint := ""
	if transport != nil {
		endpoint = transport.Endpoint
	}
	switch endpoint {
	case "sts":
		return "--region (AWS_REGION) and --sts-endpoint (AWS_ENDPOINT_URL_STS)"
	case "resource":
		return "the URL of the resource"
	case "protected_resource_metadata":
		return "the URL of the resource and its metadata"
	case "discovery", "":
		return "issuer"
	}
	return "the endpoint in the provider's metadata (`oidc-client discover` shows it)"
}

// tlsHint explains why a TLS connection failed, "" if that is not what failed.
func (s situation) tlsHint(err error, setting string) string {
	var (
		record    tls.RecordHeaderError
		operation *net.OpError
	)
	if text := certificateHint(err, s.env.Now(), setting); text != "" {
		return text
	}
	switch {
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not speak TLS on this port: check scheme and port in " + setting
	case errors.As(err, &operation) && operation.Op == "remote error":
		return alertHint(operation.Err, setting)
	}
	return ""
}

const refusedCertificate = "the server ended the TLS handshake: it may want a client certificate (--pem-cert and " +
	"--pem-key, or tls_client_certificate and tls_client_key), or another one"

// alertHint explains an alert of the server (RFC 8446 section 6.2).
func alertHint(err error, setting string) string {
	// The type of alerts is not exported: they are known by what they say.
	is := func(alerts ...tls.AlertError) bool {
		return slices.ContainsFunc(alerts, func(a tls.AlertError) bool { return a.Error() == err.Error() })
	}
	const (
		protocolVersion, unrecognizedName, certificateRequired = 70, 112, 116
		bad, unsupported, revoked, expired, unknown, unknownCA = 42, 43, 44, 45, 46, 48
	)
	switch {
	case is(certificateRequired):
		return "the server wants a client certificate: --pem-cert and --pem-key (tls_client_certificate and " +
			"tls_client_key)"
	case is(bad, unsupported, revoked, expired, unknown, unknownCA):
		return "the server wants a client certificate, or refused the one that was sent: check --pem-cert, when it " +
			"expires, and whether the server trusts who issued it"
	case is(unrecognizedName):
		return "the server has no certificate for this host name: check " + setting
	case is(protocolVersion):
		return "the server speaks no version of TLS that is safe (1.2 or later)"
	}
	return refusedCertificate
}

// proxied reports whether a proxy stands between here and the provider: what
// it says to CONNECT comes back as an error without a type.
func (s situation) proxied(transport *oidc.TransportError) bool {
	if s.env.Proxy == nil || transport == nil || transport.Status != 0 {
		return false
	}
	u, parseErr := url.Parse(transport.URL)
	if parseErr != nil {
		return false
	}
	proxy, proxyErr := s.env.Proxy(&http.Request{URL: u})
	return proxyErr == nil && proxy != nil
}

func retryHint(text, after string) string {
	if _, err := strconv.Atoi(after); err == nil {
		return fmt.Sprintf("%s; it asks to wait for %s seconds (Retry-After)", text, after)
	}
	if after != "" {
		return fmt.Sprintf("%s; it asks to wait until %.40q (Retry-After)", text, after)
	}
	return text + "; try again later"
}

func (s situation) proxyHint() string {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		if s.env.Getenv(name) != "" {
			return "the proxy that " + name +
				" names could not be used: check it, or leave this host out of it with NO_PROXY"
		}
	}
	return "the proxy could not be used"
}

// protocolHint is the advice for a response that the standards do not allow.
func (s situation) protocolHint(f *failure.Failure) string {
	known := providerHintFor(s.refusal(f), s.sent(f.Endpoint))
	switch {
	case f.Endpoint == "discovery" && known != "":
		return known
	case plainToTLS(s.sent(f.Endpoint)):
		return "the server speaks TLS on this port: use https"
	case f.Endpoint == "sts":
		return "what responded is no AWS STS: check --sts-endpoint and --region"
	case f.Endpoint == "registration" &&
		(f.HTTPStatus == http.StatusUnauthorized || f.HTTPStatus == http.StatusForbidden):
		return known
	case f.HTTPStatus == http.StatusUnauthorized && authenticates(f.Endpoint):
		return WrongClientHint
	case f.Endpoint == "discovery" && f.HTTPStatus == http.StatusNotFound:
		return "there is no metadata at the issuer's well-known place: check issuer, also its path (such as " +
			"/realms/NAME at Keycloak), or set alternative_wellknown_endpoint. A provider that publishes none needs " +
			"its endpoints in the configuration"
	case loginPage(s.sent(f.Endpoint)):
		return s.loginPageHint(f.Endpoint)
	case f.Endpoint == "discovery" && f.HTTPStatus >= 300 && f.HTTPStatus < 400:
		return "set issuer to the address that it redirects to, if you trust it. If the tokens name another issuer, " +
			"set " +
			"alternative_wellknown_endpoint to the metadata's new address, and expected_issuer to the issuer in it"
	case f.Endpoint == "protected_resource_metadata" && f.HTTPStatus == http.StatusNotFound:
		return "the resource publishes no metadata (RFC 9728): check its URL, or ask its documentation which " +
			"provider it trusts, and name that with --issuer"
	case f.Endpoint == "resource" && f.HTTPStatus >= 400:
		return "the resource itself responded with this status: check the URL first, then what the token is for"
	case f.HTTPStatus >= 300 && f.HTTPStatus < 400:
		return "set the issuer or the endpoint to the address that it redirects to, if you trust it: secrets are not " +
			"sent after redirects"
	case f.Code == "endpoint.url":
		return "the address must be https; the metadata of a resource must be at the resource's own origin"
	case f.HTTPStatus == 0:
		return "the provider's metadata lacks the endpoint: `oidc-client discover` shows it; endpoints can be set in " +
			"the configuration"
	}
	return "the standards do not allow this response: the provider has to fix it, unless something else " +
		"responded (a proxy, a login page of the network, another service on that host); -dd shows it"
}

// loginPage reports whether a response redirects to a page where a person logs in, as web frameworks do
// in place of an error.
func loginPage(e *transcript.Exchange) bool {
	if e == nil || !strings.HasPrefix(e.Status, "3") {
		return false
	}
	_, location, _ := strings.Cut(strings.Join(e.ResponseHeader, "\n"), "Location: ")
	location, _, _ = strings.Cut(location, "\n")
	u, err := url.Parse(location)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(strings.Split(strings.ToLower(u.Path), "/"), func(part string) bool {
		part, _, _ = strings.Cut(part, ".") // login.jsp
		return slices.Contains([]string{"login", "log-in", "signin", "sign-in", "sign_in", "logon"}, part)
	})
}

// loginPageHint says whose authentication was not accepted where an endpoint redirects to a login page.
func (s situation) loginPageHint(endpoint string) string {
	const page = "the redirect leads to a login page: "
	switch {
	case authenticates(endpoint):
		return page +
			"the endpoint did not accept the client as authenticated; some endpoints accept no client without " +
			"credentials\n" + WrongClientHint
	case endpoint == "userinfo":
		return page + "UserInfo did not accept the access token. It may be expired, or bound to a DPoP key or a " +
			"certificate where the provider accepts only bearer tokens; --skip-userinfo leaves UserInfo out"
	case endpoint == "resource":
		return page +
			"the resource did not accept the access token, or the URL is one for browsers: check the URL first"
	case endpoint == "registration" && has(s.sent(endpoint), "Authorization"):
		return page + "the provider did not accept the token that was sent, or does not allow this request"
	case endpoint == "registration":
		return page + hintInitialToken
	}
	return page +
		"the provider, or a gateway in front of it, requires a login at this address, which must be public: " +
		"check issuer, or set the endpoint in the configuration"
}

// refusal returns the error that an endpoint sent where no error belongs, such as in the place of
// metadata. Its code is "" if there is none.
func (s situation) refusal(f *failure.Failure) *oidc.Error {
	e := &oidc.Error{Endpoint: f.Endpoint, Status: f.HTTPStatus}
	exchanges, _ := s.record.Exchanges.All()
	for _, exchange := range exchanges { // metadata is looked for at two places
		body, err := strictjson.Parse([]byte(exchange.ResponseBody))
		if exchange.Endpoint != f.Endpoint || err != nil || e.Code != "" {
			continue
		}
		e.Code, _ = body.String("error")
		e.Description, _ = body.String("error_description")
	}
	return e
}

// plainToTLS reports whether a server says that HTTP came where TLS belongs: Go's, nginx's and
// Apache's words.
func plainToTLS(e *transcript.Exchange) bool {
	if e == nil || !strings.HasPrefix(e.Status, "400 ") {
		return false
	}
	for _, words := range []string{
		"HTTP request to an HTTPS server", "plain HTTP request was sent to HTTPS port",
		"speaking plain HTTP to an SSL-enabled server port",
	} {
		if bytes.Contains(e.Reveal().ResponseBody, []byte(words)) { // which is shown to nobody
			return true
		}
	}
	return false
}
