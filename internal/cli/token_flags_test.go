package cli

import (
	"strings"
	"testing"
	"time"
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
		{"token work -c $DIR/config.yaml --scope mine", "2", "is not of this configuration"},
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
