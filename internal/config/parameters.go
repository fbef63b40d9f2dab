// The table of parameters: one row for each key.

package config

import (
	"slices"
	"strings"
)

// A Parameter is one key of the configuration, and its names elsewhere.
type Parameter struct {
	Key     string   // the file's key; one of a group has a dot in it
	Aliases []string // other spellings, kept for files of the ancestor
	Flag    string   // the flag's name, "" if it has none
	Short   string   // the flag's one letter, "" if it has none
	Help    string   // one line, for help and reference
	Values  []string // what it may be, nil if that is open
	Secret  bool     // the value is a secret
	File    bool     // the value is the path of a file
	URL     bool     // the value is an https URL, or http on the loopback address
	Empty   bool     // an empty list in the file is a value, and not the same as none

	// Login marks keys of the authorization request: only commands that log a user
	// in have flags for them.
	Login bool

	field func(*Config) any // a pointer to where the value goes
}

// prototype is for asking fields for their types; nothing is stored in it.
var prototype = &Config{}

// Env returns the name of the environment variable that overrides the key, ""
// if there is none because the value is a list or a map.
func (p Parameter) Env() string {
	if !p.scalar() {
		return ""
	}
	return "OIDC_" + strings.ToUpper(strings.ReplaceAll(p.Key, ".", "_"))
}

// Parameters returns the table, in the order of the reference.
func Parameters() []Parameter { return slices.Clone(parameters) }

// Lookup returns the parameter of a flag.
func Lookup(flag string) (Parameter, bool) {
	i := slices.IndexFunc(parameters, func(p Parameter) bool { return p.Flag == flag && flag != "" })
	if i < 0 {
		return Parameter{}, false
	}
	return parameters[i], true
}

// Files returns the files that the configuration names, by key.
func (c *Config) Files() map[string]string {
	files := map[string]string{}
	for _, p := range parameters {
		if file, ok := p.field(c).(*string); ok && p.File && *file != "" {
			files[p.Key] = *file
		}
	}
	return files
}

// The methods of client authentication.
var authMethods = []string{
	"none", "client_secret_basic", "client_secret_post", "client_secret_jwt",
	"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "client_assertion", "spiffe_jwt",
}

// responseTypes are those of OAuth 2.0 Multiple Response Type Encoding Practices.
var responseTypes = []string{"code", "code id_token", "code token", "code id_token token", "id_token", "id_token token"}

var asymmetric = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
}

var macs = []string{"HS256", "HS384", "HS512"}

var encryption = []string{"RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"}

// contents are the algorithms of what is encrypted (RFC 7518 section 5.1).
var contents = []string{"A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM"}

// The profiles.
const (
	FAPI2               = "fapi2"
	FAPI2MessageSigning = "fapi2-message-signing"
)

var parameters = []Parameter{
	// The provider.
	{
		Key: "issuer", Flag: "issuer", URL: true,
		Help:  "issuer identifier of the provider, exactly as its metadata has it",
		field: func(c *Config) any { return &c.Issuer },
	},
	{
		Key: "expected_issuer", Help: "issuer the metadata must name, if the provider is reached by another URL",
		field: func(c *Config) any { return &c.ExpectedIssuer },
	},
	{
		Key: "alternative_wellknown_endpoint", URL: true,
		Help: "URL of the metadata, if not at the well-known place; its issuer is then not compared, unless " +
			"expected_issuer is set",
		field: func(c *Config) any { return &c.AlternativeWellKnown },
	},
	{
		Key:   "insecure_wellknown_endpoint",
		Help:  "do not compare the metadata's issuer (insecure; waives discovery.issuer)",
		field: func(c *Config) any { return &c.InsecureWellKnown },
	},
	{
		Key: "token_endpoint", URL: true, Help: "URL instead of the metadata's token_endpoint",
		field: func(c *Config) any { return &c.Endpoints.Token },
	},
	{
		Key: "authorize_endpoint", URL: true, Help: "URL instead of the metadata's authorization_endpoint",
		field: func(c *Config) any { return &c.Endpoints.Authorize },
	},
	{
		Key: "userinfo_endpoint", URL: true, Help: "URL instead of the metadata's userinfo_endpoint",
		field: func(c *Config) any { return &c.Endpoints.UserInfo },
	},
	{
		Key: "jwks_endpoint", URL: true, Help: "URL instead of the metadata's jwks_uri",
		field: func(c *Config) any { return &c.Endpoints.JWKS },
	},
	{
		Key: "introspect_endpoint", URL: true, Help: "URL instead of the metadata's introspection_endpoint",
		field: func(c *Config) any { return &c.Endpoints.Introspect },
	},
	{
		Key: "par_endpoint", URL: true, Help: "URL instead of the metadata's pushed_authorization_request_endpoint",
		field: func(c *Config) any { return &c.Endpoints.PAR },
	},
	{
		Key: "endsession_endpoint", URL: true, Help: "URL instead of the metadata's end_session_endpoint",
		field: func(c *Config) any { return &c.Endpoints.EndSession },
	},
	{
		Key: "revocation_endpoint", URL: true, Help: "URL instead of the metadata's revocation_endpoint",
		field: func(c *Config) any { return &c.Endpoints.Revocation },
	},
	{
		Key: "device_authorization_endpoint", URL: true,
		Help:  "URL instead of the metadata's device_authorization_endpoint",
		field: func(c *Config) any { return &c.Endpoints.DeviceAuthorization },
	},
	{
		Key: "backchannel_authentication_endpoint", URL: true,
		Help:  "URL instead of the metadata's backchannel_authentication_endpoint",
		field: func(c *Config) any { return &c.Endpoints.BackchannelAuthentication },
	},
	{
		Key: "registration_endpoint", URL: true, Help: "URL instead of the metadata's registration_endpoint",
		field: func(c *Config) any { return &c.Endpoints.Registration },
	},
	{
		Key: "ca_cert", Flag: "ca-cert", File: true,
		Help:  "file of CA certificates (PEM or PKCS #12) to trust instead of the system's",
		field: func(c *Config) any { return &c.CACert },
	},
	{
		Key: "skip_tls_verification", Help: "accept any TLS certificate (insecure; nothing counts as verified then)",
		field: func(c *Config) any { return &c.SkipTLSVerification },
	},
	{
		Key: "no_cache", Flag: "no-cache", Help: "ignore cached metadata and keys",
		field: func(c *Config) any { return &c.NoCache },
	},
	{
		Key: "waive", Flag: "waive", Help: "id of a rule whose failure is shown but is no error (see help rules)",
		field: func(c *Config) any { return &c.Waive },
	},

	{
		Key: "profile", Flag: "profile", Values: []string{FAPI2, FAPI2MessageSigning},
		Help:  "enable everything this profile requires and reject settings that violate it",
		field: func(c *Config) any { return &c.Profile },
	},

	// The client.
	{Key: "client_id", Flag: "client-id", Help: "client identifier", field: func(c *Config) any { return &c.ClientID }},
	{
		Key: "client_secret", Flag: "client-secret", Secret: true, Help: "client secret",
		field: func(c *Config) any { return &c.ClientSecret },
	},
	{
		Key: "auth_method", Flag: "auth-method", Values: authMethods,
		Help:  "how the client authenticates; by default what the metadata allows",
		field: func(c *Config) any { return &c.AuthMethod },
	},
	{
		Key:   "always_set_client_id_for_token_endpoint",
		Help:  "send client_id beside a client assertion, at every endpoint (default true)",
		field: func(c *Config) any { return &c.AlwaysSendClientID },
	},
	{
		Key: "private_key", Flag: "pem-key", File: true,
		Help:  "file of the client's private key: PEM, PKCS #12 (.p12, .pfx) or JWK",
		field: func(c *Config) any { return &c.PrivateKey },
	},
	{
		Key: "private_key_password", Secret: true,
		Help: "password of private_key, decryption_key and dpop_key, if their files are encrypted; on a " +
			"terminal it is asked for",
		field: func(c *Config) any { return &c.PrivateKeyPassword },
	},
	{
		Key: "private_key_id", Flag: "client-assertion-kid",
		Help:  "kid of private_key in what is signed; by default the one that a JWK has",
		field: func(c *Config) any { return &c.PrivateKeyID },
	},
	{
		Key: "tls_client_certificate", Flag: "pem-cert", File: true,
		Help:  "file of the client's TLS certificate chain: PEM, or PKCS #12 (.p12, .pfx) with its key",
		field: func(c *Config) any { return &c.TLSClientCertificate },
	},
	{
		Key: "tls_client_key", File: true,
		Help: "file of the TLS certificate's private key: PEM or PKCS #12; by default the one in the " +
			"certificate's file, or private_key",
		field: func(c *Config) any { return &c.TLSClientKey },
	},
	{
		Key: "tls_client_key_password", Secret: true,
		Help: "password of tls_client_key, tls_client_certificate and ca_cert, if their files are encrypted; " +
			"by default private_key_password",
		field: func(c *Config) any { return &c.TLSClientKeyPassword },
	},
	{
		Key: "jwt_signing_alg", Flag: "client-assertion-alg", Values: slices.Concat(asymmetric, macs),
		Help:  "algorithm of client assertions; by default the key's own",
		field: func(c *Config) any { return &c.Assertion.Algorithm },
	},
	{
		Key: "jwt_profile_token_duration", Help: "lifetime of client assertions (default 5m)",
		field: func(c *Config) any { return &c.Assertion.Duration },
	},
	{
		Key: "client_assertion_typ", Flag: "client-assertion-typ",
		Help:  "typ of client assertions (default JWT), such as client-authentication+jwt",
		field: func(c *Config) any { return &c.Assertion.Type },
	},
	{
		Key: "client_assertion_certificate", Flag: "client-assertion-certificate",
		Values: []string{"x5t", "x5t#S256", "x5c"},
		Help: "header member that names tls_client_certificate in client assertions (Entra ID, AD FS); TLS then " +
			"does not present the certificate",
		field: func(c *Config) any { return &c.Assertion.Certificate },
	},
	{
		Key: "jwt_profile_token_audience", Aliases: []string{"jwt_profile_token_audiance"},
		Flag:  "client-assertion-audience",
		Help:  "audience of client assertions; by default the issuer",
		field: func(c *Config) any { return &c.Assertion.TokenAudience },
	},
	{
		Key: "jwt_profile_token_endpoint_audience", Aliases: []string{"jwt_profile_token_endpoint_audiance"},
		Help:  "audience of client assertions at the token endpoint",
		field: func(c *Config) any { return &c.Assertion.TokenEndpointAudience },
	},
	{
		Key: "jwt_profile_par_endpoint_audience", Aliases: []string{"jwt_profile_par_endpoint_audiance"},
		Help:  "audience of client assertions at the PAR endpoint",
		field: func(c *Config) any { return &c.Assertion.PARAudience },
	},
	{
		Key: "jwt_profile_revocation_endpoint_audience", Aliases: []string{"jwt_profile_revocation_endpoint_audiance"},
		Help:  "audience of client assertions at the revocation endpoint",
		field: func(c *Config) any { return &c.Assertion.RevocationAudience },
	},
	{
		Key:     "jwt_profile_introspection_endpoint_audience",
		Aliases: []string{"jwt_profile_introspection_endpoint_audiance"},
		Help:    "audience of client assertions at the introspection endpoint",
		field:   func(c *Config) any { return &c.Assertion.IntrospectionAudience },
	},
	{
		Key: "jwt_profile_endpoint_audience", Aliases: []string{"jwt_profile_endpoint_audiance"},
		Flag:  "client-assertion-endpoint-audience",
		Help:  "use the URL of the endpoint as audience of client assertions",
		field: func(c *Config) any { return &c.Assertion.EndpointAudience },
	},

	// A client assertion that others issue.
	{
		Key: "client_assertion.file", Flag: "client-assertion-file", File: true,
		Help: "file of a client assertion that the platform issues and replaces, such as a Kubernetes or SPIFFE " +
			"token; read for each request",
		field: func(c *Config) any { return &c.Issued.File },
	},
	{
		Key: "client_assertion.env", Flag: "client-assertion-env",
		Help:  "environment variable that has the client assertion, such as one of GitLab's id_tokens",
		field: func(c *Config) any { return &c.Issued.Env },
	},
	{
		Key:   "client_assertion.command",
		Help:  "program and arguments, run without a shell for each request, that print the client assertion",
		field: func(c *Config) any { return &c.Issued.Command },
	},
	{
		Key: "client_assertion.github", Flag: "client-assertion-github",
		Help:  "use the ID token of the GitHub Actions job as the client assertion (permissions: id-token: write)",
		field: func(c *Config) any { return &c.Issued.GitHub },
	},
	{
		Key: "client_assertion.audience",
		Help: "audience that github asks for, and that any other client assertion should have; by default that of " +
			"assertions that the client makes itself",
		field: func(c *Config) any { return &c.Issued.Audience },
	},

	{
		Key: "dpop", Flag: "dpop", Help: "bind tokens to a key (DPoP, RFC 9449)",
		field: func(c *Config) any { return &c.DPoP.Use },
	},
	{
		Key: "dpop_key", Flag: "dpop-key", File: true,
		Help: "file of the private key that tokens are bound to: PEM, PKCS #12 or JWK; a command that asks for new " +
			"tokens creates it if it does not exist. By default a new key for each run, which no later run can use " +
			"the tokens with",
		field: func(c *Config) any { return &c.DPoP.Key },
	},
	{
		Key: "dpop_signing_alg", Values: asymmetric,
		Help:  "algorithm of DPoP proofs; by default the key's own, or one that the metadata allows",
		field: func(c *Config) any { return &c.DPoP.Algorithm },
	},

	// What ID Tokens must say.
	{
		Key: "token_signing_alg", Values: slices.Concat(asymmetric, macs),
		Help:  "algorithms an ID Token may be signed with; by default the metadata's, or RS256",
		field: func(c *Config) any { return &c.TokenSigningAlgorithms },
	},
	{Key: "amr_list", Help: "amr must hold at least one of these", field: func(c *Config) any { return &c.AMRList }},
	{Key: "acr_list", Help: "acr must be one of these", field: func(c *Config) any { return &c.ACRList }},
	{
		Key: "allow_non_compliant_amr", Help: "read an amr that is one string instead of a list",
		field: func(c *Config) any { return &c.AllowStringAMR },
	},
	{
		Key: "trusted_audiences", Help: "audiences beside client_id that aud may hold",
		field: func(c *Config) any { return &c.TrustedAudiences },
	},
	{
		Key: "max_age", Flag: "max-age", Login: true,
		Help:  "seconds since the login (auth_time) that are allowed; also asked for at a login",
		field: func(c *Config) any { return &c.MaxAge },
	},
	{
		Key:   "max_id_token_age",
		Help:  "maximum age of an ID Token, by its iat; unlimited by default, 1h with a profile",
		field: func(c *Config) any { return &c.MaxIDTokenAge },
	},
	{
		Key: "clock_tolerance", Help: "how far the provider's clock may be off (default 60s)",
		field: func(c *Config) any { return &c.ClockTolerance },
	},
	{
		Key: "require_id_token", Help: "fail if no ID Token comes, also on a refresh",
		field: func(c *Config) any { return &c.RequireIDToken },
	},
	{
		Key: "access_token_jwt", Help: "the access token is a JWT: verify and show it",
		field: func(c *Config) any { return &c.AccessTokenJWT },
	},
	{
		Key: "refresh_token_jwt", Help: "the refresh token is a JWT: verify and show it",
		field: func(c *Config) any { return &c.RefreshTokenJWT },
	},
	{
		Key: "token_encryption_alg", Values: encryption,
		Help:  "algorithms an ID Token has to be encrypted with; by default it must not be encrypted",
		field: func(c *Config) any { return &c.TokenEncryptionAlgorithms },
	},
	{
		Key: "decryption_key", File: true,
		Help: "file of the private key that tokens are encrypted for: PEM, PKCS #12, JWK or JWK Set; by default " +
			"private_key (which also makes private_key_jwt the auth_method, unless another is set or there is a " +
			"client_secret)",
		field: func(c *Config) any { return &c.DecryptionKey },
	},
	{
		Key: "userinfo_signed_response_alg", Values: slices.Concat(asymmetric, macs),
		Help:  "algorithm UserInfo has to be signed with; by default it need not be signed",
		field: func(c *Config) any { return &c.UserInfoSigningAlgorithm },
	},
	{
		Key: "userinfo_encrypted_response_alg", Values: encryption,
		Help: "algorithms UserInfo has to be encrypted with; by default it need not be, and may be by " +
			"token_encryption_alg",
		field: func(c *Config) any { return &c.UserInfoEncryptionAlgorithms },
	},

	{
		Key: "authorization_signed_response_alg", Values: slices.Concat(asymmetric, macs),
		Help:  "algorithm an authorization response (JARM) has to be signed with; by default one of token_signing_alg",
		field: func(c *Config) any { return &c.AuthorizationSigningAlgorithm },
	},
	{
		Key: "introspection_signed_response_alg", Values: slices.Concat(asymmetric, macs),
		Help: "algorithm an introspection response (RFC 9701) has to be signed with; by default one of " +
			"token_signing_alg",
		field: func(c *Config) any { return &c.IntrospectionSigningAlgorithm },
	},
	{
		Key: "authorization_encrypted_response_alg", Values: encryption,
		Help: "algorithms an authorization response (JARM) has to be encrypted with; by default it must not be " +
			"encrypted",
		field: func(c *Config) any { return &c.AuthorizationEncryptionAlgorithms },
	},
	{
		Key: "introspection_encrypted_response_alg", Values: encryption,
		Help: "algorithms an introspection response (RFC 9701) has to be encrypted with; by default it must not be " +
			"encrypted",
		field: func(c *Config) any { return &c.IntrospectionEncryptionAlgorithms },
	},
	{
		Key: "use_signed_introspection", Help: "ask for signed introspection responses (RFC 9701), and take no others",
		field: func(c *Config) any { return &c.SignedIntrospection },
	},

	// What is asked for.
	{
		Key: "scopes", Flag: "scope", Empty: true,
		Help: "scope to ask for at a login (default openid, or none where the server is no OpenID Provider; an empty " +
			"list asks for none); on a refresh only the flag is sent",
		field: func(c *Config) any { return &c.Scopes },
	},
	{
		Key: "resource", Flag: "resource", Help: "resource the access token is for (RFC 8707)",
		field: func(c *Config) any { return &c.Resource },
	},
	{
		Key: "audiences", Flag: "audience",
		Help:  "audience to ask for (token exchange, Auth0 and others); a refresh sends that of the flag only",
		field: func(c *Config) any { return &c.Audiences },
	},
	{
		Key: "skip_userinfo_call", Flag: "skip-userinfo", Help: "Skip fetching Userinfo",
		field: func(c *Config) any { return &c.SkipUserInfo },
	},

	// The authorization request.
	{
		Key: "use_pkce", Login: true, Help: "use PKCE (default true)",
		field: func(c *Config) any { return &c.Login.UsePKCE },
	},
	{
		Key: "pkce_challenge_method", Login: true, Values: []string{"S256", "plain"},
		Help:  "PKCE method; S256 is used whatever it says",
		field: func(c *Config) any { return &c.Login.PKCEChallengeMethod },
	},
	{
		Key: "acr_values", Flag: "acr-values", Short: "a", Login: true,
		Help: "acr_values to ask for, separated by spaces", field: func(c *Config) any { return &c.Login.ACRValues },
	},
	{
		Key: "oidc_claims_param", Flag: "claims", Login: true, Help: "claims parameter, JSON",
		field: func(c *Config) any { return &c.Login.ClaimsParam },
	},
	{
		Key: "authorization_details", Flag: "authorization-details", Login: true,
		Help:  "authorization_details (RFC 9396), JSON",
		field: func(c *Config) any { return &c.Login.AuthorizationDetails },
	},
	{
		Key: "use_par", Flag: "par", Login: true, Help: "push the authorization request (RFC 9126)",
		field: func(c *Config) any { return &c.Login.UsePAR },
	},
	{
		Key: "par_additional_parameters", Login: true, Help: "further parameters of a pushed request",
		field: func(c *Config) any { return &c.Login.PARParameters },
	},
	{
		Key: "par_endpoint_wellknown_key", Login: true,
		Help:  "metadata name of the PAR endpoint, if the provider has one of its own",
		field: func(c *Config) any { return &c.Login.PAREndpointWellKnownKey },
	},
	{
		Key: "authorize_additional_parameters", Login: true, Help: "further parameters of the authorization request",
		field: func(c *Config) any { return &c.Login.AuthorizeParameters },
	},
	{
		Key: "override_redirect_uri", Login: true, Help: "redirect_uri instead of http://127.0.0.1:PORT/auth/callback",
		field: func(c *Config) any { return &c.Login.OverrideRedirectURI },
	},
	{
		Key: "use_request_parameter", Flag: "request-object", Login: true,
		Help:  "send a signed request object (RFC 9101)",
		field: func(c *Config) any { return &c.Login.UseRequestParameter },
	},
	{
		Key: "strict_oidc_rfc6749_param", Aliases: []string{"strict_oidc_rcf6749_param"}, Login: true,
		Help:  "repeat the parameters RFC 6749 requires beside the request object",
		field: func(c *Config) any { return &c.Login.StrictRFC6749 },
	},
	{
		Key: "legacy_request_jwt_header_type", Login: true,
		Help:  "typ JWT instead of oauth-authz-req+jwt in request objects",
		field: func(c *Config) any { return &c.Login.LegacyRequestJWTHeader },
	},
	{
		Key: "jwt_request_token_duration", Login: true, Help: "lifetime of request objects (default 5m)",
		field: func(c *Config) any { return &c.Login.RequestJWTDuration },
	},
	{
		Key: "jwt_request_token_audience", Aliases: []string{"jwt_request_token_audiance"}, Login: true,
		Help:  "audience of request objects; by default the issuer",
		field: func(c *Config) any { return &c.Login.RequestJWTAudience },
	},
	{
		Key: "jwt_request_token_additional_parameters", Login: true, Help: "further claims of request objects",
		field: func(c *Config) any { return &c.Login.RequestJWTParameters },
	},
	{
		Key: "request_object_signing_alg", Login: true, Values: slices.Concat(asymmetric, macs),
		Help:  "algorithm of request objects; by default jwt_signing_alg, or the key's own",
		field: func(c *Config) any { return &c.Login.RequestObjectSigningAlgorithm },
	},
	{
		Key: "request_object_encryption_alg", Login: true, Values: encryption,
		Help:  "algorithm to encrypt request objects with, for a key that the provider publishes (use enc)",
		field: func(c *Config) any { return &c.Login.RequestObjectEncryptionAlgorithm },
	},
	{
		Key: "request_object_encryption_enc", Login: true, Values: contents,
		Help:  "algorithm of the content of encrypted request objects (default A128CBC-HS256)",
		field: func(c *Config) any { return &c.Login.RequestObjectEncryptionContent },
	},
	{
		Key: "response_type", Flag: "response-type", Login: true, Values: responseTypes,
		Help: "response_type (default code); the others hand tokens through the browser, and are for testing " +
			"providers",
		field: func(c *Config) any { return &c.Login.ResponseType },
	},
	{
		Key: "response_mode", Flag: "response-mode", Login: true,
		Values: []string{"query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"},
		Help: "response_mode; by default query, or form_post for response types with tokens. A fragment is handed " +
			"on by a script of the page that the browser ends on",
		field: func(c *Config) any { return &c.Login.ResponseMode },
	},
	{
		Key: "prompt", Flag: "prompt", Login: true, Help: "prompt: none, login, consent, select_account, create",
		field: func(c *Config) any { return &c.Login.Prompt },
	},
	{
		Key: "login_hint", Flag: "login-hint", Login: true, Help: "login_hint: who is to log in",
		field: func(c *Config) any { return &c.Login.LoginHint },
	},
	{
		Key: "ui_locales", Login: true, Help: "ui_locales: languages of the provider's pages, separated by spaces",
		field: func(c *Config) any { return &c.Login.UILocales },
	},
	{
		Key:   "post_logout_redirect_uri",
		Help:  "where the browser comes back after end-session (default http://127.0.0.1:PORT/logout/callback)",
		field: func(c *Config) any { return &c.PostLogoutRedirectURI },
	},

	// The HTTP client.
	{
		Key: "http_client_config.timeout_duration", Help: "bound of one request (default 10s)",
		field: func(c *Config) any { return &c.HTTP.Timeout },
	},
	{
		Key:   "http_client_config.limit_max_resp_size_limit",
		Help:  "bound of a response body in bytes (default 1 MiB, 512 KiB for keys)",
		field: func(c *Config) any { return &c.HTTP.MaxResponseSize },
	},
	{
		Key:   "http_client_config.extra_headers",
		Help:  "headers to send with every request, but to a resource of another origin than the issuer's",
		field: func(c *Config) any { return &c.HTTP.ExtraHeaders },
	},
	{
		Key: "http_client_config.max_idle_conns", Help: "idle connections kept (default 10)",
		field: func(c *Config) any { return &c.HTTP.MaxIdleConns },
	},
	{
		Key: "http_client_config.max_idle_conns_per_host", Help: "idle connections kept for one host (default 10)",
		field: func(c *Config) any { return &c.HTTP.MaxIdleConnsPerHost },
	},
	{
		Key: "http_client_config.max_conns_per_host", Help: "connections to one host (default 10)",
		field: func(c *Config) any { return &c.HTTP.MaxConnsPerHost },
	},
	{
		Key: "http_client_config.skip_tls_verification", Help: "must agree with skip_tls_verification",
		field: func(c *Config) any { return &c.HTTP.SkipTLSVerification },
	},
}
