//go:build providers

package test

import (
	"encoding/json"
	"maps"
	"testing"
)

const djangoSecret = "a-secret of the-app, p@ss: word+%25/=&?"

// django-oauth-toolkit, with its own pages.
func TestProviderDjango(t *testing.T) {
	p := newRealProvider(t, "django-oauth-toolkit")
	python, server := downloaded(t, "django/bin/python"), absolute(t, "django/server.py")
	port := p.issuer()
	p.keygen("RS256", "signer.pem")
	settings, err := json.Marshal(object{
		"port": json.Number(port), "key": p.read("signer.pem"), "clients": p.djangoClients(),
	})
	check(t, err)
	p.write("django.json", string(settings))
	p.start(nil, p.values["ISSUER"]+"/version", python, server, "django.json")
	p.version = fetched(t, p.values["ISSUER"]+"/version")
	secret := "client_secret: '" + djangoSecret + "'\n"
	endpoints := "introspect_endpoint: $ISSUER/introspect/\nrevocation_endpoint: $ISSUER/revoke_token/\n" +
		"device_authorization_endpoint: $ISSUER/device-authorization/\n"
	p.config("public", endpoints)
	p.config("basic", secret+"auth_method: client_secret_basic\nscopes: [openid, email, introspection]\n"+endpoints)
	p.config("post", secret+"auth_method: client_secret_post\n")
	p.config("machine", secret+"auth_method: client_secret_basic\nscopes: []\n")
	p.config("device", endpoints+"scopes: [email]\n")
	p.write("registry.yaml", p.expand("issuer: $ISSUER\nregistration_endpoint: $ISSUER/register/\n"))
	p.try(publicSteps, userSteps, djangoSteps, registeredSteps, deletionSteps, logoutSteps)
}

// djangoClients are the clients, as django-oauth-toolkit stores them.
func (p *realProvider) djangoClients() []object {
	client := func(id, grant string, more object) object {
		c := object{
			"client_id": id, "name": id, "client_type": "public", "authorization_grant_type": grant,
			"redirect_uris": p.values["REDIRECT"], "algorithm": "RS256",
			"post_logout_redirect_uris": p.expand("http://127.0.0.1:$PORT/logout/callback"),
		}
		maps.Copy(c, more)
		return c
	}
	confidential := object{"client_type": "confidential", "client_secret": djangoSecret}
	return []object{
		client("public", "authorization-code", nil),
		client("basic", "authorization-code", confidential),
		client("post", "authorization-code", confidential),
		client("machine", "client-credentials", confidential),
		client("device", "urn:ietf:params:oauth:grant-type:device_code", nil),
	}
}

var djangoSteps = []step{
	{subject: "introspection", command: "introspect -c basic.yaml --token @access-token", says: `"active": true`},
	{subject: "revocation", command: "revoke -c basic.yaml --token @access-token"},
	{
		subject: "a login that the user refuses", command: "client -c basic.yaml", exit: 6, deny: true,
		note: "`access_denied`",
	},
	{subject: "client_secret_post", command: "client -c post.yaml"},
	{subject: "client credentials", command: "client-credentials -c machine.yaml"},
	{subject: "device, without openid", command: "device -c device.yaml --open"},
	{
		subject: "registration",
		command: "register create -c registry.yaml --client-name Tool --redirect-uri $REDIRECT " +
			"--out registered.yaml --waive registration.client_secret_expires_at",
		note: "the response lacks `client_secret_expires_at`",
	},
}
