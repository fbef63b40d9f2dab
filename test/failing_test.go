// Every command at a provider that fails at each of its steps: the exit code, one
// JSON document, no secret on standard error, and an end to it.

package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/cli"
	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
)

const failingSecret = "canary-secret-of-the-failing-provider"

// journeys are the commands and the steps that each takes, by path. What comes
// after poll: is asked again and again.
var journeys = []struct {
	args  string
	steps string
}{
	{"client -p 0", "/.well-known/openid-configuration /token /jwks /userinfo"},
	{"client -p 0 --par", "/par"},
	{"device --open", "/device /jwks /userinfo"},
	{"ciba --login-hint alice", "/ciba"},
	{"client-credentials", "/.well-known/openid-configuration /token"},
	{"password --username alice --password @token", "/token"},
	{"jwt-bearer --assertion @token", "/token"},
	{"saml2-bearer --assertion @token", "/token"},
	{"token-exchange --subject-token @token", "/token"},
	{"introspect --token @token", "/.well-known/openid-configuration /introspect"},
	{"revoke --token @token", "/revoke"},
	{"userinfo --token @token", "/userinfo"},
	{"register create", "/register"},
	{"register read --registration registration.json", "/registered"},
	{"register update --registration registration.json --metadata @change.json", "/registered"},
	{"register delete --registration registration.json", "/registered"},
	{"end-session -p 0", "/.well-known/openid-configuration"},
	{"logout-receiver --listen 127.0.0.1:0", "/.well-known/openid-configuration"},
	{"jwt verify @jwt", "/.well-known/openid-configuration /jwks"},
	{"resource ISSUER/resource --token @token", "/resource"},
	{"token work", "/.well-known/openid-configuration /token /jwks"},
	{"sessions refresh work", "/.well-known/openid-configuration /token /jwks"},
	{"sessions logout work", "/.well-known/openid-configuration /revoke"},
	{"resource ISSUER/resource --metadata", "/.well-known/oauth-protected-resource/resource"},
}

// A breakdown is a way for an answer to fail, and what the program makes of it.
type breakdown struct {
	name   string
	answer http.HandlerFunc
	flags  []string
	code   int
	kind   string
}

var breakdowns = []breakdown{
	{
		"500", fakeop.Says(500, map[string]string{"Content-Type": "text/html"}, "<h1>It broke \x1b[2J</h1>"), nil, 4,
		"network",
	},
	{
		"503",
		fakeop.Says(503, map[string]string{"Content-Type": "application/json", "Retry-After": "120"},
			`{"error":"temporarily_unavailable"}`), nil, 4, "network",
	},
	{"closed", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, 4, "network"},
	{"redirect", fakeop.Says(307, map[string]string{"Location": "/elsewhere"}, ""), nil, 4, "protocol"},
	{
		"a page",
		fakeop.Says(200, map[string]string{"Content-Type": "text/html"}, "<title>Log in to the airport</title>"), nil,
		4, "protocol",
	},
	{
		"refusal",
		fakeop.Says(400, map[string]string{"Content-Type": "application/json"},
			`{"error":"odd_error","error_description":"said \u001b[31mso"}`), nil, 3, "provider",
	},
	{"silence", silent, []string{"--timeout", "2s"}, 4, "network"}, // a device is not asked about for a second

}

// silent takes a request and says nothing.
func silent(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice that the client went away
	<-r.Context().Done()
}

// made is what comes of a failure where the standards, or the command, make
// something else of it.
func (b breakdown) made(args, step string) (code int, kind string) {
	fetched := strings.Contains(step, ".well-known") || step == "/jwks"
	switch {
	case step == "/revoke" && b.name == "a page": // whatever a 200 says (RFC 7009 section 2.2)
		return 0, ""
	case strings.Contains(args, "delete") && b.name == "a page":
		return 0, ""
	case step == "/resource" && b.name == "a page": // it may be what the resource has to say
		return 0, ""
	case fetched && b.name == "refusal":
		return 4, "protocol"
	}
	return b.code, b.kind
}

func TestFailingAtEachStep(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	defer all.Wait()
	for _, j := range journeys {
		for _, step := range strings.Fields(j.steps) {
			for _, b := range breakdowns {
				name := fmt.Sprintf("%s/%s/%s", strings.Fields(j.args)[0], step, b.name)
				test := func(t *testing.T) {
					f := newFailing(t)
					f.op.Handle(step, b.answer)
					code, kind := b.made(j.args, step)
					f.expect(j.args, b.flags, code, kind)
				}
				if b.name == "silence" {
					all.Go(func() { t.Run(name, test) }) // they wait, and can do so together
				} else {
					t.Run(name, test)
				}
			}
		}
	}
}

// Ctrl-C while a step is under way ends every command with 130.
func TestInterruptedAtEachStep(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	defer all.Wait()
	for _, j := range journeys {
		for _, step := range strings.Fields(j.steps) {
			all.Go(func() {
				t.Run(strings.Fields(j.args)[0]+step, func(t *testing.T) {
					f := newFailing(t)
					f.op.Handle(step, func(w http.ResponseWriter, r *http.Request) { f.interrupt(); silent(w, r) })
					f.expect(j.args, nil, 130, "interaction")
				})
			})
		}
	}
}

// A failing is a provider that has all endpoints, and one run of the program at it.
type failing struct {
	t         *testing.T
	op        *fakeop.OP
	folder    string
	ctx       context.Context
	interrupt context.CancelFunc
}

func newFailing(t *testing.T) *failing {
	t.Helper()
	f := &failing{t: t, op: fakeop.Start(), folder: t.TempDir()}
	f.ctx, f.interrupt = context.WithCancel(t.Context())
	t.Cleanup(func() {
		f.interrupt()
		f.op.CloseClientConnections()
		f.op.Close()
	})
	for name, path := range map[string]string{
		"pushed_authorization_request_endpoint": "/par", "device_authorization_endpoint": "/device",
		"backchannel_authentication_endpoint": "/ciba",
		"introspection_endpoint":              "/introspect", "revocation_endpoint": "/revoke",
		"registration_endpoint": "/register",
		"end_session_endpoint":  "/logout",
	} {
		f.op.Metadata[name] = f.op.URL + path
	}
	f.op.Metadata["scopes_supported"] = []string{"openid"}
	object := map[string]string{"Content-Type": "application/json"}
	f.op.Handle("/auth", f.authorize)
	f.op.Handle("/resource", fakeop.Says(401, map[string]string{"WWW-Authenticate": "Bearer"}, ""))
	f.op.Handle("/device", fakeop.Says(200, object,
		`{"device_code":"d","user_code":"A-B","verification_uri":"`+f.op.URL+`/verify","expires_in":60,"interval":1}`))
	f.write("token", failingSecret+"-token")
	f.write("jwt", fakeop.Sign(f.op.Key, f.op.KID, f.op.Claims))
	f.write("change.json", `{"client_name":"x"}`)
	f.write("registration.json",
		`{"client_id":"c","registration_access_token":"`+failingSecret+`-registration","registration_client_uri":"`+
			f.op.URL+`/registered"}`)
	f.write("config.yaml", "issuer: "+f.op.URL+"\nclient_id: "+fakeop.ClientID+"\nclient_secret: "+failingSecret+"\n")
	return f
}

func (f *failing) write(name, data string) {
	f.t.Helper()
	check(f.t, os.WriteFile(filepath.Join(f.folder, name), []byte(data), 0o600))
}

// authorize sends the browser back with a code.
func (f *failing) authorize(w http.ResponseWriter, r *http.Request) {
	f.op.Lock()
	f.op.Claims["nonce"] = r.URL.Query().Get("nonce")
	f.op.Unlock()
	back := url.Values{"code": {"c"}, "state": {r.URL.Query().Get("state")}}
	http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

// expect runs a command in both formats and looks at how it ends.
func (f *failing) expect(line string, flags []string, code int, kind string) {
	f.t.Helper()
	args := append(strings.Fields(strings.ReplaceAll(line, "ISSUER", f.op.URL)), flags...)
	if args[0] != "sessions" {
		args = append(args, "-c", filepath.Join(f.folder, "config.yaml"))
	}
	f.session()
	for i, a := range args {
		if name, ok := strings.CutPrefix(a, "@"); ok {
			args[i] = "@" + filepath.Join(f.folder, name)
		} else if a == "registration.json" {
			args[i] = filepath.Join(f.folder, a)
		}
	}
	got, stdout, stderr := f.run(append(args, "--format", "json"))
	if got != code {
		f.t.Fatalf("exit %d, want %d\n%s\n%s", got, code, stderr, stdout)
	}
	var doc document
	check(f.t, json.Unmarshal([]byte(stdout), &doc))
	if (doc.Error == nil) != (kind == "") || doc.Error != nil && doc.Error.Kind != kind {
		f.t.Errorf("%+v, want %q\n%s", doc.Error, kind, stdout)
	}
	if strings.Contains(stderr, failingSecret) || strings.ContainsAny(stderr+stdout, "\x1b") {
		f.t.Errorf("a secret, or a control character, on standard error: %q", stderr)
	}
	if code != 0 && (!strings.Contains(stderr, "[ERROR]") || code != 130 && !strings.Contains(stderr, "hint: ")) {
		f.t.Errorf("no error, or no hint: %s", stderr)
	}
}

// session makes the session work, which has expired.
func (f *failing) session() {
	f.t.Helper()
	name := filepath.Join(f.folder, "config.yaml")
	file, err := os.ReadFile(name)
	check(f.t, err)
	client, err := json.Marshal(map[string]string{"name": name, "file": string(file)})
	check(f.t, err)
	past := time.Now().Add(-time.Hour)
	check(f.t, session.Save(&session.Files{Folder: filepath.Join(f.folder, "sessions")}, &session.Session{
		Schema: session.Schema, Name: "work", Grant: session.Grant{Issuer: f.op.URL, ClientID: fakeop.ClientID},
		Generation: 1, Received: past, Renewable: true,
		Tokens: session.Tokens{AccessToken: failingSecret + "-access", TokenType: "Bearer", Expires: past},
		Secret: &session.Secret{RefreshToken: failingSecret + "-refresh", Client: client},
	}))
}

func (f *failing) run(args []string) (int, string, string) {
	var out, errs bytes.Buffer
	env := &run.Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Now: time.Now,
		Getenv: func(name string) string {
			return map[string]string{
				"BROWSER": "browser", "OIDC_SESSIONS": filepath.Join(f.folder, "sessions"),
				"OIDC_KEYRING": "off",
			}[name]
		},
		Terminal: func(io.Writer) bool { return false },
		Start: func(argv []string) (<-chan error, error) {
			browser := newHTTPBrowser("alice", nil)
			go func() { _, _ = browser.Open(f.ctx, argv[len(argv)-1]) }() // what comes of it shows in the program
			return nil, nil
		},
	}
	ctx, cancel := context.WithTimeout(f.ctx, 30*time.Second)
	defer cancel()
	code := cli.Main(ctx, env, args)
	return code, out.String(), errs.String()
}
