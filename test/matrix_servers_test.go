// The program at dex, in Go, and at Debian's glewlwyd, in C: what they have of the
// flows. dex_test.go and glewlwyd_test.go say what they lack, and where they depart
// from the standards.

package test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// writeConfig writes the journey's configuration file.
func (j *journey) writeConfig(issuer, id, method, secret, more string) {
	j.t.Helper()
	text := fmt.Sprintf("issuer: %s\nclient_id: %s\nauth_method: %s\n%s", issuer, id, method, more)
	if secret != "" {
		text += fmt.Sprintf("client_secret: %q\n", secret)
	}
	j.config = strings.TrimPrefix(j.write("config.yaml", text), "@")
}

func TestMatrixDex(t *testing.T) {
	t.Parallel()
	d := startDex(t)
	var cells []*cell
	for _, flow := range []struct {
		name, more string
		try        func(*journey)
	}{
		{"client and refresh", "scopes: [openid, email, offline_access]\n", func(j *journey) {
			dexRefreshTokens.Lock()
			defer dexRefreshTokens.Unlock()
			j.refresh(j.dexLogin())
		}},
		// It leaves c_hash out, and sends an access token that nobody asked for
		// (OpenID Connect Core 1.0 sections 3.3.2.11 and 3.3.2.5).
		{
			"hybrid code id_token token: no c_hash", "response_type: code id_token token\nresponse_mode: fragment\n",
			func(j *journey) { j.breaks("id_token.c_hash") },
		},
		{
			"hybrid code id_token: a token too many", "response_type: code id_token\nresponse_mode: fragment\n",
			func(j *journey) { j.breaks("authorization_response.code") },
		},
		{
			"implicit id_token token, fragment", "response_type: id_token token\nresponse_mode: fragment\n",
			func(j *journey) { j.dexLogin() },
		},
		{"device: dex has none", "", func(j *journey) { j.lacks(4, "protocol", "device") }},
		{
			"userinfo: dex has none", "", func(j *journey) {
				j.lacks(4, "protocol", "userinfo", "--token", j.write("token", "x"))
			},
		},
		{
			"introspect: dex has none", "", func(j *journey) {
				j.lacks(4, "protocol", "introspect", "--token", j.write("token", "x"))
			},
		},
		{"password: dex has none", "", func(j *journey) {
			j.lacks(3, "provider", "password", "--username", dexUser, "--password", j.write("password", dexPassword))
		}},
		{"token-exchange: dex has none", "", func(j *journey) {
			j.lacks(3, "provider", "token-exchange", "--subject-token", j.write("token", "x"))
		}},
	} {
		for _, method := range []string{"client_secret_basic", "client_secret_post"} {
			c := &cell{Flow: "dex: " + flow.name, Auth: method, Bound: "none", try: func(j *journey) {
				j.browser = d.browser()
				j.writeConfig(d.Issuer, "public", method, dexSecret, flow.more)
				flow.try(j)
			}}
			cells = append(cells, c)
		}
	}
	runCells(t, cells)
}

// dexLogin logs in at dex, which takes any port for this client if the host is
// localhost.
func (j *journey) dexLogin() *ran {
	return j.tokens(j.must("", "client", "-p", "0", "--localhost"))
}

// dexRefreshTokens keeps logins apart: dex has one refresh token for a user at a
// client, and a new login revokes it.
var dexRefreshTokens sync.Mutex

// breaks logs in at a provider that breaks a rule.
func (j *journey) breaks(rule string) {
	r := j.run("", "client", "-p", "0", "--localhost")
	j.hold(r, fmt.Sprintf("exit %d %+v", r.code, r.Error), r.code == 5 && r.Error != nil && r.Error.Code == rule)
}

// lacks runs a command that the provider has nothing for, which has to be said.
func (j *journey) lacks(code int, kind string, args ...string) {
	r := j.run("", args...)
	j.hold(r, fmt.Sprintf("exit %d %+v", r.code, r.Error),
		r.code == code && r.Error != nil && r.Error.Kind == kind && r.Error.Hint != "")
}

// setUpMatrix makes a provider that has all grants, and clients that may use them.
func (g *glewlwyd) setUpMatrix(t *testing.T, clients map[string]registration, redirect string) {
	t.Helper()
	admin := g.logIn(t, "admin", "password") // as the package's tables have it
	send(t, admin, http.MethodPost, g.API+"/scope/",
		map[string]any{"name": "api", "display_name": "api", "password_required": false})
	plugin := g.plugin(t)
	// iat-gap: its clock is read so coarsely that a proof of this moment may be of the next second
	maps.Copy(plugin, map[string]any{
		"auth-type-password-enabled": true, "auth-type-client-enabled": true, "auth-type-token-enabled": true,
		"auth-type-implicit-enabled": true, "allow-non-oidc": true,
		"introspection-revocation-allowed": true, "introspection-revocation-allow-target-client": true,
		"introspection-revocation-auth-scope": []string{},
		"device-authorization-interval":       1, "oauth-par-allowed": true,
		"oauth-par-request_uri-prefix": "urn:ietf:params:oauth:request_uri:", "oauth-par-duration": 60,
		"oauth-par-required": false,
		"oauth-dpop-allowed": true, "oauth-dpop-iat-duration": 60, "oauth-dpop-iat-gap-duration": 5,
		"oauth-dpop-nonce-mandatory": true, "oauth-dpop-nonce-counter": 5,
		"request-parameter-allow": true, "request-uri-allow-https-non-secure": false,
	})
	send(t, admin, http.MethodPost, g.API+"/mod/plugin/", map[string]any{
		"module": "oidc", "name": "oidc", "display_name": "OpenID Connect", "enabled": true, "parameters": plugin,
	})
	send(t, admin, http.MethodPost, g.API+"/user/", map[string]any{
		"username": "alice", "password": "alice's password", "email": "alice@example.com", "enabled": true,
		"scope": []string{"openid"},
	})
	g.Users["alice"] = g.logIn(t, "alice", "alice's password")
	for _, c := range clients {
		send(t, admin, http.MethodPost, g.API+"/client/", map[string]any{
			"client_id": c.id, "client_secret": c.secret, "confidential": c.secret != "", "enabled": true,
			"token_endpoint_auth_method": []string{c.method}, "redirect_uri": []string{redirect},
			"scope": []string{"api"},
			"authorization_type": []string{
				"code", "token", "id_token", "device_authorization", "refresh_token",
				"password", "client_credentials",
			},
		})
		send(t, g.Users["alice"], http.MethodPut, g.API+"/auth/grant/"+c.id, map[string]any{"scope": "openid"})
	}
}

func TestMatrixGlewlwyd(t *testing.T) {
	t.Parallel()
	g := startGlewlwyd(t)
	port := strings.TrimPrefix(freeAddress(t), "127.0.0.1:")
	clients := map[string]registration{
		"client_secret_basic": {"m-basic", "client_secret_basic", "a-secret.of_the~app"},
		"client_secret_post":  {"m-post", "client_secret_post", "p@ss: word+%/=&?"},
		"none":                {"m-public", "none", ""},
	}
	g.setUpMatrix(t, clients, "http://127.0.0.1:"+port+"/auth/callback")
	var cells []*cell
	for _, flow := range []struct {
		name, more   string
		try          func(*journey)
		confidential bool // the provider has it for no public client
	}{
		{"client and refresh", "", func(j *journey) { j.glewlwydRefresh(j.glewlwydLogin(port)) }, false},
		{"client --par", "use_par: true\n", func(j *journey) { j.glewlwydRefresh(j.glewlwydLogin(port)) }, false},
		{
			"client and refresh, DPoP", "dpop: true\ndpop_key: dpop.json\n",
			func(j *journey) { j.glewlwydRefresh(j.glewlwydLogin(port)) }, false,
		},
		{"hybrid code id_token", "response_type: code id_token\n", func(j *journey) { j.glewlwydLogin(port) }, false},
		{
			"hybrid code id_token token, fragment", "response_type: code id_token token\nresponse_mode: fragment\n",
			func(j *journey) { j.glewlwydLogin(port) }, false,
		},
		{
			"implicit id_token token", "response_type: id_token token\n", func(j *journey) { j.glewlwydLogin(port) },
			false,
		},
		// Its aud is the scope (RFC 9701 section 5).
		{"introspect --signed: another aud", "", func(j *journey) {
			asked := j.run(j.glewlwydLogin(port).text("access_token"), "introspect", "--token", "-", "--signed")
			j.hold(asked, fmt.Sprintf("exit %d %+v", asked.code, asked.Error),
				asked.code == 5 && asked.Error != nil && asked.Error.Code == "introspection.aud" &&
					asked.outcome("introspection.signature") == "pass")
		}, true},
		{"device", "", func(j *journey) { j.tokens(j.must("", "device", "--open")) }, false},
		{"password", "", func(j *journey) {
			j.access(j.must("", "password", "--username", "alice", "--password",
				j.write("password", "alice's password"), "--scope", "openid"))
		}, true},
		{"client-credentials, introspect, revoke", "", func(j *journey) {
			token := j.access(j.must("", "client-credentials", "--scope", "api")).text("access_token")
			asked := j.must(token, "introspect", "--token", "-")
			j.hold(asked, fmt.Sprintf("%v", asked.Introspection), asked.Introspection["active"] == true)
			j.revoked(token, "access_token")
		}, true},
		{"userinfo", "", func(j *journey) {
			info := j.must(j.glewlwydLogin(port).text("access_token"), "userinfo", "--token", "-")
			j.hold(info, fmt.Sprintf("%v", info.UserInfo), info.UserInfo["email"] == "alice@example.com")
		}, false},
	} {
		for _, method := range []string{"client_secret_basic", "client_secret_post", "none"} {
			if method == "none" && flow.confidential {
				continue
			}
			bound := "none"
			if strings.HasSuffix(flow.name, "DPoP") {
				bound = "DPoP"
			}
			c := &cell{Flow: "glewlwyd: " + flow.name, Auth: method, Bound: bound, try: func(j *journey) {
				own := clients[method]
				j.browser = &glewlwydUser{httpBrowser{http: g.Users["alice"]}}
				j.writeConfig(g.Issuer, own.id, own.method, own.secret, flow.more)
				flow.try(j)
			}}
			cells = append(cells, c)
		}
	}
	runCells(t, cells, 1) // the provider mixes up what it is asked at once
}

// A glewlwydUser is a browser with a session there. Its pages are all script: what
// they would do for a user who is logged in already is to go on with g_continue.
type glewlwydUser struct{ httpBrowser }

func (b *glewlwydUser) Open(ctx context.Context, address string) (*page, error) {
	for range 3 {
		p, err := b.httpBrowser.Open(ctx, address)
		if err != nil || !strings.HasSuffix(p.URL.Path, "/login.html") {
			return p, err
		}
		back := p.URL.Query().Get("callback_url")
		if back == "" {
			return p, nil
		}
		address = back + map[bool]string{true: "&", false: "?"}[strings.Contains(back, "?")] + "g_continue="
	}
	return nil, fmt.Errorf("there is no end to it: %s", address)
}

func (j *journey) glewlwydLogin(port string) *ran {
	return j.tokens(j.must("", "client", "-p", port))
}

// glewlwydRefresh refreshes twice. No ID Token comes with that.
func (j *journey) glewlwydRefresh(login *ran) {
	before := j.write("id-token", login.text("id_token"))
	token := login.text("refresh_token")
	for range 2 {
		r := j.access(j.must(token, "refresh-token", "--refresh-token", "-", "--previous-id-token", before))
		j.hold(r, fmt.Sprintf("UserInfo: %v", r.UserInfo),
			r.UserInfo["email"] == "alice@example.com" && r.text("refresh_token") != token)
		token = r.text("refresh_token")
	}
}
