// A browser without a browser: it follows redirects, keeps cookies, fills in
// and submits the forms of login and consent, and so brings an authorization
// response to where it belongs. As the command "browse", it is what
// oidc-client login --browser is given.

package test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// An httpBrowser is a browser with a user in front of it.
type httpBrowser struct {
	User, Password string // Password "" is the user's name and "-password"
	Deny           bool   // the user says no, where a page asks

	http *http.Client
}

// newHTTPBrowser returns a browser without cookies. It trusts roots, or those of
// the system.
func newHTTPBrowser(user string, roots *x509.CertPool) *httpBrowser {
	jar, _ := cookiejar.New(nil) // never fails
	return &httpBrowser{User: user, http: &http.Client{
		Jar: jar, Timeout: 10 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// A page is where a browser ended.
type page struct {
	URL    *url.URL // with its fragment
	Status int
	Body   string
	Pages  []string // the paths of all pages and redirects on the way
}

// Open visits an address and does what its pages ask for, until there is
// nothing more to do.
func (b *httpBrowser) Open(ctx context.Context, address string) (*page, error) {
	var visited []string
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	for range 25 {
		if err != nil {
			return nil, err
		}
		visited = append(visited, req.Method+" "+req.URL.Path)
		p, redirect, failed := b.load(req)
		if failed != nil {
			return nil, failed
		}
		p.Pages = visited
		switch {
		case redirect != nil:
			req, err = http.NewRequestWithContext(ctx, http.MethodGet, redirect.String(), nil)
		default:
			next := b.submission(p)
			if next == nil {
				return p, nil
			}
			req, err = next.request(ctx)
		}
	}
	return nil, fmt.Errorf("there is no end to it: %q", visited)
}

// load sends one request.
func (b *httpBrowser) load(req *http.Request) (*page, *url.URL, error) {
	res, err := b.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, nil, err
	}
	p := &page{URL: req.URL, Status: res.StatusCode, Body: string(body)}
	redirect, err := res.Location()
	if res.StatusCode < 300 || res.StatusCode > 399 || errors.Is(err, http.ErrNoLocation) {
		return p, nil, nil
	}
	if err == nil && redirect.Fragment == "" {
		redirect.Fragment = req.URL.Fragment // RFC 9110 section 10.2.2
	}
	return p, redirect, err
}

// A submission is a form, filled in.
type submission struct {
	method string
	action *url.URL
	values url.Values
}

func (s *submission) request(ctx context.Context) (*http.Request, error) {
	if s.method != http.MethodPost {
		s.action.RawQuery = s.values.Encode()
		return http.NewRequestWithContext(ctx, http.MethodGet, s.action.String(), nil)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.action.String(),
		strings.NewReader(s.values.Encode()))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req, err
}

// refusals are what buttons and fields that say no are called, or say.
var refusals = []string{"deny", "rejected", "no", "abort", "cancel"}

// agreements are buttons that say yes, on pages whose first button says no.
var agreements = []string{"allow"}

// submission is the form of a page that the user submits: the first, or if the
// user says no, the first that says so. nil if there is none, or it has been
// tried with the password that is not right.
func (b *httpBrowser) submission(p *page) *submission {
	if p.URL.Fragment != "" && strings.Contains(p.Body, "location.hash") {
		return afterHash(p)
	}
	doc, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		return nil
	}
	var first *submission
	for form := range elements(doc, atom.Form) {
		for _, button := range append(buttons(doc, form), nil) {
			s := b.fill(p, doc, form, button)
			if s == nil {
				continue
			}
			if first == nil {
				first = s
			}
			if b.Deny && s.refuses() || !b.Deny && s.agrees() {
				return s
			}
		}
	}
	if strings.Contains(p.Body, `id="error"`) || strings.Contains(p.Body, `class="error"`) ||
		strings.Contains(p.Body, `id="login-error"`) {
		return nil
	}
	return first
}

// afterHash does what the script of a listener's page does: it posts what stands
// behind the #.
func afterHash(p *page) *submission {
	values, err := url.ParseQuery(p.URL.EscapedFragment())
	if err != nil {
		return nil
	}
	action := *p.URL
	action.Fragment, action.RawFragment = "", ""
	return &submission{http.MethodPost, &action, values}
}

func (s *submission) refuses() bool {
	for name, values := range s.values {
		if slices.Contains(refusals, name) || slices.Contains(refusals, values[0]) {
			return true
		}
	}
	return false
}

func (s *submission) agrees() bool {
	return slices.ContainsFunc(agreements, s.values.Has)
}

// fill fills a form in.
func (b *httpBrowser) fill(p *page, doc, form, button *html.Node) *submission {
	action, err := p.URL.Parse(attribute(form, "action"))
	if err != nil {
		return nil
	}
	action.Fragment = ""
	s := &submission{strings.ToUpper(attribute(form, "method")), action, url.Values{}}
	for input := range elements(doc, atom.Input) {
		name := attribute(input, "name")
		if name == "" || !belongs(input, form) || attribute(input, "type") == "submit" {
			continue
		}
		s.values.Set(name, b.answer(input))
	}
	if name := attribute(button, "name"); name != "" {
		s.values.Set(name, attribute(button, "value"))
	}
	return s
}

// answer is what the user fills in.
func (b *httpBrowser) answer(input *html.Node) string {
	value := attribute(input, "value")
	switch attribute(input, "type") {
	case "password":
		if b.Password != "" {
			return b.Password
		}
		return b.User + "-password"
	case "hidden":
		return value
	}
	if slices.Contains([]string{"login", "username", "user", "email"}, attribute(input, "name")) {
		return b.User
	}
	return value
}

// elements are those of a kind, in the order of the document.
func elements(doc *html.Node, kind atom.Atom) func(func(*html.Node) bool) {
	return func(yield func(*html.Node) bool) {
		for n := range doc.Descendants() {
			if n.DataAtom == kind && !yield(n) {
				return
			}
		}
	}
}

// buttons are those that submit a form.
func buttons(doc, form *html.Node) []*html.Node {
	var list []*html.Node
	for n := range doc.Descendants() {
		submits := n.DataAtom == atom.Button && attribute(n, "type") != "button" ||
			n.DataAtom == atom.Input && attribute(n, "type") == "submit"
		if submits && belongs(n, form) {
			list = append(list, n)
		}
	}
	return list
}

// belongs says if an element is of a form: in it, or by its attribute.
func belongs(n, form *html.Node) bool {
	if id := attribute(n, "form"); id != "" {
		return id == attribute(form, "id")
	}
	for parent := range n.Ancestors() {
		if parent == form {
			return true
		}
	}
	return false
}

func attribute(n *html.Node, name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// browseMain is the command "browse [ADDRESS] URL". With an address, it hands
// the URL to the browser that listens there (see browserCommand); without one
// it is a browser of its own, of the user $BROWSE_USER, that trusts $BROWSE_CA
// and says no if $BROWSE_DENY is set.
func browseMain() {
	if err := browse(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "browse:", err)
		os.Exit(1)
	}
}

func browse(args []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	switch len(args) {
	case 1:
		return browseAlone(ctx, args[0])
	case 2:
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, args[0], strings.NewReader(args[1]))
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		return res.Body.Close()
	}
	return errors.New("browse [ADDRESS] URL")
}

func browseAlone(ctx context.Context, target string) error {
	var roots *x509.CertPool
	if file := os.Getenv("BROWSE_CA"); file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		roots = x509.NewCertPool()
		roots.AppendCertsFromPEM(data)
	}
	user := os.Getenv("BROWSE_USER")
	if user == "" {
		user = "alice"
	}
	b := newHTTPBrowser(user, roots)
	b.Deny = os.Getenv("BROWSE_DENY") != ""
	_, err := b.Open(ctx, target)
	return err
}

// A browser opens addresses and does what their pages ask for.
type browser interface {
	Open(ctx context.Context, address string) (*page, error)
}

// browserCommand is a command line for --browser: "COMMAND URL" has the URL
// opened by a browser of the test, and does not wait for it.
func browserCommand(t *testing.T, b browser) string {
	t.Helper()
	command, err := exec.LookPath("browse") // testscript.Main has put it there
	check(t, err)
	var opening sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusNoContent)
		opening.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			if _, err := b.Open(ctx, string(target)); err != nil {
				t.Errorf("the browser: %v", err)
			}
		})
	}))
	t.Cleanup(func() {
		server.Close()
		opening.Wait()
	})
	return command + " " + server.URL
}

// A landing is where a provider sends the browser: what our listener is to a
// login.
type landing struct {
	URL      string
	response chan url.Values
}

// landingPage brings a fragment to the server, as only a script can.
const landingPage = `<!doctype html><title>landing</title><body><script>
const form = document.createElement("form"); form.method = "post";
for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
  const input = document.createElement("input"); input.type = "hidden"; input.name = name; input.value = value; form.append(input);
}
history.replaceState(null, "", location.pathname); document.body.append(form); form.submit();
</script>`

// land waits for one authorization response, in whatever mode it comes.
func land(t *testing.T) *landing {
	t.Helper()
	l := &landing{response: make(chan url.Values, 1)}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	l.URL = server.URL + "/callback"
	return l
}

func (l *landing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/callback" {
		http.NotFound(w, r)
		return
	}
	_ = r.ParseForm()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if r.Method == http.MethodGet && r.URL.RawQuery == "" {
		_, _ = io.WriteString(w, landingPage)
		return
	}
	_, _ = io.WriteString(w, "<!doctype html><title>landed</title><h1>Landed</h1>")
	select {
	case l.response <- r.Form:
	default: // somebody reloads
	}
}

// wait is the response, if it comes in time.
func (l *landing) wait(t *testing.T) url.Values {
	t.Helper()
	select {
	case values := <-l.response:
		return values
	case <-time.After(30 * time.Second):
		t.Fatal("no response came")
		return nil
	}
}
