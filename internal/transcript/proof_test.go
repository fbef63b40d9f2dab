package transcript

import (
	"bytes"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/check"
)

func result(id string, level check.Level, outcome check.Outcome, note string) check.Result {
	return check.Result{ID: id, Level: level, Verdict: check.Verdict{Outcome: outcome, Note: note}}
}

func TestProof(t *testing.T) {
	t.Parallel()
	waived := result("id_token.aud", check.Must, check.Fail, "")
	waived.Waived = true
	for want, results := range map[string]check.Results{
		"": {result("discovery.issuer", check.Must, check.Pass, "")},
		"verified: ID Token (3 rules), UserInfo (1 rule)": {
			result("id_token.iss", check.Must, check.Pass, ""), result("id_token.sub", check.Must, check.Pass, ""),
			result("refresh.sub", check.Must, check.Pass, ""), result("id_token.azp", check.Must, check.NotApplicable, ""),
			result("userinfo.sub", check.Must, check.Pass, ""), result("id_token.iat_age", check.Should, check.Fail, ""),
		},
		"verified: UserInfo (1 rule); not verified: ID Token (left out)": {
			result("id_token.iss", check.Must, check.Unknown, "left out"),
			result("userinfo.sub", check.Must, check.Pass, ""),
		},
		"not verified: access token (rule access_token.aud failed)": {
			result("access_token.iss", check.Must, check.Pass, ""), result("access_token.aud", check.Must, check.Fail, ""),
		},
		"not verified, because rules were waived: id_token.aud": {
			waived, result("userinfo.sub", check.Must, check.Pass, ""),
		},
	} {
		if got := Proof(results); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// --explain shows what did not simply hold, and counts the rest; --explain=all shows all.
func TestChecksBriefly(t *testing.T) {
	t.Parallel()
	results := check.Results{
		result("discovery.issuer", check.Must, check.Pass, ""), result("id_token.iss", check.Must, check.Pass, ""),
		result("id_token.aud", check.Must, check.Fail, ""), result("id_token.azp", check.Must, check.NotApplicable, ""),
		result("id_token.iat_age", check.Should, check.Fail, ""),
	}
	var text bytes.Buffer
	(&Text{W: &text}).Checks(results, false)
	for _, want := range []string{
		"id_token.aud:", "id_token.iat_age:", "passed: discovery 1, id_token 1\n",
		"not applicable: 1; --explain=all shows every rule\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in %s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "id_token.iss:") || strings.Contains(text.String(), "id_token.azp:") {
		t.Errorf("it shows what held: %s", text.String())
	}
	text.Reset()
	(&Text{W: &text}).Checks(results, true)
	if got := strings.Count(text.String(), "\n"); got != len(results)+3 {
		t.Errorf("%d lines: %s", got, text.String())
	}
}
