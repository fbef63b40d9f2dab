// The configuration file of a client that registered itself.

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/loopback"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/oidc"
)

// A newClient is a client that is about to be registered.
type newClient struct {
	cfg      *connect.Setup // what it is registered with, of which its configuration takes over what it can
	provider *oidc.Provider
	metadata map[string]any // as it is sent
	scopes   []string       // that a login asks for; nil means what a login asks for by default
}

// complete adds what depends on the provider's metadata: the scope, and the method of client
// authentication with the key or the certificate that it needs.
func (c *newClient) complete(ctx context.Context) error {
	c.scopes = c.wantedScopes()
	if len(c.scopes) > 0 {
		c.metadata["scope"] = strings.Join(c.scopes, " ")
	}
	method := c.askedMethod()
	if method == "" {
		if method = c.cfg.MethodToRegister(c.provider); method == "" {
			return nil
		}
		c.metadata["token_endpoint_auth_method"] = method
	}
	if !connect.Usable(c.cfg.Config, method) {
		return nil // the keys are in --metadata, or not here
	}
	members, err := c.cfg.KeyMembers(ctx, method)
	if err != nil {
		return err
	}
	_, keys := c.metadata["jwks"]
	_, location := c.metadata["jwks_uri"]
	for name, value := range members {
		if _, there := c.metadata[name]; !there && (name != "jwks" || !keys && !location) {
			c.metadata[name] = value
		}
	}
	return nil
}

// askedMethod is the method that the client asks for, "" for none.
func (c *newClient) askedMethod() string { return memberText(c.metadata["token_endpoint_auth_method"]) }

// memberText is the value of a member, as it was given or made, if it is text.
func memberText(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case json.RawMessage:
		text, _ := strictjson.Text(value)
		return text
	}
	return ""
}

// memberTexts is the value of a member, as it was given or made, if it is a list of texts.
func memberTexts(value any) []string {
	switch value := value.(type) {
	case []string:
		return slices.Clone(value)
	case json.RawMessage:
		list, err := strictjson.Array(value)
		if err != nil {
			return nil
		}
		var texts []string
		for _, item := range list {
			text, _ := strictjson.Text(item)
			texts = append(texts, text)
		}
		return texts
	}
	return nil
}

// wantedScopes are the scopes that the user asked for, with openid if the server is an OpenID Provider.
// They are nil if the user asked for none.
func (c *newClient) wantedScopes() []string {
	var asked []string
	if _, given := c.cfg.Origin["scopes"]; given {
		asked = c.cfg.Scopes
	} else if text := memberText(c.metadata["scope"]); text != "" {
		asked = strings.Fields(text)
	}
	if len(asked) == 0 || slices.Contains(asked, "openid") || !c.logsIn() {
		return asked
	}
	return append([]string{"openid"}, asked...)
}

// logsIn reports whether users log in with the client, so that ID Tokens are asked for.
func (c *newClient) logsIn() bool {
	grants := memberTexts(c.metadata["grant_types"])
	others := slices.DeleteFunc(grants, func(grant string) bool { return grant == "client_credentials" })
	return !c.provider.OAuthOnly && (len(others) > 0 || len(grants) == 0)
}

// ofThisRun are keys that are about one run or one other client, or that the registration decides.
var ofThisRun = []string{
	"no_cache", "client_id", "client_secret", "auth_method", "scopes", "override_redirect_uri",
	"post_logout_redirect_uri", "prompt", "login_hint",
}

// A configDraft is the configuration of a registered client, and what is worth knowing of it.
type configDraft struct {
	settings map[string]any
	response *strictjson.Object
	remarks  []string // what was left out, and why
	warnings []string // what keeps the client from logging in
}

// draft makes the configuration of the client: what it was registered with, and what the provider
// registered.
func (c *newClient) draft(r *oidc.Registration) *configDraft {
	response, err := strictjson.Parse(r.JSON)
	if err != nil {
		response = &strictjson.Object{}
	}
	d := &configDraft{settings: c.carried(), response: response}
	for file := range c.cfg.Files() {
		d.file(file, connect.Path(c.cfg.Config, file, c.cfg.Files()[file]))
	}
	d.settings["client_id"] = r.ClientID
	c.authentication(d, r)
	if c.scopes != nil {
		d.settings["scopes"] = c.scopes
	} else if c.logsIn() {
		d.settings["scopes"] = []string{"openid"}
	}
	d.redirects(c.metadata)
	d.algorithms(c.metadata)
	d.requirements()
	return d
}

// carried are the settings of the configuration that the client was registered with. What was waived for
// the registration alone is not for the client.
func (c *newClient) carried() map[string]any {
	settings := c.cfg.Given()
	for _, key := range ofThisRun {
		delete(settings, key)
	}
	if id := c.cfg.Sources.KID; id != "" {
		settings["private_key_id"] = id
	}
	waived := slices.DeleteFunc(slices.Clone(c.cfg.Waive), func(id string) bool {
		return strings.HasPrefix(id, "registration.")
	})
	if settings["waive"] = waived; len(waived) == 0 {
		delete(settings, "waive")
	}
	return settings
}

// file names a file that the client needs, from whatever folder. What a pipe held cannot be named.
func (d *configDraft) file(key, name string) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		delete(d.settings, key)
		d.warnings = append(d.warnings, fmt.Sprintf("%s is left out, because %s is no file that stays: store it in "+
			"one, and set %s to its name", key, name, key))
		return
	}
	d.settings[key] = absolute(name)
}

// authentication sets how the client authenticates.
func (c *newClient) authentication(d *configDraft, r *oidc.Registration) {
	registered, _ := d.response.String("token_endpoint_auth_method")
	asked := c.askedMethod()
	method := c.cfg.RegisteredMethod(r.ClientSecret, registered, asked, c.provider)
	if r.ClientSecret != "" && method != "none" {
		d.settings["client_secret"] = r.ClientSecret
	}
	if method != "" {
		d.settings["auth_method"] = method
	}
	switch {
	case registered != "" && method != registered:
		d.warnings = append(d.warnings, fmt.Sprintf("the provider registered the auth_method %s, for which this "+
			"client lacks what it needs", registered))
	case asked != "" && method != asked:
		d.warnings = append(d.warnings, fmt.Sprintf("the client asked for the auth_method %s, but the provider "+
			"registered %s", asked, method))
	case r.ClientSecret != "" && method == "none":
		d.remarks = append(d.remarks, "client_secret is left out, because the client authenticates by none")
	}
}

// redirects sets where the browser comes back to, unless it is where it comes back to by default.
func (d *configDraft) redirects(sent map[string]any) {
	for _, of := range []struct{ member, key, standard string }{
		{"redirect_uris", "override_redirect_uri", standardRedirectURI},
		{"post_logout_redirect_uris", "post_logout_redirect_uri", standardLogoutURI},
	} {
		uris, err := d.response.Strings(of.member)
		if err != nil || len(uris) == 0 {
			uris = memberTexts(sent[of.member])
		}
		for i, uri := range uris {
			uris[i] = withPort(uri)
		}
		if len(uris) == 0 || slices.Contains(uris, of.standard) {
			continue
		}
		i := slices.IndexFunc(uris, func(uri string) bool { _, local := loopback.Place(uri); return local })
		d.settings[of.key] = uris[max(i, 0)]
	}
}

// withPort gives a redirect URI on the loopback address the standard port if it has none: then it is
// registered for any (RFC 8252 section 7.3).
func withPort(uri string) string {
	u, err := url.Parse(uri)
	if _, local := loopback.Place(uri); err != nil || !local || u.Port() != "" {
		return uri
	}
	u.Host += ":5556"
	return u.String()
}

// registeredAlgorithms are the members of a registration that name an algorithm, and the keys that they
// are for.
var registeredAlgorithms = []struct {
	member, key string
	list        bool // the key takes a list
	asked       bool // it counts only if the client asked for it: else it is a default of what is not used
}{
	{"id_token_signed_response_alg", "token_signing_alg", true, false},
	{"id_token_encrypted_response_alg", "token_encryption_alg", true, false},
	{"userinfo_signed_response_alg", "userinfo_signed_response_alg", false, false},
	{"userinfo_encrypted_response_alg", "userinfo_encrypted_response_alg", true, false},
	{"authorization_signed_response_alg", "authorization_signed_response_alg", false, true},
	{"authorization_encrypted_response_alg", "authorization_encrypted_response_alg", true, true},
	{"introspection_signed_response_alg", "introspection_signed_response_alg", false, true},
	{"introspection_encrypted_response_alg", "introspection_encrypted_response_alg", true, true},
	{"token_endpoint_auth_signing_alg", "jwt_signing_alg", false, true},
	{"request_object_signing_alg", "request_object_signing_alg", false, true},
}

// algorithms sets the algorithms that the provider registered, if the client can use them.
func (d *configDraft) algorithms(sent map[string]any) {
	for _, of := range registeredAlgorithms {
		name, err := d.response.String(of.member)
		if _, asked := sent[of.member]; err != nil || name == "" || of.asked && !asked {
			continue
		}
		if why := d.unusable(of.key, name); why != "" {
			d.leaveOut(of.member, name, why)
			continue
		}
		if d.settings[of.key] = name; of.list {
			d.settings[of.key] = []string{name}
		}
	}
}

// unusable says why the client cannot use an algorithm for what a key is about, "" if it can.
func (d *configDraft) unusable(key, algorithm string) string {
	_, decrypts := d.settings["decryption_key"]
	_, signs := d.settings["private_key"]
	secret, _ := d.settings["client_secret"].(string)
	method, _ := d.settings["auth_method"].(string)
	size := config.SecretSize(algorithm)
	switch {
	case algorithm == "none":
		return "it means that nothing is signed"
	case !config.Allows(key, algorithm):
		return "oidc-client does not support it"
	case size > len(secret):
		return fmt.Sprintf("it needs a client_secret of at least %d bytes", size)
	case strings.Contains(key, "encrypt") && !decrypts && !signs:
		return "there is no decryption_key or private_key to decrypt with"
	case key == "jwt_signing_alg" && (method == "client_secret_jwt") != (size > 0):
		return "the client signs no assertions by it"
	}
	return ""
}

// leaveOut notes that a member of the registration is not in the configuration.
func (d *configDraft) leaveOut(member, value, why string) {
	text := fmt.Sprintf("%s %q is left out: %s", member, value, why)
	if member == "id_token_signed_response_alg" {
		d.warnings = append(d.warnings, text+"; the client cannot accept such ID Tokens: register it with another "+
			"algorithm, such as --metadata '{\"id_token_signed_response_alg\":\"RS256\"}'")
		return
	}
	d.remarks = append(d.remarks, text)
}

// requirements sets what the provider demands of the client's requests.
func (d *configDraft) requirements() {
	for member, key := range map[string]string{
		"require_pushed_authorization_requests": "use_par", "require_signed_request_object": "use_request_parameter",
		"dpop_bound_access_tokens": "dpop",
	} {
		if raw, there := d.response.Get(member); there && string(raw) == "true" {
			d.settings[key] = true
		}
	}
	types, err := d.response.Strings("response_types")
	if err != nil || len(types) == 0 || slices.Contains(types, "code") {
		return
	}
	known := slices.IndexFunc(types, func(name string) bool { return config.Allows("response_type", name) })
	if known >= 0 {
		d.settings["response_type"] = types[known]
	}
}

// text returns the configuration as the text of a file. What is wrong with it is added to the warnings.
func (d *configDraft) text(name string) []byte {
	data := append([]byte("# Written by oidc-client register create.\n"), config.Write(d.settings)...)
	_, err := config.Load(config.Sources{Name: name, File: data, Require: []string{"issuer", "client_id"}})
	var problems config.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			d.warnings = append(d.warnings, p.String())
		}
	}
	return data
}
