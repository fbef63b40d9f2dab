// The levels of what faults break.

package fault

import "slices"

// ruleBases are the levels of faults by what they break: a rule, a reason, or an error of OAuth,
// which has no dot.
func ruleBases() []basis {
	return slices.Concat(metadataBases(), responseBases(), jwtBases(), refusalBases())
}

func metadataBases() []basis {
	return []basis{
		{"discovery.issuer", Required, discovered + "4.3"},
		{"discovery.endpoint_urls", Required, discovered + "3; RFC 6749 section 3.2: TLS"},
		{"discovery.*", Required, discovered + "3"},
		{"response.jwk_set", Required, "RFC 7517 section 5.1"},
		{"registration.client_id", Required, "RFC 7591 section 3.2.1"},
		{"registration.*", Choice, "RFC 7591 section 3.2.1; RFC 7592 section 3"},
		{"protected_resource.resource", Required, "RFC 9728 section 3.3"},
		{"protected_resource.*", Recommended, "RFC 9728 section 7.7"},
		{"endpoint.url", Recommended, "RFC 9728 section 7.7"},
	}
}

func responseBases() []basis {
	return []basis{
		{"authorization_response.state", Required, "RFC 6749 section 10.12"},
		{"authorization_response.iss", Required, "RFC 9207 section 2.4"},
		{"authorization_response.once", Recommended, "RFC 6749 section 3.1 says it of the server"},
		{"authorization_response.mode", Recommended, "JARM section 2.3"},
		{"authorization_response.code", Required, "RFC 6749 section 4.1.2"},
		{"pushed_authorization.request_uri", Required, "RFC 9126 section 2.2"},
		{"pushed_authorization.expires_in", Choice, "RFC 9126 section 2.2"},
		{"device_authorization.verification_uri", Recommended, "RFC 8628 section 3.2"},
		{"device_authorization.expires_in", Choice, "RFC 8628 section 3.2"},
		{"device_authorization.*", Required, "RFC 8628 section 3.2"},
		{"backchannel_authentication.expires_in", Choice, cibaCore + "7.3"},
		{"backchannel_authentication.*", Required, cibaCore + "7.3"},
		{"token_response.access_token", Required, "RFC 6749 section 5.1"},
		{"token_response.token_type", Required, "RFC 6749 section 7.1"},
		{"token_response.dpop", Choice, "RFC 9449 section 5: a client may accept a token that is not bound"},
		{"token_response.*", Choice, "RFC 6749 section 5.1; RFC 8693 section 2.2.1; RFC 9396 section 7"},
		{"introspection.active", Required, "RFC 7662 section 2.2"},
		{"introspection.signed", Recommended, "RFC 9701 section 4"},
		{"end_session.state", Recommended, "OpenID Connect RP-Initiated Logout 1.0 section 3"},
		{"userinfo.sub*", Required, core + "5.3.2"},
		{"userinfo.signed", Recommended, core + "5.3.2"},
		{"dpop.nonce", Choice, "RFC 9449 section 8.1"},

		{"json.duplicate_member", Choice, "RFC 8259 section 4 says SHOULD"},
		{"json.unicode", Choice, "RFC 8259 section 8.2: the outcome is unpredictable"},
		{"json.depth", Choice, "RFC 8259 section 9: limits are the reader's own"},
		{"json.values", Choice, "RFC 8259 section 9: limits are the reader's own"},
		{"json.*", Required, "RFC 8259 section 2; RFC 6749 section 5.1"},
		{"response.size", Choice, "no standard sets a limit"},
		{"response.redirect", Choice, "RFC 9110 section 15.4 says MAY"},
		{"response.content_type", Required, "RFC 6749 section 5.1: there is no response in it"},
		{"response.status", Required, "RFC 9110 section 15: there is no response in it"},
		{"network.*", Recommended, "RFC 9110 section 9.2.2: a request that may have counted is not repeated"},
	}
}

// jwtBases are of rules about tokens.
func jwtBases() []basis {
	return []basis{
		{"id_token.azp", Recommended, core + "3.1.3.7 item 5 says SHOULD"},
		{"id_token.acr*", Recommended, core + "3.1.3.7 item 12 says SHOULD"},
		{"id_token.amr*", Choice, core + "2"},
		{"id_token.auth_time", Recommended, core + "3.1.3.7 item 13 says SHOULD"},
		{"id_token.max_iat_age", Choice, core + "3.1.3.7 item 10: the range of iat is the client's own"},
		{"id_token.present", Required, core + "3.1.3.3"},
		{"id_token.iss", Required, core + "3.1.3.7 item 2"},
		{"id_token.aud*", Required, core + "3.1.3.7 item 3"},
		{"id_token.signature", Required, core + "3.1.3.7 item 6; RFC 8725 section 3.3"},
		{"id_token.exp", Required, core + "3.1.3.7 item 9"},
		{"id_token.nonce", Required, core + "3.1.3.7 item 11"},
		{"id_token.at_hash", Required, core + "3.2.2.9"},
		{"id_token.c_hash", Required, core + "3.3.2.10"},
		{"id_token.sub", Required, core + "2"},
		{"id_token.iat", Required, core + "2"},
		{"id_token.not_access_token", Recommended, "RFC 8725 section 3.12"},
		{"hybrid.*", Required, core + "3.3.3.6"},
		{"refresh.sub", Required, core + "12.2"},
		{"refresh.*", Recommended, core + "12.2"},
		{"access_token.not_id_token", Recommended, "RFC 8725 section 3.12"},
		{"access_token.signature", Required, "RFC 9068 section 4"},
		{"access_token.iss", Required, "RFC 9068 section 4"},
		{"access_token.exp", Required, "RFC 9068 section 4"},
		{"access_token.typ", Required, "RFC 9068 section 4"},
		{"jarm.iss", Required, "JARM section 2.4"},
		{"jarm.aud", Required, "JARM section 2.4"},
		{"jarm.exp", Required, "JARM section 2.4"},
		{"userinfo.aud", Recommended, core + "5.3.2 says SHOULD"},
		{"userinfo.iss", Required, core + "5.3.2"},
		{"introspection.iss", Required, "RFC 9701 section 5"},
		{"introspection.aud", Required, "RFC 9701 section 5"},
		{"logout_token.iss", Required, backchannel + "2.6 item 4"},
		{"logout_token.aud", Required, backchannel + "2.6 item 4"},
		{"logout_token.iat", Required, backchannel + "2.6 item 4"},
		{"logout_token.exp", Required, backchannel + "2.6 item 4"},
		{"logout_token.subject", Required, backchannel + "2.6 item 5"},
		{"logout_token.events", Required, backchannel + "2.6 item 6"},
		{"logout_token.nonce", Required, backchannel + "2.6 item 7"},

		{"*.kind", Recommended, "RFC 8725 section 3.12"},
		{"*.typ", Recommended, "RFC 8725 section 3.11"},
		{"*.encryption", Recommended, "RFC 8725 section 3.1; " + core + "3.1.3.7 item 1 says SHOULD"},
		{"*.decryption", Required, "RFC 7516 section 5.2"},
		{"*.readable", Required, "RFC 7519 section 7.2"},
		{"*.signature", Required, "RFC 7519 section 7.2; RFC 8725 section 3.3"},
		{"*.exp", Required, "RFC 7519 section 4.1.4"},
		{"*.nbf", Required, "RFC 7519 section 4.1.5"},
	}
}

// refusalBases are of errors of OAuth: nobody can go on after them.
func refusalBases() []basis {
	return []basis{
		{"use_dpop_nonce", Recommended, "RFC 9449 section 8: a request is not repeated without end"},
		{"insufficient_user_authentication", Choice, "RFC 9470 section 4"},
		{"invalid_token", Required, "RFC 6750 section 3.1"},
		{"expired_token", Required, "RFC 8628 section 3.5; CIBA Core 1.0 section 11"},
		{"gone_fishing", Required, "RFC 8628 section 3.5; CIBA Core 1.0 section 11"},
		{"unsupported_token_type", Required, "RFC 7009 section 2.2.1"},
		{"invalid_client_metadata", Required, "RFC 7591 section 3.2.2"},
		{"??*", Required, "RFC 6749 sections 4.1.2.1 and 5.2"},
	}
}
