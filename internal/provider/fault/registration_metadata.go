// Faults of what a provider says it registered: RFC 7591 section 3.2.1. They are what providers do.

package fault

import "net/http"

// registeredMetadataFaults change the metadata in the response to a registration. A relying party can
// use the client all the same.
func registeredMetadataFaults() []Fault {
	created := func(name, what string, change func(map[string]any)) Fault {
		f := registrationFault(name, "The registration response "+what, nil, func(a *answer) {
			if a.request.Method == http.MethodPost {
				a.edit(change)
			}
		})
		f.Accept = true
		return f
	}
	all := func(changes ...func(map[string]any)) func(map[string]any) {
		return func(m map[string]any) {
			for _, change := range changes {
				change(m)
			}
		}
	}
	return []Fault{
		created("scope-optional", "names all scopes that the client may ask for, without openid, as Keycloak does",
			set("scope", "address phone offline_access")),
		created("userinfo-alg-none", "has the userinfo_signed_response_alg none, as Hydra does",
			set("userinfo_signed_response_alg", "none")),
		created("id-token-alg-none", "has the id_token_signed_response_alg none",
			set("id_token_signed_response_alg", "none")),
		created("auth-method-missing", "does not say how the client authenticates",
			set("token_endpoint_auth_method", nil)),
		created("token-uri-missing", "has no registration_access_token and no registration_client_uri, as "+
			"LemonLDAP::NG does",
			all(set("registration_access_token", nil), set("registration_client_uri", nil))),
		onlyNone(), hashedSecret(),
	}
}

// onlyNone is the metadata of servers that only know public clients, as many of MCP do.
func onlyNone() Fault {
	f := metadata("auth-methods-none", "The metadata allows no client authentication but none", nil, nil,
		metadatum("token_endpoint_auth_methods_supported", []string{"none"}))
	f.By, f.Accept = "register", true
	return f
}

// hashedSecret shows what Spring Authorization Server stores of a secret.
func hashedSecret() Fault {
	f := registrationFault("managed-secret-hashed",
		"A registration that is read has a hash in the place of the client_secret, as Spring's does",
		[]string{"registration.client_secret_itself"}, func(a *answer) {
			if a.request.Method != http.MethodPost {
				a.edit(set("client_secret", "{bcrypt}$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"))
			}
		})
	f.By, f.Accept = "register read", true
	return f
}
