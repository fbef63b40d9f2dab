package session

import (
	"fmt"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

func aTarget(scope string) Target { return Target{Scopes: []string{scope}} }

// A token for a part of the grant is only given to who asks for just that part.
func TestTakeForATarget(t *testing.T) {
	t.Parallel()
	s := good()
	target := Target{Scopes: []string{"read", "write"}, Resources: []string{"https://a.example"}}
	s.PutAccess(AccessToken{Target: target, Token: "part", Type: "DPoP", Received: noon, Expires: noon.Add(time.Hour)},
		noon)
	for name, c := range map[string]struct {
		change func(*Session)
		target Target
		at     time.Duration
		want   string
	}{
		"the session's own": {nil, Target{}, 0, "access"},
		"the part":          {nil, target, 0, "part"},
		"in another order": {
			nil, Target{Scopes: []string{"write", "read", "read"}, Resources: target.Resources}, 0, "part",
		},
		"less":           {nil, Target{Scopes: []string{"read"}, Resources: target.Resources}, 0, ""},
		"only the scope": {nil, Target{Scopes: target.Scopes}, 0, ""},
		"more": {
			nil, Target{Scopes: target.Scopes, Resources: target.Resources, Audiences: []string{"x"}}, 0, "",
		},
		"fresh":              {nil, target, 59 * time.Minute, "part"},
		"expired":            {nil, target, time.Hour, ""},
		"withheld":           {func(s *Session) { s.For(target).Withheld = Unverified }, target, 0, ""},
		"a withheld session": {func(s *Session) { s.Withheld = "a wrong iss" }, target, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s.Copy()
			if c.change != nil {
				c.change(s)
			}
			if token, _, ok := s.Take(Need{Target: c.target}, noon.Add(c.at)); ok != (c.want != "") ||
				ok && token != c.want {
				t.Errorf("got %q, %v", token, ok)
			}
		})
	}
	if s.TokenType(target) != "DPoP" || s.TokenType(Target{}) != "Bearer" ||
		s.Lifetime(Need{Target: target}) != time.Hour {
		t.Errorf("%s, %s, %v", s.TokenType(target), s.TokenType(Target{}), s.Lifetime(Need{Target: target}))
	}
	if text := target.String(); text != "scope read write, resource https://a.example" {
		t.Error(text)
	}
}

// A session keeps a bounded number of tokens: the newest, and one for each target.
func TestAccessTokensAreBounded(t *testing.T) {
	t.Parallel()
	s := good()
	before := s.Copy()
	for n := range 3 * limit.AccessTokens {
		s.PutAccess(AccessToken{Target: aTarget(fmt.Sprint(n)), Token: fmt.Sprint(n)}, noon)
	}
	if len(s.Access) != limit.AccessTokens || s.For(aTarget("0")) != nil ||
		s.For(aTarget(fmt.Sprint(3*limit.AccessTokens-1))) == nil {
		t.Errorf("%+v", s.Access)
	}
	last := aTarget(fmt.Sprint(3*limit.AccessTokens - 1))
	s.PutAccess(AccessToken{Target: last, Token: "newer"}, noon)
	if len(s.Access) != limit.AccessTokens || s.For(last).Token != "newer" {
		t.Errorf("%+v", s.Access)
	}
	s.PutAccess(AccessToken{Target: aTarget("short"), Expires: noon.Add(time.Second)}, noon)
	s.PutAccess(AccessToken{Target: aTarget("next")}, noon.Add(time.Minute))
	if s.For(aTarget("short")) != nil {
		t.Error("one that has expired is kept")
	}
	if len(before.Access) != 0 {
		t.Error("a copy has changed")
	}
}
