package cli

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/run"
)

// filtered runs a command line on a stage and returns what it printed.
func filtered(t *testing.T, s *stage, terminal bool, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := quiet()
	env.Stdout, env.Stderr, env.Start = &out, &errs, s.browse
	env.Getenv = func(name string) string { return s.env[name] }
	env.Terminal = func(w io.Writer) bool { return terminal && w == env.Stdout }
	for i, arg := range args {
		args[i] = s.filled(arg)
	}
	code = Main(t.Context(), env, args)
	return code, out.String(), errs.String()
}

// refreshArgs refreshes the token of the stage's file and filters the document.
func refreshArgs(expression string, more ...string) []string {
	args := append(strings.Fields("refresh-token "+asClient), "--refresh-token", "@$DIR/old", "--jq", expression)
	return append(args, more...)
}

// Whatever an expression does to a document, standard error has no secret of it: neither one that the
// writeDocumentation has, nor one that was sent.
func TestJQErrorsHoldNoSecret(t *testing.T) {
	t.Parallel()
	const canary = "canary-refresh-token-of-some-length"
	for _, expression := range []string{
		".token_response.refresh_token[]", ".token_response.refresh_token | error", ".token_response | halt_error",
		".token_response.refresh_token.a", ".token_response.refresh_token - 1", ".token_response | error",
		"{} + .token_response.refresh_token", ".token_response.refresh_token | tonumber", "[.token_response] | implode",
		`.token_response.refresh_token | test("(")`, ".token_response.access_token | fromjson",
	} {
		s := newStage(t, false, time.Now())
		s.Tokens["refresh_token"], s.Tokens["access_token"] = canary, "canary-access-token"
		code, _, stderr := filtered(t, s, false, refreshArgs(expression, "-d", "--explain")...)
		if code != 1 {
			t.Errorf("%s: exit code %d", expression, code)
		}
		for _, secret := range []string{"canary", stageSecret, fakeop.RefreshToken} {
			if strings.Contains(stderr, secret) {
				t.Errorf("%s: %s is in\n%s", expression, secret, stderr)
			}
		}
		if kept, err := os.ReadFile(filepath.Join(s.folder, "old")); err != nil ||
			strings.TrimSpace(string(kept)) != canary {
			t.Errorf("%s: the file has %q, %v", expression, kept, err)
		}
		s.Close()
	}
}

// On a terminal the text of a provider steers nothing; another program gets it as it is.
func TestJQOnATerminal(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now())
	defer s.Close()
	s.UserInfo["name"] = "a\x1b]0;title\x07\u202eb\nc"
	for terminal, want := range map[bool]string{
		true:  `a\u001b]0;title\u0007\u202eb` + "\nc\n" + `["a\u001b]0;title\u0007\u202eb\nc"]` + "\n",
		false: "a\x1b]0;title\x07\u202eb\nc\n" + `["a\u001b]0;title\u0007\u202eb\nc"]` + "\n",
	} {
		code, stdout, stderr := filtered(t, s, terminal, refreshArgs(".userinfo.name, [.userinfo.name]")...)
		if code != 0 || stdout != want {
			t.Errorf("terminal %v: exit code %d, %q\n%s", terminal, code, stdout, stderr)
		}
	}
}

// A login whose refresh token nothing keeps says so, and keeps it in a file if the expression fails.
func TestJQOfALogin(t *testing.T) {
	s := newStage(t, false, time.Now())
	defer s.Close()
	s.Tokens["refresh_token"] = "the-refresh-token-of-a-login"
	t.Setenv("TMPDIR", s.folder)
	login := strings.Fields("client " + asClient + "--port 0 --jq")
	for _, c := range []struct {
		expression, stdout, stderr string
		code                       int
		more                       []string
	}{
		{".userinfo.sub", "u\n", "the new refresh token is stored nowhere, and --jq filtered it out", 0, nil},
		{".token_response.refresh_token", "the-refresh-token-of-a-login\n", "", 0, nil},
		{".userinfo.sub", "u\n", "", 0, []string{"-o", "--output-dir", "$DIR/results"}},
		{".userinfo.sub[]", "", "could not be shown: --jq: cannot iterate over", 1, nil},
	} {
		code, stdout, stderr := filtered(t, s, false, slices.Concat(login, []string{c.expression}, c.more)...)
		if code != c.code || stdout != c.stdout || !strings.Contains(stderr, c.stderr) {
			t.Errorf("%s %v: exit code %d, %q\n%s", c.expression, c.more, code, stdout, stderr)
		}
		if c.stderr == "" && strings.Contains(stderr, "[WARN]") {
			t.Errorf("a warning: %s", stderr)
		}
		if strings.Contains(stderr, "the-refresh-token") {
			t.Errorf("a token is in %s", stderr)
		}
	}
	files, _ := filepath.Glob(filepath.Join(s.folder, "oidc-client-tokens-*.json"))
	if len(files) != 1 {
		t.Fatalf("%v", files)
	}
	if data, err := os.ReadFile(files[0]); err != nil || !bytes.Contains(data, []byte("the-refresh-token-of-a-login")) {
		t.Errorf("%s %v", data, err)
	}
}

// What a provider sends in place of a number or an object is filtered as it came.
func TestJQOfWhatCame(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now())
	defer s.Close()
	s.says("/userinfo", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"sub":"u","n":12345678901234567890.10,"e":1E400}`)
	})
	code, stdout, stderr := filtered(t, s, false, refreshArgs(".userinfo.n, .userinfo.e, [.userinfo.n]")...)
	if want := "12345678901234567890.10\n1E400\n[12345678901234567890.10]\n"; code != 0 || stdout != want {
		t.Errorf("exit code %d, %q\n%s", code, stdout, stderr)
	}
}

// The provider announces itself through the filter, and says nothing more at its end.
func TestJQOfTheProvider(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	env := quiet()
	env.Stdout = &stdout
	code := Main(t.Context(), env, strings.Fields("provider -p 0 --timeout 50ms --jq .provider.user"))
	if code != 0 || stdout.String() != "alice\n" {
		t.Errorf("exit code %d, %q", code, stdout.String())
	}
}

// BenchmarkJQ is what compiling an expression costs.
func BenchmarkJQ(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := run.ParseFilter(".token_response.access_token"); err != nil {
			b.Fatal(err)
		}
	}
}
