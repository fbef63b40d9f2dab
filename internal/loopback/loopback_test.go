package loopback

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// client does not follow redirects, and keeps no connection.
var client = &http.Client{
	Timeout:       5 * time.Second,
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func listening(t *testing.T, change ...func(*Options)) *Listener {
	t.Helper()
	o := Options{
		Path:  "/auth/callback",
		Start: func(context.Context) (string, error) { return "https://op.example/authorize?state=s", nil },
		Mine:  func(v url.Values) bool { return v.Get("state") == "s" },
	}
	for _, c := range change {
		c(&o)
	}
	l, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

type answer struct {
	status int
	header http.Header
	body   string
}

func ask(t *testing.T, r *http.Request) answer {
	t.Helper()
	res, err := client.Do(r)
	if err != nil {
		t.Error(err)
		return answer{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func request(t *testing.T, method, to, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, to, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// A visit ends the wait, and the browser is shown what became of it, and only then.
func TestVisit(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]struct{ method, query, body string }{
		"redirect":  {http.MethodGet, "?state=s&code=c&code=d", ""},
		"form_post": {http.MethodPost, "", "state=s&code=c&code=d"},
		"fragment":  {http.MethodPost, "", "state=s&code=c&code=d&" + fragmentMark + "=1"}, // as the page's script does
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := listening(t)
			shown := make(chan answer, 1)
			r := request(t, how.method, l.URL("/auth/callback")+how.query, how.body)
			go func() { shown <- ask(t, r) }()
			visit, err := l.Wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if visit.Values.Get("state") != "s" || len(visit.Values["code"]) != 2 || len(visit.Values) != 2 ||
				visit.Fragment != (name == "fragment") {
				t.Errorf("%+v", visit)
			}
			select {
			case a := <-shown:
				t.Fatalf("the page was shown before its time: %v", a)
			default:
			}
			visit.Show(Page{
				Title: "<b>Done</b>", Text: "Go back.",
				Lines: [][2]string{{"Reason", "<script>alert(1)</script>"}},
			})
			a := <-shown
			if a.status != http.StatusOK || !strings.Contains(a.body, "&lt;b&gt;Done&lt;/b&gt;") ||
				strings.Contains(a.body, "<script") {
				t.Errorf("%d, %s", a.status, a.body)
			}
			safe(t, a)
		})
	}
}

// safe: H15, V47, V49.
func safe(t *testing.T, a answer) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8",
	} {
		if !strings.HasPrefix(a.header.Get(name), want) {
			t.Errorf("%s: %q", name, a.header.Get(name))
		}
	}
}

// V52, H16: what is not waited for does not end the wait, and nothing of it is
// reflected.
func TestStrays(t *testing.T) {
	t.Parallel()
	l := listening(t)
	const evil = "%3Cscript%3Ealert(1)%3C/script%3E"
	for name, c := range map[string]struct {
		r      *http.Request
		change func(*http.Request)
		status int
	}{
		"another path":   {request(t, http.MethodGet, l.URL("/"+evil), ""), nil, 404},
		"favicon":        {request(t, http.MethodGet, l.URL("/favicon.ico"), ""), nil, 404},
		"a longer path":  {request(t, http.MethodGet, l.URL("/auth/callback/x")+"?state=s", ""), nil, 404},
		"wrong state":    {request(t, http.MethodGet, l.URL("/auth/callback")+"?state=t&error="+evil, ""), nil, 400},
		"no parameters":  {request(t, http.MethodGet, l.URL("/auth/callback"), ""), nil, 400},
		"broken query":   {request(t, http.MethodGet, l.URL("/auth/callback")+"?state=s&%zz", ""), nil, 400},
		"another method": {request(t, http.MethodPut, l.URL("/auth/callback")+"?state=s", ""), nil, 400},
		"head":           {request(t, http.MethodHead, l.URL("/auth/callback")+"?state=s", ""), nil, 400},
		"rebinding": {
			request(t, http.MethodGet, l.URL("/auth/callback")+"?state=s", ""),
			func(r *http.Request) { r.Host = "evil.example:" + strconv.Itoa(l.port) }, 421,
		},
		"another name": {
			request(t, http.MethodGet, l.URL("/auth/callback")+"?state=s", ""),
			func(r *http.Request) { r.Host = "localhost:" + strconv.Itoa(l.port) }, 421,
		},
		"query of a post": {request(t, http.MethodPost, l.URL("/auth/callback")+"?state=s", ""), nil, 400},
		"not a form": {
			request(t, http.MethodPost, l.URL("/auth/callback"), "state=s"),
			func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 400,
		},
		"an endless form": {
			request(t, http.MethodPost, l.URL("/auth/callback"), "state=s&x="+strings.Repeat("x", 300<<10)), nil, 400,
		},
		"login by a post": {request(t, http.MethodPost, l.URL("/login"), ""), nil, 404},
		"proxied elsewhere": {
			request(t, http.MethodGet, l.URL("/auth/callback")+"?state=s", ""), func(r *http.Request) { r.Host = "" },
			0,
		},
	} {
		if c.status == 0 {
			continue // net/http fills an empty Host in
		}
		if c.change != nil {
			c.change(c.r)
		}
		a := ask(t, c.r)
		if a.status != c.status || strings.Contains(a.body, "alert") {
			t.Errorf("%s: %d, %s", name, a.status, a.body)
		}
		safe(t, a)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("nobody came"))
	if v, err := l.Wait(ctx); err == nil || err.Error() != "nobody came" {
		t.Errorf("%v, %v", v, err)
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	l := listening(t)
	a := ask(t, request(t, http.MethodGet, l.URL(StartPath), ""))
	if a.status != http.StatusFound || a.header.Get("Location") != "https://op.example/authorize?state=s" ||
		a.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%+v", a)
	}
	for name, headers := range map[string]map[string]string{
		"a link of a page": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"},
		"a frame":          {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"},
		"a picture":        {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "image"},
	} {
		r := request(t, http.MethodGet, l.URL(StartPath), "")
		for h, v := range headers {
			r.Header.Set(h, v)
		}
		if a := ask(t, r); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	typed := request(t, http.MethodGet, l.URL(StartPath), "")
	typed.Header.Set("Sec-Fetch-Site", "none")
	clicked := request(t, http.MethodGet, l.URL(StartPath), "")
	for h, v := range map[string]string{
		"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document",
		"Sec-Fetch-User": "?1",
	} {
		clicked.Header.Set(h, v) // as in a terminal in a browser
	}
	if a := ask(t, clicked); a.status != http.StatusFound {
		t.Errorf("clicked: %d", a.status)
	}
	typed.Header.Set("Sec-Fetch-Dest", "document")
	if a := ask(t, typed); a.status != http.StatusFound {
		t.Errorf("typed in: %d", a.status)
	}
	hidden := listening(t, func(o *Options) { o.Secret = true })
	if a := ask(t, request(t, http.MethodGet, hidden.URL(StartPath), "")); a.status != http.StatusNotFound {
		t.Errorf("a path that can be guessed: %d", a.status)
	}
	linked := request(t, http.MethodGet, hidden.StartURL(), "")
	linked.Header.Set("Sec-Fetch-Site", "cross-site") // which nobody knows but who was told
	if a := ask(t, linked); a.status != http.StatusFound {
		t.Errorf("the secret path: %d", a.status)
	}
	broken := listening(t, func(o *Options) {
		o.Start = func(context.Context) (string, error) { return "", errors.New("secret") }
	})
	if a := ask(t, request(t, http.MethodGet, broken.URL(StartPath), "")); a.status != http.StatusBadGateway ||
		strings.Contains(a.body, "secret") {
		t.Errorf("%+v", a)
	}
	none := listening(t, func(o *Options) { o.Start = nil })
	if a := ask(t, request(t, http.MethodGet, none.URL(StartPath), "")); a.status != http.StatusNotFound {
		t.Errorf("%+v", a)
	}
}

// Another user of the machine is led nowhere, and brings nothing; behind a proxy that cannot be
// told.
func TestStranger(t *testing.T) {
	t.Parallel()
	for proxy, want := range map[string]int{"": http.StatusForbidden, "proxy.example": http.StatusFound} {
		came := make(chan string, 2)
		l := listening(t, func(o *Options) {
			o.ProxiedHost = proxy
			o.Stranger = func() { came <- "a stranger" }
			o.strangers = func(remote, local netip.AddrPort) bool {
				return remote.Addr().IsLoopback() && local.Addr().IsLoopback() && remote.Port() != local.Port()
			}
			o.Mine = func(url.Values) bool { t.Error("the answer of a stranger is looked at"); return false }
		})
		if a := ask(t, request(t, http.MethodGet, l.URL(StartPath), "")); a.status != want ||
			a.header.Get("Location") != "" && proxy == "" {
			t.Errorf("%q: %d", proxy, a.status)
		}
		if len(came) != map[string]int{"": 1}[proxy] {
			t.Errorf("%q: %d strangers were told of", proxy, len(came))
		}
		if proxy != "" {
			continue
		}
		if a := ask(t, request(t, http.MethodGet, l.URL("/auth/callback")+"?state=s", "")); a.status != want ||
			len(came) != 2 {
			t.Errorf("an answer: %d", a.status)
		}
	}
}

// What stands behind a # comes by the one script, which the policy names.
func TestFragment(t *testing.T) {
	t.Parallel()
	l := listening(t, func(o *Options) { o.Fragment = true })
	a := ask(t, request(t, http.MethodGet, l.URL("/auth/callback"), ""))
	if a.status != http.StatusOK || !strings.Contains(a.body, "<script>"+fragmentScript+"</script>") ||
		!strings.Contains(a.header.Get("Content-Security-Policy"), "script-src 'sha256-") {
		t.Errorf("%+v", a)
	}
	safe(t, a)
	var browser sync.WaitGroup
	defer browser.Wait()
	posted := request(t, http.MethodPost, l.URL("/auth/callback"), "state=s&id_token=i")
	browser.Go(func() { ask(t, posted) })
	visit, err := l.Wait(t.Context())
	if err != nil || visit.Values.Get("id_token") != "i" {
		t.Fatalf("%v, %v", visit, err)
	}
	visit.Show(Page{Title: "Done", Bad: true})
}

// A page that gets nothing, where no response behind a # is expected, passes one on all the same,
// but does not say that anything waits for it.
func TestFragmentThatNobodyExpects(t *testing.T) {
	t.Parallel()
	l := listening(t, func(*Options) {})
	a := ask(t, request(t, http.MethodGet, l.URL("/auth/callback"), ""))
	if a.status != http.StatusBadRequest || !strings.Contains(a.body, "<script>"+fragmentScript+"</script>") ||
		!strings.Contains(a.body, Stray.Title) {
		t.Errorf("%+v", a)
	}
	safe(t, a)
	for _, other := range []*http.Request{
		request(t, http.MethodGet, l.URL("/auth/callback")+"?x=y", ""), request(t, http.MethodGet, l.URL("/"), ""),
		request(t, http.MethodPost, l.URL("/auth/callback"), "x=y"),
	} {
		if a := ask(t, other); strings.Contains(a.body, "<script>") || a.status == http.StatusOK {
			t.Errorf("%s: %+v", other.URL, a)
		}
	}
}

// V51, H33: a port is ours on every address that its host means, or not at all.
func TestListen(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if l, err := Listen(Options{Host: host, Port: port}); err == nil {
			t.Errorf("%s: a port that is taken", host)
			_ = l.Close()
		}
	}
	for _, host := range []string{"0.0.0.0", "op.example", "", "::1"} {
		l, err := Listen(Options{Host: host})
		if (err == nil) != (host == "") {
			t.Errorf("%q: %v", host, err)
		}
		if err == nil {
			_ = l.Close()
		}
	}
	six, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "[::1]:0")
	if err != nil {
		t.Log("no IPv6 on this machine:", err)
		return
	}
	defer six.Close()
	if l, err := Listen(Options{Host: "localhost", Port: six.Addr().(*net.TCPAddr).Port}); err == nil {
		t.Error("localhost, taken by somebody else on ::1")
		_ = l.Close()
	}
	both := listening(t, func(o *Options) { o.Host = "localhost" })
	for _, address := range []string{"127.0.0.1", "[::1]"} {
		r := request(t, http.MethodGet, "http://"+address+":"+strconv.Itoa(both.port)+StartPath, "")
		r.Host = both.host()
		if a := ask(t, r); a.status != http.StatusFound {
			t.Errorf("%s: %+v", address, a)
		}
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]Options{
		"http://127.0.0.1:99/cb":    {Host: "127.0.0.1", Port: 99, Path: "/cb"},
		"http://localhost:7":        {Host: "localhost", Port: 7, Path: "/"},
		"http://[::1]:8/a/b":        {Host: "[::1]", Port: 8, Path: "/a/b"},
		"http://127.0.0.1/x":        {Host: "127.0.0.1", Port: 80, Path: "/x"},
		"https://127.0.0.1:99/cb":   {},
		"http://127.0.0.1:99/a%20b": {Host: "127.0.0.1", Port: 99, Path: "/a b"},
		"http://127.0.0.1:99/cb?a":  {},
		"http://op.example/cb":      {},
		"http://u@127.0.0.1:1/":     {},
		"app:/cb":                   {},
		"%":                         {},
	} {
		got, ok := Place(uri)
		if ok != (want.Host != "") || ok && (got.Host != want.Host || got.Port != want.Port || got.Path != want.Path) {
			t.Errorf("%s: %+v, %v", uri, got, ok)
		}
	}
}

// What a proxy hands on comes by its name and path.
func TestProxied(t *testing.T) {
	t.Parallel()
	l := listening(t, func(o *Options) { o.ProxiedHost, o.ProxiedPath = "app.example", "/cb" })
	r := request(t, http.MethodGet, l.URL("/cb")+"?state=s", "")
	r.Host = "app.example"
	var browser sync.WaitGroup
	defer browser.Wait()
	browser.Go(func() { ask(t, r) })
	visit, err := l.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	visit.Show(Page{})
}

// Close lets the last page out, and nothing is served after it.
func TestCloseDeliversThePage(t *testing.T) {
	t.Parallel()
	l := listening(t)
	shown := make(chan answer, 1)
	r := request(t, http.MethodGet, l.URL("/auth/callback")+"?state=s", "")
	go func() { shown <- ask(t, r) }()
	visit, err := l.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	visit.Show(Page{Title: "The last page"})
	visit.Show(Page{Title: "One too many"})
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if a := <-shown; !strings.Contains(a.body, "The last page") {
		t.Errorf("%+v", a)
	}
	if _, err := client.Get(l.URL(StartPath)); err == nil {
		t.Error("it still listens")
	}
}

// FuzzCallback: whatever is sent, nothing of it comes back, and the wait goes on.
func FuzzCallback(f *testing.F) {
	l, err := Listen(Options{Path: "/cb", Mine: func(url.Values) bool { return false }})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = l.Close() })
	f.Add("state=s&code=c", "", false)
	f.Add("error=%3Cscript%3E", "a=b", true)
	f.Fuzz(func(t *testing.T, query, body string, post bool) {
		r := &http.Request{
			Method: http.MethodGet, Host: l.host(), URL: &url.URL{Path: "/cb", RawQuery: query}, Header: http.Header{},
			Body: io.NopCloser(strings.NewReader(body)),
		}
		if post {
			r.Method = http.MethodPost
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		w := &recorder{header: http.Header{}}
		l.ServeHTTP(w, r)
		if w.status != http.StatusBadRequest || !strings.Contains(w.body.String(), "Nothing waits for this") {
			t.Fatalf("%d, %s", w.status, w.body.String())
		}
	})
}

type recorder struct {
	header http.Header
	status int
	body   strings.Builder
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
