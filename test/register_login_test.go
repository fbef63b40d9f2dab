package test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/cli"
	"github.com/oidc-client/oidc-client/internal/provider/fault"
	"github.com/oidc-client/oidc-client/internal/run"
)

// runWithBrowser runs the program with a browser that does what pages ask for.
func runWithBrowser(t *testing.T, b browser, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runWithBrowserIn(t, map[string]string{"BROWSER": "browser"}, b, args...)
}

// runWithBrowserIn does it in an environment.
func runWithBrowserIn(t *testing.T, environment map[string]string, b browser, args ...string) (code int,
	stdout, stderr string,
) {
	t.Helper()
	var browsing sync.WaitGroup
	var out, errs bytes.Buffer
	env := &run.Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Now: time.Now,
		Getenv:   func(name string) string { return environment[name] },
		Terminal: func(io.Writer) bool { return false },
		Start: func(argv []string) (<-chan error, error) {
			browsing.Go(func() {
				_, _ = b.Open(t.Context(), argv[len(argv)-1]) // what comes of it shows in the program
			})
			return nil, nil
		},
	}
	code = cli.Main(context.Background(), env, append(args, "--timeout", "30s"))
	browsing.Wait()
	return code, out.String(), errs.String()
}

// registersAndLogsIn registers a client and logs in with the configuration file that this wrote, without
// a word of anything else. It returns the file, and what was said at the registration.
func registersAndLogsIn(t *testing.T, b browser, issuer string, flags ...string) (config, said string) {
	t.Helper()
	// nothing that is relative to a folder can be in the file
	out := filepath.Join(t.TempDir(), "client.yaml")
	redirect := "http://" + fixedAddress(t) + "/cb"
	code, _, said := runProgram(append([]string{
		"register", "create", "--issuer", issuer, "--out", out, "--redirect-uri", redirect,
	}, flags...), "")
	if code != 0 {
		t.Fatalf("register: exit %d\n%s", code, said)
	}
	text, err := os.ReadFile(out)
	check(t, err)
	config = string(text)
	if code, stdout, stderr := runProgram([]string{"config", "validate", out}, ""); code != 0 {
		t.Fatalf("config validate: exit %d\n%s%s%s", code, stdout, stderr, config)
	}
	compareText(t, config, []string{"override_redirect_uri: \"" + redirect + "\"\n"}, nil)
	code, stdout, stderr := runWithBrowser(t, b, "client", "-c", out, "--format", "json")
	var doc document
	if err := json.Unmarshal([]byte(stdout), &doc); code != 0 || err != nil {
		t.Fatalf("login: exit %d, %v\n%s%s%s", code, err, stdout, stderr, config)
	}
	if doc.IDToken == nil || !doc.IDToken.Verified || doc.UserInfo == nil {
		t.Errorf("no ID Token, or no UserInfo: %s\n%s", stdout, config)
	}
	return config, said
}

// What register create writes logs in, whatever the provider says that it registered: with the scopes
// that the user asked for, and by what the client can do.
func TestRegisterThenLogIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		faults []string
		flags  []string
		want   []string // in the file
		not    []string // and not in it
		said   []string
	}{
		"nothing unusual": {want: []string{"scopes: [\"openid\"]\n", "client_secret: ", "auth_method: \"client_secret_basic\""}},
		"all scopes of the client": {
			faults: []string{"registration-scope-optional"}, want: []string{"scopes: [\"openid\"]\n"},
			not: []string{"offline_access", "address"},
		},
		"scopes of the user": {
			faults: []string{"registration-scope-optional"}, flags: []string{"--scope", "email"},
			want: []string{"scopes: [\"openid\", \"email\"]\n"}, not: []string{"offline_access"},
		},
		"algorithm none": {
			faults: []string{"registration-userinfo-alg-none"}, not: []string{"none", "userinfo_signed"},
			said: []string{`INFO.*userinfo_signed_response_alg "none" is left out`},
		},
		"ID Tokens by none": {
			faults: []string{"registration-id-token-alg-none"}, not: []string{"none", "token_signing_alg"},
			said: []string{`WARN.*id_token_signed_response_alg "none" is left out: .*the client cannot accept such ID Tokens`},
		},
		"no method": {
			faults: []string{"registration-auth-method-missing"}, flags: []string{"--auth-method", "client_secret_post"},
			want: []string{"auth_method: \"client_secret_post\""},
		},
		"a method that nobody knows": {
			faults: []string{"registration-auth-method-unknown"}, flags: []string{"--auth-method", "client_secret_post"},
			want: []string{"auth_method: \"client_secret_post\""}, said: []string{"WARN.*registered the auth_method telepathy"},
		},
		"no method, and only one allowed": {
			faults: []string{"registration-auth-method-missing", "metadata-auth-methods-none"},
			want:   []string{"auth_method: \"none\""},
		},
		"not to be managed": {
			faults: []string{"registration-token-uri-missing"},
			said:   []string{"the provider does not let the client read, update or delete it"},
		},
		"only an ID Token": {
			flags: []string{"--metadata", `{"response_types":["id_token token"],"grant_types":["implicit"]}`},
			want:  []string{"response_type: \"id_token token\""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := fault.Options{Options: providerDefaults(), Faults: c.faults}
			o.Auto, o.Registration = true, true
			op, err := fault.Start(o)
			check(t, err)
			t.Cleanup(func() { _ = op.CloseNow() })
			config, said := registersAndLogsIn(t, newHTTPBrowser("alice", nil), op.Issuer, c.flags...)
			compareText(t, config, c.want, c.not)
			for _, want := range c.said {
				if !regexp.MustCompile(want).MatchString(said) {
					t.Errorf("not said: %s\n%s", want, said)
				}
			}
		})
	}
}

// compareText looks for what a text must and must not hold.
func compareText(t *testing.T, text string, want, not []string) {
	t.Helper()
	for _, part := range want {
		if !strings.Contains(text, part) {
			t.Errorf("not in it: %s\n%s", part, text)
		}
	}
	for _, part := range not {
		if strings.Contains(text, part) {
			t.Errorf("in it: %s\n%s", part, text)
		}
	}
}

// The keys and certificates that a client is registered with are in its configuration, and at the
// provider.
func TestRegisterThenLogInByKeys(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	key := filepath.Join(t.TempDir(), "key.pem")
	if code, _, stderr := runProgram([]string{"jwt", "keygen", "--alg", "ES256", "--out", key}, ""); code != 0 {
		t.Fatal(stderr)
	}
	for name, c := range map[string]struct{ flags, want []string }{
		"own CA":          {want: []string{"ca_cert: "}},
		"none":            {flags: []string{"--auth-method", "none"}, want: []string{"auth_method: \"none\""}},
		"private_key_jwt": {[]string{"--auth-method", "private_key_jwt", "--pem-key", key}, []string{"private_key: "}},
		"tls_client_auth": {
			[]string{"--auth-method", "tls_client_auth", "--pem-cert", s.file("tls.pem"), "--pem-key", s.file("tls-key.pem")},
			[]string{"tls_client_certificate: ", "private_key: "},
		},
		"self_signed_tls_client_auth": {
			[]string{
				"--auth-method", "self_signed_tls_client_auth", "--pem-cert", s.file("self-signed.pem"), "--pem-key",
				s.file("self-signed-key.pem"),
			},
			[]string{"tls_client_certificate: "},
		},
		"DPoP": {[]string{"--metadata", `{"dpop_bound_access_tokens":true}`}, []string{"dpop: true"}},
		"PAR":  {[]string{"--metadata", `{"require_pushed_authorization_requests":true}`}, []string{"use_par: true"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flags := append([]string{"--ca-cert", s.file("ca.pem")}, c.flags...)
			config, _ := registersAndLogsIn(t, s.browser("alice"), s.Issuer, flags...)
			compareText(t, config, c.want, nil)
		})
	}
}
