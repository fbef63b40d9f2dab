// The faults that other commands than refresh-token come to, through the real main.

package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	rules "github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/cli"
	"github.com/oidc-client/oidc-client/internal/provider/fault"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// A play is one run of a command, made ready.
type play struct {
	s       *stage
	f       fault.Fault
	args    []string
	stdin   string
	secrets []string             // that nobody may be shown
	hears   func(address string) // is told where the command listens
	kept    string               // the file of a registration

	code           int
	stdout, stderr string
}

// plays makes the commands ready, without the fault yet.
var plays = map[string]func(*play){
	"client":             func(p *play) { p.args = append(p.args, "-p", "0") },
	"device":             func(p *play) { p.args = append(p.args, "--open") },
	"ciba":               playCIBA,
	"client-credentials": func(*play) {},
	"token-exchange":     func(p *play) { p.takeToken("--subject-token") },
	"introspect":         func(p *play) { p.takeToken("--token") },
	"revoke":             func(p *play) { p.takeToken("--token") },
	"end-session":        playEndSession,
	"logout-receiver":    playLogoutReceiver,
	"register":           playRegister,
	"register read":      playRegisterRead,
	"resource":           playResource,
}

// takeToken gets an access token, and hands it over on standard input.
func (p *play) takeToken(flag string) {
	p.s.t.Helper()
	code, stdout, stderr := p.s.refresh("--format", "json", "--skip-userinfo", "--skip-id-token-verification",
		"--dpop=false")
	if code != 0 {
		p.s.t.Fatalf("without a fault: exit %d\n%s", code, stderr)
	}
	var doc document
	check(p.s.t, json.Unmarshal([]byte(stdout), &doc))
	p.stdin = doc.TokenResponse["access_token"].(string)
	p.secrets = append(p.secrets, p.stdin)
	p.args = append(p.args, flag, "-")
}

func playCIBA(p *play) {
	p.args = append(p.args, "--login-hint", "alice")
	if p.f.At == "ciba_notification" {
		p.args = append(p.args, "--ping", p.s.address)
	}
}

func playEndSession(p *play) {
	p.args = append(p.args, "--token", p.s.previous(), "--post-logout-redirect-uri",
		"http://"+p.s.address+"/logout/callback")
}

func playLogoutReceiver(p *play) {
	count := 1
	if p.f.Name == "logout-token-replayed" {
		count = 2
	}
	p.args = append(p.args, "--listen", "127.0.0.1:0", "--count", fmt.Sprint(count), "--id-token", p.s.previous())
	p.hears = func(address string) {
		p.s.receiver.Store(&address)
		for range count {
			_ = p.s.op.BackchannelLogout("app", "alice") // what it answers is in the record
		}
	}
}

func playRegister(p *play) {
	p.kept = filepath.Join(p.s.folder, "client.yaml.registration.json")
	p.args = []string{
		"register", "create", "--issuer", p.s.op.Issuer, "--out",
		filepath.Join(p.s.folder, "client.yaml"),
	}
}

func playRegisterRead(p *play) {
	p.s.t.Helper()
	out := filepath.Join(p.s.folder, "client.yaml")
	if code, _, stderr := runProgram([]string{"register", "create", "--issuer", p.s.op.Issuer, "--out", out, "--force"},
		""); code != 0 {
		p.s.t.Fatalf("without a fault: exit %d\n%s", code, stderr)
	}
	p.kept = out + ".registration.json"
	p.args = []string{"register", "read", "--registration", p.kept}
}

func playResource(p *play) {
	target := p.s.op.Issuer + "/resource"
	p.args = append([]string{"resource", target}, p.args[1:]...)
	if strings.HasPrefix(p.f.Name, "resource-metadata-") {
		p.args = append(p.args, "--metadata")
		return
	}
	if strings.Contains(p.f.Config, "dpop: true") { // the token of a resource is bound to a key that exists
		key, err := oidc.GenerateKey("ES256")
		check(p.s.t, err)
		jwk, err := key.PrivateJWK("sig")
		check(p.s.t, err)
		file := filepath.Join(p.s.folder, "dpop.json")
		check(p.s.t, os.WriteFile(file, jwk, 0o600))
		p.args = append(p.args, "--dpop-key", file)
	}
	p.takeToken("--token")
	p.args = append(p.args, "--step-up", "-p", "0")
}

// ready makes a play ready on a stage of its own.
func ready(t *testing.T, f fault.Fault, form ...string) *play {
	t.Helper()
	p := &play{s: newStage(t, f), f: f, secrets: []string{faultSecret}}
	p.args = []string{f.By, "-c", p.s.config}
	plays[f.By](p)
	p.args = append(p.args, form...)
	p.args = append(p.args, "--timeout", "60s")
	check(t, p.s.op.Misbehave(f.Name))
	return p
}

// strayed reports whether a listener turns the fault's answer away: any page can
// send it parameters, and what has not the state of the login is none of its
// business. TestFaultsLogin and TestFaultsLogout have the rules.
func strayed(f fault.Fault) bool {
	if f.At == "end_session" {
		return true
	}
	if f.At != "authorization" || len(f.Breaks) == 0 {
		return false
	}
	if f.Name == noResponse {
		return true // there is nothing to turn away
	}
	switch f.Breaks[0] {
	case "authorization_response.state", "end_session.state", "jarm.decryption":
		return true
	case "jarm.readable":
		return f.Name != "authorization-jarm-twice"
	}
	return f.Name == "jarm-jwe-unasked"
}

// noResponse is the fault after which no response comes.
const noResponse = "authorization-none-page"

var errNobody = errors.New("the browser went away")

var listening = regexp.MustCompile(`taken at http://([^/]+)/`)

// run runs the program, with a browser that does what pages ask for. When it has
// been turned away, there is nothing to wait for.
func (p *play) run() {
	ctx, end := context.WithCancelCause(context.Background())
	defer end(nil)
	var browsing sync.WaitGroup
	var out bytes.Buffer
	errs := &ear{hears: p.hears}
	env := &run.Env{
		Stdin: strings.NewReader(p.stdin), Stdout: &out, Stderr: errs, Now: time.Now,
		Getenv:   func(name string) string { return map[string]string{"BROWSER": "browser"}[name] },
		Terminal: func(io.Writer) bool { return false },
		Start: func(argv []string) (<-chan error, error) {
			browsing.Go(func() {
				// what comes of it shows in the program
				_, _ = newHTTPBrowser("alice", nil).Open(ctx, argv[len(argv)-1])
				if strayed(p.f) {
					end(errNobody)
				}
			})
			return nil, nil
		},
	}
	p.code = cli.Main(ctx, env, p.args)
	end(nil)
	browsing.Wait()
	errs.calls.Wait()
	p.stdout, p.stderr = out.String(), errs.String()
}

// An ear is a standard error that hears where a command listens.
type ear struct {
	mu    sync.Mutex
	text  bytes.Buffer
	hears func(string)
	calls sync.WaitGroup
}

func (e *ear) Write(data []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n, err := e.text.Write(data)
	if found := listening.FindSubmatch(e.text.Bytes()); found != nil && e.hears != nil {
		call, address := e.hears, string(found[1])
		e.hears = nil
		e.calls.Go(func() { call(address) })
	}
	return n, err
}

func (e *ear) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.text.String()
}

// judge compares everything with what the fault has to lead to.
func (p *play) judge() {
	t, f := p.s.t, p.f
	t.Helper()
	want, kind := expectedBy(f)
	if p.code != want {
		t.Errorf("exit %d, want %d\n%s%s", p.code, want, p.stdout, p.stderr)
	}
	if slices.Contains(p.args, "json") {
		told := f
		if strayed(f) {
			told.Breaks = []string{""}
		}
		judgeDocument(t, told, kind, p.stdout)
	}
	v := p.s.op.Judge()
	if right := v.Findings[0].Right; (right == nil) != f.Unseen || right != nil && !*right {
		t.Errorf("did wrong: %+v", v)
	}
	asked := map[string]int{}
	for _, r := range v.Requests {
		asked[r.Endpoint]++
	}
	if asked["bait"] > 0 || asked[f.At] > 1+f.More || asked["jwks"] > 2 || asked["authorization"] > 1 {
		t.Errorf("asked: %v", asked)
	}
	if before := []string{
		"authorization", "pushed_authorization_request", "device_authorization",
		"backchannel_authentication",
	}; !f.Accept && slices.Contains(before, f.At) &&
		asked["token"]+asked["userinfo"] > 0 {
		t.Errorf("tokens were asked for: %v", asked)
	}
	if _, shown := p.s.op.Quiet(); !shown {
		t.Errorf("the fault was not shown: %v", asked)
	}
	shows(t, p.stdout, p.stderr, p.secrets)
	if p.kept != "" &&
		(f.Accept ||
			strings.HasPrefix(f.Breaks[0], "registration.") && !strings.HasPrefix(f.Name, "registration-client-id-")) {
		p.registered()
	}
}

// registered makes sure that the registration was kept, whatever is wrong with it: the
// client exists, and nobody tells its secrets again.
func (p *play) registered() {
	p.s.t.Helper()
	data, err := os.ReadFile(p.kept)
	check(p.s.t, err)
	var members map[string]any
	check(p.s.t, json.Unmarshal(data, &members))
	for _, name := range []string{"client_id", "client_secret", "registration_access_token"} {
		said := p.f.Name == "metadata-auth-methods-none" || slices.ContainsFunc([]string{"secret", "token"},
			func(part string) bool { return strings.HasPrefix(p.f.Name, "registration-"+part) })
		if members[name] == nil && !said {
			p.s.t.Errorf("%s was not kept: %s", name, data)
		}
	}
}

// shows looks for secrets and control characters in what was shown.
func shows(t *testing.T, stdout, stderr string, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(stderr, secret) || strings.Contains(stdout, secret) {
			t.Errorf("a secret is shown: %s", secret)
		}
	}
	for name, text := range map[string]string{"output": stdout, "error": stderr} {
		if i := strings.IndexFunc(text, steers); i >= 0 {
			t.Errorf("a control character on standard %s: %q", name, text[max(0, i-40):min(len(text), i+20)])
		}
	}
}

// expectedBy is expected, for other commands.
func expectedBy(f fault.Fault) (int, string) {
	code := ""
	if len(f.Breaks) > 0 {
		code = f.Breaks[0]
	}
	table, _, _ := strings.Cut(code, ".")
	person := f.By == "device" || f.By == "ciba"
	switch {
	case f.At == "ciba_notification":
		return 0, ""
	case strayed(f), !f.Accept && f.At == "authorization" && (code == "access_denied" || code == "login_required"),
		person && slices.Contains([]string{
			"access_denied", "authorization_declined", "expired_token", "code_expired",
		}, code):
		return 6, "interaction"
	case !f.Accept &&
		slices.Contains([]string{
			"pushed_authorization", "device_authorization", "backchannel_authentication",
			"registration", "protected_resource",
		}, table):
		return 4, "protocol"
	}
	return expected(f)
}

// waits reports whether the command has to wait for the clock.
func waits(f fault.Fault) bool {
	return strings.HasSuffix(f.Name, "-hang") ||
		(f.By == "device" || f.By == "ciba") &&
			(f.At == "token" || f.Accept || f.At == "ciba_notification" || slices.Contains(f.Breaks, "expired_token"))
}

// Every other fault of the catalogue, through the real main, as text and as JSON.
func TestFaultsCommands(t *testing.T) {
	t.Parallel()
	for _, f := range fault.Faults() {
		if f.By == "" || waits(f) {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			for _, form := range [][]string{{"--format", "json"}, {"-dd", "--explain=all"}} {
				p := ready(t, f, form...)
				p.run()
				p.judge()
			}
		})
	}
}

// Those that wait for the clock, all at the same time.
func TestFaultsWaiting(t *testing.T) {
	t.Parallel()
	var all []*play
	for _, f := range fault.Faults() {
		if f.By != "" && waits(f) {
			all = append(all, ready(t, f, "--format", "json", "-dd"), ready(t, f, "--explain=all"))
		}
	}
	var running sync.WaitGroup
	for _, p := range all {
		running.Go(p.run)
	}
	running.Wait()
	for _, p := range all {
		t.Run(p.f.Name, func(t *testing.T) {
			p.s.t = t
			p.judge()
		})
	}
}

// The faults of ID Tokens that any JWT can have, through jwt verify: the rules of any
// JWT are those of no provider, but of what is pasted from anywhere.
func TestFaultsJWT(t *testing.T) {
	t.Parallel()
	for _, f := range fault.Faults() {
		broken := asJWT(f)
		if broken == nil {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, f)
			check(t, s.op.Misbehave(f.Name))
			_, stdout, stderr := s.refresh("--format", "json", "--skip-userinfo", "--skip-id-token-verification")
			var doc document
			d := json.NewDecoder(strings.NewReader(stdout))
			d.UseNumber()
			if err := d.Decode(&doc); err != nil {
				t.Fatalf("%v\n%s", err, stderr)
			}
			s.write(filepath.Join(s.folder, "token"), []byte(doc.TokenResponse["id_token"].(string)))
			code, stdout, stderr := runProgram([]string{
				"jwt", "verify", "@" + filepath.Join(s.folder, "token"), "-c",
				s.config, "--as", "jwt", "--format", "json",
			}, "")
			if code != 5 {
				t.Errorf("exit %d\n%s%s", code, stdout, stderr)
			}
			told := f
			told.Breaks = broken
			judgeDocument(t, told, "verification", stdout)
			shows(t, stdout, stderr, []string{faultSecret})
		})
	}
}

// onlyIDTokens are faults of what any JWT may lack, and of text that is not taken for a
// token.
var onlyIDTokens = []string{"id-token-jwe-missing", "id-token-exp-missing", "id-token-iss-missing", "id-token-json"}

// asJWT are the rules of any JWT that a fault of the ID Token breaks, nil if there is
// another among those that it breaks.
func asJWT(f fault.Fault) []string {
	if !strings.HasPrefix(f.Name, "id-token-") || f.Previous || f.Accept || slices.Contains(onlyIDTokens, f.Name) {
		return nil
	}
	var broken []string
	for _, id := range f.Breaks {
		name, ok := strings.CutPrefix(id, "id_token.")
		if _, rule := isRule("jwt." + name); !ok || !rule {
			return nil
		}
		broken = append(broken, "jwt."+name)
	}
	return broken
}

// redirected is a transport to wherever a command listens.
type redirected struct{ s *stage }

// RoundTrip sends a request there.
func (r redirected) RoundTrip(req *http.Request) (*http.Response, error) {
	if address := r.s.receiver.Load(); address != nil {
		req = req.Clone(req.Context())
		req.URL.Host, req.Host = *address, *address
	}
	return http.DefaultTransport.RoundTrip(req)
}

// fixedAddress is a loopback address that nobody uses, below those that the system
// hands out by itself.
func fixedAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(10_000))
		if l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address); err == nil {
			check(t, l.Close())
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

// What a listener turns away, through the library: exactly the rules.
func TestFaultsLogin(t *testing.T) {
	t.Parallel()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	for _, f := range fault.Faults() {
		if f.By != "client" || !strayed(f) || f.Name == noResponse || strings.Contains(f.Config, "form_post") {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, f)
			check(t, s.op.Misbehave(f.Name))
			op, err := oidc.Discover(context.Background(), s.op.Issuer)
			check(t, err)
			client := &oidc.Client{Provider: op, ID: "app", Auth: oidc.ClientSecretBasic(faultSecret)}
			if strings.Contains(f.Config, "decryption_key") {
				client.Policy.AuthorizationEncryptedResponseAlg = []string{"RSA-OAEP-256"}
				client.Policy.DecryptionKeys, err = oidc.ReadDecryptionKeys(faultKeys().private)
				check(t, err)
			}
			request := oidc.AuthorizationRequest{RedirectURI: "http://127.0.0.1:5556/auth/callback"}
			if strings.Contains(f.Config, "response_mode: jwt") {
				request.ResponseMode = "jwt"
			}
			login, err := client.Authorize(context.Background(), request)
			check(t, err)
			_, err = client.Exchange(context.Background(), login, answered(t, browser, login.URL))
			var broken *rules.Error
			if !errors.As(err, &broken) {
				t.Fatalf("%v, want %v", err, f.Breaks)
			}
			var failed []string
			for _, r := range broken.Results {
				if r.Broken() {
					failed = append(failed, r.ID)
				}
			}
			if !sameNames(failed, f.Breaks) {
				t.Errorf("rules that failed: %v, want %v", failed, f.Breaks)
			}
			if v := s.op.Judge(); v.Right == nil || !*v.Right {
				t.Errorf("did wrong: %+v", v)
			}
		})
	}
}

// The same of the way back from a logout.
func TestFaultsLogout(t *testing.T) {
	t.Parallel()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	for _, f := range fault.Faults() {
		if f.At != "end_session" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, f)
			check(t, s.op.Misbehave(f.Name))
			op, err := oidc.Discover(context.Background(), s.op.Issuer)
			check(t, err)
			client := &oidc.Client{Provider: op, ID: "app"}
			logout, err := client.EndSession(context.Background(),
				oidc.EndSessionRequest{PostLogoutRedirectURI: "http://" + s.address + "/logout/callback"})
			check(t, err)
			var broken *rules.Error
			if err := client.VerifyLogoutResponse(logout, answered(t, browser, logout.URL)); !errors.As(err, &broken) ||
				broken.First.ID != f.Breaks[0] {
				t.Errorf("%v, want %v", err, f.Breaks)
			}
		})
	}
}

// answered are the parameters that a browser is sent back with.
func answered(t *testing.T, browser *http.Client, address string) url.Values {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	check(t, err)
	res, err := browser.Do(req)
	check(t, err)
	defer res.Body.Close()
	back, err := res.Location()
	check(t, err)
	return back.Query()
}
