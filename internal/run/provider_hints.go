// What providers mean by their errors, beyond the error code: one table.

package run

import (
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// A providerHint is advice for an error that a provider is known to send. It applies if
// all its conditions hold; a condition that is "" or 0 always does.
type providerHint struct {
	code     string // the error code
	says     string // a part of the error code or of error_description, in lower case
	endpoint string // the endpoint that sent it
	grant    string // the grant type of the token request
	status   int    // the HTTP status
	method   string // the HTTP method of the request
	unsent   string // a header or parameter that the request did not have
	hint     string // what to do
}

// providerHints are judged in their order; the first one that applies is used. Special
// cases come first. The words are those of the providers that are named.
var providerHints = slices.Concat(
	registrationHints, dpopHints, pkceHints, keycloakHints, entraHints, adfsHints, googleHints, githubHints, auth0Hints,
	oktaHints,
	hydraHints, otherHints, awsHints, scopeHints, credentialHints,
)

// What several hints say.
const (
	hintRedirectURI = "register the redirect URI at the provider exactly as it is sent: " +
		"by default http://127.0.0.1:5556/auth/callback (--port, --localhost and override_redirect_uri change it)"
	hintGrantAllowed = "this client may not use this grant: allow it in the client's registration at the provider"
	hintDPoP         = "the provider wants a DPoP proof for this client: add --dpop (dpop: true)"
	hintDPoPKey      = "the refresh token is bound to another DPoP key: use the key of the login (--dpop-key FILE). " +
		"A login with --dpop-key or --save keeps its key; if the key is gone, log in again"
	hintPKCE = "the provider requires PKCE with S256: leave use_pkce and pkce_challenge_method at their defaults " +
		"(true and S256)"
	hintSessionOver = "the login has ended at the provider, by its own time limit, a logout or an administrator: " +
		"log in again"
	hintInitialToken = "registration needs permission: pass a token that the provider issued for it, with " +
		"--initial-access-token @FILE (Keycloak: Clients, Initial access token)"
	hintInitialRefused = "the provider did not accept the initial access token: it is expired or used up, or it " +
		"does not allow this registration"
	hintRegistrationToken = "the provider did not accept the registration access token: it belongs to another " +
		"client, or was replaced or revoked; the provider's administrator can issue a new one"
	hintAudience  = "name the API that the token is for: --audience, as it is registered at the provider"
	hintFederated = "no federated credential of the app fits the client assertion: its iss, sub and aud have to " +
		"equal Issuer, Subject and Audience in the app registration (Certificates & secrets, Federated credentials)"
	hintCode = "the provider did not accept the code: it was used before, or it expired; log in again"
)

// registrationHints are about who may register a client, and who may manage it, by what was sent.
var registrationHints = []providerHint{
	{endpoint: "registration", method: "POST", unsent: "Authorization", status: 401, hint: hintInitialToken},
	{endpoint: "registration", method: "POST", unsent: "Authorization", status: 403, hint: hintInitialToken},
	{endpoint: "registration", method: "POST", status: 401, hint: hintInitialRefused},
	{endpoint: "registration", method: "POST", status: 403, hint: hintInitialRefused},
	{endpoint: "registration", status: 401, hint: hintRegistrationToken},
	{endpoint: "registration", status: 403, hint: hintRegistrationToken},
}

// dpopHints are about proofs of possession, by what was sent.
var dpopHints = []providerHint{
	{code: "use_dpop_nonce", unsent: "Dpop", hint: hintDPoP},
	{
		code: "use_dpop_nonce",
		hint: "the provider wants another nonce in the DPoP proof, after it gave one a moment ago: try again",
	},
	{code: "invalid_dpop_proof", unsent: "Dpop", hint: hintDPoP},
	{says: "dpop proof is missing", unsent: "Dpop", hint: hintDPoP}, // Keycloak
	{says: "dpop confirmation doesn't match", hint: hintDPoPKey},    // Keycloak
	{says: "client certificate missing, or its thumbprint", hint: "the refresh token is bound to a client " +
		"certificate: use the certificate of the login (--pem-cert and --pem-key)"}, // Keycloak
}

// pkceHints are about PKCE: Keycloak, Hydra, Spring Authorization Server, django-oauth-toolkit, Entra ID.
var pkceHints = []providerHint{
	{says: "missing parameter: code_challenge", hint: hintPKCE},
	{says: "oauth 2.0 parameter: code_challenge", hint: hintPKCE},
	{says: "must include a code_challenge", hint: hintPKCE},
	{says: "code challenge required", hint: hintPKCE},
	{says: "code challenge method is not matching", hint: hintPKCE},
	{says: "aadsts9002325:", hint: hintPKCE},
	{grant: grantCode, says: "code_verifier", hint: "the code and the PKCE verifier do not belong together: log in " +
		"again, and let the login that began also end"},
	{grant: grantCode, says: "pkce verification failed", hint: "the code and the PKCE verifier do not belong " +
		"together: log in again, and let the login that began also end"},
}

// keycloakHints are of Keycloak.
var keycloakHints = []providerHint{
	{says: "invalid client credentials", hint: WrongClientHint},
	{says: "pushed authorization request is only allowed", hint: "the provider wants this client to push its " +
		"authorization requests: add --par (use_par: true)"},
	{
		says: "requested audience not available",
		hint: "the token cannot be for that audience: leave --audience out, or " +
			"add the audience to the client at the provider (Keycloak: an Audience mapper in one of its client " +
			"scopes; " +
			"an optional scope also has to be requested with --scope)",
	},
	{says: "audience not found", hint: "the provider has no client of that name: --audience is the client_id of the " +
		"other client"},
	{says: "client not enabled to retrieve service account", hint: "turn on the client credentials grant for this " +
		"client at the provider (Keycloak: Service accounts roles)"},
	{
		says: "public client not allowed to retrieve service account",
		hint: "the client is public: it needs a secret or " +
			"a key for this grant (Keycloak: Client authentication and Service accounts roles)",
	},
	{says: "client not allowed for direct access grants", hint: "turn on the password grant for this client at the " +
		"provider (Keycloak: Direct access grants), or use `oidc-client login`"},
	{says: "standard flow is disabled for the client", hint: "turn on the login through the browser for this client " +
		"at the provider (Keycloak: Standard flow)"},
	{says: "implicit flow is disabled for the client", hint: "the provider does not allow this response_type for the " +
		"client: leave --response-type out (code), or turn it on there (Keycloak: Implicit flow)"},
	{says: "device authorization grant. the flow is disabled", hint: "turn on the device flow for this client at the " +
		"provider (Keycloak: OAuth 2.0 Device Authorization Grant)"},
	{says: "client not allowed oidc ciba grant", hint: "turn on CIBA for this client at the provider (Keycloak: " +
		"OIDC CIBA Grant)"},
	{says: "standard token exchange is not enabled", hint: "turn on token exchange for this client at the provider " +
		"(Keycloak: Standard token exchange)"},
	{grant: grantExchange, code: "invalid_request", says: "invalid token", hint: "the provider did not accept the " +
		"subject token: it is expired or revoked, or no access token of this realm"},
	{endpoint: "introspection", says: "client not allowed", hint: "the provider does not let this client introspect " +
		"tokens: use a client that has a secret or a key (Keycloak: Client authentication)"},
	{says: "client is not within the token audience", hint: "the subject token is not meant for this client: its aud " +
		"must name client_id (Keycloak: add an Audience mapper where the token comes from)"},
	{code: "invalid_grant", says: "session not active", hint: hintSessionOver},
	{code: "invalid_grant", says: "session doesn't have required client", hint: hintSessionOver},
	{code: "invalid_grant", says: "offline user session not found", hint: hintSessionOver},
	{code: "invalid_grant", says: "stale token", hint: hintSessionOver},
	{code: "invalid_grant", says: "maximum allowed refresh token reuse exceeded", hint: "the refresh token was used " +
		"before: the provider gives a new one with each refresh, and only the newest is valid; log in again"},
	{
		code: "invalid_grant", says: "account is not fully set up",
		hint: "the user has something to do first, such as a " +
			"new password or a second factor: log in through the browser (`oidc-client login`)",
	},
	{code: "invalid_grant", says: "account disabled", hint: "the user's account is disabled at the provider"},
	{code: "invalid_grant", says: "account temporarily disabled", hint: "the user's account is locked for a while " +
		"after wrong passwords: wait, or have it unlocked at the provider"},
	{code: "invalid_grant", says: "incorrect redirect_uri", hint: hintRedirectURI},
	{says: "realm does not exist", hint: "the provider has no such realm: check issuer, which is " +
		"https://HOST/realms/NAME at Keycloak (https://HOST/auth/realms/NAME before version 17)"},
	{says: "https required", hint: "the provider wants https: use an https URL as issuer, or change what it demands " +
		"(Keycloak: Require SSL, in the realm's settings)"},
	{says: "missing openid scope", hint: "UserInfo needs a token with the scope openid: log in with it, or leave " +
		"UserInfo out with --skip-userinfo"},
	{says: "offline tokens not allowed", hint: "the provider issues no offline tokens to this user or client: leave " +
		"offline_access out of scopes (--scope), or allow it there (Keycloak: the user's role offline_access, and " +
		"the client's optional scope of that name)"},
	{says: "policy 'max clients limit' rejected", hint: "the provider has as many clients as it allows: delete some " +
		"there, or raise the limit (Keycloak: Client registration policies)"},
}

// entraHints are of Microsoft Entra ID, whose descriptions begin with a number.
var entraHints = []providerHint{
	{says: "aadsts7000215:", hint: WrongClientHint + "\nat Entra ID, client_secret is the Value of the secret, " +
		"not its Secret ID"},
	{says: "aadsts7000222:", hint: "the client secret has expired: make a new one in the app registration " +
		"(Certificates & secrets)"},
	{says: "aadsts7000218:", hint: "the provider takes this client for a confidential one: set client_secret or " +
		"private_key, or turn on \"Allow public client flows\" in the app registration (Authentication)"},
	{says: "aadsts700025:", hint: "the client is registered as public: leave client_secret and private_key out " +
		"(auth_method: none)"},
	{says: "aadsts700016:", hint: "the tenant has no such app: check client_id, and the tenant in issuer"},
	{says: "aadsts7000112:", hint: "the app is disabled in this tenant (Enterprise applications, Properties)"},
	{says: "aadsts700027:", hint: WrongClientHint + "\nat Entra ID, the certificate of the private key has to be " +
		"uploaded to the app registration"},
	{says: "aadsts700023:", hint: WrongClientHint + "\nthe audience of the client assertion is not the one the " +
		"provider wants: jwt_profile_endpoint_audience: true sends the token endpoint's URL"},
	{says: "aadsts700024:", hint: WrongClientHint + "\nthe client assertion is not valid at this time: compare this " +
		"machine's clock with the provider's"},
	{says: "aadsts70021:", hint: hintFederated},
	{says: "aadsts700211:", hint: hintFederated},
	{says: "aadsts700212:", hint: hintFederated},
	{says: "aadsts700213:", hint: hintFederated},
	{says: "aadsts700214:", hint: hintFederated},
	{says: "aadsts9002327:", hint: "the redirect URI is registered for a single-page application: register it under " +
		"\"Mobile and desktop applications\""},
	{says: "aadsts9002326:", hint: "the redirect URI is registered for a single-page application: register it under " +
		"\"Mobile and desktop applications\""},
	{says: "aadsts50011:", hint: hintRedirectURI},
	{says: "aadsts500113:", hint: hintRedirectURI},
	{says: "aadsts50194:", hint: "the app belongs to one tenant: use " +
		"https://login.microsoftonline.com/TENANT/v2.0 as issuer, not .../common"},
	{says: "aadsts9002346:", hint: "the app is for personal accounts only: use " +
		"https://login.microsoftonline.com/consumers/v2.0"},
	{says: "aadsts90002:", hint: "there is no such tenant: check the tenant's name or id in issuer"},
	{
		says: "aadsts1002012:",
		hint: "for the client credentials grant the scope is the API's identifier and /.default: " +
			"such as --scope https://graph.microsoft.com/.default",
	},
	{says: "aadsts70011:", hint: "the scope is not valid: scopes of an API are written API/NAME, such as " +
		"api://ID/Files.Read, or API/.default; a request can name the scopes of one API only"},
	{says: "aadsts28000:", hint: "a request can name the scopes of one API only: get a token for each"},
	{says: "aadsts500011:", hint: "the tenant does not know the API: check the scope or --resource, and whether the " +
		"API's app has a service principal in this tenant"},
	{says: "aadsts65001:", hint: "nobody agreed to what the app asks for: log in with --prompt consent, or have an " +
		"administrator grant consent (API permissions)"},
	{says: "aadsts50105:", hint: "the user is not assigned to the app (Enterprise applications, Users and groups)"},
	{
		says: "aadsts53003:",
		hint: "a Conditional Access policy of the tenant forbids this login: see the sign-in log of " +
			"the tenant",
	},
	{
		says: "aadsts50076:",
		hint: "the provider wants a second factor: log in through the browser (`oidc-client login`)",
	},
	{says: "aadsts50079:", hint: "the user has to set up a second factor: log in through the browser " +
		"(`oidc-client login`)"},
	{says: "aadsts50126:", hint: "the user's name or password is wrong"},
	{says: "aadsts50034:", hint: "the tenant does not know the user: check the name, and the tenant in issuer"},
	{says: "aadsts54005:", hint: hintCode},
	{says: "aadsts700082:", hint: "the refresh token was not used for too long: log in again"},
	{says: "aadsts70008:", hint: "the refresh token or code was not used for too long: log in again"},
	{says: "aadsts50173:", hint: hintSessionOver},
	{says: "aadsts700084:", hint: "refresh tokens of a single-page application last 24 hours: log in again, and " +
		"register the redirect URI under \"Mobile and desktop applications\""},
	{says: "aadsts901002:", hint: "the v2.0 endpoint takes no resource parameter: leave --resource out, and name the " +
		"API in --scope"},
}

// adfsHints are of AD FS, whose descriptions begin with an event's name.
var adfsHints = []providerHint{
	{says: "msis9607", hint: "AD FS knows no client of this identifier: check client_id"},
	{says: "msis9223", hint: "AD FS knows no client of this identifier: check client_id"},
	{says: "msis9622", hint: WrongClientHint},
	{says: "msis9224", hint: hintRedirectURI},
	{says: "msis9609", hint: hintRedirectURI},
	{says: "msis9602", hint: "AD FS knows no such resource: --resource (or the scope, RESOURCE/NAME) is the " +
		"identifier of a Web API of the application group"},
	{says: "msis9605", hint: "the client may not use this resource: add it to the Web API's client permissions in " +
		"AD FS, with the scopes (openid among them)"},
	{says: "msis9612", hint: hintCode},
	{says: "msis9615", hint: "the refresh token is expired or revoked: log in again"},
}

// googleHints are of Google.
var googleHints = []providerHint{
	{code: "redirect_uri_mismatch", hint: hintRedirectURI},
	{says: "client_secret is missing", hint: "the provider wants a client_secret from this client: set it. Google's " +
		"\"Desktop app\" clients have one too"},
	{says: "the oauth client was not found", hint: "the provider knows no such client: check client_id"},
	{says: "the oauth client was deleted", hint: "the client was deleted at the provider: make a new one"},
	{endpoint: "device_authorization", says: "invalid client type", hint: "the client may not use the device flow: " +
		"at Google it has to be of the type \"TVs and Limited Input devices\""},
	{grant: grantDevice, says: "invalid client type", hint: "the client may not use the device flow: at Google it " +
		"has to be of the type \"TVs and Limited Input devices\""},
	{code: "invalid_grant", says: "token has been expired or revoked", hint: "log in again: the refresh token is " +
		"expired or revoked (at Google, those of an app in testing last 7 days)"},
	{says: "invalid_rapt", hint: "the organization wants the user to log in afresh from time to time: log in again"},
	{code: "admin_policy_enforced", hint: "an administrator of the organization has to allow the app, or one of its " +
		"scopes"},
	{code: "org_internal", hint: "the app is for users of its own organization only: log in as one of them"},
	{says: "short-lived token", hint: "the assertion's iat and exp are not accepted: at most an hour apart, and by a " +
		"clock that is right"},
	{says: "unauthorized to retrieve access tokens using this method", hint: "allow the service account's client id " +
		"and its scopes in the Workspace (domain-wide delegation)"},
	{says: "some requested scopes were invalid", hint: "the provider does not know a scope: Google's are openid, " +
		"email, profile and the URLs of its list of scopes (there is no offline_access: use " +
		"--param access_type=offline)"},
}

// githubHints are of GitHub, which sends its errors with the status 200.
var githubHints = []providerHint{
	{code: "incorrect_client_credentials", hint: WrongClientHint},
	{code: "bad_verification_code", grant: grantCode, hint: hintCode}, // to Entra ID it is a device code
	{code: "bad_refresh_token", hint: "the refresh token is expired, was used before, or is another client's: log in " +
		"again"},
	{code: "unverified_user_email", hint: "the user has to verify the email address at the provider first"},
	{code: "application_suspended", hint: "the app was suspended at the provider: its owner has to ask there"},
}

// auth0Hints are of Auth0.
var auth0Hints = []providerHint{
	{code: "access_denied", says: "unauthorized", status: 401, endpoint: "token", hint: WrongClientHint},
	{says: "client-grant", hint: "allow this client to use the API at the provider (Auth0: the API's Machine to " +
		"Machine applications), or check --audience"},
	{says: "no audience parameter was provided", hint: hintAudience},
	{says: "service not enabled within domain", hint: hintAudience},
	{says: "unknown or invalid refresh token", hint: "log in again: the refresh token is expired, revoked, was used " +
		"before, or was issued to another client_id"},
	{code: "mfa_required", hint: "the provider wants a second factor, for which this grant has no place: log in " +
		"through the browser (`oidc-client login`)"},
	{
		says: "default connection",
		hint: "the password grant needs a user database: set the tenant's Default Directory, " +
			"or name one with --param realm=NAME and its grant type",
	},
	{says: "not allowed for the client", hint: hintGrantAllowed},
}

// oktaHints are of Okta.
var oktaHints = []providerHint{
	{says: "policy evaluation failed", hint: "no access policy of the authorization server allows this: add a policy " +
		"and a rule for this client, grant, user and scope (Okta: Security, API, Access Policies)"},
	{says: "not configured for the authorization server resource", hint: "the authorization server does not know a " +
		"scope: add it there, or leave it out"},
	{says: "must use the private_key_jwt", hint: "the provider takes a key, not a secret, for this: " +
		"--auth-method private_key_jwt --pem-key FILE"},
	{says: "invalid value for 'client_id'", hint: "the provider knows no such client: check client_id, and that the " +
		"issuer is the right authorization server"},
	{says: "user is not assigned to the client", hint: "assign the user to the app at the provider"},
	{says: "configured grant types", hint: hintGrantAllowed},
}

// scopeHints are about a refresh that asked for no scope, and so for all that the login was granted.
var scopeHints = []providerHint{
	{
		code: "invalid_scope", grant: grantRefresh, unsent: "scope",
		hint: "the provider does not allow the scopes of the " +
			"login any more: log in again, with others",
	},
}

// hydraHints are of ORY Hydra.
var hydraHints = []providerHint{
	{says: "must match the authorization server's token endpoint", hint: WrongClientHint +
		"\nthe provider wants its token endpoint as aud of the client assertion: " +
		"jwt_profile_endpoint_audience: true"},
	{says: "token_endpoint_auth_method", hint: WrongClientHint +
		"\nthe client is registered for another method: set --auth-method to that one"},
	{says: "refresh token has already been used", hint: "the refresh token was used before: the provider gives a new " +
		"one with each refresh, and only the newest is valid; log in again"},
	{code: "token_inactive", hint: "log in again: the refresh token is expired or revoked, or was used before"},
	{says: "not allowed to request scope", hint: "the client is not registered for a scope: add it to the client at " +
		"the provider, or leave it out"},
	{code: "request_unauthorized", hint: "the access token is missing, expired or revoked"},
}

// otherHints are of Amazon Cognito, Dex, GitLab, zitadel, Authlib and others.
var otherHints = []providerHint{
	{says: "does not contain openid scope", hint: "UserInfo needs a token with the scope openid: log in with it, or " +
		"leave UserInfo out with --skip-userinfo"}, // Cognito
	{says: "missing required scope(s)", hint: "the provider wants the scope openid in every login: add it to " +
		"scopes"}, // Dex
	{says: "unrecognized scope", hint: "the provider does not know a scope: leave it out"}, // Dex
	{says: "invalid claim: 'aud'", hint: WrongClientHint + "\nthe provider wants its token endpoint as aud of the " +
		"client assertion: jwt_profile_endpoint_audience: true"}, // Authlib
	{grant: grantRefresh, says: "refresh token is invalid or has already been claimed", hint: "log in again: the " +
		"refresh token was used before, is expired, or was issued to another client_id"}, // Dex
	{says: "redirect_uri did not match", hint: hintRedirectURI}, // Dex
	{says: "mismatching redirect uri", hint: hintRedirectURI},   // django-oauth-toolkit
	{
		code: "unauthorized_client", grant: grantCode, status: 400, // Cognito
		hint: "the client may not use the authorization code grant, or the redirect URI differs from the registered " +
			"one: compare both with the client's registration",
	},
	{says: "refreshtokeninvalid", hint: "log in again: the refresh token is expired, revoked, or was used before"},
	{code: "invalid_tenant", hint: "there is no such tenant: check issuer"},
}

// awsHints are of the Security Token Service of AWS (AssumeRoleWithWebIdentity).
var awsHints = []providerHint{
	{
		endpoint: "sts", says: "no openidconnect provider found",
		hint: "the AWS account knows no such provider: add the " +
			"issuer of the session as an identity provider in IAM, exactly as it is in the ID Token (iss)",
	},
	{
		endpoint: "sts", says: "incorrect token audience",
		hint: "the identity provider in IAM does not list the token's " +
			"audience: add the client_id of the session to its audiences",
	},
	{endpoint: "sts", says: "retrieve verification key", hint: "AWS cannot fetch the provider's keys: its metadata " +
		"and jwks_uri have to be reachable from the internet, with a public certificate"},
	{
		endpoint: "sts", code: "InvalidIdentityToken",
		hint: "AWS does not accept the ID Token: compare its iss with the " +
			"identity provider in IAM, its aud with the audiences there, and its signature algorithm (RS256, ES256)",
	},
	{endpoint: "sts", code: "ExpiredTokenException", hint: "the ID Token has expired: " +
		"`oidc-client sessions refresh NAME` gets a new one, or log in again"},
	{endpoint: "sts", code: "AccessDenied", hint: "the role's trust policy does not allow this: it needs " +
		"sts:AssumeRoleWithWebIdentity for the identity provider, and conditions (aud, sub) that the ID Token meets; " +
		"check --role-arn"},
	{
		endpoint: "sts", code: "IDPRejectedClaim",
		hint: "the provider rejected the ID Token when AWS asked: log in again",
	},
	{
		endpoint: "sts", code: "IDPCommunicationError",
		hint: "AWS could not reach the provider: try again; its metadata " +
			"and keys have to be reachable from the internet",
	},
	{endpoint: "sts", code: "RegionDisabledException", hint: "STS is not active in this region: turn it on in the " +
		"account's settings, or name another region (--region, AWS_REGION)"},
	{
		endpoint: "sts", says: "durationseconds",
		hint: "the role does not allow credentials for so long: make --duration " +
			"shorter, or raise the role's maximum session duration",
	},
	{endpoint: "sts", code: "ValidationError", hint: "AWS does not accept a parameter: check --role-arn, " +
		"--role-session-name and --duration"},
	{endpoint: "sts", code: "PackedPolicyTooLarge", hint: "the ID Token has more than AWS can hold: ask for fewer " +
		"scopes or claims"},
	{endpoint: "sts", code: "Throttling", hint: "AWS gets too many requests: try again later"},
}

// credentialHints are what providers call wrong credentials beside invalid_client.
var credentialHints = []providerHint{
	{code: "unauthorized_client", status: 401, hint: WrongClientHint}, // Keycloak
	{code: "invalid_client_secret", hint: WrongClientHint},
}

// providerHintFor returns the advice of the table for a refusal, "" if it has none.
// request is what was refused, nil if it is not known.
func providerHintFor(e *oidc.Error, request *transcript.Exchange) string {
	for i := range providerHints {
		if h := &providerHints[i]; h.applies(e, request) {
			return h.hint
		}
	}
	return ""
}

func (h *providerHint) applies(e *oidc.Error, request *transcript.Exchange) bool {
	said := strings.ToLower(e.Code + "\n" + e.Description)
	return (h.code == "" || h.code == e.Code) &&
		(h.says == "" || strings.Contains(said, h.says)) &&
		(h.endpoint == "" || h.endpoint == e.Endpoint) &&
		(h.grant == "" || h.grant == e.GrantType) &&
		(h.status == 0 || h.status == e.Status) &&
		(h.method == "" || request != nil && request.Method == h.method) &&
		(h.unsent == "" || !has(request, h.unsent))
}

// has reports whether a request had a header or a parameter.
func has(request *transcript.Exchange, name string) bool {
	if request == nil {
		return false
	}
	begins := func(line string) bool {
		return strings.HasPrefix(line, name+": ") || strings.HasPrefix(line, name+"=")
	}
	return slices.ContainsFunc(request.Header, begins) || slices.ContainsFunc(strings.Split(request.Body, "\n"), begins)
}
