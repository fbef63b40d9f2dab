// Hints: what to do next, chosen by the type and code of an error.

package run

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// What became of the refresh token, where no tokens came back.
const (
	spentWarning = "the refresh token may be spent: whether the provider used it is not known"
	spentAdvice  = "It is not sent again by itself: if it was used, a second use makes the provider end the " +
		"session.\nIf the session matters, look it up at the provider first, or log in again."
	unspentGuess = "the provider responded with neither tokens nor an OAuth error: most keep the refresh token valid " +
		"then, some do not"
)

// What is the advice for several error codes.
const (
	tookTooLong       = "the user took too long: begin again"
	unknownDeviceCode = "the provider does not know the device code any more: begin again"
)

// oauthHints are by error code: RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750
// section 3.1, RFC 8628, RFC 8707, RFC 9449, RFC 9470 and OpenID Connect Core 1.0
// section 3.1.2.6, and what Entra ID, AD FS and GitHub say in device logins. What a
// provider is known to mean by a code is in [providerHints].
var oauthHints = map[string]string{
	"invalid_grant": "the provider did not accept the grant: it is expired or revoked, was used before, or was " +
		"issued to another client_id",
	"invalid_request": "the provider found a parameter missing, repeated or malformed; -dd shows what was sent",
	"unauthorized_client": "this client may not use this grant: allow it in the client's registration " +
		"at the provider",
	"unsupported_grant_type": "the provider does not support this grant; `oidc-client discover` shows " +
		"grant_types_supported",
	"invalid_scope":           "the provider does not know a scope, or does not allow it for this client",
	"access_denied":           "the user declined, or a policy of the provider forbids it",
	"server_error":            "the provider failed; try again later, and see its log",
	"temporarily_unavailable": "the provider is overloaded or down for maintenance; try again later",
	"invalid_target": "the provider does not know this resource or audience, or does not allow it " +
		"for this client (RFC 8707)",
	"unsupported_response_type": "the provider does not support this response_type for this client",
	"unsupported_token_type": "the provider does not do this for tokens of this type: --token-type-hint says which " +
		"type it is",
	"invalid_token": "the access token is expired, revoked or malformed, or is not meant for " +
		"this endpoint",
	"insufficient_scope": "the access token lacks a scope: get one that has it",
	"insufficient_user_authentication": "the resource wants a stronger or fresher login (RFC 9470): log in again " +
		"with the acr_values or max_age it names",
	"login_required": "log in again, without --prompt none if that was given",
	"interaction_required": "log in again, without --prompt none: the provider has to ask the user " +
		"something",
	"consent_required":                  "log in again, without --prompt none: the provider wants the user's consent",
	"account_selection_required":        "log in again, without --prompt none: the user has to choose an account",
	"unmet_authentication_requirements": "log in again by a method that the provider's policy asks for",
	"invalid_dpop_proof": "the provider did not accept the DPoP proof: compare the clocks, " +
		"dpop_signing_alg with dpop_signing_alg_values_supported, and whether the tokens are bound to this key " +
		"(--dpop-key)",
	"authorization_pending":   "the user has not finished yet",
	"expired_token":           tookTooLong,
	"code_expired":            tookTooLong,
	"authorization_declined":  "the user declined, or a policy of the provider forbids it",
	"bad_verification_code":   unknownDeviceCode,
	"incorrect_device_code":   unknownDeviceCode,
	"device_flow_disabled":    "allow the device flow in the client's registration at the provider",
	"unknown_user_id":         "the provider does not know the user that the hint names",
	"missing_user_code":       "the provider wants the user's code: --user-code",
	"invalid_user_code":       "the user's code is wrong",
	"invalid_binding_message": "the provider rejects the binding message: make it shorter, or use letters and digits",
	"invalid_request_object": "the provider cannot read or verify the signed request: compare its key and " +
		"algorithm with the client's registration",
	"invalid_authorization_details": "the provider does not know, or does not allow, these authorization_details " +
		"(RFC 9396)",
	"invalid_redirect_uri":      hintRedirectURI,
	"invalid_client_metadata":   "the provider rejects the client's metadata; error_description may name the member",
	"request_not_supported":     "the provider accepts no signed requests: leave use_request_parameter out",
	"request_uri_not_supported": "the provider accepts no request by reference: leave request_uri out",
	"registration_not_supported": "the provider accepts no registration in the request: leave the parameter " +
		"registration out",
	"unapproved_software_statement": "the provider does not trust whoever signed the software statement",
	"invalid_software_statement":    "the provider cannot read or verify the software statement",
}

// ownHints are where a code means something else to a grant or an endpoint.
var ownHints = map[[2]string]string{
	{grantRefresh, "invalid_grant"}: "log in again: the refresh token is expired or revoked, was issued to " +
		"another client_id, or was used before (a provider that rotates refresh tokens revokes them all if one comes " +
		"back)",
	{grantRefresh, "invalid_scope"}: "a refresh may only ask for scopes that the login was granted: leave --scope " +
		"out, or log in again with the scope",
	{grantCode, "invalid_grant"}: "the provider did not accept the code: it was used before or expired, or the " +
		"provider lost the redirect_uri or the PKCE challenge; log in again",
	{grantPassword, "invalid_grant"}: "the user's name or password is wrong, or the user may not log in this way",
	{grantJWT, "invalid_grant"}: "the provider did not accept the assertion: compare its iss, sub, aud, exp and " +
		"key with what the provider trusts",
	{grantSAML, "invalid_grant"}: "the provider did not accept the assertion: compare its issuer, audience, times " +
		"and signature with what the provider trusts",
	{grantExchange, "invalid_grant"}: "the provider did not accept a token: it is expired or revoked, or of another " +
		"type than --subject-token-type or --actor-token-type says",
	{grantDevice, "invalid_grant"}: unknownDeviceCode,
	{grantCIBA, "invalid_grant"}:   "the provider does not know the request any more: begin again",
	{"registration", "invalid_redirect_uri"}: "the provider does not allow one of the redirect URIs: --redirect-uri " +
		"sets them; it may allow http on 127.0.0.1 for native applications only",
	{"token", "access_denied"}: "a policy of the provider forbids this; its log may say which",
	{"userinfo", "insufficient_scope"}: "the access token lacks a scope; UserInfo needs openid: log in with it, or " +
		"leave UserInfo out with --skip-userinfo",
	{"userinfo", ""}: "the provider did not accept the access token at UserInfo: it is expired or revoked, lacks the " +
		"scope openid, or is meant for another API; --skip-userinfo leaves UserInfo out",
	{"resource", ""}: "the resource did not accept the access token, and does not say why: compare its audience, " +
		"scope and expiry with what the resource wants",
}

// hintsByRule are by the id of the rule that was broken.
var hintsByRule = map[string]string{
	"id_token.present": "ask for the scope openid at the login, and see if the provider sends ID " +
		"Tokens on a refresh",
	"id_token.encryption": "token_encryption_alg has to say what the client's registration says " +
		"(id_token_encrypted_response_alg): whether ID Tokens are encrypted for it, and with which algorithm",
	"id_token.decryption": "decryption_key (or private_key) has to be the key whose public half the " +
		"provider encrypts for: see the client's registration (jwks, jwks_uri)",
	"id_token.kind": "the token is a Logout Token or another security event: do not use it",
	"userinfo.encryption": "userinfo_encrypted_response_alg or token_encryption_alg have to say with which algorithm " +
		"UserInfo is encrypted for this client",
	"userinfo.decryption": "decryption_key (or private_key) has to be the key whose public half the " +
		"provider encrypts for",
	"userinfo.signed":      "userinfo_signed_response_alg has to say what the client's registration says",
	"userinfo.readable":    "the response is no JWT, whatever its Content-Type says: do not use it",
	"id_token.aud":         "the token is for another client: check client_id",
	"id_token.aud_trusted": "if the other audience is known and trusted, add it to trusted_audiences",
	"id_token.iss":         "the token is from another issuer than the metadata: do not use it",
	"id_token.acr": "log in again at the level that acr_list asks for (acr_values), or change " +
		"acr_list",
	"id_token.amr":       "log in again by a method of amr_list, or change amr_list",
	"id_token.auth_time": "the login is longer ago than max_age: log in again",
	"jarm.readable": "the provider has to fix its authorization response. At Keycloak, turn on \"Exclude Issuer From " +
		"Authentication Response\" for the client (exclude.issuer.from.auth.response), or use another response_mode",
	"jarm.alg":          "if the client is registered for this algorithm, set authorization_signed_response_alg to it",
	"introspection.alg": "if the client is registered for this algorithm, set introspection_signed_response_alg to it",
	"id_token.alg":      "if the provider is meant to sign with this algorithm, add it to token_signing_alg",
	"id_token.alg_none": "the token is not signed: anyone can have made it, do not use it",
	"access_token.readable": "the access token is no JWT: leave access_token_jwt out, or change the " +
		"client's registration",
	"access_token.not_id_token": "an ID Token tells a client who logged in: never accept one as an access " +
		"token. If the provider's access tokens look like this, leave access_token_jwt out",
	"access_token.aud": "the token is meant for another resource server: do not accept it",
	"access_token.claims": "the token lacks a claim that RFC 9068 requires, and the provider has to fix it. Keycloak " +
		"leaves client_id out of tokens of the type at+jwt: turn that type off for the client there, or leave " +
		"access_token_jwt out",
	"access_token.scope": "request a token with the scopes that --scope names",
	"id_token.amr_type":  "allow_non_compliant_amr: true accepts an amr that is one string",
	"id_token.max_iat_age": "the provider issued the ID Token too long ago: do not use it. " +
		"max_id_token_age sets how long ago is allowed",
	"id_token.not_access_token": "an access token says nothing about a login: do not use it as an ID Token",
	"userinfo.kind":             "the response is a token of another kind: do not use its claims",
	"refresh_token.readable":    "the refresh token is no JWT: leave refresh_token_jwt out",
	"refresh.sub": "the refreshed ID Token belongs to another user than the earlier one: do not use it, and " +
		"log in again",
	"refresh.iss": "the refreshed ID Token is from another issuer than the earlier one: do not use it, and log in " +
		"again",
	"userinfo.sub":         "UserInfo is of another user than the ID Token: do not use its claims",
	"userinfo.sub_present": "UserInfo names no user: do not use its claims",
	"discovery.token_endpoint": "set token_endpoint in the configuration if the provider has one that it " +
		"does not publish",
	"discovery.jwks_uri": "set jwks_endpoint in the configuration if the provider has one that it does " +
		"not publish; leave openid out of scopes if the server issues no ID Tokens",
	"discovery.endpoint_urls": "the provider's metadata has to name https URLs; a proxy in front of it may " +
		"hide its scheme from it (X-Forwarded-Proto)",
	"discovery.authorization_endpoint": "set authorize_endpoint in the configuration if the provider has one that it " +
		"does not publish",
	"token_response.dpop": "the provider ignored the DPoP proof: whoever gets hold of the token can use it. Leave " +
		"--dpop out if you accept that",
	"authorization_response.iss": "another provider may have responded in this one's place: do not go on, and " +
		"look at who sent the browser back",
	"authorization_response.state": "the response does not belong to this login: begin again",
	"end_session.state":            "the browser came back from another logout, or the provider lost state",
	"registration.client_secret_expires_at": "the client is registered: what is stored of it works. " +
		"--waive registration.client_secret_expires_at accepts a provider that does not say when the secret expires",
	"protected_resource.resource": "the metadata is of another resource than the URL that was asked: use the " +
		"URL that the metadata names",
	"introspection.signed": "the provider sent JSON where --signed (use_signed_introspection) wants a JWT: leave it " +
		"out, or turn signed introspection responses on for the client (RFC 9701)",
}

// A situation is what advice depends on beside the error: what happened in the run so far, and where
// it runs.
type situation struct {
	env      *Env
	record   *transcript.Record
	recorder *transcript.Recorder
}

// hint says what to do about an error, "" if nobody knows. What an error says of
// itself comes first.
func (s situation) hint(err error, f *failure.Failure) string {
	var broken *check.Error
	var refusal *oidc.Error
	text := f.Hint
	f.Hint = ""
	switch {
	case text != "" && errors.As(err, &refusal): // what it means for us; what the provider means may be known, too
		text = providerHintFor(refusal, s.sent(refusal.Endpoint)) + "\n" + text
	case text != "":
	case f.Code == failure.Interrupted:
		text = interruptedHint(err)
	case errors.As(err, &broken):
		text = s.ruleHints(broken, err)
	case f.Kind == failure.KindNetwork:
		text = s.networkHint(err)
	case errors.As(err, &refusal):
		text = s.oauthHint(refusal)
	case f.Kind == failure.KindProtocol:
		text = s.protocolHint(f)
	case f.Kind == failure.KindInteraction:
		text = s.waitHint()
	case f.Kind == failure.KindUsage:
		text = "oidc-client " + strings.TrimPrefix(s.record.Command+" --help", "oidc-client ")
	}
	return text + "\n" + s.spentHint(err, f)
}

// spentHint says what may be lost because no tokens came back.
func (s situation) spentHint(err error, f *failure.Failure) string {
	if !oidc.MayBeSpent(err) || s.record.Has("token_response") {
		return ""
	}
	switch grant := GrantType(err); {
	case grant == grantCode:
		return "a code can be used one time only: log in again"
	case grant != grantRefresh:
		return ""
	case f.HTTPStatus >= 300 && f.HTTPStatus < 500:
		return unspentGuess
	case f.Code == failure.Interrupted:
		return spentAdvice
	}
	return spentWarning + "\n" + spentAdvice
}

// interruptedMessage says what was interrupted.
func interruptedMessage(err error) string {
	if oidc.MayBeSpent(err) && GrantType(err) == grantRefresh {
		return "interrupted while the provider was being asked; " + spentWarning
	}
	return "interrupted"
}

// interruptedHint says what became of what was under way.
func interruptedHint(err error) string {
	var transport *oidc.TransportError
	var wait *failure.WaitError
	switch {
	case oidc.MayBeSpent(err):
		return ""
	case errors.As(err, &wait) && wait.Hint != "":
		return wait.Hint
	case errors.As(err, &transport) && transport.Sent && transport.Endpoint == "registration":
		return "the provider may have registered, changed or deleted the client all the same: look there first"
	case errors.As(err, &transport) && transport.Sent &&
		slices.Contains([]string{"device_authorization", "backchannel_authentication"}, transport.Endpoint):
		return "the provider may have taken the request all the same: the user may be asked"
	}
	return "nothing was lost: run the command again"
}

// waitHint is the advice for a wait that ended without what was waited for.
func (s situation) waitHint() string {
	if s.record.Issuer != "" { // the provider was asked: somebody had to do something
		return "--timeout bounds the wait"
	}
	return "nothing was sent; --timeout bounds the wait"
}

// oauthHint returns the advice for a refusal. An advisor that knows the client's credentials adds
// which they were.
func (s situation) oauthHint(e *oidc.Error) string {
	text := s.refusalHint(e)
	if e.Scope != "" {
		text += " (the scope it asks for: " + e.Scope + ")"
	}
	return text
}

func (s situation) refusalHint(e *oidc.Error) string {
	if known := providerHintFor(e, s.sent(e.Endpoint)); known != "" {
		return known
	}
	if WrongClient(e) {
		return WrongClientHint
	}
	for _, of := range []string{e.GrantType, e.Endpoint} {
		if text := ownHints[[2]string{of, e.Code}]; text != "" {
			return text
		}
	}
	switch text := oauthHints[e.Code]; {
	case text != "":
		return text
	case e.URI != "":
		return "the provider refers to " + e.URI
	case strings.Contains(e.Code, " "): // a sentence where the code belongs, as Hydra sends it
		return "the provider explains no more; -dd shows what was sent, and the provider's log may say why"
	case e.Code != "":
		return "the provider's documentation says what " + e.Code + " means; -dd shows what was sent"
	}
	return ""
}

// sent returns the last request to an endpoint, nil if there was none, or none is recorded.
func (s situation) sent(endpoint string) *transcript.Exchange {
	exchanges, _ := s.record.Exchanges.All()
	for _, e := range slices.Backward(exchanges) {
		if e.Endpoint == endpoint {
			return e
		}
	}
	return nil
}

// WrongClientHint is the advice for credentials that were refused. An advisor
// that knows them adds which they were.
const WrongClientHint = "the provider refused the client's credentials: check client_id, auth_method, and the secret " +
	"or key"

// WrongClient reports whether a refusal is about the client's credentials.
func WrongClient(e *oidc.Error) bool {
	unnamed := e.Code == "" && e.Status == http.StatusUnauthorized
	return e.Code == "invalid_client" || unnamed && authenticates(e.Endpoint)
}

// authenticates reports whether the client authenticates at an endpoint as itself, and not with a token.
func authenticates(endpoint string) bool {
	return slices.Contains([]string{
		"token", "introspection", "revocation", "pushed_authorization_request", "device_authorization",
		"backchannel_authentication",
	}, endpoint)
}

// ruleHints is the advice for each broken rule.
func (s situation) ruleHints(broken *check.Error, err error) string {
	var lines []string
	for _, result := range broken.Results {
		switch mac := macHint(broken.Results, result); {
		case !result.Broken():
		case mac != "":
			lines = append(lines, mac)
		default:
			lines = append(lines, s.ruleHint(result, err))
		}
	}
	return strings.Join(lines, "\n")
}

// macHint is the advice for a broken rule about the signature or the algorithm of a token that is not signed with
// a key pair and that the client's secret does not verify; "" for any other rule.
func macHint(results check.Results, result check.Result) string {
	kind, part, _ := strings.Cut(result.ID, ".")
	if part != "signature" && part != "alg" {
		return ""
	}
	var alg, signature check.Result
	for _, r := range results {
		switch r.ID {
		case kind + ".alg_none":
			alg = r
		case kind + ".signature":
			signature = r
		}
	}
	if !strings.HasPrefix(alg.Got, `"HS`) || !signature.Broken() {
		return ""
	}
	choose := "choose RS256 or ES256 for this client at the provider"
	if kind == "refresh_token" || kind == "access_token" {
		choose = "leave " + kind + "_jwt out, since only the provider is to read the token"
	}
	name := strings.Trim(alg.Got, `"`)
	if _, size, short := strings.Cut(signature.Got, "needs a secret of at least "); short {
		size, _, _ = strings.Cut(size, ";")
		return fmt.Sprintf("%s is verified with a client_secret of at least %s (RFC 7518 section 3.2): "+
			"have the provider issue one, or %s", name, size, choose)
	}
	return fmt.Sprintf("the token was not made with client_secret: Keycloak and others sign %s with a key of their "+
		"own, "+
		"which no client can verify; %s", name, choose)
}

// ruleHint is the advice for a broken rule.
func (s situation) ruleHint(result check.Result, err error) string {
	switch result.ID {
	case "discovery.issuer":
		return "" // an advisor knows which issuer came
	case "token_response.token_type":
		return tokenTypeHint(result)
	case "id_token.decryption", "userinfo.decryption":
		if result.Reason != "jwe.key" && result.Reason != "jwe.decrypt" {
			return "the provider encrypts in a way that is never accepted: do not use what it sent"
		}
	case "id_token.exp", "id_token.iat", "id_token.nbf":
		if result.Want == "" || result.Got == "none" {
			return "the provider has to fix its tokens: do not use this one"
		}
		if skew := s.skewHint(); skew != "" {
			return skew
		}
		return "compare this machine's clock with the provider's; clock_tolerance bounds the difference that is allowed"
	}
	switch kind, rule, _ := strings.Cut(result.ID, "."); {
	case rule == "signature" && kind != "refresh_token":
		return signatureHint(result)
	case rule == "signature":
		return "refresh tokens are for the provider alone, and often signed with a key of its own: leave " +
			"refresh_token_jwt out"
	case rule == "alg" && strings.HasPrefix(result.Got, `"HS`):
		return "the token is signed with a shared secret. Choose an asymmetric algorithm (RS256, ES256) for the " +
			"client at the provider; or add this one to the client's algorithms, if the provider signs with " +
			"client_secret (Keycloak does not)"
	}
	if text := hintsByRule[result.ID]; text != "" {
		return text
	}
	var protocol *oidc.ProtocolError
	if errors.As(err, &protocol) {
		return "the response breaks the standard, and the provider has to fix it; `oidc-client help rules` lists " +
			"what is required"
	}
	return "do not use the tokens; --explain=all shows every rule that was checked"
}

// signatureHint is the advice for a signature that does not verify. The
// result's note says where the keys came from, unless they were fetched for this
// token.
func signatureHint(result check.Result) string {
	switch {
	case strings.Contains(result.Got, "no jwks_uri"):
		return "do not use the token: the provider's keys are not known. Set jwks_endpoint in the configuration"
	case strings.Contains(result.Got, "nothing tells which is meant"):
		return "the provider has to name the key in the token's header (kid), and give each of its keys a kid of its " +
			"own"
	case strings.Contains(result.Note, "a copy"):
		return "do not use the token. The client fetches keys again at most once a minute, in case the provider " +
			"replaced one: " +
			"run the command again in a minute, or with --no-cache"
	case strings.Contains(result.Want, "client_secret"):
		return "the token is not signed with client_secret: check it, and its length. Keycloak signs HS256, HS384 " +
			"and HS512 with a key of its own: choose RS256 or ES256 for the client there"
	case result.Note != "":
		return "do not use the token: no key of the given JWK Set verifies it. " +
			"Without --jwks the provider's own keys are used"
	}
	return "the token is not signed with a key that the provider publishes now: do not use it. " +
		"A provider that changed its keys a moment ago may publish them late; a proxy or a second instance may serve " +
		"an old set"
}

// tokenTypeHint is the advice for a token_type that is missing or not known.
func tokenTypeHint(result check.Result) string {
	switch {
	case result.Got == "none":
		return "the provider has to say of what type the token is (RFC 6749 section 5.1)"
	case strings.EqualFold(result.Got, `"DPoP"`):
		return "the provider binds tokens to a key: add --dpop (dpop: true)"
	}
	return "the provider issues tokens of a type that this client does not know"
}

// skewHint says how far the clocks are apart, by the provider's Date header.
func (s situation) skewHint() string {
	skew, ok := s.recorder.Skew()
	if !ok || skew.Abs() < 5*time.Second {
		return ""
	}
	direction := "behind"
	if skew < 0 {
		direction = "ahead of"
	}
	return fmt.Sprintf(
		"this machine's clock is %s %s the provider's (by its Date header): set the clock, or allow more with "+
			"clock_tolerance",
		skew.Abs().Round(time.Second), direction)
}

// ShortList names the first of the names, and how many more there are.
func ShortList(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
