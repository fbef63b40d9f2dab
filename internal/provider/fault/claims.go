// Faults of claims: OpenID Connect Core 1.0 sections 2, 3.1.3.7 and 12.2, RFC
// 7519, RFC 9068.

package fault

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

func claimFaults() []tokenFault {
	return slices.Concat(
		issuerFaults(), audienceFaults(), timeFaults(),
		[]tokenFault{
			{
				name: "sub-missing", text: "TOKEN has no sub", kinds: refreshedIDToken | loginIDToken,
				rules: []string{"sub"}, rows: []string{"C13"}, spoil: claim("sub", nil),
			},
			{
				name: "sub-empty", text: "TOKEN has an empty sub", kinds: refreshedIDToken, rules: []string{"sub"},
				spoil: claim("sub", ""),
			},
			{
				name: "sub-number", text: "TOKEN has a sub that is a number", kinds: refreshedIDToken,
				rules: []string{"sub"}, rows: []string{"H19"}, spoil: claim("sub", 42),
			},
			{
				name: "sub-long", text: "TOKEN has a sub of 256 characters", kinds: refreshedIDToken,
				rules: []string{"sub"}, rows: []string{"V24"}, spoil: claim("sub", strings.Repeat("s", 256)),
			},
			{
				name: "sub-upper-case", text: "TOKEN has the claim SUB instead of sub", kinds: refreshedIDToken,
				rules: []string{"sub"}, rows: []string{"J14", "H11"},
				spoil: func(t *token) { t.claims["SUB"] = t.claims["sub"]; delete(t.claims, "sub") },
			},
			{
				name: "events", text: "TOKEN has the claims of a Logout Token (events)",
				kinds: refreshedIDToken | userInfoJWT | accessJWT | refreshJWT | jarmJWT | loginIDToken,
				rules: []string{"kind"}, rows: []string{"J16"},
				spoil: claim("events",
					map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}),
			},
			{
				name: "nonce", text: "TOKEN has the claims of an ID Token (nonce)", kinds: userInfoJWT | jarmJWT,
				rules: []string{"kind"}, rows: []string{"J16"}, spoil: claim("nonce", "n"),
			},
			{
				name: "at-hash-wrong", text: "TOKEN has the hash of another access token (at_hash)",
				kinds: refreshedIDToken | loginIDToken, rules: []string{"at_hash"}, rows: []string{"C18", "V15"},
				spoil: claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
			},
			{
				name: "at-hash", text: "TOKEN is an ID Token by its claims (at_hash)", kinds: accessJWT,
				rules: []string{"kind"}, rows: []string{"J16"}, spoil: claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
			},
			{
				name:  "like-id-token",
				text:  "TOKEN looks like an ID Token: it has a nonce, and no scope, client_id and typ at+jwt",
				kinds: accessJWT, rules: []string{"not_id_token"}, rows: []string{"J16"},
				spoil: func(t *token) {
					t.header["typ"], t.claims["nonce"] = "JWT", "n"
					delete(t.claims, "scope")
					delete(t.claims, "client_id")
				},
			},
			{
				name:  "like-access-token",
				text:  "TOKEN looks like an access token: it has a scope, and no nonce and hashes",
				kinds: refreshedIDToken, rules: []string{"not_access_token"}, rows: []string{"J16"},
				spoil: func(t *token) {
					t.claims["scope"] = "openid"
					for _, name := range []string{"nonce", "at_hash", "c_hash"} {
						delete(t.claims, name)
					}
				},
			},
			{
				name: "claims-missing", text: "TOKEN lacks jti and client_id", kinds: accessJWT,
				rules: []string{"claims"}, spoil: func(t *token) {
					delete(t.claims, "jti")
					delete(t.claims, "client_id")
				},
			},
			{
				name: "client-id-wrong", text: "TOKEN is another client's (client_id)", kinds: accessJWT,
				rules: []string{"client_id"}, spoil: claim("client_id", "mallory"),
			},
		})
}

func issuerFaults() []tokenFault {
	return []tokenFault{
		{
			name: "iss-wrong", text: "TOKEN has the issuer with a 1 after it",
			kinds: everyJWT | loginIDToken | frontIDToken, rules: []string{"iss"},
			rows:  []string{"C09", "C34", "F13", "A16", "K15", "R01", "V2"},
			spoil: func(t *token) { t.claims["iss"] = t.op.Issuer + "1" },
		},
		{
			name: "iss-slash", text: "TOKEN has the issuer with a slash after it",
			kinds: refreshedIDToken | userInfoJWT | jarmJWT, rules: []string{"iss"}, rows: []string{"H32"},
			spoil: func(t *token) { t.claims["iss"] = t.op.Issuer + "/" },
		},
		{
			name: "iss-upper-case", text: "TOKEN has the issuer in upper case", kinds: refreshedIDToken,
			rules: []string{"iss"}, rows: []string{"H32"},
			spoil: func(t *token) { t.claims["iss"] = strings.ToUpper(t.op.Issuer) },
		},
		{
			name: "iss-missing", text: "TOKEN has no iss",
			kinds: refreshedIDToken | userInfoJWT | jarmJWT | introspectionJWT | logoutJWT | loginIDToken,
			rules: []string{"iss"}, rows: []string{"F14", "A17", "K16", "V2"}, spoil: claim("iss", nil),
		},
		{
			name: "iss-list", text: "TOKEN has an iss that is a list with the right one",
			kinds: refreshedIDToken | userInfoJWT, rules: []string{"iss"},
			spoil: func(t *token) { t.claims["iss"] = []string{t.op.Issuer} },
		},
	}
}

func audienceFaults() []tokenFault {
	aud := func(change func(client any) any) func(*token) {
		return func(t *token) { t.claims["aud"] = change(t.claims["aud"]) }
	}
	return []tokenFault{
		{
			name: "aud-wrong", text: "TOKEN has the client_id with a 1 after it as aud",
			kinds: everyJWT&^(accessJWT|refreshJWT) | loginIDToken | frontIDToken, rules: []string{"aud"},
			rows: []string{"C10", "F15", "A18", "K17", "V3"}, spoil: aud(func(c any) any { return text(c) + "1" }),
		},
		{
			name: "aud-missing", text: "TOKEN has no aud",
			kinds: refreshedIDToken | userInfoJWT | jarmJWT | introspectionJWT | logoutJWT, rules: []string{"aud"},
			rows: []string{"C11", "F16", "A19", "K18", "V3"}, spoil: claim("aud", nil),
		},
		{
			name: "aud-empty", text: "TOKEN has an empty list as aud", kinds: refreshedIDToken | userInfoJWT,
			rules: []string{"aud"}, rows: []string{"J18"}, spoil: claim("aud", []any{}),
		},
		{
			name: "aud-null", text: "TOKEN has a list with null as aud", kinds: refreshedIDToken,
			rules: []string{"aud"}, rows: []string{"J18"}, spoil: claim("aud", []any{nil}),
		},
		{
			name: "aud-object", text: "TOKEN has an object as aud", kinds: refreshedIDToken, rules: []string{"aud"},
			rows: []string{"J18"}, spoil: aud(func(c any) any { return map[string]any{text(c): true} }),
		},
		{
			name: "aud-nested", text: "TOKEN has the client_id in a list in a list as aud", kinds: refreshedIDToken,
			rules: []string{"aud"}, rows: []string{"J18"}, spoil: aud(func(c any) any { return []any{[]any{c}} }),
		},
		{
			name: "aud-mixed", text: "TOKEN has the client_id and a number as aud", kinds: refreshedIDToken,
			rules: []string{"aud"}, rows: []string{"J18"}, spoil: aud(func(c any) any { return []any{c, 1} }),
		},
		{
			name: "aud-upper-case", text: "TOKEN has the client_id in upper case as aud", kinds: refreshedIDToken,
			rules: []string{"aud"}, spoil: aud(func(c any) any { return strings.ToUpper(text(c)) }),
		},
		{
			name: "aud-list", text: "TOKEN has a list with the client_id as aud", kinds: refreshedIDToken | userInfoJWT,
			accept: true, rows: []string{"F06", "A03", "K03"}, spoil: aud(func(c any) any { return []any{c} }),
		},
		{
			name: "aud-second", text: "TOKEN has an audience besides the client_id",
			kinds: refreshedIDToken | loginIDToken, rules: []string{"aud_trusted"},
			rows: []string{"F17", "A20", "K19", "V3"}, spoil: aud(func(c any) any { return []any{c, text(c) + "1"} }),
		},
		{
			name: "azp-wrong", text: "TOKEN has another client as azp", kinds: refreshedIDToken | loginIDToken,
			rules: []string{"azp"}, rows: []string{"V5"}, spoil: claim("azp", "mallory"),
		},
	}
}

const day = 24 * time.Hour

func timeFaults() []tokenFault {
	odd := func(name, what string, value any) tokenFault {
		return tokenFault{
			name: "exp-" + name, text: "TOKEN has an exp that is " + what, kinds: refreshedIDToken,
			rules: []string{"exp"}, rows: []string{"J17"}, spoil: claim("exp", value),
		}
	}
	return []tokenFault{
		{
			name: "exp-past", text: "TOKEN expired six minutes ago",
			kinds: everyJWT&^introspectionJWT | loginIDToken | frontIDToken, rules: []string{"exp"},
			rows: []string{"F18", "A24", "K23", "V9"}, spoil: when("exp", -6*time.Minute),
		},
		{
			name: "exp-missing", text: "TOKEN has no exp", kinds: refreshedIDToken | jarmJWT | logoutJWT | loginIDToken,
			rules: []string{"exp"}, rows: []string{"F19", "A25", "K24"}, spoil: claim("exp", nil),
		},
		odd("huge", "1e19", json.Number("1e19")), odd("endless", "1e400", json.Number("1e400")),
		odd("negative", "-1", -1),
		odd("string", "a string", formatSeconds(5*time.Minute)), odd("true", "true", true),
		odd("list", "a list", []any{1}),
		{
			name: "iat-missing", text: "TOKEN has no iat",
			kinds: refreshedIDToken | introspectionJWT | logoutJWT | loginIDToken, rules: []string{"iat"},
			rows: []string{"C12"}, spoil: claim("iat", nil),
		},
		{
			name: "iat-future", text: "TOKEN is from an hour in the future (iat)",
			kinds: refreshedIDToken | accessJWT | introspectionJWT | logoutJWT, rules: []string{"iat"},
			rows: []string{"V10"}, spoil: when("iat", time.Hour),
		},
		{
			name: "iat-old", text: "TOKEN is a week old (iat), and not expired", kinds: refreshedIDToken | loginIDToken,
			accept: true, rules: []string{"iat_age"}, rows: []string{"A26", "K25"}, spoil: when("iat", -7*day),
		},
		{
			name: "iat-hours-old", text: "TOKEN is two hours old (iat), where an hour is allowed",
			kinds: refreshedIDToken | loginIDToken | frontIDToken,
			rules: []string{"max_iat_age"}, rows: []string{"A26", "K25"}, config: "max_id_token_age: 1h\n",
			spoil: when("iat", -2*time.Hour),
		},
		{
			name: "nbf-future", text: "TOKEN is not valid for another hour (nbf)", kinds: everyJWT | loginIDToken,
			rules: []string{"nbf"}, rows: []string{"J17"}, spoil: when("nbf", time.Hour),
		},
		{
			name: "nbf-huge", text: "TOKEN has an nbf of 1e19", kinds: refreshedIDToken | userInfoJWT | accessJWT,
			rules: []string{"nbf"}, rows: []string{"J17"}, spoil: claim("nbf", json.Number("1e19")),
		},
	}
}

// policyFaults matter to a relying party that demands something, or that knows
// the ID Token before a refresh.
func policyFaults() []tokenFault {
	return []tokenFault{
		{
			name: "acr-wrong", text: "TOKEN has another acr than was asked for", kinds: refreshedIDToken | loginIDToken,
			rules: []string{"acr"}, rows: []string{"V12"}, config: "acr_list: [\"2\"]\n", spoil: claim("acr", "0"),
		},
		{
			name: "amr-wrong", text: "TOKEN has none of the methods (amr) that are demanded",
			kinds: refreshedIDToken | loginIDToken, rules: []string{"amr"}, config: "amr_list: [otp]\n",
			spoil: claim("amr", []string{"pwd"}),
		},
		{
			name: "amr-string", text: "TOKEN has an amr that is a string", kinds: refreshedIDToken | loginIDToken,
			rules: []string{"amr_type"}, rows: []string{"H19"}, spoil: claim("amr", "otp"),
		},
		{
			name: "auth-time-old", text: "TOKEN is of a login two hours ago (auth_time)",
			kinds: refreshedIDToken | loginIDToken, rules: []string{"auth_time"}, rows: []string{"V13"},
			config: "max_age: 3600\n", spoil: when("auth_time", -2*time.Hour),
		},
		{
			name: "auth-time-missing", text: "TOKEN has no auth_time where max_age is demanded",
			kinds: refreshedIDToken | loginIDToken, rules: []string{"auth_time"}, rows: []string{"V13"},
			config: "max_age: 3600\n", spoil: claim("auth_time", nil),
		},

		{
			name: "other-user", text: "TOKEN is of another user than the one before the refresh",
			kinds: refreshedIDToken, rules: []string{"refresh.sub"}, rows: []string{"R02", "C35"}, previous: true,
			spoil: claim("sub", "mallory"),
		},
		{
			name: "other-issuer", text: "TOKEN is of another issuer than the one before the refresh",
			kinds: refreshedIDToken, rules: []string{"iss", "refresh.iss"}, rows: []string{"R01", "C34"},
			previous: true, spoil: func(t *token) { t.claims["iss"] = t.op.Issuer + "1" },
		},
		{
			name:  "other-audience",
			text:  "TOKEN has another audience besides, which the one before the refresh had not",
			kinds: refreshedIDToken, rules: []string{"refresh.aud"}, rows: []string{"R03"}, previous: true,
			config: "trusted_audiences: [other]\n",
			spoil:  func(t *token) { t.claims["aud"] = []any{t.claims["aud"], "other"} },
		},
		{
			name: "older", text: "TOKEN is older than the one before the refresh (iat)", kinds: refreshedIDToken,
			rules: []string{"refresh.iat"}, rows: []string{"R04"}, previous: true, spoil: when("iat", -time.Hour),
		},
		{
			name: "new-auth-time", text: "TOKEN has the time of the refresh as that of the login (auth_time)",
			kinds: refreshedIDToken, rules: []string{"refresh.auth_time"}, rows: []string{"R05"}, previous: true,
			spoil: when("auth_time", 0),
		},
		{
			name: "new-azp", text: "TOKEN has an azp, which the one before the refresh had not",
			kinds: refreshedIDToken, rules: []string{"refresh.azp"}, rows: []string{"R06"}, previous: true,
			spoil: func(t *token) { t.claims["azp"] = t.claims["aud"] },
		},
		{
			name: "new-nonce", text: "TOKEN has a nonce, which the one before the refresh had not",
			kinds: refreshedIDToken, rules: []string{"refresh.nonce"}, rows: []string{"R07"}, previous: true,
			spoil: claim("nonce", "n"),
		},
		{
			name: "nonce", text: "TOKEN has a nonce after a refresh", kinds: refreshedIDToken, accept: true,
			rules: []string{"refresh.nonce_absent"}, rows: []string{"R07"}, spoil: claim("nonce", "n"),
		},
	}
}
