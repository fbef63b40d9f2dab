package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// jwt decode finds the token in whatever people paste, and each of several by its name.
func TestPastedJWTs(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now())
	defer s.Close()
	first := fakeop.Sign(s.Key, s.KID, map[string]any{"sub": "alice"})
	second := fakeop.Sign(s.Key, s.KID, map[string]any{"sub": "bob"})
	wrapped := first[:40] + "\n  " + first[40:]
	for text, want := range map[string]string{
		first:                            "alice",
		"Bearer " + first:                "alice",
		wrapped:                          "alice",
		"Authorization: Bearer " + first: "alice",
		"> authorization: bearer " + first + "\r":                                              "alice",
		"Authorization: DPoP " + first:                                                         "alice",
		`"` + first + `"`:                                                                      "alice",
		"Cookie: theme=dark.mode.on; session=" + first + "; lang=en":                           "alice",
		`curl -H "Authorization: Bearer ` + first + `" https://api.example.com`:                "alice",
		`{"access_token": "opaque.but.dotted", "id_token": "` + first + `"}`:                   "alice",
		"https://app.example/cb#state=x&id_token=" + first + "&expires_in=60":                  "alice",
		`{"access_token":"` + first + `","id_token":"` + second + `"}`:                         "alice id_token bob",
		"https://app.example/cb#access_token=" + second + "&id_token=" + first + "&x=" + first: "bob id_token alice",
	} {
		for _, format := range []string{"text", "json"} {
			got := s.run("jwt decode --format "+format, text)
			for word := range strings.FieldsSeq(want) {
				if !strings.HasPrefix(got, "exit code 0\n") || !strings.Contains(got, word) {
					t.Errorf("%s, as %s: want %q\n%s", text, format, word, got)
				}
			}
			if one := `"jwt": {`; format == "json" && strings.Contains(want, " ") == strings.Contains(got, one) {
				t.Errorf("%s: %s", text, got)
			}
		}
	}
	for text, want := range map[string]string{
		"":                        "there is no token",
		"Authorization: Bearer x": "the token cannot be read",
		"www.example.com":         "the token cannot be read",
		`{"id_token":"` + first + `","access_token":"` + strings.Replace(first, ".", ".!", 1) + `"}`: "alice",
	} {
		if got := s.run("jwt decode", text); !strings.Contains(got, want) {
			t.Errorf("%s: want %q\n%s", text, want, got)
		}
	}
	for _, line := range []string{"Authorization: Bearer ", "authorization: bearer  ", "Bearer ", "DPoP ", ""} {
		got := s.run("jwt verify --as jwt --issuer $OP --client-id cli", line+"$ID")
		if !strings.HasPrefix(got, "exit code 0\n") {
			t.Errorf("%q: %s", line, got)
		}
	}
}
