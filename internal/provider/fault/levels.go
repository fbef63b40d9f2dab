// The levels of the whole catalogue, with the section of the standard that is the reason.

package fault

import "slices"

// Standards that are named often.
const (
	core        = "OpenID Connect Core 1.0 section "
	discovered  = "OpenID Connect Discovery 1.0 section "
	backchannel = "OpenID Connect Back-Channel Logout 1.0 section "
	cibaCore    = "OpenID Connect CIBA Core 1.0 section "
)

// faultBases are the levels of single faults: those that a relying party accepts, and those
// whose level is not that of what they break.
func faultBases() []basis {
	return slices.Concat(acceptedBases(), acceptedTokenBases(), tokenBases(), answerBases(), flowBases())
}

// acceptedBases are of metadata, keys and responses that a correct relying party tolerates.
func acceptedBases() []basis {
	return []basis{
		{"metadata-auth-methods-missing", Required, discovered + "3: the default is client_secret_basic"},
		{"metadata-no-openid", Recommended, discovered + "3: not every scope has to be in scopes_supported"},
		{
			"metadata-plain-oauth", Recommended,
			"RFC 8414 section 2: what a plain OAuth server has no use for may be missing",
		},
		{"metadata-unused-endpoint-http", Choice, "RFC 8414 section 2: the endpoint is not used"},
		{"device-uri-url", Choice, "RFC 8628 section 3.2: the member has another name"},
		{"device-pkce-required", Recommended, "RFC 9700 section 2.1.1, for a flow without redirect"},
		{"client-assertion-client-id", Recommended, "RFC 7521 section 4.2: client_id may be there"},
		{"client-assertion-typ", Recommended, "RFC 7523bis: assertions of clients are explicitly typed"},
		{"client-assertion-aud-endpoint", Choice, "RFC 7523 section 3: the audience is the server's choice"},
		{"jarm-claim-repeated", Choice, "RFC 7519 section 4: a parser may reject the JWT or use the last claim"},
		{"metadata-odd-order", Recommended, "OAuth 2.0 Multiple Response Type Encoding Practices section 3"},
		{"metadata-escapes", Recommended, discovered + "3: the member is not used"},
		{"metadata-endpoint-elsewhere", Choice, "RFC 9700 section 4.4"},
		{"metadata-alg-none", Choice, discovered + "3: RS256 belongs there"},
		{"metadata-no-pkce", Choice, "RFC 9700 section 2.1.1: it may be found out in other ways"},
		{"metadata-*-types-missing", Choice, discovered + "3: it belongs there, and may not be needed"},
		{"keys-escapes", Recommended, "RFC 7517 section 5: keys that are not understood are ignored"},
		{"keys-unknown", Recommended, "RFC 7517 section 5: keys that are not understood are ignored"},
		{"keys-same-kid", Recommended, "RFC 7517 section 4.5: keys of different types may share a kid"},
		{"keys-rotated", Recommended, core + "10.1.1: an unknown kid is a reason to fetch the keys again"},
		{"device-user-code-escapes", Choice, "RFC 8628 section 6.1"},
		{"device-interval-*", Choice, "RFC 8628 section 3.2"},
		{"ciba-interval-zero", Choice, cibaCore + "7.3"},
		{"device-poll-slow-down", Required, "RFC 8628 section 3.5"},
		{"ciba-poll-slow-down", Required, cibaCore + "11"},
		{"*-poll-unavailable", Recommended, "RFC 8628 section 3.5: a failed poll is repeated later"},
		{"token-type-upper-case", Required, "RFC 6749 section 5.1: token_type is case insensitive"},
		{"dpop-token-type-case", Required, "RFC 6749 section 5.1: token_type is case insensitive"},
		{"token-lifetime-missing", Recommended, "RFC 6749 section 5.1: expires_in may be missing"},
		{"token-lifetime-*", Choice, "RFC 6749 section 5.1"},
		{"token-refresh-token-missing", Recommended, "RFC 6749 section 6: a new one may be issued"},
		{"token-refresh-token-space", Required, "RFC 6749 appendix A.17: a space is a character of it"},
		{"login-refresh-token-missing", Recommended, "RFC 6749 section 5.1: refresh_token is optional"},
		{"metadata-endpoints-fewer", Recommended, discovered + "3: these members are optional"},
		{"registration-issued-at-string", Choice, "RFC 7591 section 3.2.1: the member may not be needed"},
		{"introspection-audience", Recommended, "RFC 7662 section 2.2: a token may be none of the client's business"},
		{"introspection-jwt-member", Recommended, "RFC 7662 section 2.2: unknown members may be there"},
		{"token-refresh-token-empty", Choice, "RFC 6749 section 5.1"},
		{"token-id-token-left-out", Recommended, core + "12.2: a refresh may bring no ID Token"},
		{"token-scope-less", Choice, "RFC 6749 section 3.3: the server may grant less"},
		{"login-id-token-acr-requested", Choice, core + "5.5.1.1: acr_values are voluntary"},
		{"exchange-type-odd", Choice, "RFC 8693 section 2.2.1"},
		{"authorization-details-other", Choice, "RFC 9396 section 7"},
		{"authorization-details-missing", Choice, "RFC 9396 section 7"},
	}
}

// acceptedTokenBases are of tokens that a correct relying party tolerates, and of what it gets with them.
func acceptedTokenBases() []basis {
	return []basis{
		{"*-kid-absent", Recommended, "RFC 7515 section 4.1.4: kid is optional"},
		{"*-kid-kelvin", Required, "RFC 7515 section 4: unknown header parameters are ignored"},
		{"*-jwt-numbers", Recommended, "RFC 7519 section 4: unknown claims are ignored"},
		{"id-token-numbers", Required, "RFC 7519 sections 2 and 4: unknown claims, and fractions of seconds"},
		{"id-token-escapes", Required, "RFC 7519 section 4: unknown claims are ignored"},
		{"*-aud-list", Required, "RFC 7519 section 4.1.3: aud may be a list"},
		{"*id-token-iat-old", Choice, core + "3.1.3.7 item 10: the range of iat is the client's own"},
		{"id-token-nonce", Choice, core + "12.2: a nonce should not be there"},
		{"id-token-jwe-good", Required, core + "3.1.3.7 item 1"},
		{"userinfo-jwe-good", Required, core + "5.3.2"},
		{"userinfo-jwe-signed", Required, core + "5.3.2"},
		{"userinfo-signed", Choice, core + "5.3.2: the client did not register for it"},
		{"userinfo-aggregated", Recommended, core + "5.6.2: these claims are optional to use"},
		{"userinfo-*escapes", Recommended, core + "5.3.2: claims that are not understood are ignored"},
		{"userinfo-numbers", Recommended, core + "5.3.2: claims that are not understood are ignored"},
		{"userinfo-types", Choice, core + "5.1"},
		{"dpop-*-nonce-once", Recommended, "RFC 9449 sections 8 and 9: the request is sent again with the nonce"},
		{"introspection-escapes", Recommended, "RFC 7662 section 2.2: unknown members may be there"},
		{"revocation-error-200", Required, "RFC 7009 section 2.2: the body of a 200 is ignored"},
		{"logout-token-typed-jwt", Recommended, backchannel + "2.4: typ is only recommended"},
		{"logout-token-untyped", Recommended, backchannel + "2.4: typ is only recommended"},
		{"registration-secret-missing", Choice, "RFC 7591 section 3.2.1: the secret is optional"},
		{"registration-scope-optional", Recommended, "RFC 7591 section 2: scope is what the client may ask for"},
		{"registration-userinfo-alg-none", Choice, "RFC 7591 section 3.2.1: the server may replace any value"},
		{"registration-id-token-alg-none", Choice, "RFC 7591 section 3.2.1: the server may replace any value"},
		{"registration-auth-method-missing", Choice, "RFC 7591 section 3.2.1: it belongs there"},
		{"registration-token-uri-missing", Recommended, "RFC 7591 section 3.2.1: RFC 7592 is optional"},
		{"metadata-auth-methods-none", Recommended, "RFC 8414 section 2: a server may have public clients only"},
		{"registration-managed-secret-hashed", Recommended, "RFC 7592 section 3: client_secret is the secret"},
		{"registration-managed-secret-missing", Choice, "RFC 7592 section 3: the secret is optional"},
		{
			"registration-auth-method-unknown", Choice,
			"RFC 7591 section 3.2.1: the server may replace what was asked for",
		},
		{"authorization-mode-ignored", Choice, "RFC 6749 section 4.1.2: the response belongs in the query"},
		{"resource-metadata-unchallenged", Recommended, "RFC 9728 section 3.1: metadata has a well-known place"},
		{"resource-metadata-servers-missing", Recommended, "RFC 9728 section 2: authorization_servers is optional"},
		{"resource-escapes", Recommended, "RFC 6750 section 3: only the error matters"},
	}
}

// tokenBases are of faults of tokens.
func tokenBases() []basis {
	return []basis{
		// A client cannot know what its access and refresh tokens are.
		{"refresh-token-*", Choice, "RFC 6749 section 1.5: refresh tokens are opaque to clients"},
		{"access-token-client-id-wrong", Choice, "RFC 9068 section 4 does not compare it"},
		{"access-token-iat-future", Choice, "RFC 7519 section 4.1.6"},
		{"access-token-claims-missing", Recommended, "RFC 9068 section 2.2"},
		{"access-token-client-id-missing", Recommended, "RFC 9068 section 2.2"},
		{"dpop-binding-*", Choice, "RFC 9449 section 6: access tokens are opaque to clients"},

		{"*-claim-duplicate*", Choice, "RFC 7519 section 4: the token is rejected, or the last claim counts"},
		{"*-header-duplicate", Choice, "RFC 7515 section 4: the token is rejected, or the last parameter counts"},
		{"*-jwe-duplicate", Choice, "RFC 7516 section 4: the token is rejected, or the last parameter counts"},
		{"*-jwe-zip", Choice, "RFC 8725 section 3.6"},
		{"*-jwe-missing", Recommended, core + "3.1.3.7 item 1 says SHOULD"},
		{"*-payload-bom", Required, "RFC 7519 section 7.2 item 10: completely valid JSON"},
		{"*-payload-trailing", Required, "RFC 7519 section 7.2 item 10: completely valid JSON"},
		{"*-payload-surrogate", Choice, "RFC 8259 section 8.2"},
		{"*-payload-deep", Choice, "RFC 8259 section 9: limits are the reader's own"},
		{"*-payload-many", Choice, "RFC 8259 section 9: limits are the reader's own"},
		{"*-token-long", Choice, "RFC 7519 sets no limit"},
		{"*-jwt-long", Choice, "RFC 7519 sets no limit"},
		{"*-base64-bits", Choice, "RFC 4648 section 3.5 says MAY"},
		{"*-crit-empty", Recommended, "RFC 7515 section 4.1.11"},
		{"*-crit-null", Recommended, "RFC 7515 section 4.1.11"},
		{"*-kid-unknown", Choice, "RFC 7515 section 4.1.4: kid is a hint"},
		{"*-kid-hostile", Choice, "RFC 7515 section 4.1.4: kid is a hint"},
		{"*-kid-long", Choice, "RFC 7515 section 4.1.4: kid is a hint"},
		{"keys-kid-upper-case", Choice, "RFC 7515 section 4.1.4: kid is a hint"},
		{"*-kid-absent-several-keys", Choice, core + "10.1: a client may try all keys, or reject the token"},
		{"*-key-published-twice", Choice, "RFC 7517 section 4.5 says SHOULD of the kid"},
		{"*-private-key", Choice, "RFC 7517 section 9.2"},
		{"*-encryption-key", Recommended, "RFC 7517 section 4.2"},
		{"*-encrypting-key", Recommended, "RFC 7517 section 4.3"},
		{"keys-use-enc", Recommended, "RFC 7517 section 4.2"},
		{"keys-many", Choice, "RFC 7517 sets no limit"},
		{"*-other-alg-key", Required, "RFC 8725 section 3.1"},
		{"*-weak-key", Required, "RFC 7518 section 3.3"},
		{"*-alg-other", Recommended, core + "3.1.3.7 item 7 says SHOULD; RFC 8725 section 3.1"},
		{"*-alg-of-another", Recommended, backchannel + "2.6 item 3 says SHOULD"},
		{"*-mac-audiences", Choice, core + "3.1.3.7 item 8: the behavior is unspecified"},

		{"*id-token-at-hash-wrong", Choice, core + "3.1.3.8 says MAY"},
		{"hybrid-s-hash-wrong", Recommended, "FAPI 1.0 Advanced section 5.2.3"},
		{"*-aud-mixed", Recommended, "RFC 7519 section 4.1.3"},
		{"*-sub-empty", Recommended, core + "2"},
		{"*-sub-number", Recommended, core + "2"},
		{"id-token-sub-long", Choice, core + "2: the limit is the provider's to keep"},
		{"*-exp-huge", Choice, "RFC 7519 section 4.1.4: it is in the future"},
		{"*-exp-endless", Choice, "RFC 7519 section 4.1.4: it is in the future"},
		{"*-iat-future", Choice, core + "3.1.3.7 item 10; RFC 7519 section 4.1.6"},
		{"logout-token-iat-old", Choice, core + "3.1.3.7 item 10"},
		{"introspection-jwt-iat-missing", Recommended, "RFC 9701 section 5"},
		{"userinfo-jwt-iss-missing", Choice, core + "5.3.2 says SHOULD of the provider"},
		{"userinfo-jwt-aud-missing", Choice, core + "5.3.2 says SHOULD of the provider"},
		{"logout-token-jti-*", Recommended, backchannel + "2.4"},
		{"logout-token-replayed", Choice, backchannel + "2.6 item 8 is optional"},
		{"logout-token-sub-wrong", Choice, backchannel + "2.6 item 10 is optional"},
		{"logout-token-sid-wrong", Choice, backchannel + "2.6 item 11 is optional"},
	}
}

// answerBases are of faults that every endpoint's response can have.
func answerBases() []basis {
	return []basis{
		{"*-bom", Choice, "RFC 8259 section 8.1 says MAY"},
		{"*-comment", Choice, "RFC 8259 section 9 says MAY"},
		{"*-trailing", Choice, "RFC 8259 section 9 says MAY"},
		{"*-media-type", Choice, "RFC 9110 section 8.3"},
		{"*-status-201", Choice, "RFC 9110 section 15.3"},
		{"par-status-200", Choice, "RFC 9126 section 2.2 says it of the server"},
		{"registration-status-200", Choice, "RFC 7591 section 3.2.1 says it of the server"},
		{"token-redirect-*", Recommended, "RFC 9700 section 4.12: a repeated request hands out its secrets"},
		{"*-poll-redirect", Recommended, "RFC 9700 section 4.12: a repeated request hands out its secrets"},
		{"pushed-*-redirect-*", Recommended, "RFC 9700 section 4.12: a repeated request hands out its secrets"},
		{"backchannel-*-redirect-*", Recommended, "RFC 9700 section 4.12: a repeated request hands out its secrets"},
		{"metadata-list-string", Choice, discovered + "3: the member may not be needed"},
		{"metadata-list-read-string", Recommended, discovered + "3"},
		{"metadata-endpoint-user", Recommended, "RFC 9110 section 4.2.4"},
		{"metadata-endpoint-fragment", Choice, discovered + "3"},
		{"metadata-endpoint-alias-http", Choice, "RFC 8705 section 5: it may not be needed"},
		{"metadata-jwks-uri-missing", Recommended, discovered + "3"},
		{"metadata-authorization-endpoint-missing", Choice, discovered + "3: it may not be needed"},
	}
}

// flowBases are of faults of authorization, token and other responses.
func flowBases() []basis {
	return []basis{
		{"authorization-*-unasked", Choice, "RFC 6749 section 4.1.2: unknown parameters are ignored"},
		{"hybrid-token-unasked", Choice, core + "3.3.2.5"},
		{"hybrid-implicit-code-unasked", Choice, core + "3.2.2.5"},
		{"authorization-code-and-error", Recommended, "RFC 6749 section 4.1.2"},
		{"authorization-jarm-twice", Recommended, "RFC 6749 section 3.1"},
		{"hybrid-token-lifetime", Choice, "RFC 6749 section 4.2.2"},
		{"hybrid-token-type-missing", Recommended, "RFC 6749 section 4.2.2"},
		{"par-request-uri-break", Recommended, "RFC 9126 section 2.2"},
		{"par-request-uri-escapes", Recommended, "RFC 9126 section 2.2"},
		{"device-code-break", Recommended, "RFC 8628 section 3.2"},
		{"device-user-code-number", Choice, "RFC 8628 section 3.2"},
		{"device-uri-missing", Required, "RFC 8628 section 3.2"},
		{"*-poll-pending-200", Choice, "RFC 6749 section 5.2 says it of the server"},
		{"*-poll-pending", Recommended, "RFC 8628 section 3.5; CIBA Core 1.0 section 11"},
		{"ciba-id-break", Recommended, cibaCore + "7.3"},
		{"ciba-ping-*", Required, cibaCore + "10.2"},
		{"*-access-token-break", Recommended, "RFC 6749 appendix A.12"},
		{"authorization-none-page", Required, core + "3.1.2.6: without a response there is no login"},
		{"token-form-encoded", Choice, "RFC 6749 section 5.1 says it of the server"},
		{"token-type-missing", Recommended, "RFC 6749 section 7.1"},
		{"token-refresh-token-*", Recommended, "RFC 6749 appendix A.17"},
		{"token-id-token-object", Recommended, core + "3.1.3.3"},
		{"token-id-token-missing", Choice, core + "12.2: a refresh may bring no ID Token"},
		{"token-error-beside-tokens", Choice, "RFC 6749 section 5.1: unknown members are ignored"},
		{"exchange-not-applicable", Recommended, "RFC 8693 section 2.2.1"},
		{"registration-secret-*", Choice, "RFC 7591 section 3.2.1"},
		{"registration-*uri-http", Recommended, "RFC 7592 section 3"},
		{"registration-uri-file", Recommended, "RFC 7592 section 3"},
		{"resource-metadata-server-string", Choice, "RFC 9728 section 2"},
		{"userinfo-refused-plainly", Required, "RFC 9110 section 15.5.4"},
	}
}
