// Package config turns a file, the environment and flags into one Config.
//
// The file is YAML: one client at one provider. Every key is one row of a
// table ([Parameters]), from which flags, environment variables, help, the
// JSON Schema and the reference are made. A flag outweighs the environment,
// which outweighs the file. An unknown key, a value of the wrong type and two
// keys that contradict each other are errors, and all of them are found at
// once.
package config

import (
	"fmt"
	"strings"
	"time"
)

// A Config is everything that can be configured. Keys that were not set have
// their zero value; the defaults are in the comments.
type Config struct {
	Profile string // none

	// The provider.
	Issuer               string
	ExpectedIssuer       string
	AlternativeWellKnown string
	InsecureWellKnown    bool
	Endpoints            Endpoints
	CACert               string
	SkipTLSVerification  bool
	NoCache              bool
	HTTP                 HTTP
	Waive                []string
	SkipUserInfo         bool
	AccessTokenJWT       bool
	RefreshTokenJWT      bool

	// The client and how it authenticates.
	ClientID             string
	ClientSecret         string
	AuthMethod           string // from the provider's metadata
	AlwaysSendClientID   *bool  // true
	PrivateKey           string // a file
	PrivateKeyPassword   string
	PrivateKeyID         string // the JWK's own
	TLSClientCertificate string // a file
	TLSClientKey         string // a file
	TLSClientKeyPassword string // PrivateKeyPassword
	Assertion            Assertion
	Issued               Issued
	DPoP                 DPoP

	// What ID Tokens must say.
	TokenSigningAlgorithms []string // from metadata, or RS256
	AMRList                []string
	ACRList                []string
	AllowStringAMR         bool
	TrustedAudiences       []string
	MaxAge                 *int64 // seconds
	MaxIDTokenAge          *time.Duration
	ClockTolerance         *time.Duration
	RequireIDToken         bool

	// What tokens are encrypted with, and what UserInfo must be.
	TokenEncryptionAlgorithms     []string // ID Tokens must not be encrypted
	DecryptionKey                 string   // a file; PrivateKey
	UserInfoSigningAlgorithm      string   // need not be signed
	AuthorizationSigningAlgorithm string   // one of TokenSigningAlgorithms
	IntrospectionSigningAlgorithm string   // likewise
	UserInfoEncryptionAlgorithms  []string // need not be encrypted

	// What other answers have to be.
	AuthorizationEncryptionAlgorithms []string // must not be encrypted
	IntrospectionEncryptionAlgorithms []string // must not be encrypted
	SignedIntrospection               bool

	// What is asked for.
	Scopes    []string // openid
	Resource  []string
	Audiences []string

	// The authorization request, and where a logout ends.
	Login                 Login
	PostLogoutRedirectURI string

	// File is the name of the configuration file, for messages.
	File string
	// Origin tells where a key's value comes from.
	Origin map[string]Origin
	// Warnings are remarks on what was read, for people.
	Warnings []string
}

// ShowsCertificate reports whether the client presents a certificate in TLS. One that its assertions
// name is not presented.
func (c *Config) ShowsCertificate() bool {
	return c.TLSClientCertificate != "" && c.Assertion.Certificate == ""
}

// Endpoints replace those of the metadata, by the ancestor's key names.
type Endpoints struct {
	Token, Authorize, UserInfo, JWKS, Introspect, PAR, EndSession, Revocation string
	DeviceAuthorization, BackchannelAuthentication, Registration              string
}

// DPoP configures the key that tokens are bound to.
type DPoP struct {
	Use       bool
	Key       string // a file; a new key
	Algorithm string // the key's own
}

// An Assertion configures client assertions that the client makes.
type Assertion struct {
	Algorithm             string // the key's own
	Type                  string // JWT
	Certificate           string // how the header names the certificate; not at all
	Duration              *time.Duration
	TokenAudience         string // the issuer
	PARAudience           string
	TokenEndpointAudience string
	RevocationAudience    string
	IntrospectionAudience string
	EndpointAudience      bool
}

// Issued says where a client assertion comes from that others issue. At most one of
// the sources is set.
type Issued struct {
	File     string
	Env      string
	Command  []string
	GitHub   bool
	Audience string // what assertions that the client makes have
}

// Any reports whether there is a source.
func (i Issued) Any() bool { return i.File != "" || i.Env != "" || len(i.Command) > 0 || i.GitHub }

// HTTP configures the HTTP client.
type HTTP struct {
	MaxIdleConns, MaxIdleConnsPerHost, MaxConnsPerHost int64 // 10 each
	Timeout                                            *time.Duration
	MaxResponseSize                                    int64 // bytes; 1 MiB, 512 KiB for keys
	ExtraHeaders                                       map[string]string
	SkipTLSVerification                                bool
}

// Login configures authorization requests.
type Login struct {
	UsePKCE                 *bool // true
	PKCEChallengeMethod     string
	ACRValues               string
	ClaimsParam             string
	AuthorizationDetails    string
	UsePAR                  bool
	PARParameters           map[string]string
	PAREndpointWellKnownKey string
	AuthorizeParameters     map[string]string
	OverrideRedirectURI     string
	UseRequestParameter     bool
	StrictRFC6749           bool
	LegacyRequestJWTHeader  bool
	RequestJWTDuration      *time.Duration
	RequestJWTAudience      string
	RequestJWTParameters    map[string]any
	ResponseType            string
	ResponseMode            string
	Prompt                  string
	LoginHint               string
	UILocales               string

	RequestObjectSigningAlgorithm    string // Assertion.Algorithm, or the key's own
	RequestObjectEncryptionAlgorithm string // not encrypted
	RequestObjectEncryptionContent   string // A128CBC-HS256
}

// An Origin is where a value comes from: a place in a file, or the name of a
// flag or environment variable.
type Origin struct {
	Name         string // the file's name, "OIDC_ISSUER" or "--issuer"
	Line, Column int    // 1 is the first; 0 if it is not a file
}

// String returns "config.yaml:3:9", "OIDC_ISSUER" or "--issuer".
func (o Origin) String() string {
	if o.Line == 0 {
		return o.Name
	}
	return fmt.Sprintf("%s:%d:%d", o.Name, o.Line, o.Column)
}

// A Problem is one thing that is wrong with a configuration.
type Problem struct {
	Origin  Origin
	Key     string // "" if it is about no key
	Message string
}

// String returns the problem on one line, beginning with its place.
func (p Problem) String() string {
	text := ""
	if place := p.Origin.String(); place != "" {
		text = place + ": "
	}
	if p.Key != "" && (p.Origin.Line > 0 || p.Origin.Name == "") { // a flag or variable names its key
		text += p.Key + ": "
	}
	return text + p.Message
}

// Problems are everything that is wrong with a configuration. They are an
// error.
type Problems []Problem

// Error returns the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
