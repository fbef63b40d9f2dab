// Package reason names why something that a provider sent, or the attempt to
// get it, was refused, where no rule of package check has an id for it. The ids
// are API: never renamed.
package reason

import (
	"errors"
	"fmt"
)

// An ID names a reason.
type ID string

// JSON that is not read (RFC 8259, RFC 7493).
const (
	JSONSyntax    ID = "json.syntax"
	JSONDuplicate ID = "json.duplicate_member"
	JSONUnicode   ID = "json.unicode"
	JSONDepth     ID = "json.depth"
	JSONValues    ID = "json.values"
	JSONType      ID = "json.type"
)

// Tokens that are not read (RFC 7515, RFC 7516, RFC 7519, RFC 8725).
const (
	JWTSize      ID = "jwt.size"
	JWTParts     ID = "jwt.parts"
	JWTBase64    ID = "jwt.base64url"
	JWTHeader    ID = "jwt.header"
	JWTCrit      ID = "jwt.crit"
	JWEAlgorithm ID = "jwe.alg"
	JWEEnc       ID = "jwe.enc"
	JWEZip       ID = "jwe.zip"
	JWEKey       ID = "jwe.key"
	JWEDecrypt   ID = "jwe.decrypt"
	JWENested    ID = "jwe.nested"
)

// Signatures that do not count.
const (
	SignatureMismatch  ID = "signature.mismatch"
	SignatureAlgorithm ID = "signature.alg"
	SignatureKey       ID = "signature.key"
	SignatureNoKey     ID = "signature.no_key"
	SignatureManyKeys  ID = "signature.several_keys"
)

// Answers that are not what was asked for.
const (
	ResponseSize      ID = "response.size"
	ResponseRedirect  ID = "response.redirect"
	ResponseStatus    ID = "response.status"
	ResponseMediaType ID = "response.content_type"
	ResponseKeySet    ID = "response.jwk_set"
	EndpointURL       ID = "endpoint.url"
	EndpointMissing   ID = "endpoint.missing"
	DPoPNonce         ID = "dpop.nonce"
)

// No response.
const (
	NetworkName        ID = "network.dns"
	NetworkConnect     ID = "network.connect"
	NetworkTLS         ID = "network.tls"
	NetworkTimeout     ID = "network.timeout"
	NetworkClosed      ID = "network.closed"
	NetworkUnavailable ID = "network.unavailable"
	NetworkOther       ID = "network.other"
)

// A Row is one reason, for the documentation.
type Row struct {
	ID   ID
	Text string
}

// Table is every reason.
var Table = []Row{
	{JSONSyntax, "not JSON, or more after it"},
	{JSONDuplicate, "JSON with two members of one name in one object, at any depth"},
	{JSONUnicode, "JSON that is not valid UTF-8, or has half a surrogate pair"},
	{JSONDepth, "JSON nested too deep"},
	{JSONValues, "JSON of too many values"},
	{JSONType, "a member of another type than the standard's, or no object where one belongs"},
	{JWTSize, "a token that is too long"},
	{JWTParts, "a token of more or fewer parts than three, or five if it is encrypted"},
	{JWTBase64, "base64url with padding, line breaks, other characters or stray bits"},
	{JWTHeader, "a JOSE header without alg, or with a member of a wrong type"},
	{JWTCrit, "a JOSE header that demands an extension (crit, b64)"},
	{JWEAlgorithm, "an encrypted token by an alg that was not agreed upon, or is never accepted"},
	{JWEEnc, "an encrypted token by an enc that is not supported"},
	{JWEZip, "an encrypted token that is compressed"},
	{JWEKey, "an encrypted token for another key, or with an ephemeral key that is none"},
	{JWEDecrypt, "an encrypted token that does not decrypt"},
	{JWENested, "an encrypted token that holds something else than a signed one"},
	{SignatureMismatch, "a signature that does not match"},
	{SignatureAlgorithm, "a signature by an alg that is not supported"},
	{SignatureKey, "a key that is not for the alg, or too weak for it"},
	{SignatureNoKey, "no key of the provider fits the token"},
	{SignatureManyKeys, "several keys fit, and nothing tells which is meant"},
	{ResponseSize, "a response that is too long"},
	{ResponseRedirect, "a redirect, which is never followed"},
	{ResponseStatus, "an HTTP status that does not belong to the response"},
	{ResponseMediaType, "a response of another Content-Type"},
	{ResponseKeySet, "a response that is no JWK Set"},
	{EndpointURL, "an endpoint that is not https (or http on the loopback address)"},
	{EndpointMissing, "an endpoint that the metadata does not have"},
	{DPoPNonce, "a DPoP nonce that comes twice, is too long, or holds characters that no nonce has"},
	{NetworkName, "a name that does not resolve"},
	{NetworkConnect, "a connection that was not made"},
	{NetworkTLS, "TLS that failed, or a certificate that is not trusted"},
	{NetworkTimeout, "no response in time"},
	{NetworkClosed, "a connection that broke before the whole response was there"},
	{NetworkUnavailable, "HTTP status 429 or 5xx"},
	{NetworkOther, "any other failure of the network, such as a header that is too long"},
}

// An Error is an error with its reason.
type Error struct {
	ID  ID
	err error
}

// Errorf makes an error with a reason.
func Errorf(id ID, format string, args ...any) error {
	return &Error{id, fmt.Errorf(format, args...)}
}

// Error is the text without the id.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// Of returns the reason of an error, that of the cause where there are
// several, and "" if there is none.
func Of(err error) ID {
	var e *Error
	if !errors.As(err, &e) {
		return ""
	}
	if cause := Of(e.err); cause != "" {
		return cause
	}
	return e.ID
}
