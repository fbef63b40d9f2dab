//go:build providers

package test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
)

// springSecret is the beginning of all secrets: no two may be the same.
const springSecret = "a-secret of the-app, p@ss: word+%25/=&?"

// Spring Authorization Server, with its own pages.
func TestProviderSpring(t *testing.T) {
	p := newRealProvider(t, "Spring Authorization Server")
	jar := downloaded(t, "spring/spring-1.jar")
	keys := httptest.NewServer(p.springKeys())
	t.Cleanup(keys.Close)
	port := p.issuer()
	settings, err := json.Marshal(object{
		"server": object{"address": "127.0.0.1", "port": json.Number(port)},
		"spring": object{
			"main": object{"banner-mode": "off"},
			"security": object{
				"user": object{"name": "alice", "password": "alice-password"},
				"oauth2": object{"authorizationserver": object{
					"issuer": p.values["ISSUER"], "client": p.springClients(keys.URL),
				}},
			},
		},
	})
	check(t, err)
	p.write("spring.yaml", string(settings))
	p.start(nil, p.values["ISSUER"]+"/version", "java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", jar,
		"--spring.config.location=file:spring.yaml")
	p.version = fetched(t, p.values["ISSUER"]+"/version")
	p.config("public", "")
	for client, more := range map[string]string{
		"basic": "", "consent": "", "registrar": "scopes: []\n", "device": "scopes: [email]\n",
		"post": "auth_method: client_secret_post\n", "mac": "auth_method: client_secret_jwt\n",
	} {
		p.config(client, "client_secret: '"+springSecret+client+"'\n"+more)
	}
	p.config("key", "private_key: key.pem\n")
	p.try(publicSteps[:2], userSteps, springSteps, registeredSteps, logoutSteps)
}

// springKeys makes the key of a client, and serves its public part.
func (p *realProvider) springKeys() http.Handler {
	set := p.keygen("ES256", "key.pem")
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(set)
	})
}

// springClients are the clients, as Spring Boot's configuration has them.
func (p *realProvider) springClients(keys string) object {
	client := func(id, method string, registration, more object) object {
		r := object{
			"client-id": id, "client-secret": "{noop}" + springSecret + id,
			"client-authentication-methods": []string{method},
			"authorization-grant-types":     []string{"authorization_code", "refresh_token", "client_credentials"},
			"redirect-uris":                 []string{p.values["REDIRECT"]}, "scopes": []string{"openid", "email"},
			"post-logout-redirect-uris": []string{p.expand("http://127.0.0.1:$PORT/logout/callback")},
		}
		maps.Copy(r, registration)
		c := object{"registration": r}
		maps.Copy(c, more)
		return c
	}
	return object{
		"public": client("public", "none", object{
			"client-secret": nil, "authorization-grant-types": []string{"authorization_code"},
		}, object{"require-proof-key": true}),
		"basic":   client("basic", "client_secret_basic", nil, nil),
		"consent": client("consent", "client_secret_basic", nil, object{"require-authorization-consent": true}),
		"post":    client("post", "client_secret_post", nil, nil),
		"mac": client("mac", "client_secret_jwt", object{"client-secret": springSecret + "mac"},
			object{"token-endpoint-authentication-signing-algorithm": "HS256"}),
		"key": client("key", "private_key_jwt", nil, object{
			"jwk-set-uri": keys, "token-endpoint-authentication-signing-algorithm": "ES256",
		}),
		"device": client("device", "client_secret_basic", object{
			"authorization-grant-types": []string{"urn:ietf:params:oauth:grant-type:device_code", "refresh_token"},
		}, nil),
		"registrar": client("registrar", "client_secret_basic", object{
			"authorization-grant-types": []string{"client_credentials"}, "scopes": []string{"client.create"},
			"redirect-uris": nil, "post-logout-redirect-uris": nil,
		}, nil),
	}
}

var springSteps = []step{
	{subject: "introspection", command: "introspect -c basic.yaml --token @access-token", says: `"active": true`},
	{subject: "revocation", command: "revoke -c basic.yaml --token @access-token"},
	{subject: "login with consent", command: "client -c consent.yaml --scope openid --scope email"},
	{subject: "client_secret_post", command: "client-credentials -c post.yaml"},
	{subject: "client_secret_jwt", command: "client-credentials -c mac.yaml"},
	{subject: "private_key_jwt, ES256", command: "client-credentials -c key.yaml"},
	{subject: "login with private_key_jwt", command: "client -c key.yaml"},
	{subject: "refresh with private_key_jwt", command: "refresh-token -c key.yaml --refresh-token @refresh-token"},
	{subject: "PAR", command: "client -c basic.yaml --par"},
	{subject: "DPoP", command: "client -c basic.yaml --dpop --dpop-key dpop.json --skip-userinfo"},
	{
		subject: "refresh with DPoP",
		command: "refresh-token -c basic.yaml --dpop-key dpop.json --refresh-token @refresh-token --skip-userinfo",
	},
	{subject: "device, without openid", command: "device -c device.yaml --open"},
	{subject: "a token for registration", command: "client-credentials -c registrar.yaml --scope client.create"},
	{subject: "registration", command: "register create --issuer $ISSUER --initial-access-token @access-token " +
		"--client-name Tool --scope openid --redirect-uri $REDIRECT --out registered.yaml"},
}
