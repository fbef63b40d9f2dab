// The real program, as a process, with a real browser: what a person has in front
// of them. SCREENSHOTS names a folder for pictures of the pages it ends on.

package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/oidc-client/oidc-client/internal/provider"
)

// A place is a provider with pages for a person.
type place struct {
	name  string
	start func(*journey, bool) // registers a client and opens a window, of who says no or yes
}

func places(ours *provider.Provider, port string, s *everything) []place {
	return []place{
		{"our provider", func(j *journey, deny bool) {
			j.window(deny)
			if j.screen.User == "alice" {
				j.screen.Password = "alice"
			}
			j.port = port
			j.writeConfig(ours.Issuer, "app", "client_secret_basic", appSecret, "")
		}},
		{"npm oidc-provider", func(j *journey, deny bool) {
			j.window(deny)
			j.rp = s.register(j.t,
				metadata{
					"token_endpoint_auth_method": "client_secret_basic",
					"response_types":             []string{"code", "code id_token"},
				})
			j.config = j.rp.config(j.t, "")
		}},
	}
}

func TestChromiumCommands(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	port := strings.TrimPrefix(freeAddress(t), "127.0.0.1:") // to come back to from a logout
	options := providerDefaults()
	options.PollInterval = time.Second
	options.Clients = []provider.Client{{
		ID: "app", Secret: appSecret,
		PostLogoutURIs: []string{"http://127.0.0.1:" + port + "/logout/callback"},
	}}
	ours, err := provider.Start(options)
	check(t, err)
	t.Cleanup(func() { _ = ours.Close() })
	var cells []*cell
	for _, p := range places(ours, port, s) {
		for _, flow := range []struct {
			name string
			deny bool
			try  func(*journey)
		}{
			{"client", false, func(j *journey) { j.watchedLogin() }},
			{"client, form_post", false, func(j *journey) { j.watchedLogin("--response-mode", "form_post") }},
			{"client, fragment", false, func(j *journey) { j.watchedLogin("--response-mode", "fragment") }},
			{
				"client, code id_token, fragment", false, func(j *journey) {
					j.watchedLogin("--response-type", "code id_token", "--response-mode", "fragment")
				},
			},
			{"client, the user says no", true, (*journey).watchedRefusal},
			{"end-session", false, (*journey).watchedLogout},
			{"device", false, (*journey).watchedDevice},
		} {
			c := &cell{
				Flow: p.name + ": " + flow.name, Auth: "client_secret_basic", Bound: "none",
				try: func(j *journey) {
					p.start(j, flow.deny)
					flow.try(j)
				},
			}
			cells = append(cells, c)
		}
	}
	runCells(t, cells)
}

// A window is a window of the real browser, with what happens in it.
type window struct {
	*chromium
	opened chan error // what came of each visit

	mu       sync.Mutex
	hosts    []string
	console  []string // what is wrong there
	requests int
}

// window opens a window, and keeps what happens in it.
func (j *journey) window(deny bool) {
	j.t.Helper()
	w := &window{chromium: startChromium(j.t, "alice"), opened: make(chan error, 4)}
	w.Deny = deny
	j.screen, j.browser = w, w
	check(j.t, chromedp.Listen(w.tab, w.happened))
	_, err := chromedp.Call(w.tab, network.Enable, network.EnableParams{})
	check(j.t, err)
}

// Open is chromium.Open, and says that it ended.
func (w *window) Open(ctx context.Context, address string) (*page, error) {
	p, err := w.chromium.Open(ctx, address)
	w.opened <- err
	return p, err
}

func (w *window) happened(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		w.requests++
		if u, err := url.Parse(e.Request.URL); err == nil && u.Scheme != "data" &&
			!slices.Contains(w.hosts, u.Hostname()) {
			w.hosts = append(w.hosts, u.Hostname())
		}
	case *runtime.EventExceptionThrown:
		w.console = append(w.console, fmt.Sprintf("exception: %s", e.ExceptionDetails.Text))
	case *runtime.EventConsoleAPICalled: // none of the pages has anything to say there
		w.console = append(w.console, fmt.Sprintf("%s: %v", e.Type, e.Args))
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError && e.Entry.Level != log.EntryLevelWarning ||
			strings.HasSuffix(e.Entry.URL, "/favicon.ico") {
			return // advice; and an icon that a page does not have is none of its faults
		}
		w.console = append(w.console, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	}
}

// process runs the program as a process, with the window as its browser.
func (j *journey) process(args ...string) *ran {
	j.t.Helper()
	ctx, cancel := context.WithTimeout(j.t.Context(), 40*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "oidc-client",
		append(args, "-c", j.config, "--format", "json", "--timeout", "30s")...)
	cmd.Env = append(os.Environ(), "BROWSER="+quotedURL(browserCommand(j.t, j.screen)), "HOME="+j.folder)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	r := &ran{args: args, code: cmd.ProcessState.ExitCode(), stderr: errs.String()}
	if e := json.Unmarshal(out.Bytes(), r); e != nil {
		j.fatalf("%s: %v, not JSON: %v\n%s\n%s", args, err, e, out.String(), r.stderr)
	}
	select {
	case err := <-j.screen.opened:
		j.hold(r, fmt.Sprintf("the browser: %v", err), err == nil)
	case <-ctx.Done():
		j.fatalf("%s: the browser was not opened\n%s", args, r.stderr)
	}
	return r
}

// ends waits for the window to show a page with a heading, and returns its address.
func (j *journey) ends(heading string) *url.URL {
	j.t.Helper()
	var p chromiumPage
	for range 100 { // a page may go on by itself
		var err error
		if p, err = j.screen.settled(j.screen.tab); err != nil {
			j.fatalf("the window: %v", err)
		}
		if strings.HasPrefix(p.Text, heading) {
			break
		}
		check(j.t, pause(j.t.Context(), 30*time.Millisecond))
	}
	u, err := url.Parse(p.URL)
	if err != nil || !strings.HasPrefix(p.Text, heading) {
		j.fatalf("the window ends on %s: %s, not %q", p.URL, p.Text, heading)
	}
	return u
}

// quiet says that nothing was wrong in the window, but for what is allowed, and that
// it asked nobody but this machine.
func (j *journey) quiet(allowed ...string) {
	w := j.screen
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.requests == 0 || !slices.Equal(w.hosts, []string{"127.0.0.1"}) {
		j.errorf("%d requests, to %v", w.requests, w.hosts)
	}
	for _, said := range w.console {
		if !slices.ContainsFunc(allowed, func(a string) bool { return strings.Contains(said, a) }) {
			j.errorf("the console: %s", said)
		}
	}
}

// pictures shows the page in light and dark.
func (j *journey) pictures(name string) {
	j.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(j.screen.tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		check(j.t, err)
		picture, err := os.ReadFile(j.screen.Screenshot(j.t, strings.ReplaceAll(name, ":", "")+" "+scheme))
		check(j.t, err)
		if !bytes.HasPrefix(picture, []byte("\x89PNG")) {
			j.errorf("%s: %.20q is no PNG", name, picture)
		}
	}
}

// watchedLogin logs in. What the address bar shows in the end is no secret, but for
// a code that was used up, where the answer came by query.
func (j *journey) watchedLogin(args ...string) *ran {
	r := j.process(append([]string{"client", "-p", "0"}, args...)...)
	if r.code != 0 {
		j.fatalf("%s", r)
	}
	j.tokens(r)
	u := j.ends("You are logged in")
	if query := slices.Contains(args, "--response-mode"); query && (u.RawQuery != "" || u.Fragment != "") ||
		u.Path != "/auth/callback" {
		j.errorf("the address bar shows %s", u)
	}
	j.pictures(j.cell.Flow)
	j.quiet()
	j.hold(r, "a front ID Token",
		!slices.Contains(args, "code id_token") || r.FrontIDToken != nil && r.FrontIDToken.Verified)
	return r
}

func (j *journey) watchedRefusal() {
	r := j.process("client", "-p", "0")
	j.hold(r, fmt.Sprintf("exit %d %+v", r.code, r.Error),
		r.code == 6 && r.Error != nil && r.Error.Kind == "interaction" && r.Error.Code == "access_denied")
	j.ends("The login did not work")
	j.pictures(j.cell.Flow)
	j.quiet(fmt.Sprintf("status of %d", http.StatusBadRequest)) // that is what the page comes with
}

// watchedLogout logs in and out: then the provider asks for the password again.
func (j *journey) watchedLogout() {
	login := j.watchedLogin()
	again := j.process("client", "-p", "0")
	j.hold(again, "who is logged in is not asked for a password", again.code == 0)
	out := j.process("end-session", "-p", orElse(j.port, "0"), "--token", j.write("hint", login.text("id_token")))
	j.hold(out, fmt.Sprintf("exit %d %+v\n%s", out.code, out.Error, out.stderr),
		out.code == 0 && out.outcome("end_session.state") == "pass")
	j.ends("You are logged out")
	j.pictures(j.cell.Flow)
	j.quiet()
}

func (j *journey) watchedDevice() {
	r := j.process("device", "--open")
	if r.code != 0 {
		j.fatalf("%s", r)
	}
	j.tokens(r)
	j.quiet()
}

// quotedURL quotes the last word of a command, a URL: BROWSER is a list that colons separate.
func quotedURL(command string) string {
	at := strings.LastIndexByte(command, ' ') + 1
	return command[:at] + "'" + command[at:] + "'"
}
