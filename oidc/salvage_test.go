package oidc_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/oidc"
)

// The refresh token comes out whatever it is itself, and before anything is judged.
func TestOddRefreshTokens(t *testing.T) {
	t.Parallel()
	for json, want := range map[string]struct {
		token string
		ok    bool
	}{
		`"a b"`: {"a b", true}, `" !~ "`: {" !~ ", true}, `""`: {"", true}, `null`: {"", true},
		`7`: {"7", false}, `"é"`: {"é", false}, `"a\nb"`: {"a\nb", false}, `{"value":"a"}`: {"", false},
	} {
		f := newPeer(t)
		f.Claims = nil
		f.Handlers["/token"] = fakeop.Says(200, isJSON,
			`{"access_token":"at","token_type":"Bearer","refresh_token":`+json+`}`)
		received, grant := "nothing", oidc.RefreshToken("old")
		grant.Received = func(t *oidc.Tokens) error { received = t.RefreshToken; return nil }
		if _, err := f.client().Token(context.Background(), grant); (err == nil) != want.ok || received != want.token {
			t.Errorf("%s: %q, %v", json, received, err)
		}
	}
}

// A body that the user's own limit refuses is not lost for it.
func TestTokensBeyondTheUsersLimit(t *testing.T) {
	t.Parallel()
	f := newPeer(t)
	f.Handlers["/token"] = fakeop.Says(200, isJSON,
		`{"access_token":"`+strings.Repeat("a", 300)+`","token_type":"Bearer","refresh_token":"new-refresh-token"}`)
	client := f.client()
	client.MaxBody = 100
	tokens, err := client.Token(context.Background(), oidc.RefreshToken("old"))
	if kindOf(err) != "*oidc.ProtocolError" || tokens == nil || tokens.RefreshToken != fakeop.Rotated {
		t.Errorf("%+v, %v", tokens, err)
	}
}

// What comes with a registration comes one time only: it comes out of any response that has it.
func TestRegistrationIsSalvaged(t *testing.T) {
	t.Parallel()
	const whole = `{"client_id":"c","client_secret":"s","client_secret_expires_at":0}`
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		secret  string
	}{
		"byte order mark":     {fakeop.Says(201, isJSON, "\uFEFF"+whole), "s"},
		"a member twice":      {fakeop.Says(201, isJSON, `{"x":1,"x":2,`+whole[1:]), "s"},
		"more after it":       {fakeop.Says(201, isJSON, whole+"{}"), "s"},
		"a warning before it": {fakeop.Says(201, isJSON, "Warning: x\n"+whole), "s"},
		"broken off": {
			fakeop.Says(201, map[string]string{"Content-Type": "application/json", "Content-Length": "900"}, whole),
			"s",
		},
		"too long": {
			fakeop.Says(201, isJSON, whole[:len(whole)-1]+`,"x":"`+strings.Repeat("x", 1<<20)+`"}`), "s",
		},
		"an error beside it":   {fakeop.Says(201, isJSON, `{"error":"odd",`+whole[1:]), "s"},
		"the status 500":       {fakeop.Says(500, isJSON, whole), "s"},
		"an error and no more": {fakeop.Says(400, isJSON, `{"error":"invalid_client_metadata"}`), ""},
		"what was sent":        {fakeop.Says(400, isJSON, `{"error":"odd","client_secret":"mine"}`), ""},
		"a page":               {fakeop.Says(200, nil, `<p>{"client_secret":"s"}</p>`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPeer(t)
			f.Handlers["/register"] = c.handler
			secret := ""
			r := oidc.Registrar{Provider: &oidc.Provider{RegistrationEndpoint: f.URL + "/register"}, HTTP: f.Client()}
			r.Received = func(registered *oidc.Registration) error {
				secret = registered.ClientSecret
				if registered.ClientID != "c" ||
					!strings.Contains(string(registered.JSON), fmt.Sprintf("%q", c.secret)) {
					t.Errorf("%+v", registered)
				}
				return nil
			}
			if _, err := r.Create(context.Background(), []byte(`{}`), ""); err == nil || secret != c.secret {
				t.Errorf("%q, %v", secret, err)
			}
		})
	}
}
