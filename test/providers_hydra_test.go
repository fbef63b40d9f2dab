//go:build providers

package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"testing"
)

const hydraSecret = "a-secret of the-app, p@ss: word+%25/=&?"

// ORY Hydra has no users and no pages: an application of its operator logs users in. Here, the
// test does, and agrees at once.
func TestProviderHydra(t *testing.T) {
	h := startHydra(t)
	h.clients()
	h.try(publicSteps, userSteps, hydraSteps, registeredSteps, deletionSteps, logoutSteps, silentSteps)
}

// A hydra is a running Hydra.
type hydra struct {
	*realProvider
	admin administrator
}

func startHydra(t *testing.T) *hydra {
	t.Helper()
	h := &hydra{realProvider: newRealProvider(t, "ORY Hydra")}
	h.version = moduleVersion(t, "hydra/go.mod", "github.com/ory/hydra/v2")
	port, adminPort := h.issuer(), freePort(t)
	h.values["ADMIN"] = "http://127.0.0.1:" + adminPort
	h.admin = administrator{t: t, base: h.values["ADMIN"]}
	pages := httptest.NewServer(http.HandlerFunc(h.decide))
	t.Cleanup(pages.Close)
	settings, err := json.Marshal(object{
		"dsn": "memory",
		"serve": object{
			"public": object{"host": "127.0.0.1", "port": json.Number(port)},
			"admin":  object{"host": "127.0.0.1", "port": json.Number(adminPort)},
		},
		"urls": object{
			"self":  object{"issuer": h.values["ISSUER"]},
			"login": pages.URL + "/login", "consent": pages.URL + "/consent", "logout": pages.URL + "/logout",
		},
		"secrets": object{"system": []string{"a-secret-of-the-system"}},
		"oidc":    object{"dynamic_client_registration": object{"enabled": true}},
		"oauth2":  object{"expose_internal_errors": true},
		"sqa":     object{"opt_out": true},
		"webfinger": object{"oidc_discovery": object{
			"supported_scope": []string{"email"}, "client_registration_url": h.values["ISSUER"] + "/oauth2/register",
		}},
		"strategies": object{"access_token": "jwt"},
		"log":        object{"level": "warn"},
	})
	check(t, err)
	h.write("hydra.json", string(settings))
	h.start(nil, h.values["ISSUER"]+"/health/ready", downloaded(t, "hydra"), "serve", "all", "--dev",
		"--config", "hydra.json")
	return h
}

// moduleVersion is the version of a module that a go.mod requires.
func moduleVersion(t *testing.T, file, module string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	found := regexp.MustCompile(`(?m)^\s*(?:require )?` + regexp.QuoteMeta(module) + ` v(\S+)`).FindSubmatch(data)
	if found == nil {
		t.Fatalf("%s does not require %s", file, module)
	}
	return string(found[1])
}

// decide is the operator's application: it logs alice in, agrees, and logs her out.
func (h *hydra) decide(w http.ResponseWriter, r *http.Request) {
	kind := r.URL.Path[1:]
	challenge := r.URL.Query().Get(kind + "_challenge")
	path := "/admin/oauth2/auth/requests/" + kind
	query := "?" + url.Values{kind + "_challenge": {challenge}}.Encode()
	var body object
	switch kind {
	case "login":
		body = object{"subject": "alice", "remember": true}
	case "consent":
		var asked struct {
			Scope    []string `json:"requested_scope"`
			Audience []string `json:"requested_access_token_audience"`
		}
		h.admin.ask(http.MethodGet, path+query, nil, &asked)
		body = object{
			"grant_scope": asked.Scope, "grant_access_token_audience": asked.Audience,
			"session": object{"id_token": object{"email": "alice@example.com"}},
		}
	}
	decision := "/accept"
	if h.browser.Deny && kind == "consent" {
		decision, body = "/reject", object{"error": "access_denied", "error_description": "the user said no"}
	}
	var next struct {
		RedirectTo string `json:"redirect_to"`
	}
	h.admin.ask(http.MethodPut, path+decision+query, body, &next)
	http.Redirect(w, r, next.RedirectTo, http.StatusFound)
}

// clients registers the clients, and writes their configuration files.
func (h *hydra) clients() {
	h.t.Helper()
	secret := "client_secret: '" + hydraSecret + "'\nscopes: [openid, offline_access, email]\n"
	for id, c := range map[string]struct {
		config       string
		registration object
	}{
		"public": {"scopes: [openid, offline_access]\n", object{"token_endpoint_auth_method": "none"}},
		"basic":  {secret, object{"token_endpoint_auth_method": "client_secret_basic"}},
		"post": {secret + "auth_method: client_secret_post\n", object{
			"token_endpoint_auth_method": "client_secret_post",
		}},
		"key": {"private_key: key.pem\njwt_profile_endpoint_audience: true\nscopes: [openid, offline_access]\n", object{
			"token_endpoint_auth_method": "private_key_jwt", "jwks": h.keygen("ES256", "key.pem"),
			"token_endpoint_auth_signing_alg": "ES256",
		}},
	} {
		registration := object{
			"client_id": id, "redirect_uris": []string{h.values["REDIRECT"]}, "response_types": []string{"code"},
			"grant_types": []string{"authorization_code", "refresh_token", "client_credentials"},
			"scope":       "openid offline_access email", "post_logout_redirect_uris": []string{h.expand(
				"http://127.0.0.1:$PORT/logout/callback")},
		}
		if id != "public" && id != "key" {
			registration["client_secret"] = hydraSecret
		}
		maps.Copy(registration, c.registration)
		h.admin.ask(http.MethodPost, "/admin/clients", registration, nil)
		h.config(id, c.config)
	}
	h.write("issuer-audience.yaml", h.expand("issuer: $ISSUER\nclient_id: key\nprivate_key: key.pem\n"))
	h.write("admin.yaml", h.expand(fmt.Sprintf(
		"issuer: $ISSUER\nclient_id: basic\nclient_secret: '%s'\nintrospect_endpoint: $ADMIN/admin/oauth2/introspect\n",
		hydraSecret)))
}

var hydraSteps = []step{
	{
		subject: "introspection, at the port of the administrator",
		command: "introspect -c admin.yaml --token @access-token",
		says:    `"active": true`,
	},
	{subject: "revocation", command: "revoke -c basic.yaml --token @access-token"},
	{
		subject: "a login that the user refuses", command: "client -c basic.yaml --prompt consent", exit: 6, deny: true,
		note: "`access_denied`",
	},
	{subject: "client_secret_post", command: "client-credentials -c post.yaml"},
	{subject: "private_key_jwt, ES256", command: "client-credentials -c key.yaml"},
	{subject: "login with private_key_jwt", command: "client -c key.yaml"},
	{subject: "refresh with private_key_jwt", command: "refresh-token -c key.yaml --refresh-token @refresh-token"},
	{
		subject: "private_key_jwt with the issuer as audience",
		command: "client-credentials -c issuer-audience.yaml", exit: 3,
		says: "jwt_profile_endpoint_audience", note: "the hint names jwt_profile_endpoint_audience",
	},
	{subject: "registration", command: "register create --issuer $ISSUER --client-name Tool --redirect-uri $REDIRECT " +
		"--out registered.yaml"},
}
