// A real browser: Debian's Chromium, headless, started once for all tests. Each
// test has a window of its own that shares no cookies with the others.

package test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A chromium is a window of the real browser, with a user in front of it.
type chromium struct {
	mu             sync.Mutex // one visit at a time: the page may be asked for while the last one still shows
	User, Password string     // Password "" is the user's name and "-password"
	Deny           bool

	tab context.Context
}

var theChromium shared[context.Context]

// startChromium opens a window, for at most a minute.
func startChromium(t *testing.T, user string) *chromium {
	t.Helper()
	path, err := exec.LookPath("chromium")
	needed(t, "Chromium", err)
	process := theChromium.get(t, func(t *testing.T) *context.Context { return newChromium(t, path) })
	tab, closeTab := chromedp.NewContext(*process, chromedp.WithNewBrowserContext())
	bounded, cancel := context.WithTimeout(tab, time.Minute)
	t.Cleanup(func() {
		cancel()
		closeTab()
	})
	check(t, chromedp.Do(bounded)) // opens it
	return &chromium{User: user, tab: bounded}
}

// newChromium starts the browser. It reaches loopback addresses only, and accepts
// their certificates.
func newChromium(t *testing.T, path string) *context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors,
		chromedp.WindowSize(900, 700),
		chromedp.UserDataDir(sharedFolder(t)), chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"))
	life, end := context.WithTimeout(context.Background(), 10*time.Minute)
	allocator, stop := chromedp.NewExecAllocator(life, options...)
	process, closeIt := chromedp.NewContext(allocator)
	whenAllEnds(func() {
		closeIt()
		stop() // waits for it
		end()
	})
	check(t, chromedp.Do(process)) // starts it
	return &process
}

// refusalButton is the button that says no.
const refusalButton = "button[value=deny], button[name=deny], button[value=no], button[name=abort]"

// pageState is a page with what is on it to do.
const pageState = `({url: location.href, title: document.title, text: document.body ? document.body.innerText : "", ready: document.readyState,
  password: !!document.querySelector("input[type=password]"), refusal: !!document.querySelector(` + "`" + refusalButton + "`" + `), wrong: !!document.querySelector("#error, .error, #login-error"),
  buttons: [...document.querySelectorAll("button:not([type=button]), input[type=submit]")].filter(b => b.offsetParent !== null).length})`

type chromiumPage struct {
	URL, Title, Text, Ready string
	Password, Wrong         bool
	Refusal                 bool
	Buttons                 int
}

// Open visits an address and does what its pages ask for, as httpBrowser.Open
// does. A page without a button is the last.
func (c *chromium) Open(ctx context.Context, address string) (*page, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tab, cancel := context.WithCancel(c.tab)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	// A page that goes elsewhere at once aborts the visit to itself; where it went is
	// looked at like any other.
	if err := chromedp.Do(tab, chromedp.Navigate(address)); err != nil &&
		!strings.Contains(err.Error(), "ERR_ABORTED") {
		return nil, err
	}
	for range 20 {
		p, err := c.settled(tab)
		if err != nil {
			return nil, err
		}
		if p.Buttons == 0 || p.Wrong {
			u, err := url.Parse(p.URL)
			return &page{URL: u, Body: p.Text}, err
		}
		// the page is another one by now
		if err := c.act(tab, p); err != nil && !strings.Contains(err.Error(), "Could not find node") {
			return nil, err
		}
	}
	return nil, fmt.Errorf("there is no end to it: %s", address)
}

// settled is the page when it has loaded, and none of its scripts goes elsewhere.
func (c *chromium) settled(tab context.Context) (chromiumPage, error) {
	var before chromiumPage
	for range 200 {
		now, err := chromedp.Run(tab, chromedp.Evaluate[chromiumPage](pageState))
		switch {
		case tab.Err() != nil:
			return now, tab.Err()
		case err == nil && now.Ready == "complete" && now == before:
			return now, nil
		}
		before = now // a navigation on the way is an error of the evaluation
		if _, err := chromedp.Run(tab, func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
			return chromedp.Void{}, pause(ctx, 30*time.Millisecond)
		}); err != nil {
			return now, err
		}
	}
	return before, fmt.Errorf("%s never settled", before.URL)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// act fills in the page's form and clicks the button that the user would.
func (c *chromium) act(tab context.Context, p chromiumPage) error {
	button := chromedp.CSS("button:not([type=button]), input[type=submit]")
	if c.Deny && p.Refusal {
		button = refusalButton
	} else if p.Password {
		password := c.Password
		if password == "" {
			password = c.User + "-password"
		}
		field := chromedp.CSS("input[name=login], input[name=username], input[name=email]")
		if err := chromedp.Do(tab, chromedp.SetValue(field, c.User),
			chromedp.SendKeys(chromedp.CSS("input[type=password]"), password)); err != nil {
			return err
		}
	}
	_, err := chromedp.RunResponse(tab, chromedp.Click(button))
	return err
}

// Screenshot writes what the window shows to a PNG file, and returns its path:
// in $SCREENSHOTS if that is set, or else in a folder that ends with the test.
func (c *chromium) Screenshot(t *testing.T, name string) string {
	t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	data, err := chromedp.Run(c.tab, chromedp.CaptureScreenshot())
	check(t, err)
	path := folder + "/" + strings.NewReplacer("/", "-", " ", "-").Replace(name) + ".png"
	check(t, os.WriteFile(path, data, 0o600))
	return path
}
