package session

import (
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// good is a session whose tokens came at noon and last for ten minutes.
func good() *Session {
	return &Session{
		Schema: Schema, Name: "work", Grant: someGrant(), Generation: 1, Received: noon, Renewable: true,
		Tokens: Tokens{
			AccessToken: "access", TokenType: "Bearer", Expires: noon.Add(10 * time.Minute), IDToken: "id",
			IDTokenExpires: noon.Add(time.Minute),
		},
		Secret: &Secret{RefreshToken: "refresh", Client: []byte(`{}`)},
	}
}

// When a token is handed out: until a margin before its end, unless the clock says what
// cannot be.
func TestTake(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Session)
		need   Need
		at     time.Duration // after noon
		want   string
	}{
		"fresh":             {nil, Need{}, 0, "access"},
		"before the margin": {nil, Need{}, 10*time.Minute - 31*time.Second, "access"},
		"within the margin": {nil, Need{}, 10*time.Minute - 30*time.Second, ""},
		"expired":           {nil, Need{}, 11 * time.Minute, ""},
		"short, before the margin": {
			func(s *Session) { s.Tokens.Expires = noon.Add(10 * time.Second) }, Need{}, 7 * time.Second, "access",
		},
		"short, within the margin": {
			func(s *Session) { s.Tokens.Expires = noon.Add(10 * time.Second) }, Need{}, 8 * time.Second, "",
		},
		"expired as it came": {
			func(s *Session) { s.Tokens.Expires = noon.Add(-time.Second) }, Need{}, 0, "",
		},
		"long enough":                  {nil, Need{For: 5 * time.Minute}, 4 * time.Minute, "access"},
		"not long enough":              {nil, Need{For: 5 * time.Minute}, 5 * time.Minute, ""},
		"less than the margin will do": {nil, Need{For: time.Second}, 10*time.Minute - 2*time.Second, "access"},
		"not that one":                 {nil, Need{Not: "access"}, 0, ""},
		"not another one":              {nil, Need{Not: "before"}, 0, "access"},
		"the ID Token":                 {nil, Need{IDToken: true}, 47 * time.Second, "id"},
		"the ID Token, expired":        {nil, Need{IDToken: true}, 48 * time.Second, ""},
		"no ID Token":                  {func(s *Session) { s.Tokens.IDToken = "" }, Need{IDToken: true}, 0, ""},
		"a stale ID Token is one": {
			func(s *Session) { s.Tokens.IDTokenStale = true }, Need{IDToken: true}, 0, "id",
		},
		"no access token": {func(s *Session) { s.Tokens.AccessToken = "" }, Need{}, 0, ""},
		"withheld":        {func(s *Session) { s.Withheld = "wrong" }, Need{}, 0, ""},
		"unknown end": {
			func(s *Session) { s.Tokens.Expires = time.Time{} }, Need{}, 5*time.Minute - time.Second, "access",
		},
		"unknown end, old": {
			func(s *Session) { s.Tokens.Expires = time.Time{} }, Need{}, 5 * time.Minute, "",
		},
		"unknown end, not renewable": {
			func(s *Session) { s.Tokens.Expires, s.Renewable = time.Time{}, false }, Need{}, 1000 * time.Hour, "access",
		},
		"unknown end, long enough": {
			func(s *Session) { s.Tokens.Expires = time.Time{} }, Need{For: time.Minute}, margin, "",
		},
		"unknown end, just received": {
			func(s *Session) { s.Tokens.Expires = time.Time{} }, Need{For: time.Hour}, margin - time.Second, "access",
		},
		"unknown end, cannot be known": {
			func(s *Session) { s.Tokens.Expires, s.Renewable = time.Time{}, false }, Need{For: time.Second}, 0, "",
		},
		"a clock that is a little late": {nil, Need{}, -time.Minute, "access"},
		"a clock that was set back":     {nil, Need{}, -time.Minute - time.Second, ""},
		"set back, not renewable":       {func(s *Session) { s.Renewable = false }, Need{}, -time.Hour, "access"},
		"a clock that was set forward":  {nil, Need{}, 24 * time.Hour, ""},
		"an attempt, and it is fresh":   {func(s *Session) { s.Claim = &Claim{Began: noon} }, Need{}, 0, "access"},
		"refused, and it is fresh":      {func(s *Session) { s.Refused = "invalid_grant" }, Need{}, 0, "access"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := good()
			if c.change != nil {
				c.change(s)
			}
			token, expires, ok := s.Take(c.need, noon.Add(c.at))
			if ok != (c.want != "") || ok && token != c.want {
				t.Errorf("got %q until %v, %v", token, expires, ok)
			}
		})
	}
}

func TestMargin(t *testing.T) {
	t.Parallel()
	for lifetime, want := range map[time.Duration]time.Duration{
		time.Hour: 30 * time.Second, 150 * time.Second: 30 * time.Second, 100 * time.Second: 20 * time.Second,
		time.Second: 200 * time.Millisecond, 0: 0, -time.Hour: 0,
	} {
		if got := Margin(lifetime); got != want {
			t.Errorf("%v: %v", lifetime, got)
		}
	}
}

// The state of a session, and that it says why.
func TestState(t *testing.T) {
	t.Parallel()
	for want, change := range map[State]func(*Session){
		Fresh:    func(*Session) {},
		Expired:  func(s *Session) { s.Tokens.Expires = noon },
		Ended:    func(s *Session) { s.Tokens.Expires, s.Renewable = noon, false },
		Spent:    func(s *Session) { s.Claim = &Claim{Began: noon, Process: 7} },
		Refused:  func(s *Session) { s.Tokens.Expires, s.Refused = noon, "it is over" },
		Withheld: func(s *Session) { s.Withheld = "a wrong iss" },
	} {
		s := good()
		change(s)
		if got := s.State(noon); got != want {
			t.Errorf("%s, not %s", got, want)
		}
		if why := s.Why(); (why == "") != (want == Fresh || want == Expired || want == Ended) {
			t.Errorf("%s: %q", want, why)
		}
	}
	for name, c := range map[string]struct { // of which something else could be said, too
		change func(*Session)
		want   State
	}{
		"refused, with a fresh access token": {func(s *Session) { s.Refused = "it is over" }, Refused},
		"withheld, and not renewable": {
			func(s *Session) { s.Withheld, s.Renewable = "a wrong iss", false }, Withheld,
		},
		"withheld, and expired": {
			func(s *Session) { s.Withheld, s.Tokens.Expires = "a wrong iss", noon }, Withheld,
		},
	} {
		s := good()
		c.change(s)
		if got := s.State(noon); got != c.want || s.Why() == "" {
			t.Errorf("%s: %s, %q", name, got, s.Why())
		}
	}
	for lifetime, want := range map[time.Duration]State{time.Hour: Fresh, 0: Ended} {
		s := good()
		s.Renewable = false
		s.Tokens = Tokens{IDToken: "id", IDTokenExpires: noon.Add(lifetime)}
		if got := s.State(noon); got != want {
			t.Errorf("an ID Token alone, valid for %v: %s, not %s", lifetime, got, want)
		}
	}
	s := good()
	s.Claim, s.Keeps, s.Tokens.Expires = &Claim{Began: noon}, true, noon
	if got := s.State(noon); got != Expired {
		t.Errorf("a provider that keeps refresh tokens: %s", got)
	}
	s.Claim, s.Failure = nil, &Failure{noon, "no route to host"}
	if why := s.Why(); !strings.Contains(why, "no route to host") {
		t.Error(why)
	}
}

// An attempt of which nobody told says whose it was.
func TestAttemptTells(t *testing.T) {
	t.Parallel()
	s := good()
	s.Begin(noon)
	if text := s.Claim.String(); !strings.HasPrefix(text, "2026-01-02T12:00:00Z: process ") {
		t.Error(text)
	}
	s.Claim.Why = "no answer in time"
	if text := s.Claim.String(); text != "2026-01-02T12:00:00Z: no answer in time" {
		t.Error(text)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"work": true, "a": true, "0": true, "my.session-2_x": true, strings.Repeat("a", 64): true,
		"": false, strings.Repeat("a", 65): false, ".hidden": false, "-flag": false, "_x": false, "a/b": false,
		"../a": false, "..": false, "A": false,
		"a b": false, "a\n": false, "ä": false, "a\x00": false, `a\b`: false, "a:b": false, "a*": false,
	} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
