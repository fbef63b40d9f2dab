package check_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/check"
)

func spec(item int) check.Spec { return check.Spec{Doc: "Doc", Section: "1", Item: item} }

func outcome(id string, level check.Level, o check.Outcome) check.Rule[int] {
	return check.Rule[int]{
		ID: id, Level: level, Spec: spec(1), Text: id + " holds.",
		Eval: func(int) check.Verdict { return check.Verdict{Outcome: o} },
	}
}

func essential(r check.Rule[int]) check.Rule[int] {
	r.Essential = true
	return r
}

func TestErrFailsClosed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		rule     check.Rule[int]
		waive    string
		broken   bool
		verified bool
	}{
		{"pass", outcome("a", check.Must, check.Pass), "", false, true},
		{"not applicable", outcome("a", check.Must, check.NotApplicable), "", false, true},
		{"fail", outcome("a", check.Must, check.Fail), "", true, false},
		{"unknown", outcome("a", check.Must, check.Unknown), "", true, false},
		{"zero verdict", outcome("a", check.Must, ""), "", true, false},
		{"an outcome nobody defined", outcome("a", check.Must, "fine"), "", true, false},
		{"should", outcome("a", check.Should, check.Fail), "", false, true},
		{"waived", outcome("a", check.Must, check.Fail), "a", false, false},
		{"waived and held all the same", outcome("a", check.Must, check.Pass), "a", false, false},
		{"waived and not applicable", outcome("a", check.Must, check.NotApplicable), "a", false, true},
		{"essential, waived in vain", essential(outcome("a", check.Must, check.Fail)), "a", true, false},
		{"another waived", outcome("a", check.Must, check.Fail), "b", true, false},
	} {
		results := check.Run([]check.Rule[int]{c.rule}, 0, c.waive)
		if got := check.Hold([]check.Rule[int]{c.rule}, 0); c.waive == "" && got != c.verified {
			t.Errorf("%s: hold = %v", c.name, got)
		}
		if got := results.Err() != nil; got != c.broken {
			t.Errorf("%s: broken = %v", c.name, got)
		}
		if got := results.Verified(); got != c.verified {
			t.Errorf("%s: verified = %v", c.name, got)
		}
	}
	if (check.Results{}).Verified() {
		t.Error("no results at all count as verified")
	}
	if check.Hold([]check.Rule[int]{}, 0) {
		t.Error("no rules at all count as held")
	}
}

func TestAllRulesRunAndTheFirstBrokenIsNamed(t *testing.T) {
	t.Parallel()
	rules := []check.Rule[int]{
		outcome("a", check.Must, check.Pass),
		outcome("b", check.Should, check.Fail),
		outcome("c", check.Must, check.Fail),
		outcome("d", check.Must, check.Fail),
	}
	err := check.Run(rules, 0).Err()
	var broken *check.Error
	if !errors.As(err, &broken) {
		t.Fatalf("got %v", err)
	}
	if broken.First.ID != "c" || len(broken.Results) != len(rules) {
		t.Errorf("first %q of %d results", broken.First.ID, len(broken.Results))
	}
	for _, r := range check.Skip(rules, "not asked for") {
		if r.Outcome != check.Unknown || r.Note != "not asked for" {
			t.Errorf("skipped %s: %+v", r.ID, r.Verdict)
		}
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	many := strings.Split(strings.Repeat("x ", 100), " ")
	for _, c := range []struct {
		v    check.Verdict
		want check.Outcome
	}{
		{check.Equal("a", "a"), check.Pass},
		{check.Equal("a", "A"), check.Fail},
		{check.Contains([]string{"a", "b"}, "b"), check.Pass},
		{check.Contains(nil, "a"), check.Fail},
		{check.Contains([]string{""}, ""), check.Unknown},
		{check.Equal("", ""), check.Unknown},
		{check.AnyOf([]string{"a"}, []string{"b", "a"}), check.Pass},
		{check.AnyOf(nil, []string{"a"}), check.Fail},
		{check.AnyOf([]string{"a"}, nil), check.Fail},
		{check.Inapplicable("why"), check.NotApplicable},
		{check.Undecided("why"), check.Unknown},
		{check.Contains(many, "y"), check.Fail},
		{check.Equal(strings.Repeat("é\x1b", 9999), "a"), check.Fail},
	} {
		if c.v.Outcome != c.want {
			t.Errorf("%+v: want %s", c.v, c.want)
		}
		if len(c.v.Got) > 1000 || strings.ContainsAny(c.v.Got, "\x1b\n") {
			t.Errorf("evidence is not short and printable: %q", c.v.Got)
		}
	}
}

// What is not there is shown as such, and not as an empty string.
func TestEqualToNothing(t *testing.T) {
	t.Parallel()
	if v := check.Equal("", "a"); v.Outcome != check.Fail || v.Got != "none" || v.Want != `"a"` {
		t.Errorf("%+v", v)
	}
}

func ExampleRun() {
	type response struct{ State, Sent string }
	rules := []check.Rule[response]{{
		ID:    "authorization_response.state",
		Spec:  check.Spec{Doc: "RFC 6749", Section: "4.1.2"},
		Level: check.Must,
		Text:  "state is the value that was sent.",
		Eval:  func(r response) check.Verdict { return check.Equal(r.State, r.Sent) },
	}}
	fmt.Println(check.Run(rules, response{State: "forged", Sent: "af0ifjsldkj"}).Err())
	// Output: authorization_response.state: state is the value that was sent: want "af0ifjsldkj", got "forged" (RFC 6749 section 4.1.2)
}
