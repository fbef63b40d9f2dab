// Reports, judged by others: a real browser, axe-core (WCAG), the schemas of HAR, Mermaid's parser, a
// shell with curl. SCREENSHOTS names a folder for pictures of the pages.

package test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	pages "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/oidc-client/oidc-client/internal/provider/fault"
)

// reportedFaults are broken in different places: metadata, token response, ID Token, keys, UserInfo,
// HTTP.
var reportedFaults = []string{
	"", "metadata-issuer-wrong", "token-type-missing", "id-token-iss-wrong", "id-token-aud-wrong",
	"id-token-exp-missing", "id-token-signature-spoilt", "userinfo-sub-wrong", "userinfo-sub-missing",
	"token-refused-escapes", "id-token-alg-none",
}

// reported is the files of the reports of one refresh, and what the run said beside them.
type reported struct {
	code   int
	doc    document
	stderr string
	folder string
}

func (r *reported) read(t *testing.T, form string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.folder, "r"+form))
	check(t, err)
	return string(data)
}

// reportRefresh refreshes at a provider that makes a mistake, and reports it in every form.
func reportRefresh(t *testing.T, name string) *reported {
	t.Helper()
	var f fault.Fault
	for _, known := range fault.Faults() {
		if known.Name == name {
			f = known
		}
	}
	if f.Name != name {
		t.Fatalf("there is no fault %s", name)
	}
	s := newStage(t, f)
	if name != "" {
		check(t, s.op.Misbehave(name))
	}
	r := &reported{folder: s.folder}
	args := []string{"--format", "json", "-dd", "--show-secrets"}
	for _, form := range []string{".html", ".har", ".mmd", ".sh"} {
		args = append(args, "--report", filepath.Join(s.folder, "r"+form))
	}
	var stdout string
	r.code, stdout, r.stderr = s.refresh(args...)
	check(t, json.Unmarshal([]byte(stdout), &r.doc))
	for _, form := range []string{".html", ".har", ".mmd", ".sh"} {
		text := r.read(t, form)
		for _, secret := range []string{
			s.first, faultSecret, fmt.Sprint(r.doc.TokenResponse["access_token"]),
			fmt.Sprint(r.doc.TokenResponse["refresh_token"]),
		} {
			if len(secret) > 8 && strings.Contains(text, secret) {
				t.Errorf("r%s holds the secret %s", form, secret)
			}
		}
	}
	return r
}

// Reports of runs that failed in different ways name the rule that the document names. The page loads
// nothing, says nothing on the console, and is accessible at each width and in each color scheme.
func TestReports(t *testing.T) {
	t.Parallel()
	for _, name := range reportedFaults {
		t.Run("fault "+name, func(t *testing.T) {
			t.Parallel()
			r := reportRefresh(t, name)
			if failed := r.doc.Error; failed != nil && failed.Code != "" &&
				!strings.Contains(r.read(t, ".html"), failed.Code) {
				t.Errorf("exit code %d, %+v: the page does not name it", r.code, failed)
			}
			judgeHAR(t, r.read(t, ".har"))
			w := newWindow(t)
			judgePage(t, w, filepath.Join(r.folder, "r.html"), "report "+name)
			judgeMermaid(t, w, r.read(t, ".mmd"))
		})
	}
}

// newWindow opens a window and keeps what happens in it.
func newWindow(t *testing.T) *window {
	t.Helper()
	w := &window{chromium: startChromium(t, "alice"), opened: make(chan error, 4)}
	check(t, chromedp.Listen(w.tab, w.happened))
	_, err := chromedp.Call(w.tab, network.Enable, network.EnableParams{})
	check(t, err)
	return w
}

// source is a file of an npm package that judges.
func source(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("pages", "node_modules", path))
	needed(t, path, err)
	return string(data)
}

// judgePage looks at a page as people do: at a desk and on a phone, by day and by night, on paper.
func judgePage(t *testing.T, w *window, file, name string) {
	t.Helper()
	axe := source(t, "axe-core/axe.min.js")
	for _, width := range []int64{360, 1440} {
		for _, scheme := range []string{"light", "dark"} {
			look(t, w, width, scheme)
			check(t, chromedp.Do(w.tab, chromedp.Navigate("file://"+file)))
			_, err := chromedp.Run(w.tab, chromedp.Evaluate[chromedp.Void](axe))
			check(t, err)
			broken, err := chromedp.Run(w.tab, chromedp.Evaluate[[]string](
				`axe.run().then(r => r.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.map(n => n.html).join(" ")))`,
				chromedp.EvalAwaitPromise))
			check(t, err)
			if len(broken) > 0 {
				t.Errorf("%d wide, %s: %s", width, scheme, strings.Join(broken, "\n"))
			}
			wide, err := chromedp.Run(w.tab, chromedp.Evaluate[int]("document.documentElement.scrollWidth"))
			check(t, err)
			if wide > int(width) {
				t.Errorf("at a width of %d the page is %d wide", width, wide)
			}
			w.Screenshot(t, fmt.Sprintf("%s %d %s", name, width, scheme))
		}
	}
	w.mu.Lock()
	if w.requests != 4 || len(w.console) > 0 {
		t.Errorf("%d requests for 4 visits; on the console: %q", w.requests, w.console)
	}
	w.mu.Unlock()
	judgePrint(t, w)
}

// look sets how the window looks.
func look(t *testing.T, w *window, width int64, scheme string) {
	t.Helper()
	_, err := chromedp.Call(w.tab, emulation.SetDeviceMetricsOverride,
		emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1})
	check(t, err)
	_, err = chromedp.Call(w.tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	check(t, err)
}

// judgePrint finds on paper every rule, also those that are folded on the screen.
func judgePrint(t *testing.T, w *window) {
	t.Helper()
	_, err := chromedp.Call(w.tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	check(t, err)
	hidden, err := chromedp.Run(w.tab, chromedp.Evaluate[[]string](
		`[...document.querySelectorAll("tr, li, pre")].filter(e => !e.checkVisibility()).map(e => e.innerText)`))
	check(t, err)
	if len(hidden) > 0 {
		t.Errorf("not on paper: %q", hidden)
	}
	printed, err := chromedp.Call(w.tab, pages.PrintToPDF, pages.PrintToPDFParams{})
	check(t, err)
	if !bytes.HasPrefix(printed.Data, []byte("%PDF-")) {
		t.Errorf("%.20q is no PDF", printed.Data)
	}
}

// judgeMermaid has Mermaid's own parser read a diagram.
func judgeMermaid(t *testing.T, w *window, diagram string) {
	t.Helper()
	_, err := chromedp.Run(w.tab, chromedp.Evaluate[chromedp.Void](source(t, "@mermaid-js/tiny/dist/mermaid.tiny.js")))
	check(t, err)
	kind, err := chromedp.Run(w.tab, chromedp.Evaluate[string](
		`mermaid.parse(`+strconv.Quote(diagram)+`).then(r => r.diagramType, e => "refused: " + e.message)`,
		chromedp.EvalAwaitPromise))
	check(t, err)
	if kind != "sequence" {
		t.Errorf("%s\n%s", kind, diagram)
	}
}

// judgeHAR validates a HAR by the published schemas.
func judgeHAR(t *testing.T, archive string) {
	t.Helper()
	c := jsonschema.NewCompiler()
	files, err := filepath.Glob("pages/node_modules/har-schema/lib/*.json")
	check(t, err)
	if len(files) == 0 {
		t.Fatal("the schemas of HAR are not installed")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		check(t, err)
		schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		check(t, err)
		check(t, c.AddResource("https://har.invalid/"+filepath.Base(file), schema))
	}
	schema, err := c.Compile("https://har.invalid/har.json")
	check(t, err)
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(archive))
	check(t, err)
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
}

// The script of a run does what the run did: every request that it repeats gets the same response.
func TestReportScriptRuns(t *testing.T) {
	t.Parallel()
	s := newStage(t, fault.Fault{})
	file := filepath.Join(s.folder, "r.sh")
	code, _, stderr := s.refresh("--format", "json", "--report", file)
	if code != 0 {
		t.Fatal(stderr)
	}
	token, err := os.ReadFile(s.token)
	check(t, err)
	cmd := exec.CommandContext(t.Context(), "sh", file)
	cmd.Env = append(os.Environ(), "REFRESH_TOKEN="+strings.TrimSpace(string(token)),
		"BASIC_CREDENTIALS="+base64.StdEncoding.EncodeToString([]byte("app:"+url.QueryEscape(faultSecret))))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(file)
	check(t, err)
	requests := regexp.MustCompile(`(?m)^# \d+\. \w+ (\S+)`).FindAllStringSubmatch(string(data), -1)
	decoder := json.NewDecoder(bytes.NewReader(out))
	var got []string
	for range requests {
		var response map[string]any
		check(t, decoder.Decode(&response))
		for path, member := range map[string]string{
			"metadata": "token_endpoint", "keys": "keys", "tokens": "access_token", "user": "sub",
		} {
			if response[member] != nil && response["error"] == nil {
				got = append(got, path)
			}
		}
	}
	slices.Sort(got)
	if want := []string{"keys", "metadata", "tokens", "user"}; len(requests) != 4 || !slices.Equal(got, want) {
		t.Errorf("%d requests, %v, want %v: %s", len(requests), got, want, out)
	}
}
