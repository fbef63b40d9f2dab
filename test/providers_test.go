//go:build providers

// OpenID Providers that other people wrote, each driven by the program as it is shipped:
// `make providers`. They run one after the other on the loopback address, and end with their
// test. UPDATE=1 writes the results into docs/interop.md.

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
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const interopPage = "../docs/interop.md"

// A realProvider is a running provider, with a folder that holds what its clients need.
type realProvider struct {
	t             *testing.T
	name, version string
	folder        string
	port          string            // of the clients' redirect URI
	values        map[string]string // of the variables in command lines and configuration files
	browser       *httpBrowser
	heard         listener // of what the program says on standard error
	rows          []string // of the table in docs/interop.md
}

// A listener hears what is written, if it is not nil.
type listener func(text string)

func (l listener) Write(text []byte) (int, error) {
	if l != nil {
		l(string(text))
	}
	return len(text), nil
}

// A step runs the program once.
type step struct {
	subject string // what is tried
	command string // the command line, without -p, --timeout and --format
	exit    int
	says    string // what the program has to print
	note    string // for the page: why the provider refuses it
	deny    bool   // the user says no
}

// newRealProvider returns a provider that is not running yet.
func newRealProvider(t *testing.T, name string) *realProvider {
	t.Helper()
	p := &realProvider{t: t, name: name, folder: t.TempDir(), browser: newHTTPBrowser("alice", nil)}
	p.browser.http.Timeout = 30 * time.Second
	p.port = freePort(t)
	p.values = map[string]string{"PORT": p.port, "REDIRECT": "http://127.0.0.1:" + p.port + "/auth/callback"}
	p.write("browser", "#!/bin/sh\nexec "+browserCommand(t, p.browser)+" \"$1\"\n")
	check(t, os.Chmod(filepath.Join(p.folder, "browser"), 0o700))
	t.Cleanup(p.record)
	return p
}

// freePort returns a port that nobody listens at, and that no system gives to a connection.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(20000 + rand.IntN(10000))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			check(t, l.Close())
			return port
		}
	}
	t.Fatal("there is no free port")
	return ""
}

// issuer chooses a free port for the provider, and returns it.
func (p *realProvider) issuer() (port string) {
	p.t.Helper()
	port = freePort(p.t)
	p.values["ISSUER"] = "http://127.0.0.1:" + port
	return port
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	check(t, err)
	return path
}

// fetched is the text at an address.
func fetched(t *testing.T, address string) string {
	t.Helper()
	res, err := http.Get(address)
	check(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	check(t, err)
	return strings.TrimSpace(string(text))
}

// downloaded returns a file that test/install-providers has put into .cache/providers.
func downloaded(t *testing.T, name string) string {
	t.Helper()
	path := absolute(t, "../.cache/providers/"+name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: `make providers` installs it", err)
	}
	return path
}

// start runs the provider until the end of the test, and waits until there is something at an
// address. A shell ends all its processes when the test process ends in any way.
func (p *realProvider) start(env []string, ready string, argv ...string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	script := `setsid "$@" </dev/null & exec >&- 2>&-; read -r _; kill -9 -$!; wait`
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", script, "sh"}, argv...)...)
	cmd.Env, cmd.Dir = append(os.Environ(), env...), p.folder
	stdin, err := cmd.StdinPipe()
	check(p.t, err)
	cmd.Cancel = stdin.Close
	stdout, err := cmd.StdoutPipe()
	check(p.t, err)
	cmd.Stderr = cmd.Stdout
	check(p.t, cmd.Start())
	said, ended := &syncBuffer{}, make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(said, stdout)
	}()
	p.t.Cleanup(func() {
		_ = stdin.Close()
		<-ended
		_ = cmd.Wait() // it was killed
		cancel()
		if p.t.Failed() {
			p.t.Logf("%s said:\n%s", p.name, lastLines(said.String(), 60))
		}
	})
	late := time.AfterFunc(3*time.Minute, cancel)
	defer late.Stop()
	if !answers(ready, ended) {
		p.t.Fatalf("%s did not start", p.name)
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// expand replaces $NAME.
func (p *realProvider) expand(text string) string {
	return os.Expand(text, func(name string) string {
		value, ok := p.values[name]
		if !ok {
			p.t.Errorf("there is no value $%s", name)
		}
		return value
	})
}

func (p *realProvider) write(name, text string) {
	p.t.Helper()
	check(p.t, os.WriteFile(filepath.Join(p.folder, name), []byte(text), 0o600))
}

func (p *realProvider) read(name string) string {
	p.t.Helper()
	data, err := os.ReadFile(filepath.Join(p.folder, name))
	check(p.t, err)
	return strings.TrimSpace(string(data))
}

// config writes the configuration file of a client.
func (p *realProvider) config(client, text string) {
	p.t.Helper()
	p.write(client+".yaml", p.expand("issuer: $ISSUER\nclient_id: "+client+"\n"+text))
}

// keygen makes a private key, and returns the JWK Set of the public one.
func (p *realProvider) keygen(alg, file string) json.RawMessage {
	p.t.Helper()
	code, stdout, stderr := p.run("jwt", "keygen", "--alg", alg, "--out", file, "--kid", file)
	if code != 0 {
		p.t.Fatalf("exit %d\n%s", code, stderr)
	}
	return json.RawMessage(stdout)
}

// run runs the program in the folder.
func (p *realProvider) run(args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(p.t), args...)
	cmd.Dir = p.folder
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + p.folder, "OIDC_KEYRING=off",
		"BROWSER=" + filepath.Join(p.folder, "browser"),
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(&errs, p.heard)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// comesBack reports whether a command waits for the browser at a port.
func comesBack(args []string) bool {
	return (args[0] == "client" || args[0] == "end-session") && !slices.Contains(args, "--no-redirect")
}

// publicSteps and the next tables are what several providers can do. The client public has no
// secret, and basic has one.
var publicSteps = []step{
	{subject: "metadata and keys", command: "discover -c public.yaml"},
	{subject: "login, public client, PKCE", command: "client -c public.yaml"},
	{subject: "refresh, public client", command: "refresh-token -c public.yaml --refresh-token @refresh-token"},
}

var userSteps = []step{
	{subject: "login, client_secret_basic, secret with spaces, plus and percent", command: "client -c basic.yaml"},
	{subject: "refresh, rotated", command: "refresh-token -c basic.yaml --refresh-token @refresh-token"},
	{
		subject: "refresh again, with the new token",
		command: "refresh-token -c basic.yaml --refresh-token @refresh-token --previous-id-token @id-token",
	},
	{subject: "UserInfo", command: "userinfo -c basic.yaml --token @access-token"},
}

// registeredSteps are what comes after register create has written registered.yaml.
var registeredSteps = []step{
	{subject: "login from the file that it wrote", command: "client -c registered.yaml", says: `"id_token"`},
	{
		subject: "read the registration",
		command: "register read --registration registered.yaml.registration.json",
	},
}

var deletionSteps = []step{{
	subject: "delete the registration",
	command: "register delete --registration registered.yaml.registration.json",
}}

// logoutSteps keep the tokens as a session of the client, and end the session of the browser.
var logoutSteps = []step{
	{subject: "session: login", command: "client -c basic.yaml --save work"},
	{subject: "session: access token", command: "token work"},
	{subject: "session: refresh", command: "sessions refresh work"},
	{subject: "session: logout", command: "sessions logout work"},
	{subject: "login again", command: "client -c basic.yaml"},
	{subject: "logout", command: "end-session -c basic.yaml --token @id-token"},
}

// silentSteps come after the logout, at providers that know prompt=none.
var silentSteps = []step{{
	subject: "no session after the logout", command: "client -c basic.yaml --prompt none", exit: 6,
	note: "`login_required`",
}}

// try runs steps, in order.
func (p *realProvider) try(tables ...[]step) {
	p.t.Helper()
	for _, s := range slices.Concat(tables...) {
		p.browser.Deny = s.deny
		result := "failed"
		p.t.Run(s.subject, func(t *testing.T) {
			args := strings.Fields(p.expand(s.command))
			if comesBack(args) {
				args = append(args, "-p", p.port)
			}
			args = append(args, "--timeout", "30s", "--format", "json")
			code, stdout, stderr := p.run(args...)
			if code != s.exit || !strings.Contains(stdout+stderr, s.says) {
				t.Fatalf("%v: exit %d, not %d, %q\n%s", args, code, s.exit, s.says, stderr)
			}
			p.keep(t, args, stdout)
			result = outcome(s)
		})
		p.rows = append(p.rows, fmt.Sprintf("| %s | `%s` | %s |", s.subject, s.command, result))
	}
}

// outcome is what the page says of a step that went as it should.
func outcome(s step) string {
	if s.exit == 0 {
		return strings.TrimSuffix("ok; "+s.note, "; ")
	}
	return fmt.Sprintf("exit %d, as it should: %s", s.exit, s.note)
}

// keep writes the tokens of a response to files for the next step. It leaves a file alone
// that the program keeps up to date, and looks at it.
func (p *realProvider) keep(t *testing.T, args []string, stdout string) {
	t.Helper()
	var d document
	if json.Unmarshal([]byte(stdout), &d) != nil {
		return // not every command prints one document
	}
	for member, file := range map[string]string{
		"access_token": "access-token", "id_token": "id-token", "refresh_token": "refresh-token",
	} {
		token, _ := d.TokenResponse[member].(string)
		switch {
		case token == "":
		case args[0] == "refresh-token" && member == "refresh_token":
			if p.read(file) != token {
				t.Errorf("%s does not hold the new refresh token", file)
			}
		default:
			p.write(file, token)
		}
	}
}

// record writes the results into docs/interop.md, in place of the provider's section.
func (p *realProvider) record() {
	if os.Getenv("UPDATE") == "" || p.t.Failed() {
		return
	}
	page, err := os.ReadFile(interopPage)
	check(p.t, err)
	heading := "## " + p.name + " "
	section := fmt.Sprintf("%s%s\n\nRun on %s.\n\n| what | command | result |\n|---|---|---|\n%s\n", heading, p.version,
		time.Now().UTC().Format("2 January 2006"), strings.Join(p.rows, "\n"))
	old := regexp.MustCompile(`(?ms)^` + regexp.QuoteMeta(heading) + `.*?(\n(?:## )|\z)`).FindIndex(page)
	if old == nil {
		p.t.Fatalf("%s has no heading %q", interopPage, heading)
	}
	end := old[1]
	if end < len(page) {
		end -= len("## ")
		section += "\n"
	}
	page = slices.Concat(page[:old[0]], []byte(section), page[end:])
	check(p.t, os.WriteFile(interopPage, page, 0o644))
}

// An administrator calls the interface of a provider that sets up its clients.
type administrator struct {
	t     *testing.T
	token string
	base  string
}

// ask sends a request, and reads the response into answer if that is not nil.
func (a *administrator) ask(method, path string, body, answer any) {
	a.t.Helper()
	data, err := json.Marshal(body)
	check(a.t, err)
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, bytes.NewReader(data))
	check(a.t, err)
	req.Header.Set("Content-Type", "application/json")
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	res, err := http.DefaultClient.Do(req)
	check(a.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	check(a.t, err)
	if res.StatusCode > 299 {
		a.t.Fatalf("%s %s: %s\n%s", method, path, res.Status, text)
	}
	if answer != nil {
		check(a.t, json.Unmarshal(text, answer))
	}
}
