package cli

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// A token that was not asked for just that never passes for the token that flags ask for, and
// no flag of a login is taken in silence where there is none.
func TestFlagsOfToken(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	makeSession(s)
	for _, c := range []struct {
		line string
		code string
		says string
	}{
		{"token work", "0", "the-access-token"},
		{"token work --scope mine", "0", `scope=["mine"]`},
		{"token work --scope mine --scope other", "0", `scope=["mine other"]`},
		{"token work --resource https://mine.example", "0", `resource=["https://mine.example"]`},
		{"token work --audience mine", "0", `audience=["mine"]`},
		{
			"token work --scope mine --id-token", "2",
			"--scope is for an access token, and --id-token asks for the other one",
		},
		{
			"token work --resource mine", "2",
			"--resource is not an absolute URI without a fragment (RFC 8707 section 2)",
		},
		{"token work --resource https://mine.example/#x", "2", "--resource is not an absolute URI"},
		{"token work --acr-values mine --login", "2", "--acr-values says"},
		{"token work --prompt login", "2", "--prompt is for a login: it goes with --login"},
		{"token work --port 0", "2", "--port is for a login"},
		{"token work --client-secret x", "2", "--client-secret is for a login"},
		{"token work --param a=b", "2", "--param is for a login"},
		{"token work --skip-id-token-verification", "2", "is for a login: it goes with --login"},
		{"token work -c $DIR/config.yaml", "0", "the-access-token"},
		{"token work -c $DIR/config.yaml --scope mine", "2", `scopes: the session has the default, this asks for "mine"`},
		{"token work -c $DIR/config.yaml --prompt login", "0", "--prompt has no effect without --login"},
		{"token work --prompt login --login", "0", "the-access-token"},
		{"token work -o --output-dir $DIR", "0", "-o has no effect: token writes no result files"},
		{
			"userinfo --session work --profile fapi2", "2",
			"--session has its own token and configuration: --profile does not go with it",
		},
		{"userinfo --session work --dpop-key $DIR/key.pem", "2", "--dpop-key does not go with it"},
		{"resource $OP/resource --session work --step-up --prompt login", "2", "--prompt does not go with it"},
		{"resource $OP/resource --session work --prompt login", "2", "--prompt does not go with it"},
		{
			"resource $OP/resource --token the-access-token --prompt login", "0",
			"--prompt has no effect without --step-up",
		},
		{"jwt-bearer " + asClient + "--assertion a.b.c --assertion-lifetime 1m", "2", "go with --subject"},
	} {
		if got := s.run(c.line, ""); !strings.HasPrefix(got, "exit code "+c.code+"\n") ||
			!strings.Contains(got, c.says) {
			t.Errorf("%s: want exit code %s and %q:\n%s", c.line, c.code, c.says, got)
		}
	}
}

// A session that logs in again by its own configuration goes by the flags of the command
// line too.
func TestLoginOfASession(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	s.person = true
	loseSession(s)
	got := s.run("token work --login --port 0 --prompt login --max-age 86400", "")
	if !strings.HasPrefix(got, "exit code 0\n") || !strings.Contains(got, `prompt=["login"]`) ||
		!strings.Contains(got, `max_age=["86400"]`) {
		t.Error(got)
	}
}

// A login is what helps from the moment that the provider refuses the refresh token, and not only from
// the run after that.
func TestLoginAfterARefusal(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	s.person = true
	ageSession(s)
	refuse := fakeop.Says(http.StatusBadRequest, map[string]string{"Content-Type": "application/json"},
		`{"error":"invalid_grant"}`)
	s.says("/token", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("grant_type") == "refresh_token" {
			refuse(w, r)
			return
		}
		s.Answer(w, r)
	})
	got := s.run("token work --login --port 0", "")
	if !strings.HasPrefix(got, "exit code 0\nthe-access-token\n") ||
		!strings.Contains(got, "session work: the provider refused its refresh token: ") ||
		!strings.Contains(got, ": logging in") {
		t.Error(got)
	}
}

// kubectl's helper logs in where that is allowed: by the flags of a kubeconfig that a team shares, or
// by the session's own configuration. Nobody is asked where kubectl says that nobody is there.
func TestLoginForKubectl(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	s.person = true
	const asks = `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":%s}}`
	try := func(interactive, line string, wants ...string) {
		t.Helper()
		s.env["KUBERNETES_EXEC_INFO"] = fmt.Sprintf(asks, interactive)
		got := s.run("helper kubernetes work "+line, "")
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("interactive %s, %s: want %q:\n%s", interactive, line, want, got)
			}
		}
	}
	team := "--port 0 " + asClient
	try("false", "--login "+team, "exit code 6\n", "--login needs IfAvailable", "there is no session work")
	try("true", team, "exit code 6\n", "there is no session")
	try("true", "--login "+team, "exit code 0\n{\"apiVersion\"", `"token":"JWT {`, "GET /auth")
	s.env["OIDC_SESSION"] = "other" // the name in the kubeconfig counts
	try("false", team, "exit code 0\n{\"apiVersion\"")
	try("false", "--issuer $OP --client-id another", "exit code 2\n", "is not of this configuration")
	s.age(2 * time.Hour)
	end := s.says("/token", fakeop.Says(http.StatusBadRequest, map[string]string{"Content-Type": "application/json"},
		`{"error":"invalid_grant"}`))
	try("false", "", "exit code 3\n", "session work: the provider refused its refresh token: ",
		"hint: log in again: `oidc-client login --save work` with the same configuration, or")
	end()
	try("false", "--login", "exit code 6\n", "--login needs IfAvailable")
	try("true", "--login --port 0", "exit code 0\n{\"apiVersion\"", `"token":"JWT {`, "GET /auth")
	try("true", "--prompt login", "exit code 2\n", "--prompt is for a login: it goes with --login")
	try("true", "--scope mine", "exit code 2\n", "--scope is for an access token: it goes with --access-token")
}

// What --setup prints makes kubectl run the same command line, from whatever folder, and holds no
// secret.
func TestSetUpKubectl(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now())
	defer s.Close()
	for line, want := range map[string]string{
		"work": "kubectl config set-credentials work --exec-api-version=client.authentication.k8s.io/v1 " +
			"RANDOM=Never --exec-command=oidc-client --exec-arg=helper --exec-arg=kubernetes " +
			"--exec-arg=work\n",
		// --exec-interactive-mode
		"work --login --issuer $OP --client-id it's --client-secret @$DIR/old": "RANDOM=IfAvailable " +

			"--exec-command=oidc-client --exec-arg=helper --exec-arg=kubernetes --exec-arg=work " +
			`'--exec-arg=--client-id=it'\''s' --exec-arg=--client-secret=@DIR/old ` +
			"--exec-arg=--issuer=http://127.0.0.1:PORT --exec-arg=--login\n",
		`work --login --claims {"a":1,"b":2} --scope a --scope b`: `'--exec-arg="--claims={""a"":1,""b"":2}"' ` +
			"--exec-arg=--login --exec-arg=--scope=a --exec-arg=--scope=b\n",
		"work -c $DIR/config.yaml --timeout 1m":              "--exec-arg=--config=DIR/config.yaml --exec-arg=--timeout=1m",
		"work --login " + asClient:                           "exit code 2\n",
		"work --issuer $OP --client-id a --auth-method mine": "exit code 2\n",
		"work --prompt login":                                "exit code 2\n",
		"../work":                                            "exit code 2\n",
	} {
		got := s.run("helper kubernetes --setup "+line, "")
		if !strings.Contains(got, want) || strings.Contains(got, stageSecret) {
			t.Errorf("%s: want %q:\n%s", line, want, got)
		}
	}
}

// A request object says how old the login may be.
func TestRequestObjectHasMaxAge(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now())
	defer s.Close()
	if got := s.run("jwt request --issuer $OP --client-id cli --pem-key $DIR/key.pem --max-age 5",
		""); !strings.Contains(got, `"max_age":5`) {
		t.Error(got)
	}
}
