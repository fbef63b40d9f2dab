//go:build providers

package test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	keycloakSecret = `a-secret of the-app, p@ss: word+%25/=&?"`
	keycloakMAC    = "a-secret-of-the-client-of-64-characters-so-that-HS512-works-too."
)

// Keycloak, with a realm of ordinary clients, and one whose client policy is FAPI 2.0.
func TestProviderKeycloak(t *testing.T) {
	k := startKeycloak(t)
	k.realm("test", k.clients()...)
	k.files()
	k.try(publicSteps, userSteps, keycloakLogins, logoutSteps, silentSteps)
	k.try(keycloakMethods, keycloakRequests, keycloakGrants)
	k.try(keycloakRegistration, registeredSteps, deletionSteps, keycloakHints)
	k.fapi()
	k.try(keycloakFAPI)
}

// A keycloak is a running Keycloak.
type keycloak struct {
	*realProvider
	origin string
	admin  administrator
	keys   map[string]json.RawMessage // the JWK Sets of the clients, by algorithm
}

func startKeycloak(t *testing.T) *keycloak {
	t.Helper()
	home := downloaded(t, "keycloak")
	k := &keycloak{realProvider: newRealProvider(t, "Keycloak"), keys: map[string]json.RawMessage{}}
	certificates := &npmProvider{t: t, folder: k.folder, http: &http.Client{}}
	certificates.certificates()
	k.browser.http.Transport = certificates.http.Transport
	port, securePort := freePort(t), freePort(t)
	k.origin = "http://127.0.0.1:" + port
	k.start([]string{
		"KC_BOOTSTRAP_ADMIN_USERNAME=admin", "KC_BOOTSTRAP_ADMIN_PASSWORD=admin",
		"JAVA_OPTS_KC_HEAP=-Xms64m -Xmx640m", "JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1",
	}, k.origin+"/realms/master",
		filepath.Join(home, "bin", "kc.sh"), "start-dev", "--features=preview", "--db=dev-mem",
		"--http-host=127.0.0.1", "--http-port="+port, "--https-port="+securePort,
		"--https-certificate-file="+filepath.Join(k.folder, "server.pem"),
		"--https-certificate-key-file="+filepath.Join(k.folder, "server-key.pem"),
		"--https-client-auth=request", "--https-trust-store-file="+filepath.Join(k.folder, "ca.pem"),
		"--spi-ciba-auth-channel--ciba-http-auth-channel--http-authentication-channel-uri="+k.phone())
	k.values["ISSUER"] = k.origin + "/realms/test"
	k.values["TLS"] = "https://127.0.0.1:" + securePort + "/realms/test"
	k.values["FAPI"] = k.origin + "/realms/fapi"
	k.logIn()
	var info struct{ SystemInfo struct{ Version string } }
	k.admin.ask(http.MethodGet, "/admin/serverinfo", nil, &info)
	k.version = info.SystemInfo.Version
	return k
}

// logIn gets the administrator's token, which is valid for a minute.
func (k *keycloak) logIn() {
	k.t.Helper()
	res, err := http.PostForm(k.origin+"/realms/master/protocol/openid-connect/token", url.Values{
		"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {"admin"}, "password": {"admin"},
	})
	check(k.t, err)
	defer res.Body.Close()
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	check(k.t, json.NewDecoder(res.Body).Decode(&tokens))
	k.admin = administrator{k.t, tokens.AccessToken, k.origin}
}

// phone is where Keycloak asks the user of a CIBA login, and returns its address. The user
// decides when the program says that it waits: Keycloak accepts no decision before. It is yes,
// unless the binding message is "no".
func (k *keycloak) phone() string {
	decisions := make(chan func(), 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			BindingMessage string `json:"binding_message"`
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			k.t.Error(err)
		}
		status := "SUCCEED"
		if asked.BindingMessage == "no" {
			status = "CANCELLED"
		}
		authorization := r.Header.Get("Authorization")
		decisions <- func() { k.decide(authorization, status) }
		w.WriteHeader(http.StatusCreated)
	}))
	k.t.Cleanup(server.Close)
	k.heard = func(text string) {
		if strings.Contains(text, "the user was asked") {
			(<-decisions)()
		}
	}
	return server.URL
}

// decide tells Keycloak what the user decided.
func (k *keycloak) decide(authorization, status string) {
	address := k.values["ISSUER"] + "/protocol/openid-connect/ext/ciba/auth/callback"
	req, err := http.NewRequestWithContext(k.t.Context(), http.MethodPost, address,
		strings.NewReader(fmt.Sprintf(`{"status":%q}`, status)))
	if err != nil {
		k.t.Error(err)
		return
	}
	req.Header.Set("Authorization", authorization)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		k.t.Error(err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		k.t.Errorf("the callback of CIBA: %s %s", res.Status, text)
	}
}

// An object is JSON that Keycloak takes.
type object = map[string]any

// realm creates a realm with its clients and the user alice.
func (k *keycloak) realm(name string, clients ...object) {
	k.t.Helper()
	k.logIn()
	k.admin.ask(http.MethodPost, "/admin/realms", object{
		"realm": name, "enabled": true, "clients": clients, "revokeRefreshToken": true,
		"users": []object{{
			"username": "alice", "enabled": true, "email": "alice@example.com", "emailVerified": true,
			"firstName": "Alice", "lastName": "Example", "realmRoles": []string{"default-roles-" + name},
			"credentials": []object{{"type": "password", "value": "alice-password"}},
		}},
	}, nil)
}

// client is the registration of a client, with what differs from the others.
func (k *keycloak) client(id string, more, attributes object) object {
	all := object{
		"post.logout.redirect.uris":    k.expand("http://127.0.0.1:$PORT/logout/callback"),
		"id.token.signed.response.alg": "ES256", "oauth2.device.authorization.grant.enabled": "true",
	}
	maps.Copy(all, attributes)
	client := object{
		"clientId": id, "enabled": true, "redirectUris": []string{k.values["REDIRECT"]}, "standardFlowEnabled": true,
		"serviceAccountsEnabled": true, "attributes": all,
	}
	maps.Copy(client, more)
	return client
}

// clients are those of the realm test.
func (k *keycloak) clients() []object {
	for _, alg := range []string{"ES256", "PS256", "EdDSA"} {
		k.keys[alg] = k.keygen(alg, alg+".pem")
	}
	keyed := func(alg string) object {
		return object{
			"use.jwks.string": "true", "jwks.string": string(k.keys[alg]),
			"token.endpoint.auth.signing.alg": alg,
		}
	}
	secret := object{"secret": keycloakSecret}
	assertion := object{"clientAuthenticatorType": "client-jwt"}
	audience := object{
		"name": "audience", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
		"config": object{"included.client.audience": "audience", "access.token.claim": "true"},
	}
	return []object{
		k.client("public", object{"publicClient": true, "serviceAccountsEnabled": false},
			object{"pkce.code.challenge.method": "S256"}),
		k.client("basic", object{"secret": keycloakSecret, "directAccessGrantsEnabled": true},
			object{"oidc.ciba.grant.enabled": "true"}),
		k.client("post", secret, nil),
		k.client("mac", object{"secret": keycloakMAC, "clientAuthenticatorType": "client-secret-jwt"}, nil),
		k.client("es256", assertion, keyed("ES256")),
		k.client("ps256", assertion, keyed("PS256")),
		k.client("eddsa", assertion, keyed("EdDSA")),
		k.client("tls", object{"clientAuthenticatorType": "client-x509"}, object{
			"x509.subjectdn": "CN=tls-client,O=Test", "x509.allow.regex.pattern.comparison": "false",
			"tls.client.certificate.bound.access.tokens": "true",
		}),
		k.client("audience", object{"secret": keycloakSecret, "protocolMappers": []object{audience}}, nil),
		k.client("par-required", secret, object{"require.pushed.authorization.requests": "true"}),
		k.client("dpop-required", secret, object{"dpop.bound.access.tokens": "true"}),
		k.client("pkce-required", secret, object{"pkce.code.challenge.method": "S256"}),
		k.client("consent", object{"secret": keycloakSecret, "consentRequired": true}, nil),
	}
}

// files writes a configuration file for each client.
func (k *keycloak) files() {
	k.t.Helper()
	secret := "client_secret: '" + keycloakSecret + "'\n"
	k.config("public", "")
	for _, client := range []string{"basic", "audience", "par-required", "dpop-required", "pkce-required", "consent"} {
		k.config(client, secret)
	}
	k.config("post", secret+"auth_method: client_secret_post\n")
	k.config("mac", "client_secret: "+keycloakMAC+"\nauth_method: client_secret_jwt\n")
	k.config("es256", "private_key: ES256.pem\n")
	k.config("ps256", "private_key: PS256.pem\njwt_signing_alg: PS256\n")
	k.config("eddsa", "private_key: EdDSA.pem\n")
	k.write("tls.yaml", k.expand("issuer: $TLS\nclient_id: tls\nca_cert: ca.pem\nauth_method: tls_client_auth\n"+
		"tls_client_certificate: tls.pem\ntls_client_key: tls-key.pem\n"))
	k.write("wrong-secret.yaml", k.expand("issuer: $ISSUER\nclient_id: basic\nclient_secret: wrong\n"))
	k.write("rs256.yaml", k.expand(
		"issuer: $ISSUER\nclient_id: ps256\nprivate_key: PS256.pem\njwt_signing_alg: RS256\n"))
	var created struct{ Token string }
	k.admin.ask(http.MethodPost, "/admin/realms/test/clients-initial-access", object{"count": 10}, &created)
	k.write("initial-access-token", created.Token)
	k.write("password", "alice-password")
}

var keycloakLogins = []step{
	{subject: "revocation", command: "revoke -c basic.yaml --token @access-token"},
	{
		subject: "a login that the user refuses",
		command: "client -c consent.yaml --prompt consent", exit: 6, deny: true,
		note: "`access_denied`",
	},
	{subject: "login with consent", command: "client -c consent.yaml"},
}

var keycloakMethods = []step{
	{subject: "client_secret_basic, secret with spaces, plus and percent", command: "client-credentials -c basic.yaml"},
	{subject: "client_secret_post", command: "client-credentials -c post.yaml"},
	{subject: "client_secret_jwt", command: "client-credentials -c mac.yaml"},
	{subject: "private_key_jwt, ES256", command: "client-credentials -c es256.yaml"},
	{subject: "private_key_jwt, PS256", command: "client-credentials -c ps256.yaml"},
	{subject: "private_key_jwt, EdDSA", command: "client-credentials -c eddsa.yaml"},
	{subject: "tls_client_auth, bound tokens", command: "client-credentials -c tls.yaml"},
	{subject: "login with tls_client_auth", command: "client -c tls.yaml"},
	{subject: "refresh with tls_client_auth", command: "refresh-token -c tls.yaml --refresh-token @refresh-token"},
	{subject: "login with private_key_jwt", command: "client -c ps256.yaml"},
	{subject: "refresh with private_key_jwt", command: "refresh-token -c ps256.yaml --refresh-token @refresh-token"},
}

var keycloakRequests = []step{
	{subject: "PAR", command: "client -c par-required.yaml --par"},
	{subject: "JAR", command: "client -c es256.yaml --request-object"},
	{subject: "JAR, pushed", command: "client -c es256.yaml --request-object --par"},
	{subject: "JARM", command: "client -c basic.yaml --response-mode jwt"},
	{subject: "JARM, form_post", command: "client -c basic.yaml --response-mode form_post.jwt"},
	{
		subject: "JARM with an error", command: "client -c basic.yaml --response-mode jwt --scope no-such-scope",
		exit: 3, says: "invalid_scope", note: "`invalid_scope`",
	},
	{subject: "response_mode form_post", command: "client -c basic.yaml --response-mode form_post"},
	{subject: "DPoP", command: "client -c dpop-required.yaml --dpop --dpop-key dpop.json"},
	{
		subject: "refresh with DPoP",
		command: "refresh-token -c dpop-required.yaml --dpop-key dpop.json --refresh-token @refresh-token",
	},
	{
		subject: "UserInfo with DPoP",
		command: "userinfo -c dpop-required.yaml --dpop-key dpop.json --token @access-token",
	},
}

var keycloakGrants = []step{
	{subject: "device", command: "device -c basic.yaml --open"},
	{subject: "device, client that must use PKCE", command: "device -c public.yaml --open"},
	{
		subject: "device, the user refuses", command: "device -c consent.yaml --open", exit: 6, deny: true,
		note: "`access_denied`",
	},
	{subject: "CIBA", command: "ciba -c basic.yaml --login-hint alice --binding-message W4SCT"},
	{
		subject: "CIBA, the user refuses",
		command: "ciba -c basic.yaml --login-hint alice --binding-message no", exit: 6,
		note: "`access_denied`",
	},
	{subject: "password", command: "password -c basic.yaml --username alice --password @password"},
	{
		subject: "refresh of a grant without openid",
		command: "refresh-token -c basic.yaml --refresh-token @refresh-token",
	},
	{subject: "a token that names the client in aud", command: "client-credentials -c audience.yaml"},
	{subject: "introspection", command: "introspect -c audience.yaml --token @access-token", says: `"active": true`},
	{subject: "token exchange", command: "token-exchange -c audience.yaml --subject-token @access-token"},
}

var keycloakRegistration = []step{
	{
		subject: "registration",
		command: "register create --issuer $ISSUER --initial-access-token @initial-access-token " +
			"--client-name Tool --redirect-uri $REDIRECT --out registered.yaml",
	},
}

// keycloakHints are refusals whose hint names what mends them.
var keycloakHints = []step{
	{
		subject: "a wrong secret", command: "client-credentials -c wrong-secret.yaml", exit: 3, says: "client_secret",
		note: "the hint names client_secret",
	},
	{
		subject: "a wrong secret at a login", command: "client -c wrong-secret.yaml", exit: 3,
		says: "check client_id, auth_method, and the secret or key", note: "the hint names client_secret",
	},
	{
		subject: "a wrong algorithm of the assertion", command: "client-credentials -c rs256.yaml", exit: 3,
		says: "jwt_signing_alg", note: "the hint names jwt_signing_alg",
	},
	{
		subject: "PAR is required", command: "client -c par-required.yaml", exit: 3, says: "--par",
		note: "the hint names --par",
	},
	{
		subject: "DPoP is required", command: "client-credentials -c dpop-required.yaml", exit: 3, says: "--dpop",
		note: "the hint names --dpop",
	},
	{
		subject: "a token that names another client in aud",
		command: "password -c basic.yaml --username alice --password @password",
	},
	{
		subject: "introspection of that token", command: "introspect -c basic.yaml --token @access-token",
		says: "has the aud", note: "`active` is false, because the token's audience is not the client",
	},
	{subject: "registration without a token", command: "register create --issuer $ISSUER --client-name Tool " +
		"--out refused.yaml", exit: 3, says: "--initial-access-token", note: "the hint names --initial-access-token"},
}

// fapi creates a realm whose clients have to follow FAPI 2.0 with message signing. Keycloak's
// own profile refuses every http redirect URI, that of the loopback address too, so it is used
// without that part.
func (k *keycloak) fapi() {
	k.t.Helper()
	k.realm("fapi")
	type profile struct {
		Name      string   `json:"name"`
		Executors []object `json:"executors"`
	}
	var profiles struct {
		GlobalProfiles []profile `json:"globalProfiles"`
	}
	policies := "/admin/realms/fapi/client-policies"
	k.admin.ask(http.MethodGet, policies+"/profiles?include-global-profiles=true", nil, &profiles)
	i := slices.IndexFunc(profiles.GlobalProfiles, func(p profile) bool {
		return p.Name == "fapi-2-dpop-message-signing"
	})
	ours := profile{"fapi-on-loopback", slices.DeleteFunc(profiles.GlobalProfiles[i].Executors, func(e object) bool {
		return e["executor"] == "secure-client-uris"
	})}
	k.admin.ask(http.MethodPut, policies+"/profiles", object{"profiles": []profile{ours}}, nil)
	k.admin.ask(http.MethodPut, policies+"/policies", object{"policies": []object{{
		"name": "fapi", "enabled": true, "profiles": []string{ours.Name},
		"conditions": []object{{"condition": "any-client", "configuration": object{}}},
	}}}, nil)
	k.admin.ask(http.MethodPost, "/admin/realms/fapi/clients", k.client("fapi", object{
		"clientAuthenticatorType": "client-jwt",
	}, object{
		"use.jwks.string": "true", "jwks.string": string(k.keys["PS256"]), "token.endpoint.auth.signing.alg": "PS256",
		"authorization.signed.response.alg": "PS256", "request.object.signature.alg": "PS256",
		"id.token.signed.response.alg": "PS256", "access.token.signed.response.alg": "PS256",
	}), nil)
	k.write("fapi.yaml", k.expand("issuer: $FAPI\nclient_id: fapi\nprofile: fapi2-message-signing\n"+
		"private_key: PS256.pem\ndpop_key: fapi-dpop.json\n"))
}

var keycloakFAPI = []step{
	{subject: "profile fapi2-message-signing: login", command: "client -c fapi.yaml"},
	{
		subject: "profile fapi2-message-signing: refresh",
		command: "refresh-token -c fapi.yaml --refresh-token @refresh-token",
	},
	{subject: "profile fapi2-message-signing: client credentials", command: "client-credentials -c fapi.yaml"},
}
