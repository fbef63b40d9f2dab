package test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/session"
)

// Distinctive secrets in every place that a secret can be.
const (
	canarySecret   = "canary+client/secret-0123456789abcdef="
	canaryRefresh  = "canary-refresh-token-sent"
	canaryRotated  = "canary-refresh-token-rotated"
	canaryAccess   = "canary-access-token"
	canaryHeader   = "canary-extra-header"
	canaryGateway  = "canary-gateway-token"
	canaryPrevious = "canary-previous"
)

// Secrets come out where the contract shows them, on standard output and in
// the files that were asked for, and nowhere else: not in errors, not with
// --debug, not when the provider repeats them (H27).
func TestCanary(t *testing.T) {
	t.Parallel()
	faulty := canaryFaults()
	methods := map[string]string{
		"basic": "", "post": "auth_method: client_secret_post\n", "jwt": "auth_method: client_secret_jwt\n",
	}
	for name, fault := range faulty {
		for method, config := range methods {
			t.Run(name+", "+method, func(t *testing.T) {
				t.Parallel()
				op := fakeop.Start()
				defer op.Close()
				op.Tokens["access_token"], op.Tokens["refresh_token"] = canaryAccess, canaryRotated
				fault(op)
				folder := t.TempDir()
				file := filepath.Join(folder, "config.yaml")
				check(t,
					os.WriteFile(file,
						[]byte("issuer: "+op.URL+"\nclient_id: cli\nclient_secret: \""+canarySecret+
							"\"\nhttp_client_config: {extra_headers: {X-Api-Key: "+canaryHeader+", X-Gateway-Token: "+
							canaryGateway+"}}\n"+config), 0o600))
				for _, format := range []string{"text", "json"} {
					for _, debug := range []string{"--debug=false", "-dd"} {
						_, stdout, stderr := runProgram([]string{
							"refresh-token", "-c", file, "--refresh-token", "-",
							"--format", format, "--explain=all", debug,
						}, canaryRefresh)
						leaks(t, "standard error", stderr)
						leaks(t, "standard output", withoutResults(format, stdout))
					}
				}
			})
		}
	}
}

// canaryFaults are providers that repeat what they were sent, and what they send, in every place.
func canaryFaults() map[string]func(*fakeop.OP) {
	echo := func(status int, kind string) func(*fakeop.OP) {
		return func(op *fakeop.OP) {
			op.Handlers["/token"] = func(w http.ResponseWriter, r *http.Request) {
				basic := r.Header.Get("Authorization")
				raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(basic, "Basic "))
				said := fmt.Sprint(r.PostForm.Encode(), " ", r.PostForm, " ", basic, " ", string(raw), " ",
					r.Header.Get("X-Api-Key"), " ", r.Header.Get("X-Gateway-Token"))
				body, _ := json.Marshal(map[string]string{
					"error": "invalid_grant", "error_description": said,
					"error_uri": "https://op.example/?" + r.PostForm.Encode(),
				})
				fakeop.Says(status,
					map[string]string{
						"Content-Type": kind, "X-Echo": r.PostForm.Get("refresh_token"),
						"Retry-After": r.PostForm.Get("refresh_token"),
						"Location":    "https://op.example/?" + r.PostForm.Encode(),
					}, string(body))(w, r)
			}
		}
	}
	return map[string]func(*fakeop.OP){
		"nothing":             func(*fakeop.OP) {},
		"echo in an error":    echo(400, "application/json"),
		"echo in a 500":       echo(500, "application/json"),
		"echo as text":        echo(503, "text/plain"),
		"echo in a redirect":  echo(307, "text/html"),
		"echo in a 404":       echo(404, "text/html"),
		"wrong token_type":    func(op *fakeop.OP) { op.Tokens["token_type"] = "mac" },
		"token_type is token": func(op *fakeop.OP) { op.Tokens["token_type"] = canaryRotated },
		"broken JSON": func(op *fakeop.OP) {
			op.Handlers["/token"] = fakeop.Says(200, isJSON,
				`{"access_token":"`+canaryAccess+`","refresh_token":"`+canaryRotated)
		},
		"tokens as HTML": func(op *fakeop.OP) {
			op.Handlers["/token"] = fakeop.Says(200, map[string]string{"Content-Type": "text/html"},
				`{"access_token":"`+canaryAccess+`",`)
		},
		"wrong ID Token":   func(op *fakeop.OP) { op.Claims["iss"] = "https://evil.example" },
		"token as a claim": func(op *fakeop.OP) { op.Claims["nonce"] = canaryRotated; op.Claims["aud"] = canaryAccess },
		"UserInfo repeats": func(op *fakeop.OP) {
			op.Handlers["/userinfo"] = func(w http.ResponseWriter, r *http.Request) {
				said := strings.ReplaceAll(r.Header.Get("Authorization"), `"`, "")
				fakeop.Says(401,
					map[string]string{
						"WWW-Authenticate": fmt.Sprintf(`Bearer error="invalid_token", error_description="%s"`, said),
					}, said)(w, r)
			}
		},
	}
}

// The same with sessions, whose files keep what providers said, too.
func TestCanaryOfSessions(t *testing.T) {
	t.Parallel()
	for name, fault := range canaryFaults() {
		for _, when := range []string{"at the login", "later"} {
			t.Run(name+", "+when, func(t *testing.T) {
				t.Parallel()
				op := fakeop.Start()
				defer op.Close()
				op.Tokens["access_token"], op.Tokens["refresh_token"] = canaryAccess, canaryRotated
				op.Metadata["revocation_endpoint"] = op.URL + "/token"
				if when == "at the login" {
					fault(op)
				}
				folder := t.TempDir()
				env := map[string]string{"OIDC_SESSIONS": filepath.Join(folder, "sessions"), "OIDC_KEYRING": "off"}
				file := filepath.Join(folder, "config.yaml")
				check(t,
					os.WriteFile(file,
						[]byte("issuer: "+op.URL+"\nclient_id: cli\nclient_secret: \""+canarySecret+
							"\"\nhttp_client_config: {extra_headers: {X-Api-Key: "+canaryHeader+", X-Gateway-Token: "+
							canaryGateway+"}}\n"), 0o600))
				for format, debug := range map[string]string{"text": "-dd", "json": "--debug=false"} {
					flags := []string{"--format", format, "--explain=all", debug}
					_, stdout, stderr := runProgramIn(env,
						append([]string{
							"refresh-token", "-c", file, "--refresh-token", "-", "--save", "work",
							"--replace",
						}, flags...), canaryRefresh)
					leaks(t, "standard error", stderr)
					leaks(t, "standard output", withoutResults(format, stdout))
					if when == "later" {
						op.Lock() // it may still be reading the last request
						fault(op)
						op.Unlock()
					}
					for _, args := range [][]string{
						{"token", "work"},
						{"sessions", "list"},
						{"token", "work", "--retry"},
						{"sessions", "show"},
						{"sessions", "refresh"},
						{"sessions", "refresh", "--retry"},
						{"sessions", "list"},
						{"token", "--issuer", op.URL, "--client-id", "cli"},
						{"token", "work", "--id-token"},
						{"sessions", "show", "work"},
						{"sessions", "logout"},
						{"sessions", "show", "work"},
						{"sessions", "delete", "work"},
					} {
						expire(t, env["OIDC_SESSIONS"])
						code, stdout, stderr := runProgramIn(env, append(args, flags...), "")
						if args[0] == "token" && code == 0 {
							stdout = withoutToken(format, stdout)
						}
						leaks(t, "standard error of "+strings.Join(args, " "), stderr)
						leaks(t, "standard output of "+strings.Join(args, " "), stdout)
						if format == "json" && !json.Valid([]byte(stdout)) {
							t.Errorf("%v: not one document: %s", args, stdout)
						}
					}
					op.Lock()
					op.Handlers, op.Metadata["token_endpoint"] = map[string]http.HandlerFunc{}, op.URL+"/token"
					if when == "at the login" {
						fault(op)
					}
					op.Unlock()
				}
			})
		}
	}
}

// expire makes the access token of the session work, if there is one, a thing of the past.
func expire(t *testing.T, folder string) {
	t.Helper()
	store := &session.Files{Folder: folder}
	s, err := store.Load("work")
	if errors.Is(err, session.ErrNoSession) {
		return
	}
	check(t, err)
	s.Received, s.Tokens.Expires = time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)
	check(t, session.Save(store, s))
}

// withoutToken takes the one token that token prints out of its output.
func withoutToken(format, stdout string) string {
	if format == "text" {
		line, rest, _ := strings.Cut(stdout, "\n")
		if strings.Count(line, " ") > 0 {
			return stdout
		}
		return rest
	}
	var doc map[string]json.RawMessage
	if json.Unmarshal([]byte(stdout), &doc) != nil {
		return stdout
	}
	delete(doc, "token")
	rest, _ := json.Marshal(doc)
	return string(rest)
}

// withoutResults takes the tokens that the contract shows out of the output.
func withoutResults(format, stdout string) string {
	if format == "json" {
		var doc map[string]json.RawMessage
		if json.Unmarshal([]byte(stdout), &doc) != nil {
			return stdout
		}
		delete(doc, "token_response")
		delete(doc, "id_token") // claims are shown as they came
		rest, _ := json.Marshal(doc)
		return string(rest)
	}
	var kept bytes.Buffer
	block := ""
	for line := range strings.Lines(stdout) {
		if strings.HasPrefix(line, "[") {
			block = line
		}
		if !strings.Contains(block, "Access Token Response") && !strings.Contains(block, "IDToken Claims") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func leaks(t *testing.T, where, text string) {
	t.Helper()
	forms := []string{"canary"}
	for _, s := range []string{canarySecret, canaryRefresh, "cli:" + url.QueryEscape(canarySecret)} {
		forms = append(forms, base64.StdEncoding.EncodeToString([]byte(s)), url.QueryEscape(s))
	}
	for _, form := range forms {
		if i := strings.Index(text, form); i >= 0 {
			t.Errorf("%s shows a secret: ...%s...", where, text[max(0, i-80):min(len(text), i+80)])
		}
	}
}

// A secret on the command line's wrong side of a mistake is not repeated.
func TestMistakesRepeatNoSecret(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"refresh-token", "--refresh-token", canaryRefresh + " with a space"},
		{
			"refresh-token", "--refresh-token", canaryRefresh, "--issuer", "ftp://x", "--client-id", "a",
			"--client-secret", canarySecret,
		},
		{
			"refresh-token", "--refresh-token", canaryRefresh, "--issuer", "https://op.example", "--client-id", "a",
			"--client-secret", canarySecret, "--auth-method", "none",
		},
		{
			"refresh-token", "--refresh-token", canaryRefresh, "--issuer", "https://op.example", "--client-id", "a",
			"--client-secret", canarySecret, "--auth-method", "client_secret_jwtt",
		},
		{"refresh-token", "--refresh-token", canaryRefresh, "--previous-id-token", canaryPrevious},
		{"userinfo", "--token", canaryAccess + "\x01", "--issuer", "https://op.example"},
		{"jwt", "decode", canaryAccess},
	} {
		for _, format := range []string{"text", "json"} {
			code, stdout, stderr := runProgram(append(args, "--format", format), "")
			if code != 2 {
				t.Errorf("%v: exit %d", args, code)
			}
			leaks(t, "standard error", stderr)
			leaks(t, "standard output", stdout)
		}
	}
	// A configuration with mistakes.
	folder := t.TempDir()
	file := filepath.Join(folder, "config.yaml")
	check(t,
		os.WriteFile(file,
			[]byte("issuer: https://op.example\nclient_id: a\nclient_secret: \""+canarySecret+"\"\nclient_secrt: "+
				canarySecret+"\nauth_method: none\n"), 0o600))
	_, stdout, stderr := runProgram([]string{"config", "validate", file}, "")
	leaks(t, "standard error", stderr)
	leaks(t, "standard output", stdout)
}

// The key of a gateway in front of the issuer is for that origin: another does not get
// it, also one on the same machine.
func TestExtraHeadersStayAtTheIssuer(t *testing.T) {
	t.Parallel()
	op, other := fakeop.Start(), fakeop.Start()
	defer op.Close()
	defer other.Close()
	got := make(chan string, 4)
	for _, at := range []*fakeop.OP{op, other} {
		at.Handlers["/api"] = func(w http.ResponseWriter, r *http.Request) {
			got <- r.Header.Get("X-Api-Key") + "|" + r.Header.Get("Authorization")
			fakeop.Says(http.StatusOK, isJSON, "{}")(w, r)
		}
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	check(t,
		os.WriteFile(file,
			[]byte("issuer: "+op.URL+"\nclient_id: cli\nhttp_client_config: {extra_headers: {X-Api-Key: "+canaryHeader+
				"}}\n"), 0o600))
	for url, want := range map[string]string{op.URL: canaryHeader + "|Bearer a-token", other.URL: "|Bearer a-token"} {
		if code, _, stderr := runProgram([]string{"resource", url + "/api", "-c", file, "--token", "-"},
			"a-token"); code != 0 {
			t.Fatalf("exit %d\n%s", code, stderr)
		}
		if header := <-got; header != want {
			t.Errorf("%s: %q, not %q", url, header, want)
		}
	}
}
