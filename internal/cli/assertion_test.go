package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// plainly runs a command line and returns what it shows as it is.
func (s *stage) plainly(line string) (code int, stdout, stderr string) {
	s.t.Helper()
	var out, errs bytes.Buffer
	env := quiet()
	env.Stdin, env.Stdout, env.Stderr = strings.NewReader(""), &out, &errs
	env.Now, env.Getenv = s.clock, func(name string) string { return s.env[name] }
	env.Terminal = func(io.Writer) bool { return false }
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	var words []string
	for word := range strings.FieldsSeq(line) {
		words = append(words, s.filled(word))
	}
	code = Main(ctx, env, words)
	return code, out.String(), errs.String()
}

// forms are those that the token endpoint got.
func (s *stage) forms() (forms []url.Values) {
	for _, form := range s.Forms() {
		if form.Has("grant_type") {
			forms = append(forms, form)
		}
	}
	return forms
}

// newFile writes a file of the stage's folder, and returns its name.
func (s *stage) newFile(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

const asWorkload = "client-credentials --issuer $OP --client-id cli "

// A refusal of the client names what its assertion said, and what changes it.
func TestRefusedAssertionIsExplained(t *testing.T) {
	t.Parallel()
	const byKey, bySecret = "--pem-key $DIR/key.pem ", "--client-secret $SECRET --auth-method client_secret_jwt "
	for name, c := range map[string]struct {
		flags, refusal string
		want           []string // none: the assertion is not mentioned
	}{
		"invalid_client": {
			byKey, `{"error":"invalid_client"}`,
			[]string{
				`aud "$OP", alg "ES256", no kid and typ "JWT"`, "jwt_profile_token_audience (--client-assertion-audience)",
				"jwt_profile_endpoint_audience: true (--client-assertion-endpoint-audience)",
				"jwt_signing_alg (--client-assertion-alg)", "client_assertion_typ (--client-assertion-typ)",
				"private_key_id (--client-assertion-kid)",
				"client_assertion_certificate (--client-assertion-certificate)",
			},
		},
		"invalid_client with the flags": {
			byKey + "--client-assertion-endpoint-audience --client-assertion-kid k --client-assertion-typ t",
			`{"error":"invalid_client"}`,
			[]string{`aud "$OP/token", alg "ES256", kid "k" and typ "t"`},
		},
		"a secret": {
			bySecret + "--client-assertion-audience mine --client-assertion-alg HS256", `{"error":"invalid_client"}`,
			[]string{`aud "mine", alg "HS256", no kid and typ "JWT"`},
		},
		"invalid_request": {byKey, `{"error":"invalid_request"}`, []string{`aud "$OP"`}},
		"invalid_request about it": {
			byKey, `{"error":"invalid_request","error_description":"No federated identity for the Assertion"}`,
			[]string{`aud "$OP"`},
		},
		"invalid_request about something else": {
			byKey, `{"error":"invalid_request","error_description":"Missing parameter: code"}`, nil,
		},
		"another error": {byKey, `{"error":"invalid_scope"}`, nil},
		"no assertion":  {"--client-secret $SECRET", `{"error":"invalid_client"}`, nil},
		"one of the platform": {
			"--client-assertion-file $DIR/assertion.jwt", `{"error":"invalid_client"}`,
			[]string{`$DIR/assertion.jwt) has iss "https://platform.example", sub "workload", aud "$OP", alg "ES256"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, false, time.Now())
			defer s.Close()
			s.says("/token", fakeop.Says(http.StatusBadRequest, map[string]string{"Content-Type": "application/json"},
				c.refusal))
			code, _, stderr := s.plainly(asWorkload + c.flags)
			if code != 3 {
				t.Errorf("exit code %d: %s", code, stderr)
			}
			if told := strings.Contains(stderr, "client assertion"); told != (c.want != nil) {
				t.Errorf("the assertion is mentioned: %t\n%s", told, stderr)
			}
			for _, want := range c.want {
				if want = s.filled(want); !strings.Contains(stderr, want) {
					t.Errorf("no %s in\n%s", want, stderr)
				}
			}
		})
	}
}

// So does the refusal of a JWT that is the grant itself.
func TestRefusedGrantIsExplained(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now())
	defer s.Close()
	s.says("/token", fakeop.Says(http.StatusBadRequest, map[string]string{"Content-Type": "application/json"},
		`{"error":"invalid_grant"}`))
	code, _, stderr := s.plainly("jwt-bearer " + asClient + "--subject alice --pem-key $DIR/key.pem")
	want := s.filled(`iss "cli", sub "alice", aud "$OP", alg "ES256" and no kid; --subject, --assertion-issuer and ` +
		`--assertion-audience set`)
	if code != 3 || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d, no %s in\n%s", code, want, stderr)
	}
}

// A client assertion comes from where the configuration says. Nobody is shown it.
func TestIssuedAssertion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flags  string
		config string
		spiffe bool
	}{
		"file":     {flags: "--client-assertion-file $DIR/assertion.jwt"},
		"env":      {flags: "--client-assertion-env ASSERTION"},
		"github":   {flags: "--client-assertion-github"},
		"audience": {flags: "--client-assertion-github --client-assertion-audience mine"},
		"relative": {config: "client_assertion: {file: assertion.jwt}\n"},
		"spiffe":   {flags: "--client-assertion-file $DIR/assertion.jwt --auth-method spiffe_jwt", spiffe: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, false, time.Now())
			defer s.Close()
			sent := s.env["ASSERTION"]
			if name == "audience" {
				sent = s.assertion(map[string]any{"aud": "mine"})
			}
			s.gitHub(sent)
			file := s.newFile("workload.yaml", "http_client_config: {extra_headers: {X-Mine: mine}}\n"+s.filled(c.config))
			code, stdout, stderr := s.plainly(asWorkload + c.flags + " -dd --explain -c " + file)
			if code != 0 || strings.Contains(stderr, "WARN") {
				t.Fatalf("exit code %d\n%s", code, stderr)
			}
			kind := "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
			if c.spiffe {
				kind = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"
			}
			form := s.forms()[0]
			if form.Get("client_assertion") != sent || form.Get("client_assertion_type") != kind ||
				form.Get("client_id") != "cli" {
				t.Errorf("sent %v", form)
			}
			_, signature, _ := strings.Cut(sent[strings.Index(sent, ".")+1:], ".")
			for _, secret := range []string{signature, "the-job-token"} {
				if strings.Contains(stdout+stderr, secret) {
					t.Errorf("%s is shown:\n%s%s", secret, stdout, stderr)
				}
			}
		})
	}
}

// gitHub makes the stage a GitHub Actions job with this ID token.
func (s *stage) gitHub(token string) {
	s.env["ACTIONS_ID_TOKEN_REQUEST_URL"], s.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = s.URL+"/github?v=2", "the-job-token"
	s.Handle("/github", func(w http.ResponseWriter, r *http.Request) {
		claims := payloadOf(token)
		if r.URL.Query().Get("audience") != claims["aud"] || r.URL.Query().Get("v") != "2" ||
			r.Header.Get("Authorization") != "Bearer the-job-token" || r.Header.Get("X-Mine") != "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fakeop.JSON(w, map[string]any{"count": len(token), "value": token})
	})
}

// An assertion that cannot be meant is not sent, and the error says why.
func TestAssertionThatIsNotSent(t *testing.T) {
	t.Parallel()
	const file = "--client-assertion-file $DIR/token "
	for name, c := range map[string]struct {
		token  any // text, or claims
		flags  string
		code   int
		want   string
		gitHub http.HandlerFunc
		env    map[string]string
	}{
		"expired": {
			token: map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}, flags: file, code: 2,
			want: "the client assertion expired 1m",
		},
		"no JWT":       {token: "secret-of-somebody", flags: file, code: 2, want: "this is no client assertion"},
		"two lines":    {token: "eyJh.e30.AA\neyJh.e30.AA", flags: file, code: 2, want: "U+000A"},
		"empty":        {token: "\n", flags: file, code: 2, want: "it is empty"},
		"no file":      {token: "x", flags: "--client-assertion-file $DIR/missing", code: 2, want: "no such file"},
		"no variable":  {token: "x", flags: "--client-assertion-env NOT_THERE", code: 2, want: "NOT_THERE is not set"},
		"no such job":  {token: "x", flags: "--client-assertion-github", code: 2, want: "id-token: write"},
		"the type":     {token: "x", flags: file + "--client-assertion-typ a", code: 2, want: "contradicts"},
		"two sources":  {token: "x", flags: file + "--client-assertion-github", code: 2, want: "contradicts"},
		"another name": {token: "x", flags: file + "--auth-method none", code: 2, want: "contradicts"},
		"GitHub over http": {
			token: "x", flags: "--client-assertion-github", code: 2, want: "ACTIONS_ID_TOKEN_REQUEST_URL is not an https URL",
			env: map[string]string{
				"ACTIONS_ID_TOKEN_REQUEST_URL": "http://github.example/", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
			},
		},
		"GitHub says no": {
			token: "x", flags: "--client-assertion-github", code: 4, want: "id-token: write",
			gitHub: fakeop.Says(http.StatusForbidden, nil, ""),
		},
		"GitHub redirects": {
			token: "x", flags: "--client-assertion-github", code: 4, want: "HTTP status 307",
			gitHub: fakeop.Says(http.StatusTemporaryRedirect, map[string]string{"Location": "/resource"}, ""),
		},
		"GitHub fails": {
			token: "x", flags: "--client-assertion-github", code: 4, want: "HTTP status 503",
			gitHub: fakeop.Says(http.StatusServiceUnavailable, nil, ""),
		},
		"GitHub has none": {
			token: "x", flags: "--client-assertion-github", code: 4, want: "no value",
			gitHub: fakeop.Says(http.StatusOK, nil, `{"count":0}`),
		},
		"GitHub says what is no token": {
			token: "x", flags: "--client-assertion-github", code: 2, want: "this is no client assertion",
			gitHub: fakeop.Says(http.StatusOK, nil, `{"value":"opaque-secret"}`),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, false, time.Now())
			defer s.Close()
			text, ok := c.token.(string)
			if claims, other := c.token.(map[string]any); other && !ok {
				text = s.assertion(claims)
			}
			s.newFile("token", text)
			if c.gitHub != nil {
				s.gitHub("x")
				s.Handle("/github", c.gitHub)
			}
			for name, value := range c.env {
				s.env[name] = value
			}
			code, stdout, stderr := s.plainly(asWorkload + c.flags)
			if code != c.code || !strings.Contains(stderr, c.want) {
				t.Errorf("exit code %d, want %d and %q\n%s", code, c.code, c.want, stderr)
			}
			if len(s.forms()) > 0 || s.Asked("/resource") > 0 {
				t.Errorf("it was sent: %v", s.Forms())
			}
			if len(text) > 5 && strings.Contains(stdout+stderr, text) {
				t.Errorf("it is shown:\n%s%s", stdout, stderr)
			}
		})
	}
}

// An assertion for somebody else is sent with a warning, unless it is what was configured.
func TestAssertionAudienceIsCompared(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		aud    any
		config string
		warns  bool
	}{
		"the issuer":           {"$OP", "", false},
		"the token endpoint":   {"$OP/token", "", false},
		"among others":         {[]string{"other", "$OP"}, "", false},
		"another":              {"api://AzureADTokenExchange", "", true},
		"another, as meant":    {"mine", "client_assertion.audience", false},
		"of the keys":          {"mine", "jwt_profile_token_audience", false},
		"not the one meant":    {"$OP", "client_assertion.audience", true},
		"none":                 {nil, "", true},
		"a beginning of it":    {"$O", "", true},
		"with a slash at last": {"$OP/", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, false, time.Now())
			defer s.Close()
			aud := c.aud
			switch a := aud.(type) {
			case string:
				aud = s.filled(a)
			case []string:
				aud = []string{a[0], s.filled(a[1])}
			}
			s.newFile("token", s.assertion(map[string]any{"aud": aud}))
			text := "client_assertion:\n  file: token\n"
			switch c.config {
			case "client_assertion.audience":
				text += "  audience: mine\n"
			case "jwt_profile_token_audience":
				text += "jwt_profile_token_audience: mine\n"
			}
			code, _, stderr := s.plainly(asWorkload + "-c " + s.newFile("workload.yaml", text))
			if warned := strings.Contains(stderr, "set client_assertion.audience"); code != 0 || warned != c.warns {
				t.Errorf("exit code %d, warned %t\n%s", code, warned, stderr)
			}
		})
	}
}

// The platform may replace the assertion between two requests. What is a pipe is read once.
func TestAssertionIsReadForEachRequest(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now())
	defer s.Close()
	first, second := s.assertion(map[string]any{"jti": "1"}), s.assertion(map[string]any{"jti": "2"})
	file := s.newFile("token", first)
	s.says("/token", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("client_assertion") == first { // the next proof needs a nonce
			s.newFile("token", second)
			w.Header().Set("DPoP-Nonce", "n")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"use_dpop_nonce"}`)
			return
		}
		fakeop.JSON(w, map[string]any{"access_token": "a", "token_type": "DPoP"})
	})
	if code, _, stderr := s.plainly(asWorkload + "--dpop --client-assertion-file " + file); code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if forms := s.forms(); len(forms) != 2 || forms[1].Get("client_assertion") != second {
		t.Errorf("sent %v", forms)
	}
}

// A session remembers where its assertions come from, not the assertions.
func TestAssertionOfSession(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now())
	defer s.Close()
	first, second := s.assertion(map[string]any{"jti": "1"}), s.assertion(map[string]any{"jti": "2"})
	file := s.newFile("token", first)
	code, _, stderr := s.plainly("refresh-token --issuer $OP --client-id cli --refresh-token old-refresh-token --save work " +
		"--client-assertion-file " + file)
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	s.newFile("token", second)
	if code, _, stderr = s.plainly("sessions refresh work"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if forms := s.forms(); len(forms) != 2 || forms[0].Get("client_assertion") != first ||
		forms[1].Get("client_assertion") != second {
		t.Errorf("sent %v", forms)
	}
	_ = filepath.WalkDir(filepath.Join(s.folder, "sessions"), func(path string, _ fs.DirEntry, _ error) error {
		text, _ := os.ReadFile(path) // a folder has no text
		if bytes.Contains(text, []byte(first)) || bytes.Contains(text, []byte(second)) {
			t.Errorf("%s has an assertion", path)
		}
		return nil
	})

	// One that expired meanwhile leaves the refresh token as it was.
	s.newFile("token", s.assertion(map[string]any{"exp": 1}))
	if code, _, stderr = s.plainly("sessions refresh work"); code != 2 || !strings.Contains(stderr, "expired") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	s.newFile("token", second)
	if code, _, stderr = s.plainly("sessions refresh work"); code != 0 || len(s.forms()) != 3 {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

// The certificate of the key is named in the header, and not presented in TLS. It has to be the key's.
func TestCertificateOfAssertion(t *testing.T) {
	t.Parallel()
	s := newStage(t, true, time.Now())
	defer s.Close()
	s.newFile("other.pem", certificate(t, fakeop.NewKey()))
	presented := false
	s.says("/token", func(w http.ResponseWriter, r *http.Request) {
		presented = presented || len(r.TLS.PeerCertificates) > 0
		s.Answer(w, r)
	})
	s.Metadata["mtls_endpoint_aliases"] = map[string]any{"token_endpoint": s.URL + "/mtls"}
	const flags = asWorkload + "--ca-cert $DIR/ca.pem --pem-key $DIR/key.pem --client-assertion-certificate x5c "
	if code, _, stderr := s.plainly(flags + "--pem-cert $DIR/client.pem"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	header, _, _ := strings.Cut(s.forms()[0].Get("client_assertion"), ".")
	text, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil || !bytes.Contains(text, []byte(`"x5c":["`)) || presented {
		t.Errorf("header %s, presented in TLS: %t", text, presented)
	}
	code, _, stderr := s.plainly(flags + "--pem-cert $DIR/other.pem")
	if code != 2 || !strings.Contains(stderr, "is not that of the private_key") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	code, stdout, stderr := s.plainly("jwt profile --issuer $OP --client-id cli --pem-key $DIR/key.pem -c " +
		s.newFile("profile.yaml", s.filled("tls_client_certificate: $DIR/client.pem\nclient_assertion_certificate: x5t\n"+
			"client_assertion_typ: client-authentication+jwt\n")))
	header, _, _ = strings.Cut(stdout, ".")
	text, err = base64.RawURLEncoding.DecodeString(header)
	if code != 0 || err != nil || !bytes.Contains(text, []byte(`"x5t":"`)) ||
		!bytes.Contains(text, []byte(`"typ":"client-authentication+jwt"`)) {
		t.Errorf("exit code %d, header %s\n%s", code, text, stderr)
	}
}

// use_pkce: false keeps PKCE out of device logins, too.
func TestDeviceWithoutPKCE(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"use_pkce: true\n": true, "use_pkce: false\n": false} {
		s := newStage(t, false, time.Now())
		defer s.Close()
		code, _, stderr := s.plainly("device " + asClient + "--scope email -c " + s.newFile("device.yaml", text))
		if code != 0 {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
		if got := s.forms()[0].Has("code_verifier"); got != want {
			t.Errorf("%s: a verifier was sent: %t", text, got)
		}
	}
}
