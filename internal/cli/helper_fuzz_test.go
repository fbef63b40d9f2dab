package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/run"
)

// helped runs a helper of the session of a stage, with what another program says on standard
// input, and returns the exit code and standard output.
func (s *stage) helped(stdin, line string) (int, string) {
	var stdout bytes.Buffer
	env := quiet()
	env.Stdin, env.Stdout = strings.NewReader(stdin), &stdout
	env.Now, env.Getenv = s.clock, func(name string) string { return s.env[name] }
	return Main(context.Background(), env, strings.Fields(line)), stdout.String()
}

// aHelper is a stage with a session whose tokens are fresh.
func aHelper(f *testing.F) *stage {
	f.Helper()
	s := newStage(f, false, time.Now().Truncate(time.Second))
	f.Cleanup(s.Close)
	makeSession(s)
	return s
}

// Whatever git says, the token is given to the hosts that were named, over https.
func FuzzHelperGit(f *testing.F) {
	f.Add("protocol=https\nhost=git.example\n\n")
	f.Add("protocol=https\nhost=GIT.example\npath=x\n\nhost=other.example\n")
	f.Add("protocol=http\nhost=git.example\n")
	f.Add("protocol=https\nhost=git.example\nhost=git.example.evil\n")
	f.Add("protocol=https://git.example/?\nhost=git.example\n")
	f.Add("protocol=https\r\nhost=git.example\r\n")
	f.Add("protocol=https\nhost=git.example:443\nusername=alice\n")
	f.Add("protocol=https\nhost=git.example\nusername=a\x00b\rpassword=x\n")
	f.Add("capability[]=authtype\nprotocol=https\nhost=git.example\nusername=a\nwwwauth[]=Bearer\n")
	s := aHelper(f)
	f.Fuzz(func(t *testing.T, stdin string) {
		code, stdout := s.helped(stdin, "helper git work get --host git.example")
		if !strings.Contains(stdout, "the-access-token") {
			return
		}
		said := map[string]string{}
		for line := range strings.SplitSeq(stdin, "\n") {
			if line = strings.TrimSuffix(line, "\r"); line == "" {
				break
			}
			key, value, _ := strings.Cut(line, "=")
			said[key] = value
		}
		host := strings.TrimSuffix(said["host"], ":443")
		if code != 0 || said["protocol"] != "https" || !strings.EqualFold(host, "git.example") {
			t.Errorf("exit code %d, to %q at %q: %s", code, said["protocol"], said["host"], stdout)
		}
		basic := "username=" + cmp.Or(said["username"], "oauth2") + "\npassword=the-access-token\npassword_expiry_utc="
		const bearer = "capability[]=authtype\nauthtype=Bearer\ncredential=the-access-token\nephemeral=1\n" +
			"password_expiry_utc="
		switch lines := strings.Count(stdout, "\n"); {
		case strings.HasPrefix(stdout, basic) && lines == 3:
		case strings.HasPrefix(stdout, bearer) && lines == 5 && strings.Contains(stdin, "capability[]=authtype"):
		default:
			t.Errorf("%q", stdout)
		}
	})
}

// Whatever docker says, what it gets is one line of JSON with the token, or one of text
// without; and nothing is stored.
func FuzzHelperDocker(f *testing.F) {
	f.Add("https://registry.example", true)
	f.Add("\x1b[31m\u202e\x00", true)
	f.Add(`{"ServerURL":"https://registry.example","Username":"oauth2","Secret":"the-access-token"}`, false)
	f.Add(`{"Secret":"another"}`, false)
	s := aHelper(f)
	f.Fuzz(func(t *testing.T, stdin string, get bool) {
		operation := map[bool]string{true: "get", false: "store"}[get]
		code, stdout := s.helped(stdin, "helper docker work "+operation)
		if strings.Count(stdout, "\n") > 1 ||
			strings.ContainsFunc(strings.TrimSuffix(stdout, "\n"), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("%q", stdout)
		}
		var given dockerCredentials
		switch {
		case get && code == 0:
			if err := json.Unmarshal([]byte(stdout), &given); err != nil || given.Secret != "the-access-token" ||
				given.Username != "oauth2" {
				t.Errorf("%q: %v", stdout, err)
			}
		case !get && code == 0:
			if err := json.Unmarshal([]byte(stdin), &given); err != nil || given.Secret != "the-access-token" {
				t.Errorf("%q is said to be stored: %v", stdin, err)
			}
		case strings.Contains(stdout, "the-access-token"):
			t.Errorf("exit code %d: %q", code, stdout)
		}
	})
}

// Whatever kubectl says of itself, what it gets is an ExecCredential of a version that there
// is, or nothing.
func FuzzHelperKubernetes(f *testing.F) {
	f.Add(`{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}`)
	f.Add(`{"apiVersion":"client.authentication.k8s.io/v1beta1"}`)
	f.Add(`{"apiVersion":"client.authentication.k8s.io/v1alpha1"}`)
	f.Add(`{`)
	s := aHelper(f)
	f.Fuzz(func(t *testing.T, info string) {
		s.env["KUBERNETES_EXEC_INFO"] = info
		code, stdout := s.helped("", "helper kubernetes work --access-token")
		if code != 0 {
			if stdout != "" {
				t.Errorf("exit code %d: %q", code, stdout)
			}
			return
		}
		var document struct {
			APIVersion, Kind string
			Status           struct{ Token string }
		}
		err := json.Unmarshal([]byte(stdout), &document)
		const group = "client.authentication.k8s.io/"
		known := document.APIVersion == group+"v1" || document.APIVersion == group+"v1beta1"
		if err != nil || !known || document.Kind != "ExecCredential" || document.Status.Token != "the-access-token" {
			t.Errorf("%q: %v", stdout, err)
		}
	})
}

// What the Security Token Service says is credentials that are whole, or an error.
func FuzzSTS(f *testing.F) {
	f.Add(200,
		[]byte("<A><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>k</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></A>"))
	f.Add(403,
		[]byte("<ErrorResponse><Error><Code>AccessDenied</Code><Message>no\x1b[31m</Message></Error></ErrorResponse>"))
	f.Add(500, []byte("<"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		c, err := readSTS(run.New(quiet(), run.Options{}, "helper aws"), "https://sts.amazonaws.com/", status, body)
		switch {
		case (c == nil) == (err == nil):
			t.Errorf("%v, %v", c, err)
		case c != nil &&
			(status != 200 || c.AccessKeyID == "" || c.SecretAccessKey == "" || c.SessionToken == "" ||
				c.Expiration == ""):
			t.Errorf("status %d: %+v", status, c)
		}
	})
}
