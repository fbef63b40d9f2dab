package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

// Every command that has --report writes each form of it, with the requests and without the secrets.
func TestReportOfEveryCommand(t *testing.T) {
	t.Parallel()
	var running sync.WaitGroup
	turns := make(chan struct{}, 8)
	everyCommand(func(words string, _ *cobra.Command, f *pflag.Flag) {
		if f.Name != "report" || words == "demo" {
			return
		}
		running.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			testReport(t, words)
		})
	})
	running.Wait()
}

func testReport(t *testing.T, words string) {
	t.Helper()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	s.person = words == "token"
	scene := scenes[words]
	if strings.Contains(scene, "work") && words != "token" {
		ageSession(s)
	}
	flags := ""
	for _, name := range []string{"r.html", "r.har", "r.mmd", "r.sh"} {
		flags += " --report $DIR/" + name
	}
	seen := s.run(words+flags+" "+scene, stdins[words])
	for _, name := range []string{"r.html", "r.har", "r.mmd", "r.sh"} {
		data, err := os.ReadFile(filepath.Join(s.folder, name))
		if err != nil {
			t.Errorf("%s: %v: %s", words, err, seen)
			continue
		}
		if !strings.Contains(seen, "report: DIR/"+name) {
			t.Errorf("%s: nothing says where %s is: %s", words, name, seen)
		}
		for _, secret := range []string{
			stageSecret, fakeop.RefreshToken, fakeop.Rotated, "the-access-token", "Y2xpOmEtc2VjcmV0",
		} {
			if strings.Contains(string(data), secret) {
				t.Errorf("%s: %s holds the secret %s", words, name, secret)
			}
		}
		if name == "r.har" && !json.Valid(data) {
			t.Errorf("%s: %s is no JSON", words, name)
		}
	}
}

// What a report cannot be is told before anything is sent.
func TestReportIsChecked(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	for flags, want := range map[string]string{
		"--report $DIR/r.pdf":                         "the ending says what to write; it is one of .har, .html, .mmd, .sh",
		"--report $DIR":                               "the ending",
		"--report $DIR/r.html --report $DIR/r.html":   "given twice",
		"--report $DIR/config.yaml/r.mmd":             "not a directory",
		"--report $DIR/r.html --report $DIR/old.JSON": "the ending",
	} {
		seen := s.run("discover --issuer $OP "+flags, "")
		if !strings.Contains(seen, "exit code 2") || !strings.Contains(seen, want) || strings.Contains(seen, "GET /") {
			t.Errorf("%s: want exit code 2 and %q, and no request: %s", flags, want, seen)
		}
	}
	left, err := filepath.Glob(filepath.Join(s.folder, ".*.tmp"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// A run that fails has a report, and the report names the rule.
func TestReportOfAFailure(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	s.Lock()
	s.Claims["aud"] = "somebody-else"
	s.Unlock()
	seen := s.run("refresh-token --report $DIR/r.html --report $DIR/r.mmd "+scenes["refresh-token"], "")
	if !strings.Contains(seen, "exit code 5") {
		t.Fatal(seen)
	}
	for name, wants := range map[string][]string{
		"r.html": {"✕ Failed", "id_token.aud", "somebody-else", `href="#exchange-`, "What to do next"},
		"r.mmd":  {"failed: breaks the rule id_token.aud", "--x"},
	} {
		data, err := os.ReadFile(filepath.Join(s.folder, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(data), want) {
				t.Errorf("%s does not say %q", name, want)
			}
		}
	}
}

// A parameter of an extension whose name says that it is a secret is in no report.
func TestReportHidesParameters(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	s.run("token-request "+asClient+"--grant urn:example:grant -p api_key=canary-key -p level=seen-here "+
		"--report $DIR/r.html --report $DIR/r.sh", "")
	for _, name := range []string{"r.html", "r.sh"} {
		data, err := os.ReadFile(filepath.Join(s.folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if text := string(data); strings.Contains(text, "canary-key") || !strings.Contains(text, "seen-here") {
			t.Errorf("%s holds the secret, or not what is none", name)
		}
	}
}
