package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func load(file string, env map[string]string, flags map[string][]string) (*Config, error) {
	return Load(Sources{
		Name: "config.yaml", File: []byte(file), Flags: flags,
		Getenv: func(name string) string { return env[name] }, Require: []string{"issuer", "client_id"},
	})
}

const minimal = "issuer: https://op.example\nclient_id: me\n"

// The whole table of the ancestor's file, with its own misspellings.
const ancestor = `
client_id: my_client
client_secret: my_secret
auth_method: client_secret_post
always_set_client_id_for_token_endpoint: false
use_pkce: true
pkce_challenge_method: S256
access_token_jwt: true
refresh_token_jwt: true
scopes:
  - openid
  - profile
audiences: [a, b]
acr_values: "loa-2 loa-3"
issuer: https://op.example/realms/x/
oidc_claims_param: '{"userinfo":{"email":null}}'
authorization_details: '[{"type":"a"}]'
token_endpoint: https://op.example/token
authorize_endpoint: https://op.example/authorize
userinfo_endpoint: https://op.example/userinfo
jwks_endpoint: https://op.example/jwks
introspect_endpoint: https://op.example/introspect
par_endpoint: https://op.example/par
endsession_endpoint: https://op.example/logout
revocation_endpoint: https://op.example/revoke
alternative_wellknown_endpoint: https://op.example/other
insecure_wellknown_endpoint: false
use_par: true
par_additional_parameters:
  foo: bar
par_endpoint_wellknown_key: par_endpoint
authorize_additional_parameters:
  ui: dark
  n: 1
token_signing_alg: [RS256, ES256]
allow_non_compliant_amr: true
amr_list: [mfa]
acr_list: [loa-2]
override_redirect_uri: https://app.example/callback
use_request_parameter: true
strict_oidc_rcf6749_param: true
legacy_request_jwt_header_type: true
jwt_profile_token_duration: 3m
jwt_profile_token_audiance: https://op.example
jwt_profile_par_endpoint_audiance: https://op.example/1
jwt_profile_token_endpoint_audiance: https://op.example/2
jwt_profile_revocation_endpoint_audiance: https://op.example/3
jwt_profile_introspection_endpoint_audiance: https://op.example/4
jwt_profile_endpoint_audiance: false
jwt_request_token_duration: 4m
jwt_request_token_audiance: https://op.example
jwt_request_token_additional_parameters:
  deep: {er: [1, 2]}
jwt_signing_alg: ES256
skip_tls_verification: false
skip_userinfo_call: true
http_client_config:
  max_idle_conns: 11
  max_idle_conns_per_host: 12
  max_conns_per_host: 13
  timeout_duration: 11s
  limit_max_resp_size_limit: 60000
  skip_tls_verification: false
  extra_headers:
    X-Forwarded-For: 10.0.0.1
`

// What cannot be seen in a file is told with its line and column, and by name.
func TestUnseenCharacters(t *testing.T) {
	t.Parallel()
	const base = "issuer: https://op.example\n"
	for name, c := range map[string]struct{ file, says string }{
		"non-breaking space after a key": {
			base + "client_id:\u00A0x\n", "f.yaml:2:11: not YAML: a non-breaking space (U+00A0) is in the place of a space",
		},
		"the same, and more": {
			base + "client_id:\u00A0x\nscopes: [openid]\n", "f.yaml:2:11: not YAML: a non-breaking space",
		},
		"non-breaking space before an item": {
			base + "client_id: x\nscopes:\n\u00A0 - openid\n", "f.yaml:4:1: not YAML: a non-breaking space",
		},
		"non-breaking space before a key": {
			base + "\u00A0\u00A0client_id: x\n", "unknown key; it has a non-breaking space (U+00A0); did you mean client_id?",
		},
		"zero-width space": {
			base + "\u200Bclient_id: x\n", "unknown key; it has a zero-width space (U+200B); did you mean client_id?",
		},
		"tab": {
			base + "client_id: x\nscopes:\n\t- openid\n", "f.yaml:4:1: not YAML: a tab is in the indentation",
		},
		"tab after spaces": {
			base + "client_id: x\nhttp_client_config:\n  timeout_duration: 1s\n \tmax_idle_conns: 1\n",
			"f.yaml:5:2: not YAML: a tab is in the indentation",
		},
		"Latin-1": {
			base + "client_id: x\nclient_secret: gr\xfc\xdfe\n",
			"f.yaml:3:18: not YAML: the byte 0xfc is not UTF-8: the file is in another encoding, such as Latin-1",
		},
		"control character": {
			base + "client_id: x\r\nclient_secret: a\ab\r\n", "f.yaml:3:17: not YAML: it has the control character U+0007",
		},
		"something else": {
			base + "# a\u00A0comment\nclient_id: [x\n", ": not YAML: did not find expected",
		},
	} {
		_, err := Load(Sources{Name: "f.yaml", File: []byte(c.file)})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAncestorsFileParsesWithItsMeaning(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"as it was spelt":     ancestor,
		"as it is spelt":      strings.NewReplacer("audiance", "audience", "rcf6749", "rfc6749").Replace(ancestor),
		"with Windows' lines": strings.ReplaceAll(ancestor, "\n", "\r\n"),
	} {
		c, err := load(file, nil, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, p := range parameters {
			_, set := c.Origin[p.Key]
			if want := strings.Contains(ancestor, "\n"+strings.TrimPrefix(p.Key, "http_client_config.")+":"); want &&
				!set {
				t.Errorf("%s: %s did not arrive", name, p.Key)
			}
		}
		if c.Login.RequestJWTParameters["deep"] == nil || c.HTTP.ExtraHeaders["X-Forwarded-For"] != "10.0.0.1" ||
			c.Login.AuthorizeParameters["n"] != "1" || *c.Assertion.Duration != 3*time.Minute ||
			c.Assertion.TokenEndpointAudience != "https://op.example/2" || !c.Login.StrictRFC6749 ||
			!slices.Equal(c.Scopes, []string{"openid", "profile"}) || c.HTTP.MaxConnsPerHost != 13 {
			t.Errorf("%s: values are wrong: %+v", name, c)
		}
	}
}

// All that is wrong is said at once, in order, with place, key and the nearest
// known key.
func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := load(`issuer: http://op.example
amr_lits: [mfa]
client_secret: 12345
scopes: openid
auth_method: client_secret_basik
max_age: soon
clock_tolerance: 5
http_client_config:
  timeout: 1s
  extra_headers: [a]
use_pkce: maybe
issuer: https://other.example
`, nil, nil)
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	want := []string{
		"config.yaml: client_id is missing; set the key client_id in a configuration file, --client-id or OIDC_CLIENT_ID",
		`config.yaml:1:9: issuer: "http://op.example" is not usable: http is allowed on the loopback address only; use https`,
		"config.yaml:2:1: amr_lits: unknown key; did you mean amr_list?",
		"config.yaml:3:16: client_secret: a string belongs here, not a number; put it in quotes",
		"config.yaml:4:9: scopes: a list belongs here, not a string",
		`config.yaml:5:14: auth_method: "client_secret_basik" is not one of none, client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt, tls_client_auth, self_signed_tls_client_auth, client_assertion, spiffe_jwt; did you mean client_secret_basic?`,
		`config.yaml:6:10: max_age: "soon" is not a whole number of at least 0`,
		`config.yaml:7:18: clock_tolerance: "5" is not a duration such as 90s or 5m`,
		"config.yaml:9:3: timeout: unknown key; did you mean timeout_duration?",
		"config.yaml:10:18: http_client_config.extra_headers: keys and values belong here, not a list",
		"config.yaml:11:11: use_pkce: true or false belongs here, not a string",
		"config.yaml:12:1: issuer: it was set in line 1 already",
	}
	got := strings.Split(problems.Error(), "\n")
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("problem %d:\n got %s\nwant %s", i+1, g, w)
		}
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"OIDC_CLIENT_ID": "from env", "OIDC_HTTP_CLIENT_CONFIG_TIMEOUT_DURATION": "7s",
		"OIDC_SKIP_USERINFO_CALL": "true",
	}
	c, err := load(minimal, env, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.ClientID != "from env" || *c.HTTP.Timeout != 7*time.Second || !c.SkipUserInfo ||
		c.Origin["client_id"].String() != "OIDC_CLIENT_ID" {
		t.Errorf("environment over file: %+v", c)
	}
	c, err = load(minimal, env, map[string][]string{"client-id": {"from flag"}, "scope": {"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.ClientID != "from flag" || !slices.Equal(c.Scopes, []string{"a", "b"}) ||
		c.Origin["client_id"].String() != "--client-id" {
		t.Errorf("flag over environment: %+v", c)
	}
	if _, err := load("", nil, map[string][]string{"issuer": {"https://op.example"}, "client-id": {"me"}}); err != nil {
		t.Errorf("flags alone: %v", err)
	}
}

func TestExpansion(t *testing.T) {
	t.Parallel()
	env := map[string]string{"HOST": "op.example", "SECRET": "p$w: {x}"}
	c, err := load("issuer: https://${HOST}\nclient_id: me\nclient_secret: ${SECRET}\nscopes: [\"${HOST}\"]\nacr_values: $${HOST}\n", env, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Issuer != "https://op.example" || c.ClientSecret != "p$w: {x}" || c.Scopes[0] != "op.example" ||
		c.Login.ACRValues != "${HOST}" {
		t.Errorf("got %+v", c)
	}
	_, err = load(minimal+"client_secret: ${ABSENT}\n", env, nil)
	if err == nil ||
		!strings.Contains(err.Error(), "config.yaml:3:16: client_secret: the environment variable ABSENT is not set") {
		t.Errorf("absent variable: %v", err)
	}
	_, err = load(minimal+"client_secret: ${ABSENT}\nauth_method: client_secret_post\n", env, nil)
	if err == nil || strings.Contains(err.Error(), "needs a client_secret") {
		t.Errorf("absent variable, and a method that needs it: %v", err)
	}
}

// What the environment has need not be UTF-8, but for the names of files.
func TestEncoding(t *testing.T) {
	t.Parallel()
	env := map[string]string{"OIDC_LOGIN_HINT": "J\xf6rg", "X": "\xff", "OIDC_PRIVATE_KEY": "\xff"}
	_, err := load(minimal+"acr_list: [\"${X}\"]\nui_locales: ${X}\nauthorize_additional_parameters: {x: \"${X}\"}\n",
		env, map[string][]string{"scope": {"\xff"}, "ca-cert": {"\xff"}})
	want := "OIDC_LOGIN_HINT: it is not UTF-8\n--scope: it is not UTF-8\n" +
		"config.yaml:3:11: acr_list: it is not UTF-8\nconfig.yaml:4:13: ui_locales: it is not UTF-8\nconfig.yaml:5:38: authorize_additional_parameters.x: it is not UTF-8"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestContradictions(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("s", 64)
	for name, c := range map[string]struct {
		file string
		want string // "" means that it is fine
	}{
		"nothing special": {"", ""},
		"none with a secret": {
			"auth_method: none\nclient_secret: x\n", "auth_method: contradicts client_secret (config.yaml:4:16)",
		},
		"secret method without secret": {"auth_method: client_secret_post\n", "needs a client_secret"},
		"private_key_jwt without key":  {"auth_method: private_key_jwt\n", "needs a private_key"},
		"mutual TLS without a file":    {"auth_method: tls_client_auth\n", "needs a tls_client_certificate"},
		"mutual TLS, key by pem-key": {
			"auth_method: tls_client_auth\ntls_client_certificate: a\nprivate_key: b\n", "",
		},
		"TLS key without certificate": {"tls_client_key: a\n", "no tls_client_certificate"},
		"alias and right spelling": {
			"jwt_profile_token_audiance: a\njwt_profile_token_audience: b\n",
			"was set in line 3 already, as jwt_profile_token_audiance",
		},
		"two audiences": {
			"jwt_profile_endpoint_audience: true\njwt_profile_token_audience: b\n", "an assertion has one audience",
		},
		"HS256 without a secret": {"token_signing_alg: [HS256]\n", "at least 32 bytes"},
		"HS512 with a short secret": {
			"token_signing_alg: [HS512]\nclient_secret: " + long[:63] + "\n", "at least 64 bytes",
		},
		"HS512 with a long secret":  {"token_signing_alg: [HS512]\nclient_secret: " + long + "\n", ""},
		"none as signing algorithm": {"token_signing_alg: [none]\n", `"none" is not one of`},
		"secret JWT, short secret":  {"auth_method: client_secret_jwt\nclient_secret: short\n", "at least 32 bytes"},
		"secret JWT by RS256": {
			"auth_method: client_secret_jwt\nclient_secret: " + long + "\njwt_signing_alg: RS256\n", "signs by HS256",
		},
		"private key JWT by HS256": {
			"auth_method: private_key_jwt\nprivate_key: k\njwt_signing_alg: HS256\n", "does not sign with a secret",
		},
		"CA and no verification": {"ca_cert: a\nskip_tls_verification: true\n", "either verified or not"},
		"nested skip alone":      {"http_client_config:\n  skip_tls_verification: true\n", "no effect by itself"},
		"nested and top disagree": {
			"skip_tls_verification: true\nhttp_client_config:\n  skip_tls_verification: false\n",
			"either verified or not",
		},
		"compared and not compared": {
			"insecure_wellknown_endpoint: true\nexpected_issuer: a\n", "either compared or not",
		},
		"issuer is the metadata's URL": {"expected_issuer: x\n", ""},
		"endpoint by http":             {"token_endpoint: http://op.example/t\n", "use https"},
		"endpoint by http on loopback": {"token_endpoint: http://127.0.0.1:9/t\n", ""},
		"endpoint without a scheme":    {"token_endpoint: op.example/t\n", "did you mean https://op.example/t?"},
		"port too large": {
			"token_endpoint: https://op.example:65536\n", "a port is a number from 1 to 65535",
		},
		"port zero": {
			"token_endpoint: https://op.example:0\n", "a port is a number from 1 to 65535",
		},
		"endpoint is a file":        {"token_endpoint: file:///etc/passwd\n", "not an https URL"},
		"endpoint with a user name": {"token_endpoint: https://a:b@op.example/t\n", "user name"},
		"header with a line break": {
			"http_client_config:\n  extra_headers:\n    X-A: \"a\\nb\"\n", "is not a header",
		},
		"header that is ours": {
			"http_client_config:\n  extra_headers:\n    Authorization: x\n", "cannot be set here",
		},
		"claims that are not JSON": {"oidc_claims_param: '{'\n", "not a JSON object"},
		"PAR parameters without PAR": {
			"use_par: false\npar_additional_parameters: {a: b}\n", "only with a pushed request",
		},
		"a number where text belongs": {"ca_cert: 12\n", "put it in quotes"},
		"a negative number":           {"max_age: -1\n", "at least 0"},
		"a group that is not one":     {"http_client_config: 1\n", "keys and values belong here"},
		"a list in a list":            {"scopes: [[a]]\n", "this item is a list"},
		"null is not set":             {"scopes:\nclient_secret: ~\namr_list: null\n", ""},
		"an anchor and its alias":     {"amr_list: &l [a]\nacr_list: *l\n", ""},
		"a key of the list as flag":   {"skip_userinfo: true\n", "did you mean skip_userinfo_call?"},
		"a key of another tool":       {"redirect_url: x\n", "unknown key"},
		"an upper-case key":           {"Client_Secret: x\n", "did you mean client_secret?"},
		"an unclosed list":            {"scopes: [a\n", "not YAML"},
		"a tab":                       {"\tscopes: [a]\n", "not YAML"},
		"a second document":           {"---\nfoo: bar\n", "goes on after its one document"},
	} {
		_, err := load(minimal+c.file, nil, nil)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: want %q, got %v", name, c.want, err)
		}
	}
	if _, err := load("issuer: https://op.example/.well-known/openid-configuration\nclient_id: me\n", nil,
		nil); err == nil || !strings.Contains(err.Error(), `the issuer is "https://op.example"`) {
		t.Errorf("the metadata's URL as issuer: %v", err)
	}
	for _, file := range []string{"[a]", "a", "1", strings.Repeat("#", 1<<20+1)} {
		if _, err := load(file, nil, nil); err == nil {
			t.Errorf("%.10q: accepted", file)
		}
	}
}

// A profile turns on what it asks for, and names the line that breaks it.
func TestProfiles(t *testing.T) {
	t.Parallel()
	const key = "private_key: key.pem\n"
	c, err := load(minimal+"profile: fapi2\n"+key, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Login.UsePAR || !c.DPoP.Use || c.Login.UseRequestParameter ||
		!slices.Equal(c.TokenSigningAlgorithms, fapi2Algorithms) {
		t.Errorf("fapi2 turned on: %+v", c)
	}
	if c.MaxIDTokenAge == nil || *c.MaxIDTokenAge != time.Hour {
		t.Errorf("fapi2: max_id_token_age is %v", c.MaxIDTokenAge)
	}
	for file, want := range map[string]string{
		"max_id_token_age: 0s\n":  "no ID Token is that new",
		"max_id_token_age: -1h\n": "max_id_token_age",
	} {
		if _, err := load(minimal+file, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if c, err := load(minimal+"profile: fapi2\nmax_id_token_age: 5m\n"+key, nil, nil); err != nil ||
		*c.MaxIDTokenAge != 5*time.Minute {
		t.Errorf("max_id_token_age beside the profile: %v, %v", c.MaxIDTokenAge, err)
	}
	c, err = load(minimal+"profile: fapi2-message-signing\ntls_client_certificate: c.pem\n"+key, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Login.UseRequestParameter || c.Login.ResponseMode != "jwt" || !c.SignedIntrospection || c.DPoP.Use {
		t.Errorf("fapi2-message-signing turned on: %+v", c)
	}
	for _, line := range []string{
		"auth_method: client_secret_basic\nclient_secret: s", "auth_method: none", "use_pkce: false", "use_par: false",
		"response_type: code id_token",
		"jwt_profile_token_audience: x", "jwt_profile_endpoint_audience: true", "skip_tls_verification: true",
		"insecure_wellknown_endpoint: true",
		"alternative_wellknown_endpoint: https://op.example/x", "waive: [id_token.iss]", "token_signing_alg: [RS256]",
		"jwt_signing_alg: RS256",
		"dpop: false", "dpop_signing_alg: RS256", "request_object_signing_alg: ES384",
		"userinfo_signed_response_alg: RS256",
	} {
		broken, _, _ := strings.Cut(line, ":")
		_, err := load(minimal+"profile: fapi2\n"+key+line+"\n", nil, nil)
		if want := "config.yaml:5:"; err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), broken+": breaks the profile fapi2 (config.yaml:3:10): ") {
			t.Errorf("%s: %v", line, err)
		}
	}
	for _, line := range []string{
		"use_request_parameter: false", "response_mode: form_post",
		"use_signed_introspection: false", "legacy_request_jwt_header_type: true",
	} {
		broken, _, _ := strings.Cut(line, ":")
		_, err := load(minimal+"profile: fapi2-message-signing\n"+key+line+"\n", nil, nil)
		if err == nil || !strings.Contains(err.Error(), broken+": breaks the profile fapi2-message-signing") {
			t.Errorf("%s: %v", line, err)
		}
	}
	if _, err := load(minimal+"profile: fapi2\n", nil, nil); err == nil ||
		!strings.Contains(err.Error(), "profile: fapi2 needs a private_key or a tls_client_certificate") {
		t.Errorf("without a key: %v", err)
	}
}

// What a login asks for has to make sense.
func TestLoginKeys(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"oidc_claims_param: '[1]'\n":                               "oidc_claims_param: not a JSON object",
		"authorization_details: '{}'\n":                            "authorization_details: not a JSON array",
		"authorization_details: 'null'\n":                          "authorization_details: not a JSON array",
		"authorization_details: ' [ ] '\n":                         "authorization_details: an empty array asks for nothing",
		"resource: [api]\n":                                        "is not an absolute URI without fragment",
		"resource: ['https://a.example/#x']\n":                     "is not an absolute URI without fragment", // V91
		"prompt: none\nmax_age: 0\n":                               "",                                        // Q06: the provider says no
		"response_type: id_token\nresponse_mode: query\n":          "tokens never go in a query",
		"response_type: id_token\nresponse_mode: query.jwt\n":      "tokens never go in a query",
		"response_type: token\n":                                   "is not one of",
		"request_object_signing_alg: HS256\n":                      "needs a client_secret",
		"request_object_encryption_enc: A128GCM\n":                 "has no effect without",
		"dpop: false\ndpop_key: k.pem\n":                           "contradicts dpop",
		"authorization_encrypted_response_alg: [RSA-OAEP]\n":       "no decryption_key",
		"introspection_encrypted_response_alg: [RSA-OAEP]\n":       "no decryption_key",
		"response_type: code id_token\nresponse_mode: form_post\n": "",
		"dpop_key: k.pem\n":                                        "",
	} {
		c, err := load(minimal+file, nil, nil)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", file, c, err)
		}
	}
}

// What tokens are encrypted with needs a key to decrypt them.
func TestEncryptionNeedsAKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"token_encryption_alg", "userinfo_encrypted_response_alg"} {
		setting := key + ": [RSA-OAEP, ECDH-ES+A256KW]\n"
		if _, err := load(minimal+setting, nil, nil); err == nil ||
			!strings.Contains(err.Error(), key+": there is no decryption_key") {
			t.Errorf("%s without a key: %v", key, err)
		}
		for _, file := range []string{"decryption_key: a.pem\n", "private_key: a.pem\n"} {
			if _, err := load(minimal+setting+file, nil, nil); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
		if _, err := load(minimal+key+": [RSA1_5]\ndecryption_key: a\n", nil, nil); err == nil {
			t.Error("RSA1_5 accepted")
		}
	}
	if _, err := load(minimal+"client_secret: short\nuserinfo_signed_response_alg: HS256\n", nil, nil); err == nil {
		t.Error("HS256 with a short secret accepted")
	}
}

// Every row of the table is complete, and no name stands for two things.
func TestTable(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	fields := map[any]string{}
	c := &Config{}
	for _, p := range parameters {
		for _, name := range append([]string{p.Key, "--" + p.Flag, p.Env()}, p.Aliases...) {
			if names[name] && name != "--" && name != "" {
				t.Errorf("%s stands twice in the table", name)
			}
			names[name] = true
		}
		if p.Help == "" || strings.HasSuffix(p.Help, ".") {
			t.Errorf("%s: help is empty or ends with a period", p.Key)
		}
		field := p.field(c)
		if reflect.ValueOf(field).Kind() != reflect.Pointer || fields[field] != "" {
			t.Errorf("%s goes where %s goes", p.Key, fields[field])
		}
		fields[field] = p.Key
	}
}

func TestStarterIsValid(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{"", "https://op.example/a\"b"} {
		if _, err := load(string(Starter(issuer, `we "ird\`)), nil, nil); err != nil {
			t.Errorf("%q: %v", issuer, err)
		}
	}
	// Every key that is commented out is a key.
	for line := range strings.Lines(starter) {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "#"), ":"); ok && strings.HasPrefix(line, "#") &&
			!strings.ContainsAny(name, " ") {
			if _, ok := find(name); !ok && !isGroup(name) {
				t.Errorf("the starter file mentions %s", name)
			}
		}
	}
}

// What is quoted is read as it was, also where it looks like a variable.
func TestQuote(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"plain", `"`, `\`, "a\nb\r\tc", "${A}", "x${A}y", "$${A}", "$$${A}", "${", "$", "${A", "${${A}}",
		"a\x00\a\x1b]0;x\a", "\u0085\u2028\ufeff", "é漢😀\U000E0001", "- a: {b}", "# c",
	} {
		c, err := load("issuer: https://op.example\nclient_id: c\nlogin_hint: "+Quote(s)+"\n",
			map[string]string{"A": "secret", "${A": "secret"}, nil)
		if err != nil || c.Login.LoginHint != s {
			t.Errorf("%q: %q, %v", s, c.Login.LoginHint, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(ancestor)
	f.Add("a: &a [*a]\n")
	f.Add("http_client_config: {extra_headers: {a: !!binary x}}\n")
	f.Add("<<: {a: b}\n? [a]\n: b\n")
	f.Fuzz(func(t *testing.T, file string) {
		c, err := load(file, map[string]string{"A": "b"}, nil)
		if c == nil {
			t.Fatal("no configuration")
		}
		if err != nil && fmt.Sprint(err) == "" {
			t.Fatal("an empty error")
		}
	})
}

// With a profile the metadata may be at any well-known place of the issuer that it is compared
// with, and nowhere else.
func TestProfileWellKnownPlaces(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		expected, place string
		ok              bool
	}{
		"OpenID Connect":          {"https://op.example/t", "https://op.example/t/.well-known/openid-configuration", true},
		"RFC 8414":                {"https://op.example/t/", "https://op.example/.well-known/oauth-authorization-server/t/", true},
		"without a path":          {"https://op.example", "https://op.example/.well-known/oauth-authorization-server", true},
		"no issuer to compare":    {"", "https://op.example/.well-known/openid-configuration", false},
		"another issuer's":        {"https://op.example/t", "https://op.example/.well-known/openid-configuration", false},
		"another host":            {"https://op.example", "https://x.example/.well-known/openid-configuration", false},
		"no well-known place":     {"https://op.example", "https://op.example/metadata", false},
		"one with a query":        {"https://op.example", "https://op.example/.well-known/openid-configuration?x", false},
		"one that ends elsewhere": {"https://op.example", "https://op.example/.well-known/openid-configuration/../x", false},
	} {
		text := "issuer: https://op.example\nclient_id: me\nprofile: fapi2\nprivate_key: k\ndpop_key: d\n" +
			"alternative_wellknown_endpoint: " + c.place + "\n"
		if c.expected != "" {
			text += "expected_issuer: " + c.expected + "\n"
		}
		if _, err := load(text, nil, nil); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
