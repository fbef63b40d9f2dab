// What makes no sense: values out of range and keys that contradict each
// other.

package config

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/wire"
)

// judge looks for contradictions, features that are not there yet, and values
// that cannot be right.
func (l *loader) judge() {
	l.profile()
	l.urls()
	l.authentication()
	l.assertions()
	l.issued()
	l.algorithms()
	l.provider()
	l.login()
}

func (l *loader) has(key string) bool { _, ok := l.config.Origin[key]; return ok }

// about complains about a key, where it was set.
func (l *loader) about(key, format string, args ...any) {
	l.complain(l.config.Origin[key], key, format, args...)
}

// conflict complains about a key that contradicts another.
func (l *loader) conflict(key, other, why string) {
	l.about(key, "contradicts %s (%s): %s", other, l.config.Origin[other], why)
}

func (l *loader) urls() {
	for _, p := range parameters {
		if !p.URL || !l.has(p.Key) {
			continue
		}
		raw := *p.field(l.config).(*string)
		if why := unusable(raw); why != "" {
			l.about(p.Key, "%q is not usable: %s", withoutUser(raw), why)
		}
	}
	if l.has("issuer") {
		if u, err := url.Parse(l.config.Issuer); err == nil &&
			(u.RawQuery != "" || strings.Contains(l.config.Issuer, "#")) {
			l.about("issuer", "an issuer has no query and no fragment (OpenID Connect Discovery 1.0 section 3)")
		}
	}
	l.warnAboutWellKnown()
}

// warnAboutWellKnown catches the URL of the metadata in the place of the
// issuer.
func (l *loader) warnAboutWellKnown() {
	if at, _, ok := strings.Cut(l.config.Issuer, "/.well-known/"); ok {
		l.about("issuer", "this is the URL of the metadata; the issuer is %q", at)
	}
}

// withoutUser is a URL as it is shown: what stands before an @ may be a secret.
func withoutUser(raw string) string {
	if i := strings.LastIndexByte(raw, '@'); i >= 0 {
		return "..." + raw[i:]
	}
	return raw
}

// unusable says why a URL is not one to send requests to, "" if it is.
func unusable(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return "not a URL"
	case u.Scheme == "" && strings.Contains(raw, "."):
		return "not an https URL; did you mean https://" + raw + "?"
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return "not an https URL"
	case u.User != nil:
		return "a URL with a user name"
	case !isPort(u.Port()):
		return "a port is a number from 1 to 65535"
	case u.Scheme == "http" && !wire.Loopback(u.Hostname()):
		return "http is allowed on the loopback address only; use https"
	}
	return ""
}

// isPort says whether a URL may name that port; "" is the scheme's own.
func isPort(port string) bool {
	number, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && number > 0
}

// characters complains about characters that the value of a key cannot have.
func (l *loader) characters(key, value string) {
	if odd, found := wire.Odd(value); found {
		l.about(key, "it contains the character %U; a %s is of printable ASCII characters (RFC 6749 appendix A)", odd,
			key)
	}
}

func (l *loader) authentication() {
	c := l.config
	secret := l.has("client_secret")
	l.characters("client_id", c.ClientID)
	l.characters("client_secret", c.ClientSecret)
	switch c.AuthMethod {
	case "none":
		if secret {
			l.conflict("auth_method", "client_secret", "a client that authenticates by none has no secret")
		}
	case "client_secret_basic", "client_secret_post", "client_secret_jwt":
		if !secret && !l.anonymous && !l.complained("client_secret") {
			l.about("auth_method", "%s needs a client_secret%s", c.AuthMethod, l.howToSet("client_secret"))
		}
	case "private_key_jwt":
		if !l.has("private_key") {
			l.about("auth_method", "private_key_jwt needs a private_key (a file), or --pem-key")
		}
	case "tls_client_auth", "self_signed_tls_client_auth":
		if !l.has("tls_client_certificate") {
			l.about("auth_method", "%s needs a tls_client_certificate (a file), or --pem-cert", c.AuthMethod)
		}
	}
	if l.has("tls_client_key") && !l.has("tls_client_certificate") {
		l.about("tls_client_key", "there is no tls_client_certificate that it belongs to")
	}
	for _, key := range []string{"dpop_key", "dpop_signing_alg"} {
		if l.has(key) && l.has("dpop") && !c.DPoP.Use {
			l.conflict(key, "dpop", "tokens are either bound to a key or not")
		}
	}
	c.DPoP.Use = c.DPoP.Use || l.has("dpop_key")
}

func (l *loader) algorithms() {
	c := l.config
	for _, alg := range c.TokenSigningAlgorithms {
		if size := SecretSize(alg); len(c.ClientSecret) < size {
			l.about("token_signing_alg", "%s needs a client_secret of at least %d bytes (RFC 7518 section 3.2)", alg,
				size)
		}
	}
	for key, alg := range map[string]string{
		"userinfo_signed_response_alg":      c.UserInfoSigningAlgorithm,
		"authorization_signed_response_alg": c.AuthorizationSigningAlgorithm,
		"introspection_signed_response_alg": c.IntrospectionSigningAlgorithm,
	} {
		if size := SecretSize(alg); len(c.ClientSecret) < size {
			l.about(key, "%s needs a client_secret of at least %d bytes (RFC 7518 section 3.2)", alg, size)
		}
	}
	for _, key := range []string{
		"token_encryption_alg", "userinfo_encrypted_response_alg",
		"authorization_encrypted_response_alg", "introspection_encrypted_response_alg",
	} {
		if l.has(key) && !l.has("decryption_key") && !l.has("private_key") {
			l.about(key, "there is no decryption_key, nor private_key (a file), to decrypt with")
		}
	}
	alg := c.Assertion.Algorithm
	size := SecretSize(alg)
	mac := size > 0
	switch {
	case c.AuthMethod == "client_secret_jwt" && alg != "" && !mac:
		l.conflict("jwt_signing_alg", "auth_method", "client_secret_jwt signs by HS256, HS384 or HS512")
	case c.AuthMethod == "private_key_jwt" && mac:
		l.conflict("jwt_signing_alg", "auth_method", "private_key_jwt does not sign with a secret")
	}
	if size == 0 {
		size = SecretSize("HS256")
	}
	if c.AuthMethod == "client_secret_jwt" && c.ClientSecret != "" && len(c.ClientSecret) < size {
		l.about("auth_method", "client_secret_jwt needs a client_secret of at least %d bytes (RFC 7518 section 3.2)",
			size)
	}
}

func (l *loader) provider() {
	c := l.config
	const most = 1 << 30
	if c.HTTP.MaxResponseSize > most {
		l.about("http_client_config.limit_max_resp_size_limit", "more than %d bytes", most)
	}
	if c.MaxIDTokenAge != nil && *c.MaxIDTokenAge == 0 {
		l.about("max_id_token_age", "no ID Token is that new; leave the key out to accept ID Tokens of any age")
	}
	if t := c.ClockTolerance; t != nil && *t > 5*time.Minute {
		l.warn("clock_tolerance", "tokens count as valid for %s after they expired", *t)
	}
	if c.SkipTLSVerification {
		if l.has("ca_cert") {
			l.conflict("ca_cert", "skip_tls_verification", "certificates are either verified or not")
		}
		l.config.Warnings = append(l.config.Warnings,
			"TLS certificates are not verified (skip_tls_verification): anyone on the way can read and forge "+
				"everything")
	}
	if c.HTTP.SkipTLSVerification && !c.SkipTLSVerification {
		l.about("http_client_config.skip_tls_verification",
			"has no effect by itself; set skip_tls_verification at the top of the file if certificates really must "+
				"not be verified")
	}
	if l.has("http_client_config.skip_tls_verification") && !c.HTTP.SkipTLSVerification && c.SkipTLSVerification {
		l.conflict("http_client_config.skip_tls_verification", "skip_tls_verification",
			"certificates are either verified or not")
	}
	if c.InsecureWellKnown && l.has("expected_issuer") {
		l.conflict("expected_issuer", "insecure_wellknown_endpoint", "the issuer is either compared or not")
	}
	for name, value := range c.HTTP.ExtraHeaders {
		if strings.ContainsAny(name+value, "\r\n\x00") || strings.ContainsAny(name, " \t:") || name == "" {
			l.about("http_client_config.extra_headers", "%q is not a header", name)
		}
		if slices.Contains([]string{"authorization", "host", "content-length", "content-type", "transfer-encoding"},
			strings.ToLower(name)) {
			l.about("http_client_config.extra_headers", "%s cannot be set here", name)
		}
	}
}

func (l *loader) login() {
	c := l.config
	if c.Login.UsePKCE != nil && !*c.Login.UsePKCE {
		l.warn("use_pkce", "it is false: an intercepted code could be used by others")
	}
	if c.Login.PKCEChallengeMethod == "plain" {
		l.warn("pkce_challenge_method", "plain is never used; S256 is")
	}
	if l.has("oidc_claims_param") && !isObject(c.Login.ClaimsParam) {
		l.about("oidc_claims_param", "not a JSON object")
	}
	l.details()
	for _, resource := range c.Resource {
		if u, err := url.Parse(resource); err != nil || u.Scheme == "" || strings.Contains(resource, "#") {
			l.about("resource", "%q is not an absolute URI without fragment (RFC 8707 section 2)",
				withoutUser(resource))
		}
	}
	l.responses()
	l.requestObjects()
	for key, names := range map[string]map[string]string{
		"authorize_additional_parameters": c.Login.AuthorizeParameters,
		"par_additional_parameters":       c.Login.PARParameters,
	} {
		for _, name := range reserved {
			if _, there := names[name]; there {
				l.about(key, "%s is not to be set here: it is made anew for each request, or has a key of its own",
					name)
			}
		}
	}
	if l.has("par_additional_parameters") && l.has("use_par") && !c.Login.UsePAR {
		l.conflict("par_additional_parameters", "use_par", "they are sent only with a pushed request")
	}
}

// reserved are the parameters of an authorization request that are the program's, or
// are judged by keys of their own.
var reserved = []string{
	"client_id", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method", "request", "request_uri",
	"response_type", "response_mode", "scope", "max_age", "dpop_jkt",
}

// warn remarks on a key, where it was set.
func (l *loader) warn(key, format string, args ...any) {
	remark := Problem{Origin: l.config.Origin[key], Key: key, Message: fmt.Sprintf(format, args...)}
	l.config.Warnings = append(l.config.Warnings, remark.String())
}

// isObject reports whether text is a JSON object.
func isObject(text string) bool {
	return strings.HasPrefix(strings.TrimSpace(text), "{") && json.Valid([]byte(text))
}

// details judges authorization_details.
func (l *loader) details() {
	if !l.has("authorization_details") {
		return
	}
	var list []json.RawMessage
	err := json.Unmarshal([]byte(l.config.Login.AuthorizationDetails), &list)
	switch {
	case err != nil || list == nil: // null
		l.about("authorization_details", "not a JSON array")
	case len(list) == 0:
		l.about("authorization_details",
			"an empty array asks for nothing: leave it out, or say what is asked for (RFC 9396 section 2)")
	}
}

// responses judges response_type and response_mode.
func (l *loader) responses() {
	c := l.config
	tokens := l.has("response_type") && c.Login.ResponseType != "code"
	if tokens && slices.Contains([]string{"query", "query.jwt"}, c.Login.ResponseMode) {
		l.conflict("response_mode", "response_type", "tokens never go in a query (RFC 9700 section 4.3.2)")
	}
	if strings.Contains(" "+c.Login.ResponseType+" ", " token ") {
		l.warn("response_type",
			"the access token goes through the browser, where others may read it (RFC 9700 section 2.1.2)")
	}
}

// requestObjects judges what request objects are made with.
func (l *loader) requestObjects() {
	c := l.config
	alg := c.Login.RequestObjectSigningAlgorithm
	if size := SecretSize(alg); len(c.ClientSecret) < size {
		l.about("request_object_signing_alg", "%s needs a client_secret of at least %d bytes (RFC 7518 section 3.2)",
			alg, size)
	}
	if l.has("request_object_encryption_enc") && !l.has("request_object_encryption_alg") {
		l.about("request_object_encryption_enc", "has no effect without request_object_encryption_alg")
	}
}
