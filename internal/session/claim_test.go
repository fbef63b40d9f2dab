package session

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// A claim says who may send which token, and until when.
func TestBegin(t *testing.T) {
	t.Parallel()
	s := good()
	s.Begin(noon)
	c := s.Claim
	if !c.Mine() || len(Holder()) < 20 || c.Process != os.Getpid() || !c.Began.Equal(noon) ||
		c.SendBy.Sub(noon) != limit.SendBy {
		t.Errorf("%+v", c)
	}
	if len(c.Token) != 43 || strings.Contains(c.Token, "refresh") {
		t.Errorf("the hash: %s", c.Token)
	}
	other := good()
	other.Secret.RefreshToken = "another"
	other.Begin(noon)
	if other.Claim.Token == c.Token || !other.Claim.Same(c) {
		t.Errorf("%+v and %+v", other.Claim, c)
	}
	other.Claim.Holder = "another"
	if other.Claim.Mine() || other.Claim.Same(c) || (*Claim)(nil).Mine() {
		t.Error("another holder's claim counts as ours")
	}
}

// A claim by another machine says which.
func TestClaimOfAnotherMachine(t *testing.T) {
	t.Parallel()
	s := good()
	s.Begin(noon)
	if text := s.Claim.String(); strings.Contains(text, " on ") {
		t.Error(text)
	}
	s.Claim.Host = "elsewhere.example"
	if text := s.Claim.String(); !strings.Contains(text, " on elsewhere.example sent it, or was about to") {
		t.Error(text)
	}
}

// Where locks do nothing, each note of a refresh under way says since when.
func TestRefreshBegan(t *testing.T) {
	t.Parallel()
	later := noon.Add(time.Minute)
	for name, c := range map[string]struct {
		change func(*Session)
		want   time.Time
	}{
		"none":    {func(*Session) {}, time.Time{}},
		"a claim": {func(s *Session) { s.Begin(later) }, later},
		"a claim that has failed": {
			func(s *Session) { s.Begin(later); s.Claim.Why = "HTTP status 500" }, time.Time{},
		},
		"a response not verified yet": {func(s *Session) { s.Withheld = Unverified }, noon},
		"one for a part of the grant": {func(s *Session) {
			s.PutAccess(AccessToken{Target: Target{Scopes: []string{"a"}}, Received: later, Withheld: Unverified}, noon)
		}, later},
	} {
		s := good()
		c.change(s)
		if got := s.refreshBegan(); !got.Equal(c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}
