package fault

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Each fault has a level, and a standard that is the reason for it.
func TestLevels(t *testing.T) {
	t.Parallel()
	count := map[Level]int{}
	for _, f := range Faults() {
		count[f.Level]++
		if f.Level == "" || f.Source == "" {
			t.Errorf("%s has no level (breaks %v)", f.Name, f.Breaks)
		}
	}
	if count[Required] < 300 || count[Recommended] < 50 || count[Choice] < 100 {
		t.Errorf("levels: %v", count)
	}
	for name, want := range map[string]Level{
		"id-token-iss-wrong": Required, "id-token-aud-second": Required, "authorization-nonce-wrong": Required,
		"authorization-state-wrong": Required, "authorization-iss-upper-case": Required, "id-token-alg-none": Required,
		"id-token-azp-wrong": Recommended, "id-token-alg-other": Recommended, "id-token-jwe-missing": Recommended,
		"authorization-state-twice": Recommended, "id-token-acr-wrong": Recommended,
		"id-token-kid-absent-several-keys": Choice, "id-token-iat-future": Choice, "id-token-iat-old": Choice,
		"id-token-claim-duplicate": Choice, "token-too-long": Choice, "id-token-at-hash-wrong": Choice,
		"hybrid-implicit-at-hash-wrong": Required,
	} {
		for _, f := range Faults() {
			if f.Name == name && f.Level != want {
				t.Errorf("%s is %s, want %s", name, f.Level, want)
			}
		}
	}
}

// No pattern is there for nothing: a fault that is renamed takes its level along.
func TestLevelPatterns(t *testing.T) {
	t.Parallel()
	names, ids := map[string]bool{}, map[string]bool{}
	for _, f := range Faults() {
		if b := basisOf(faultBases(), f.Name); b.level != "" {
			names[b.pattern] = true
		} else if !f.Accept {
			id := "-"
			if len(f.Breaks) > 0 {
				id = f.Breaks[0]
			}
			ids[basisOf(ruleBases(), id).pattern] = true
		}
	}
	for _, b := range faultBases() {
		if !names[b.pattern] {
			t.Errorf("no fault is called %s", b.pattern)
		}
	}
	for _, b := range ruleBases() {
		if !ids[b.pattern] {
			t.Errorf("no fault breaks %s", b.pattern)
		}
	}
}

// A fault of a refresh leaves the ID Token before it alone, also if it is on from the start.
func TestFirstIDTokenIsRight(t *testing.T) {
	t.Parallel()
	op := start(t, func(*Options) {})
	if err := op.Misbehave("id-token-other-user"); err != nil {
		t.Fatal(err)
	}
	token, err := op.IssueRefreshToken("public", "alice", "")
	if err != nil {
		t.Fatal(err)
	}
	party := credulous{t, &http.Client{Timeout: time.Second}, op, token}
	for i, want := range []string{"did_not_come", "stopped"} {
		party.token = party.refresh()
		if f := op.Judge().Findings[0]; f.Did != want {
			t.Errorf("after refresh %d: %+v", i+1, f)
		}
	}
}

// Who breaks a MUST is wrong; who does not follow a recommendation is told; who chooses is
// right.
func TestVerdictByLevel(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ right, discouraged bool }{
		"id-token-iss-wrong":               {false, true},
		"id-token-azp-wrong":               {true, true},
		"id-token-kid-absent-several-keys": {true, false},
		"id-token-iat-future":              {true, false},
	} {
		var one []Fault
		for _, f := range Faults() {
			if f.Name == name {
				one = append(one, f)
			}
		}
		v := judge(one, []Request{
			{Endpoint: "token", Method: "POST", Status: 200, Faults: []string{name}},
			{Endpoint: "userinfo", Method: "GET", Status: 200},
		})
		f := v.Findings[0]
		if v.Right == nil || *v.Right != want.right || f.Discouraged() != want.discouraged || f.Did != "went_on" ||
			f.Source == "" || f.Level == Choice && !strings.Contains(f.Why, "its own choice") {
			t.Errorf("%s: %+v", name, v)
		}
	}
}
