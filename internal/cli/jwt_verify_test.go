package cli

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// An access token is judged by the audience and scope that the command line names. Without an
// audience the result says that none was judged.
func TestJWTVerifyAccessToken(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	claims := map[string]any{
		"iss": p.URL, "sub": "u", "aud": []string{"https://api.example"}, "exp": p.Claims["exp"],
		"scope": "read write",
	}
	token := fakeop.Sign(p.Key, p.KID, claims)
	delete(claims, "scope")
	claims["aud"] = fakeop.ClientID
	idToken := fakeop.Sign(p.Key, p.KID, claims)
	for name, c := range map[string]struct {
		token string
		args  []string
		code  int
		says  string
	}{
		"no expectation": {token, nil, 0, "the audience was not judged"},
		"its audience":   {token, []string{"--audience", "https://api.example"}, 0, "the token is valid\n"},
		"one of its audiences": {
			token, []string{"--audience", "https://other.example", "--audience", "https://api.example"}, 0, "",
		},
		"another audience":        {token, []string{"--audience", "https://other.example"}, 5, "access_token.aud"},
		"the client as audience":  {token, []string{"--audience", fakeop.ClientID}, 5, "access_token.aud"},
		"its scope":               {token, []string{"--scope", "write", "--scope", "read"}, 0, ""},
		"its scope, in one":       {token, []string{"--scope", "write read"}, 0, ""},
		"more scope":              {token, []string{"--scope", "write", "--scope", "admin"}, 5, "access_token.scope"},
		"part of a scope's name":  {token, []string{"--scope", "rea"}, 5, "access_token.scope"},
		"an ID Token":             {idToken, nil, 5, "access_token.not_id_token"},
		"an ID Token, its client": {idToken, []string{"--audience", fakeop.ClientID}, 5, "access_token.not_id_token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, said := p.run(append([]string{"jwt", "verify", c.token, "--as", "access_token"}, c.args...)...)
			if code != c.code || !strings.Contains(said, c.says) {
				t.Errorf("exit code %d, want %d: %s", code, c.code, said)
			}
			if judged := strings.Contains(strings.Join(c.args, " "), "--audience"); judged &&
				strings.Contains(said, "not judged") {
				t.Errorf("the audience was judged: %s", said)
			}
		})
	}
	const hint = "--as access_token verifies it as one"
	if code, said := p.run("jwt", "verify", token); code != 5 || !strings.Contains(said, hint) {
		t.Errorf("not said to be an access token: exit code %d: %s", code, said)
	}
	if code, said := p.run("jwt", "verify", idToken, "--nonce", "n"); code != 5 || strings.Contains(said, hint) {
		t.Errorf("an ID Token: exit code %d: %s", code, said)
	}
	if code, said := p.run("jwt", "verify", token, "--as", "id_token", "--audience", "x"); code != 2 {
		t.Errorf("--audience with an ID Token: exit code %d: %s", code, said)
	}
}

// Without a client and an audience, a token that may as well be an ID Token is valid, with a warning.
func TestJWTVerifyDoubtful(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	delete(p.env, "OIDC_CLIENT_ID")
	for name, c := range map[string]struct {
		claims   map[string]any
		args     []string
		doubtful bool
	}{
		"an ID Token of a refresh": {nil, nil, true},
		"a scope":                  {map[string]any{"scope": "read"}, nil, false},
		"an audience":              {nil, []string{"--audience", fakeop.ClientID}, false},
	} {
		claims := map[string]any{"iss": p.URL, "sub": "u", "aud": fakeop.ClientID, "exp": p.Claims["exp"]}
		maps.Copy(claims, c.claims)
		args := []string{"jwt", "verify", fakeop.Sign(p.Key, p.KID, claims), "--as", "access_token"}
		code, said := p.run(slices.Concat(args, c.args)...)
		if code != 0 || strings.Contains(said, "it may be an ID Token") != c.doubtful {
			t.Errorf("%s: exit code %d: %s", name, code, said)
		}
	}
}

// In JSON the rule says that the audience was not judged.
func TestJWTVerifyUnjudgedAudience(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	_, said := p.run("jwt", "verify", fakeop.Sign(p.Key, p.KID, map[string]any{"scope": "read"}), "--as",
		"access_token", "--format", "json")
	var doc struct {
		Checks []struct{ ID, Outcome, Note string }
	}
	_, object, _ := strings.Cut(said, "{") // what was said on standard error stands before it
	if err := json.NewDecoder(strings.NewReader("{" + object)).Decode(&doc); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for _, c := range doc.Checks {
		if c.ID == "access_token.aud" && (c.Outcome != "not_applicable" || !strings.Contains(c.Note, "not judged")) {
			t.Errorf("%+v", c)
		}
	}
}
