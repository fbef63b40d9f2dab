package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A providerError is an error of a real provider, and what the advice about it has to say.
type providerError struct {
	Provider, Source, Date string // whose it is, where it is documented, and when that was looked up

	Run     string            // what was sent, by the name of one of providerRuns
	Status  int               // of the response
	Headers map[string]string // of the response, beside the Content-Type
	Body    string            // of the response; of an authorization response, its parameters
	Hint    string            // what the advice must say
	Not     string            // what it must not say, "" if nothing
}

// providerRuns are the commands that are refused, and the endpoint that refuses.
var providerRuns = map[string]struct{ path, line string }{
	"refresh":            {"/token", "refresh-token -c $DIR/config.yaml --refresh-token r"},
	"refresh-dpop":       {"/token", "refresh-token -c $DIR/config.yaml --refresh-token r --dpop"},
	"client-credentials": {"/token", "client-credentials -c $DIR/config.yaml"},
	"password":           {"/token", "password -c $DIR/config.yaml --username u --password @$DIR/other"},
	"token-exchange":     {"/token", "token-exchange -c $DIR/config.yaml --subject-token s --audience orders"},
	"jwt-bearer":         {"/token", "jwt-bearer -c $DIR/config.yaml --assertion a.b.c"},
	"code":               {"/token", "login -c $DIR/config.yaml -p 0"},
	"authorization":      {"/auth", "login -c $DIR/config.yaml -p 0"},
	"device":             {"/device", "device -c $DIR/config.yaml"},
	"device-poll":        {"/token", "device -c $DIR/config.yaml"},
	"introspection":      {"/introspect", "introspect -c $DIR/config.yaml --token t"},
	"userinfo":           {"/userinfo", "userinfo -c $DIR/config.yaml --token t"},
	"discovery":          {"/.well-known/openid-configuration", "discover $OP"},
	"register":           {"/register", "register create --issuer $OP"},
	"register-token":     {"/register", "register create --issuer $OP --initial-access-token t"},
	"register-update": {
		"/register/new",
		"register update -c $DIR/config.yaml --registration $DIR/registration.json --metadata @$DIR/body.json",
	},
}

// respond answers as the provider does. An error at the authorization endpoint goes back through the
// browser.
func (e *providerError) respond(w http.ResponseWriter, r *http.Request) {
	if e.Run == "authorization" {
		var members map[string]string
		_ = json.Unmarshal([]byte(e.Body), &members) // the test has looked at it
		back := url.Values{"state": {r.URL.Query().Get("state")}}
		for name, value := range members {
			back.Set(name, value)
		}
		http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	for name, value := range e.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(e.Status)
	_, _ = io.WriteString(w, e.Body)
}

// everyGrant adds, to what a provider says of wrong credentials at its token endpoint, the same for other
// grants: it means the same.
func everyGrant(corpus []providerError) []providerError {
	all := corpus
	for _, e := range corpus {
		if e.Hint != "check client_id, auth_method, and the secret or key" || providerRuns[e.Run].path != "/token" {
			continue
		}
		for _, run := range []string{"refresh", "client-credentials", "code"} {
			if run != e.Run {
				e.Run = run
				all = append(all, e)
			}
		}
	}
	return all
}

// The errors of real providers lead to the setting that mends them, and nowhere else.
func TestProviderErrors(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "provider_errors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var corpus []providerError
	if err := json.Unmarshal(data, &corpus); err != nil {
		t.Fatal(err)
	}
	if len(corpus) < 60 {
		t.Fatalf("only %d errors", len(corpus))
	}
	s := newStage(t, false, time.Now())
	t.Cleanup(s.Close)
	for _, e := range everyGrant(corpus) {
		run, known := providerRuns[e.Run]
		if !known || e.Provider == "" || e.Source == "" || e.Date == "" || e.Hint == "" {
			t.Errorf("not whole: %+v", e)
			continue
		}
		end := s.says(run.path, e.respond)
		_, _, said := s.main(run.line, "")
		end()
		for len(s.ran) > 0 {
			<-s.ran
		}
		_, advice, _ := strings.Cut(said, "hint: ")
		if !strings.Contains(said, "[ERROR]") || !strings.Contains(advice, e.Hint) {
			t.Errorf("%s, %s, %s: no advice that says %q:\n%s", e.Provider, e.Run, e.Body, e.Hint, said)
		}
		if e.Not != "" && strings.Contains(advice, e.Not) {
			t.Errorf("%s, %s, %s: advice that says %q: %s", e.Provider, e.Run, e.Body, e.Not, advice)
		}
	}
}
