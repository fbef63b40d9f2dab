package test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/oidc-client/oidc-client/internal/cli"
	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
)

// What steers a terminal, hides text or turns it around, of every kind that Unicode has; and
// what a header may hold of that.
const (
	steering       = "gone \x1b]0;pwned\x07\x1b[2J\r\x7f\u009b31m\u00ad\u034f\u061c\u115f\u200b\u200d\u2028\u2029\u202eevil\u2066\u2800\u3164\ue000\ufe0f\ufeff\ufff9\ufdd0\U000110bd\U0001d173\U000e0041\U000e0100\U000f0000 text"
	steeringHeader = "gone \u009b31m\u200b\u2028\u202eevil\ufe0f\U0001d173 text"
)

// hostileAnswers are providers whose every text is hostile, by how they answer.
func hostileAnswers() map[string]func(*fakeop.OP) {
	document := func(members map[string]any) string {
		data, _ := json.Marshal(members)
		return string(data)
	}
	everywhere := func(answer http.HandlerFunc) func(*fakeop.OP) {
		return func(op *fakeop.OP) {
			for _, path := range []string{"/token", "/userinfo", "/other", "/jwks", "/api"} {
				op.Handle(path, answer)
			}
		}
	}
	refusal := document(map[string]any{
		"error": "invalid_grant", "error_description": steering,
		"error_uri": "https://x/" + steering,
	})
	all := document(map[string]any{
		"error": steering, "error_description": steering, "active": true, steering: steering, "sub": steering,
		"username": steering, "scope": steering,
		"device_code": "d", "user_code": steering, "verification_uri": "https://x/" + steering, "expires_in": 60,
		"auth_req_id": "a",
		"request_uri": "urn:" + steering, "client_id": "cli" + steering, "client_name": steering, "access_token": "a",
		"token_type": steering,
	})
	granted := document(map[string]any{
		"active": true, steering: steering, "sub": steering, "username": steering, "scope": steering,
		"device_code": "d", "user_code": steering,
		"verification_uri": "https://x.example/\u202e\ufe0f", "expires_in": 60, "auth_req_id": "a",
		"request_uri": "urn:a",
		"client_id":   "cli", "client_name": steering, "client_secret": "s", "access_token": "a",
		"token_type": "Bearer",
	})
	return map[string]func(*fakeop.OP){
		"refusal":    everywhere(fakeop.Says(400, isJSON, refusal)),
		"everything": everywhere(fakeop.Says(400, isJSON, all)),
		"unavailable": everywhere(fakeop.Says(503,
			map[string]string{"Content-Type": "application/json", "Retry-After": steeringHeader}, refusal)),
		"page": everywhere(fakeop.Says(502,
			map[string]string{"Content-Type": "text/html; charset=" + steeringHeader}, "<p>"+steering)),
		"text": everywhere(fakeop.Says(200, map[string]string{"Content-Type": "text/plain" + steeringHeader},
			steering)),
		"redirect": everywhere(fakeop.Says(302, map[string]string{"Location": "https://x.example/" + steeringHeader},
			"")),
		"challenge": everywhere(fakeop.Says(401,
			map[string]string{"WWW-Authenticate": `Bearer error="` + steeringHeader + `", error_description="` +
				steeringHeader + `", scope="` + steeringHeader + `"`}, "")),
		"not JSON": everywhere(fakeop.Says(200, isJSON, `{"`+steering)),
		"granted":  everywhere(fakeop.Says(200, isJSON, granted)),
		"created":  everywhere(fakeop.Says(201, isJSON, granted)),
		"odd claims": func(op *fakeop.OP) {
			op.Claims["iss"], op.Claims["sub"], op.Claims[steering] = steering, steering, steering
		},
		"good claims": func(op *fakeop.OP) {
			op.Claims["name"], op.UserInfo[steering], op.Tokens[steering] = steering, steering, steering
		},
		"odd metadata": func(op *fakeop.OP) {
			op.Metadata["issuer"], op.Metadata[steering] = op.URL+steering, steering
		},
		"good metadata": func(op *fakeop.OP) {
			op.Metadata["scopes_supported"], op.Metadata["service_documentation"] = []string{steering},
				"https://x/"+steering
		},
		"odd keys": func(op *fakeop.OP) {
			op.Keys = []any{map[string]any{"kty": steering, "kid": steering, "alg": steering, "use": steering}}
		},
	}
}

// hostileRuns are the commands that talk to a provider, or show what one said. Each word of
// them that begins with $ is replaced.
const hostileRuns = `
refresh-token -c $config --refresh-token - --save fresh --replace
refresh-token -c $config --refresh-token -
client -c $config --port 0 --no-browser --timeout 100ms
client -c $config --port 0 --no-browser --par --timeout 100ms
device -c $config --timeout 100ms
ciba -c $config --login-hint alice --timeout 100ms
client-credentials -c $config
password -c $config --username alice --password -
jwt-bearer -c $config --assertion $jwt
saml2-bearer -c $config --assertion -
token-request -c $config --grant urn:example:grant --param ticket=-
token-exchange -c $config --subject-token - --subject-token-type urn:ietf:params:oauth:token-type:access_token
userinfo -c $config --token -
introspect -c $config --token -
revoke -c $config --token -
end-session -c $config --token $jwt --no-browser --timeout 100ms
logout-receiver -c $config --listen 127.0.0.1:0 --timeout 100ms
resource $issuer/api -c $config --token -
token work
token work --id-token
token nobody
exec work -- true
helper git work get --host git.example.com
helper docker work get
helper docker work list
helper aws work --role-arn arn:aws:iam::1:role/r --sts-endpoint $issuer/sts
helper kubernetes work
helper kubernetes work --login --setup
helper kubernetes fresh --login -c $config --port 0 --no-browser --timeout 100ms
sessions list
sessions show odd
token odd
sessions show work
sessions refresh work --retry
sessions show work
sessions list
sessions logout work
sessions delete work
agent --timeout 50ms
agent status
agent stop
discover $issuer
discover $issuer --jwks
register create -c $config --out $folder/new.yaml --force
register read --registration $registration
register update --registration $registration --metadata {}
register delete --registration $registration
jwt decode $jwt
jwt verify $jwt -c $config
jwt verify $jwt -c $config --as jwt
jwt request -c $config
jwt profile -c $config
config validate $config
config init --issuer $issuer --client-id cli
`

// quietCommands show only what is the program's own or the user's.
var quietCommands = []string{
	"config schema", "demo", "documentation", "jwt jwks", "jwt keygen", "provider",
	"provider faults", "version",
}

// Whatever a provider says, and wherever: nothing of it steers a terminal or deceives the eye,
// on standard output or on standard error.
func TestNothingSteersTheTerminal(t *testing.T) {
	t.Parallel()
	for name, hostile := range hostileAnswers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scene := newHostileScene(t)
			scene.login()
			hostile(scene.op)
			for line := range strings.Lines(strings.TrimSpace(hostileRuns)) {
				for _, flags := range [][]string{{"--explain=all", "-dd"}, {"--format", "json"}} {
					if line == "token work\n" { // once more for what comes next
						expire(t, filepath.Join(scene.folder, "sessions"))
					}
					scene.harmless(strings.Fields(line), flags)
				}
			}
		})
	}
}

// Every command is tried, or known to show nothing of others.
func TestEveryCommandIsTriedForText(t *testing.T) {
	t.Parallel()
	reference, err := os.ReadFile("../docs/commands.md")
	check(t, err)
	titles := regexp.MustCompile(`(?m)^## oidc-client (.+)$`).FindAllSubmatch(reference, -1)
	for i, title := range titles {
		name := string(title[1])
		group := i+1 < len(titles) && strings.HasPrefix(string(titles[i+1][1]), name+" ")
		tried := strings.Contains(hostileRuns, "\n"+name+" ") || strings.Contains(hostileRuns, "\n"+name+"\n")
		for _, quiet := range quietCommands {
			tried = tried || quiet == name
		}
		if !tried && !group {
			t.Errorf("%s is not tried", name)
		}
	}
}

// A hostileScene is a provider with a client, a session and a registration.
type hostileScene struct {
	t      *testing.T
	op     *fakeop.OP
	folder string
	words  map[string]string // in the place of $word
}

func newHostileScene(t *testing.T) *hostileScene {
	t.Helper()
	s := &hostileScene{t: t, op: fakeop.Start(), folder: t.TempDir()}
	t.Cleanup(s.op.Close)
	for _, endpoint := range []string{
		"introspection", "revocation", "pushed_authorization_request", "device_authorization",
		"backchannel_authentication", "registration",
	} {
		s.op.Metadata[endpoint+"_endpoint"] = s.op.URL + "/other"
	}
	s.op.Metadata["end_session_endpoint"] = s.op.URL + "/logout"
	claims := maps.Clone(s.op.Claims)
	claims[steering] = steering
	s.words = map[string]string{
		"$config":       filepath.Join(s.folder, "config.yaml"),
		"$registration": filepath.Join(s.folder, "registration.json"),
		"$issuer":       s.op.URL, "$folder": s.folder, "$jwt": fakeop.Sign(s.op.Key, s.op.KID, claims),
	}
	check(t,
		os.WriteFile(s.words["$config"],
			[]byte("issuer: "+s.op.URL+"\nclient_id: cli\nclient_secret: a-secret-of-the-client\n"), 0o600))
	known, err := json.Marshal(map[string]string{
		"client_id": "cli", "registration_access_token": "r",
		"registration_client_uri": s.op.URL + "/other",
	})
	check(t, err)
	check(t, os.WriteFile(s.words["$registration"], known, 0o600))
	return s
}

// login makes the session work, and the session odd of a user with a hostile name.
func (s *hostileScene) login() {
	s.t.Helper()
	code, _, stderr := s.run("refresh-token", "-c", s.words["$config"], "--refresh-token", "-", "--skip-userinfo",
		"--save", "work")
	if code != 0 {
		s.t.Fatalf("exit %d\n%s", code, stderr)
	}
	store := &session.Files{Folder: filepath.Join(s.folder, "sessions")}
	stored, err := store.Load("work")
	check(s.t, err)
	stored.Name, stored.Grant.Subject, stored.Refused = "odd", steering, steering
	stored.Serial = 0 // there is none of that name
	check(s.t, session.Save(store, stored))
}

func (s *hostileScene) run(args ...string) (code int, stdout, stderr string) {
	env := map[string]string{
		"OIDC_SESSIONS": filepath.Join(s.folder, "sessions"), "OIDC_KEYRING": "off",
		"OIDC_AGENT_SOCK": filepath.Join(s.folder, "a.sock"), "HOME": s.folder,
	}
	var out, errs bytes.Buffer
	world := &run.Env{
		Stdin: strings.NewReader("a-token"), Stdout: &out, Stderr: &errs, Now: time.Now, Environ: os.Environ,
		Getenv: func(name string) string { return env[name] },
		Become: func(string, []string, []string) error { return nil },
		Start:  func([]string) (<-chan error, error) { return nil, nil },

		Terminal: func(io.Writer) bool { return false },
	}
	code = cli.Main(context.Background(), world, args)
	return code, out.String(), errs.String()
}

// harmless runs a command and looks at every character that comes out.
func (s *hostileScene) harmless(words, flags []string) {
	s.t.Helper()
	var args []string
	for _, word := range words {
		for name, value := range s.words {
			word = strings.ReplaceAll(word, name, value)
		}
		args = append(args, word)
	}
	if i := strings.Index(strings.Join(words, " "), " -- "); i >= 0 {
		args = append(flags[:len(flags):len(flags)], args...)
	} else {
		args = append(args, flags...)
	}
	_, stdout, stderr := s.run(args...)
	for where, text := range map[string]string{"standard output": stdout, "standard error": stderr} {
		for _, r := range text {
			if r != '\n' &&
				(unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Variation_Selector,
					unicode.Other_Default_Ignorable_Code_Point) || r == 0x2800) {
				s.t.Errorf("%v %v: %U on %s: %.300q", words, flags, r, where, text)
				break
			}
		}
	}
}
