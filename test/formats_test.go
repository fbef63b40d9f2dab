// Every command in both forms: one JSON document that fits the schema, and text with
// every rule.

package test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/oidc-client/oidc-client/internal/provider/fault"
)

func TestEveryCommandInBothForms(t *testing.T) {
	t.Parallel()
	schema := compile(t, "../docs/output.schema.json")
	s := newScene(t, func(o *fault.Options) {
		o.Password, o.SAML, o.Registration, o.JWTAccessTokens = true, true, true, true
	})
	s.write("password", []byte("alice"))
	s.write("saml",
		[]byte(`<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion"><Subject><NameID>alice</NameID></Subject></Assertion>`))
	s.write("change", []byte(`{"client_name":"Changed"}`))
	s.ok("client", "-c", s.config("app"), "-p", "0", "-o", "--output-dir", s.folder)
	response := s.read("access_token_resp.json")
	s.write("access", []byte(response["access_token"].(string)))
	s.write("id", []byte(response["id_token"].(string)))
	s.write("refresh", []byte(response["refresh_token"].(string)))
	s.ok("register", "create", "-c", s.config("app"), "--out", filepath.Join(s.folder, "made.yaml"))
	for _, line := range []string{
		"app: client -p 0", "app: client -p 0 --par --dpop --response-mode jwt",
		"app: client -p 0 --response-mode form_post",
		"app: login -p 0 --response-type code_id_token", "app: client -p 0 --response-type id_token_token",
		"app: device --open", "app: ciba --login-hint alice", "app: client-credentials",
		"app: password --username alice --password @password",
		"signer: jwt-bearer --subject alice", "app: saml2-bearer --assertion @saml",
		"app: token-exchange --subject-token @access",
		"app: refresh-token --refresh-token @refresh", "app: userinfo --token @access",
		"app: introspect --token @access", "app: introspect --token @access --signed",
		"app: resource ISSUER/resource --token @access", "app: resource ISSUER/resource --metadata",
		"app: resource ISSUER/resource/step-up --token @access",
		"app: discover", "app: end-session -p 0 --token @id --no-redirect",
		"app: register create", "app: register read --registration made.yaml.registration.json",
		"app: register update --registration made.yaml.registration.json --metadata @change",
		"app: jwt verify @id", "app: jwt verify @access --as access_token", "app: jwt decode @id",
		"app: jwt decode @access_token_resp.json",
		"signer: jwt profile", "signer: jwt request", "app: jwt jwks --pem-key ES256.pem",
		"app: jwt keygen --out new.pem --force",
		"app: client -p 0 --save work --replace", "app: token work", "app: token work --id-token --valid-for 1m",
		"app: sessions list", "app: sessions show work", "app: sessions refresh work",
		"app: client-credentials --save machine --replace", "app: device --open --save gone --replace",
		"app: sessions logout machine", "app: sessions delete gone work",
		"app: revoke --token @access",
		"app: register delete --registration made.yaml.registration.json",
	} {
		id, command, _ := strings.Cut(line, ": ")
		args := s.arguments(id, command)
		if !strings.Contains(command, "delete") && !strings.Contains(command, "logout") { // which can be done once
			_, text, errs := s.run(append(args, "--explain=all")...)
			if strings.ContainsAny(text+errs, "\x1b\x00") ||
				strings.Contains(command, "client ") && !strings.Contains(text+errs, "Checks=") {
				t.Errorf("%s --explain: %s\n%s", line, text, errs)
			}
		}
		code, stdout, stderr := s.run(append(args, "--format", "json")...)
		if code != 0 {
			t.Errorf("%s: exit %d\n%s", line, code, stderr)
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(stdout))
		if err != nil {
			t.Errorf("%s: not one JSON document: %v\n%s", line, err, stdout)
			continue
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v\n%s", line, err, stdout)
		}
		if strings.Contains(stderr, appSecret) || strings.Contains(stderr, response["access_token"].(string)) {
			t.Errorf("%s: a secret on standard error: %s", line, stderr)
		}
	}
}

// read reads a result file.
func (s *scene) read(name string) map[string]any {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.folder, name))
	check(s.t, err)
	var doc map[string]any
	check(s.t, json.Unmarshal(data, &doc))
	return doc
}

// arguments are those of a command line for a client: files are in the folder.
func (s *scene) arguments(id, command string) []string {
	var args []string
	for _, a := range strings.Fields(strings.ReplaceAll(command, "ISSUER", s.op.Issuer)) {
		switch {
		case strings.HasPrefix(a, "@"):
			a = "@" + filepath.Join(s.folder, a[1:])
		case strings.HasPrefix(a, "made.") || strings.HasSuffix(a, ".pem"):
			a = filepath.Join(s.folder, a)
		case strings.Contains(a, "code_id_token") || a == "id_token_token":
			a = strings.NewReplacer("code_id", "code id", "token_token", "token token").Replace(a)
		}
		args = append(args, a)
	}
	if !strings.HasPrefix(command, "sessions") && !strings.HasPrefix(command, "jwt decode") &&
		!strings.HasPrefix(command, "jwt jwks") && !strings.HasPrefix(command, "jwt keygen") {
		args = append(args, "-c", s.config(id))
	}
	return args
}

// What came through the browser is shown beside what came for the code; none of it is
// lost.
func TestFrontChannelTokensAreShown(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	args := []string{"client", "-c", s.config("app", "response_type: code id_token token"), "-p", "0"}
	code, stdout, stderr := s.run(append(args, "--format", "json")...)
	var doc struct {
		Front, Back struct{ AccessToken string }
		IDToken     struct{ Verified bool }
	}
	check(t, json.Unmarshal([]byte(strings.NewReplacer(
		"authorization_token_response", "front", "token_response", "back", "access_token", "accesstoken",
		"authorization_id_token", "idtoken",
	).Replace(stdout)), &doc))
	if code != 0 || doc.Front.AccessToken == "" || doc.Back.AccessToken == "" ||
		doc.Front.AccessToken == doc.Back.AccessToken || !doc.IDToken.Verified {
		t.Errorf("exit %d: %+v\n%s", code, doc, stderr)
	}
	if _, text, _ := s.run(args...); strings.Count(text, "authorization response:") != 2 {
		t.Errorf("as text:\n%s", text)
	}
}

// L04: a provider's logout token is taken, answered with 200, and shown; one that
// comes again is not.
func TestLogoutReceiver(t *testing.T) {
	t.Parallel()
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	check(t, err)
	address := free.Addr().String()
	check(t, free.Close())
	s := newScene(t, func(o *fault.Options) {
		o.Clients[0].BackchannelLogoutURI = "http://" + address + "/backchannel_logout"
	})
	s.ok("client", "-c", s.config("app"), "-p", "0", "-o", "--output-dir", s.folder)
	s.write("id", []byte(s.read("access_token_resp.json")["id_token"].(string)))
	var receiver sync.WaitGroup
	defer receiver.Wait()
	receiver.Go(func() {
		code, stdout, stderr := s.run("logout-receiver", "-c", s.config("app"), "--listen", address, "--count", "1",
			"--id-token", "@"+filepath.Join(s.folder, "id"), "--format", "json")
		if code != 0 || !strings.Contains(stdout, `"accepted": true`) || !strings.Contains(stdout, `"verified": true`) {
			t.Errorf("exit %d\n%s\n%s", code, stderr, stdout)
		}
	})
	check(t, eventually(func() error { return reachable(address) }))
	// A page on the web whose name is made to mean this machine is not answered.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		"http://"+address+"/frontchannel_logout?iss=a&sid=b", nil)
	check(t, err)
	r.Host = "evil.example"
	res, err := http.DefaultClient.Do(r)
	check(t, err)
	check(t, res.Body.Close())
	if res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("another host: %s", res.Status)
	}
	check(t, s.op.BackchannelLogout("app", "alice"))
}

// eventually tries until it works, for ten seconds at most.
func eventually(try func() error) (err error) {
	for range 1000 {
		if err = try(); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

// reachable says why nothing listens at an address.
func reachable(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return fmt.Errorf("nothing listens: %w", err)
	}
	return conn.Close()
}
