package test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/oidc-client/oidc-client/internal/provider"
)

// A served is a session of the embedded provider, and the environment that it is used in.
type served struct {
	t      *testing.T
	folder string
	env    []string
}

// newServed logs alice in and keeps the session work.
func newServed(t *testing.T) *served {
	t.Helper()
	options := providerDefaults()
	options.Auto = true
	options.Clients = []provider.Client{{ID: "app", Secret: "the secret of the app"}}
	op, err := provider.Start(options)
	check(t, err)
	t.Cleanup(func() { _ = op.Close() })
	token, err := op.IssueRefreshToken("app", "alice", "")
	check(t, err)
	s := &served{t: t, folder: t.TempDir()}
	s.env = append(os.Environ(), "HOME="+s.folder, "XDG_CACHE_HOME="+s.folder,
		"OIDC_SESSIONS="+filepath.Join(s.folder, "sessions"), "OIDC_KEYRING=off",
		"OIDC_AGENT_SOCK="+filepath.Join(s.folder, "none"), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1",
		"PATH="+filepath.Dir(program(t))+":"+os.Getenv("PATH"))
	config := filepath.Join(s.folder, "config.yaml")
	check(t, os.WriteFile(config, op.ConfigFile(options.Clients[0]), 0o600))
	s.env = append(s.env, "OIDC_REFRESH_TOKEN="+token)
	s.run(program(t), "refresh-token", "-c", config, "--save", "work")
	return s
}

// run runs a program that has to do well, and returns what it prints.
func (s *served) run(name string, args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), name, args...)
	cmd.Env, cmd.Dir = s.env, s.folder
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderrOf(err))
	}
	return string(out)
}

func stderrOf(err error) string {
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // what Output returns
		return string(exit.Stderr)
	}
	return ""
}

func (s *served) token(args ...string) string {
	s.t.Helper()
	return strings.TrimSpace(s.run(program(s.t), append([]string{"token", "work"}, args...)...))
}

// Git clones over HTTP with the token as its password, and a server that refuses the first
// one gets another.
func TestRealGit(t *testing.T) {
	t.Parallel()
	git, err := exec.LookPath("git")
	needed(t, "git", err)
	s := newServed(t)
	repository := filepath.Join(s.folder, "repository.git")
	s.run(git, "init", "-q", "--bare", repository)
	s.run(git, "-C", repository, "update-server-info")
	backend := strings.TrimSpace(s.run(git, "--exec-path")) + "/git-http-backend"
	handler := &cgi.Handler{
		Path: backend,
		Env:  []string{"GIT_PROJECT_ROOT=" + s.folder, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=oauth2"},
	}
	var mu sync.Mutex
	refused := s.token() // as if it had been revoked
	var passwords []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		mu.Lock()
		defer mu.Unlock()
		if ok {
			passwords = append(passwords, user+":"+password)
		}
		if !ok || password == refused {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	s.run(git, "config", "--global", "credential."+server.URL+".helper",
		fmt.Sprintf("!%s helper git work --host %s", program(t), host))

	first := exec.CommandContext(t.Context(), git, "clone", "-q", server.URL+"/repository.git", "first")
	first.Env, first.Dir = s.env, s.folder
	if out, err := first.CombinedOutput(); err == nil {
		t.Errorf("a server that refused the token was cloned: %s", out)
	}
	s.run(git, "clone", "-q", server.URL+"/repository.git", "second")
	mu.Lock()
	defer mu.Unlock()
	if want := "oauth2:" + s.token(); passwords[len(passwords)-1] != want || passwords[0] != "oauth2:"+refused {
		t.Errorf("%d passwords were sent, and the last is not the new token", len(passwords))
	}
}

// kubectl sends the ID Token to the API server. One of before 1.22 knows v1beta1 only.
func TestRealKubectl(t *testing.T) {
	t.Parallel()
	kubectl, err := exec.LookPath("kubectl")
	needed(t, "kubectl", err)
	s := newServed(t)
	got := make(chan string, 16)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case got <- r.Header.Get("Authorization"):
		default:
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"major":"1","minor":"30","gitVersion":"v1.30.0"}`)
	}))
	defer server.Close()
	ca, kubeconfig := filepath.Join(s.folder, "ca.pem"), filepath.Join(s.folder, "kubeconfig")
	check(t,
		os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	versions := []string{"v1beta1", "v1"}
	var version struct{ ClientVersion struct{ Minor string } }
	check(t, json.Unmarshal([]byte(s.run(kubectl, "version", "--client", "-o", "json")), &version))
	if minor, err := strconv.Atoi(strings.TrimRight(version.ClientVersion.Minor, "+")); err == nil && minor < 22 {
		versions = versions[:1]
	}
	for i, of := range versions {
		command := []string{program(t), oidcToken(t)}[i]
		check(t, os.WriteFile(kubeconfig, fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: %q, certificate-authority: %q}}]
users:
- name: u
  user:
    exec: {apiVersion: client.authentication.k8s.io/%s, command: %q,
      args: [helper, kubernetes, work], interactiveMode: Never}
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`, server.URL, ca, of, command), 0o600))
		s.run(kubectl, "--kubeconfig", kubeconfig, "get", "--raw", "/version")
		if authorization := <-got; authorization != "Bearer "+s.token("--id-token") {
			t.Errorf("%s: the API server got %.20s...", of, authorization)
		}
	}
}

// kubectl takes the command that --setup prints, and then runs the helper with the same arguments.
func TestKubectlSetup(t *testing.T) {
	t.Parallel()
	kubectl, err := exec.LookPath("kubectl")
	needed(t, "kubectl", err)
	s := newServed(t)
	claims := `{"userinfo":{"it's":null,"b":null}}`
	line := s.run(program(t), "helper", "kubernetes", "work", "--setup", "--login", "--claims", claims, "-c",
		"config.yaml")
	s.env = append(s.env, "KUBECONFIG="+filepath.Join(s.folder, "kubeconfig"))
	s.run("sh", "-c", line)
	var kubeconfig struct {
		Users []struct {
			Name string
			User struct {
				Exec struct {
					APIVersion, Command, InteractiveMode string
					Args                                 []string
				}
			}
		}
	}
	check(t, json.Unmarshal([]byte(s.run(kubectl, "config", "view", "--raw", "-o", "json")), &kubeconfig))
	if len(kubeconfig.Users) != 1 || kubeconfig.Users[0].Name != "work" {
		t.Fatalf("%s\n%+v", line, kubeconfig)
	}
	helper := kubeconfig.Users[0].User.Exec
	want := []string{
		"helper", "kubernetes", "work", "--claims=" + claims, "--config=" + filepath.Join(s.folder, "config.yaml"),
		"--login",
	}
	if helper.APIVersion != "client.authentication.k8s.io/v1" || helper.Command != "oidc-client" ||
		helper.InteractiveMode != "IfAvailable" || !slices.Equal(helper.Args, want) {
		t.Errorf("%s\n%+v", line, helper)
	}
}

// docker calls the helper by its own name.
func TestDockerName(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	link := filepath.Join(s.folder, "docker-credential-oidc-work")
	check(t, os.Symlink(program(t), link))
	speak := func(operation, stdin string) ([]byte, error) {
		cmd := exec.CommandContext(t.Context(), link, operation)
		cmd.Env, cmd.Stdin = s.env, strings.NewReader(stdin)
		return cmd.Output()
	}
	out, err := speak("get", "https://registry.example.com")
	check(t, err)
	var answer struct{ ServerURL, Username, Secret string }
	check(t, json.Unmarshal(out, &answer))
	if answer.ServerURL != "https://registry.example.com" || answer.Username != "oauth2" || answer.Secret != s.token() {
		t.Errorf("%s", out)
	}
	if out, err := speak("store", string(out)); err != nil || len(out) > 0 { // as docker login does
		t.Errorf("what was given cannot be stored: %v\n%s", err, out)
	}
}

// The library by which docker speaks to its helpers gets the token, may store what it got, and
// has it after a logout, too.
func TestDockerClient(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	link := filepath.Join(s.folder, "docker-credential-oidc-work")
	check(t, os.Symlink(program(t), link))
	env := environment(s.env)
	helper := client.NewShellProgramFuncWithEnv(link, &env)
	const registry = "https://registry.example.com"
	got, err := client.Get(helper, registry)
	check(t, err)
	if got.ServerURL != registry || got.Username != "oauth2" || got.Secret != s.token() {
		t.Errorf("docker gets %+v", got)
	}
	check(t, client.Store(helper, got))
	check(t, client.Erase(helper, registry))
	if list, err := client.List(helper); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	if err := client.Store(helper,
		&credentials.Credentials{ServerURL: registry, Username: "me", Secret: "another"}); err == nil {
		t.Error("what would be forgotten is stored")
	}
	check(t, os.Rename(link, strings.TrimSuffix(link, "work")+"other"))
	other := client.NewShellProgramFuncWithEnv(strings.TrimSuffix(link, "work")+"other", &env)
	if _, err := client.Get(other, registry); !credentials.IsErrCredentialsNotFound(err) {
		t.Errorf("without a session docker is told %v", err)
	}
}

// The Security Token Service gets the ID Token, and what it answers is printed as the AWS
// SDKs read it. Its refusals are told.
func TestAWS(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	var mu sync.Mutex // over what the server got and is to answer
	var form map[string][]string
	answer, status := `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>`+
		`<AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>`+secret+
		`</SecretAccessKey><SessionToken>the-session-token</SessionToken>`+
		`<Expiration>2026-12-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, 200
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = r.ParseForm()
		form = r.PostForm
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	args := []string{
		"helper", "aws", "work", "--role-arn", "arn:aws:iam::123456789012:role/dev", "--sts-endpoint",
		server.URL, "--duration", "15m", "-dd",
	}
	out := s.run(program(t), args...)
	var credentials map[string]any
	check(t, json.Unmarshal([]byte(out), &credentials))
	for name, want := range map[string]any{
		"Version": 1.0, "AccessKeyId": "ASIAIOSFODNN7EXAMPLE",
		"SecretAccessKey": secret, "SessionToken": "the-session-token", "Expiration": "2026-12-01T00:00:00Z",
	} {
		if credentials[name] != want {
			t.Errorf("%s is %v", name, credentials[name])
		}
	}
	for name, want := range map[string]string{
		"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": "arn:aws:iam::123456789012:role/dev",
		"RoleSessionName": "oidc-client",
		"DurationSeconds": "900", "WebIdentityToken": s.token("--id-token"),
	} {
		mu.Lock()
		got := strings.Join(form[name], " ")
		mu.Unlock()
		if got != want {
			t.Errorf("%s=%.40s was sent", name, got)
		}
	}
	for body, want := range map[string]int{
		`<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredTokenException</Code><Message>Token expired</Message></Error></ErrorResponse>`: 3,
		`<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>` + s.token("--id-token") +
			`</Message></Error></ErrorResponse>`: 3,
		`<html>`: 4, `{}`: 4, ``: 4, `<AssumeRoleWithWebIdentityResponse/>`: 4,
	} {
		mu.Lock()
		answer, status = body, 400
		mu.Unlock()
		cmd := exec.CommandContext(t.Context(), program(t), args...)
		cmd.Env = s.env
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); err == nil || code != want || strings.Contains(string(out), secret) ||
			strings.Contains(string(out), s.token("--id-token")) {
			t.Errorf("%s: exit code %d\n%s", body, code, out)
		}
	}
}

// The AWS SDK calls the helper for its credentials.
func TestAWSClient(t *testing.T) {
	s := newServed(t)
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = fmt.Fprintf(w,
			`<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>`+
				`<SecretAccessKey>secret</SecretAccessKey><SessionToken>the-session-token</SessionToken><Expiration>%s</Expiration>`+
				`</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
			expires.Format(time.RFC3339))
	}))
	defer server.Close()
	for name, value := range environment(s.env) {
		t.Setenv(name, value)
	}
	got, err := processcreds.NewProvider(program(t) +
		" helper aws work --role-arn arn:aws:iam::123456789012:role/dev --sts-endpoint " +
		server.URL).Retrieve(t.Context())
	check(t, err)
	if got.AccessKeyID != "ASIAIOSFODNN7EXAMPLE" || got.SecretAccessKey != "secret" ||
		got.SessionToken != "the-session-token" || !got.CanExpire || !got.Expires.Equal(expires) {
		t.Errorf("the SDK gets %+v", got)
	}
}

// environment is an environment as a map.
func environment(pairs []string) map[string]string {
	env := map[string]string{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}
