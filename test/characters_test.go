// Which characters tokens and secrets may have, on the way in and out (RFC 6749 appendix A).

package test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// inTurn makes a provider give these refresh tokens, one after the other.
func inTurn(op *fakeop.OP, tokens ...string) {
	op.Handle("/token", func(w http.ResponseWriter, _ *http.Request) {
		op.Lock()
		defer op.Unlock()
		fakeop.JSON(w, map[string]any{
			"access_token": "the access token", "token_type": "Bearer", "expires_in": 300, "refresh_token": tokens[0],
			"id_token": fakeop.Sign(op.Key, op.KID, op.Claims),
		})
		tokens = tokens[1:]
	})
}

// sent are the refresh tokens that a provider was sent.
func sent(op *fakeop.OP) []string {
	var list []string
	for _, form := range op.Forms() {
		list = append(list, form["refresh_token"]...)
	}
	return list
}

// Every character from %x20 to %x7E can be in a token, which is kept and sent as it came.
func TestTokensOfAllCharacters(t *testing.T) {
	t.Parallel()
	all := ""
	for c := ' '; c <= '~'; c++ {
		all += string(c)
	}
	for _, tokens := range [][]string{{"new token/with space", " two  spaces "}, {all, "`$(id)` \"'\\ #"}, {" ", "x"}} {
		op := fakeop.Start()
		defer op.Close()
		folder := t.TempDir()
		file, store := filepath.Join(folder, "refresh-token"), filepath.Join(folder, "sessions")
		check(t, os.WriteFile(file, []byte("old token\n"), 0o600))
		flags := []string{"--issuer", op.URL, "--client-id", fakeop.ClientID, "--no-cache"}

		inTurn(op, append(slices.Clone(tokens), tokens...)...)
		for range 2 {
			code, _, stderr := runProgram(append([]string{"refresh-token", "--refresh-token", "@" + file}, flags...),
				"")
			if code != 0 {
				t.Fatalf("exit %d\n%s", code, stderr)
			}
		}
		if data, err := os.ReadFile(file); err != nil || string(data) != tokens[1]+"\n" {
			t.Errorf("%q, %v", data, err)
		}
		environment := map[string]string{"OIDC_SESSIONS": store, "OIDC_KEYRING": "off", "OIDC_REFRESH_TOKEN": tokens[1]}
		if code, _, stderr := runProgramIn(environment, append([]string{"refresh-token", "--save", "work"}, flags...),
			""); code != 0 {
			t.Fatalf("exit %d\n%s", code, stderr)
		}
		if code, _, stderr := runProgramIn(environment, []string{"sessions", "refresh", "work"}, ""); code != 0 {
			t.Fatalf("exit %d\n%s", code, stderr)
		}
		if code, stdout, _ := runProgramIn(environment, []string{"token", "work"}, ""); code != 0 ||
			stdout != "the access token\n" {
			t.Errorf("exit %d: %q", code, stdout)
		}
		if want := []string{"old token", tokens[0], tokens[1], tokens[0]}; !slices.Equal(sent(op), want) {
			t.Errorf("sent %q, want %q", sent(op), want)
		}
	}
}

// A refresh token of characters that no token has is kept all the same, and the next run says what
// is wrong with it instead of sending the one before.
func TestOddRefreshTokenIsKept(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"new\ntoken", "tokén", "\x1btoken"} {
		op := fakeop.Start()
		defer op.Close()
		inTurn(op, token)
		file := filepath.Join(t.TempDir(), "refresh-token")
		check(t, os.WriteFile(file, []byte("old\n"), 0o600))
		args := []string{
			"refresh-token", "--refresh-token", "@" + file, "--issuer", op.URL, "--client-id",
			fakeop.ClientID, "--no-cache",
		}
		if code, _, stderr := runProgram(args, ""); code != 4 ||
			!strings.Contains(stderr, "token_response.refresh_token") {
			t.Errorf("%q: exit %d\n%s", token, code, stderr)
		}
		if data, err := os.ReadFile(file); err != nil || string(data) != token+"\n" {
			t.Errorf("%q, %v", data, err)
		}
		if code, _, stderr := runProgram(args, ""); code != 2 ||
			!strings.Contains(stderr, "it contains the character") || op.Asked("/token") != 1 {
			t.Errorf("%q: exit %d, asked %d times\n%s", token, code, op.Asked("/token"), stderr)
		}
	}
}

// What an editor or a shell puts around a secret is dropped, wherever the secret comes from;
// another control character is refused before anything is sent.
func TestSecretsFromElsewhere(t *testing.T) {
	t.Parallel()
	op := fakeop.Start()
	defer op.Close()
	folder := t.TempDir()
	file, config := filepath.Join(folder, "secret"), filepath.Join(folder, "config.yaml")
	for dressed, bare := range map[string]string{
		"s3cret": "s3cret", "s3cret\n": "s3cret", "\uFEFFs3cret\r\n": "s3cret", "\n s3 cret \n\n": " s3 cret ",
		"s3\ncret": "", "s3\x00cret": "", "s3\tcret": "", "s3cr\u00e9t": "",
	} {
		check(t, os.WriteFile(file, []byte(dressed), 0o600))
		token := func(at, text string) []string { return []string{"refresh-token", "--refresh-token", text, "-c", at} }
		plain, inFile, expanded := config+".plain", config+".block", config+".expanded"
		base := fmt.Sprintf("issuer: %s\nclient_id: %s\nauth_method: client_secret_post\nskip_userinfo_call: true\n",
			op.URL, fakeop.ClientID)
		check(t, os.WriteFile(plain, []byte(base), 0o600))
		check(t,
			os.WriteFile(inFile, []byte(base+fmt.Sprintf("client_secret: %q\n", strings.TrimPrefix(dressed, "\uFEFF"))),
				0o600))
		check(t, os.WriteFile(expanded, []byte(base+"client_secret: ${SECRET}\n"), 0o600))
		for name, run := range map[string]struct {
			env   map[string]string
			args  []string
			stdin string
		}{
			"a flag's file":  {args: append(token(plain, "x"), "--client-secret", "@"+file)},
			"standard input": {args: append(token(plain, "x"), "--client-secret", "-"), stdin: dressed},
			"a variable":     {args: token(plain, "x"), env: map[string]string{"OIDC_CLIENT_SECRET": dressed}},
			"the file":       {args: token(inFile, "x")},
			"${NAME}":        {args: token(expanded, "x"), env: map[string]string{"SECRET": dressed}},
		} {
			before := len(op.Forms())
			code, _, stderr := runProgramIn(run.env, append(run.args, "--no-cache"), run.stdin)
			forms := op.Forms()[before:]
			switch {
			case bare == "" && (code != 2 || len(forms) > 0):
				t.Errorf("%q from %s: exit %d, sent %v\n%s", dressed, name, code, forms, stderr)
			case bare != "" && (code != 0 || len(forms) != 1 || forms[0].Get("client_secret") != bare):
				t.Errorf("%q from %s: exit %d, sent %v\n%s", dressed, name, code, forms, stderr)
			case strings.Contains(stderr, "cret\n"):
				t.Errorf("the secret is shown\n%s", stderr)
			}
		}
		code, _, stderr := runProgram(append(token(plain, "@"+file), "--client-secret", "s"), "")
		if (code == 0) != (bare != "") || bare != "" && !slices.Contains(sent(op), bare) {
			t.Errorf("%q as a refresh token: exit %d, sent %q\n%s", dressed, code, sent(op), stderr)
		}
	}
}
