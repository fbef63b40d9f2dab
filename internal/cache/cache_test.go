package cache

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A world is a server that can say anything, and a clock.
type world struct {
	t      *testing.T
	folder string
	url    string
	asked  atomic.Int64
	header http.Header // of the next answer
	body   string
	status int
	got    http.Header // of the last request
	now    time.Time
}

func newWorld(t *testing.T, header ...string) *world {
	t.Helper()
	w := &world{
		t: t, folder: filepath.Join(t.TempDir(), "cache"), header: http.Header{}, body: `{"a":1}`, status: 200,
		now: time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC),
	}
	w.says(header...)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked.Add(1)
		w.got = r.Header
		for name, values := range w.header {
			rw.Header()[name] = values
		}
		if tag := w.header.Get("Etag"); tag != "" && r.Header.Get("If-None-Match") == tag {
			rw.WriteHeader(http.StatusNotModified)
			return
		}
		rw.WriteHeader(w.status)
		_, _ = io.WriteString(rw, w.body)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func (w *world) says(header ...string) {
	w.header = http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(header); i += 2 {
		w.header.Set(header[i], header[i+1])
	}
}

// elsewhere takes every request to the server, whatever host it names.
type elsewhere struct{ url string }

func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(e.url, "http://")
	return http.DefaultTransport.RoundTrip(r)
}

func (w *world) transport(scope string) *Transport {
	return &Transport{
		Base: elsewhere{w.url}, Folder: w.folder, Scope: scope, Now: func() time.Time { return w.now },
		Keeps: func(context.Context) bool { return true },
		Valid: func(_ context.Context, b []byte) bool { return json.Valid(b) },
	}
}

// get asks, as a process of its own.
func (w *world) get(header ...string) (string, http.Header) {
	w.t.Helper()
	return w.ask(w.transport("op"), "https://op.example/x", header...)
}

func (w *world) ask(t *Transport, url string, header ...string) (string, http.Header) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := t.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(body), answer.Header
}

func (w *world) wasAsked(times int64, when string) {
	w.t.Helper()
	if got := w.asked.Load(); got != times {
		w.t.Errorf("%s: asked %d times, want %d", when, got, times)
	}
}

func TestForHowLong(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, row := range map[string]struct {
		header []string
		until  time.Duration // it is not asked for
	}{
		"nothing said":        {nil, 5 * time.Minute},
		"max-age":             {[]string{"Cache-Control", "public, max-age=3600"}, time.Hour},
		"quoted":              {[]string{"Cache-Control", `Max-Age="3600"`}, time.Hour},
		"less than the floor": {[]string{"Cache-Control", "max-age=10"}, 5 * time.Minute},
		"zero":                {[]string{"Cache-Control", "max-age=0"}, 5 * time.Minute},
		"said twice":          {[]string{"Cache-Control", "max-age=3600, max-age=7200"}, time.Hour},
		"more than the cap":   {[]string{"Cache-Control", "max-age=99999999"}, day},
		"overflow":            {[]string{"Cache-Control", "max-age=9223372036854775807"}, day},
		"Expires": {
			[]string{"Date", "Fri, 02 Jan 2026 10:00:00 GMT", "Expires", "Fri, 02 Jan 2026 12:00:00 GMT"},
			2 * time.Hour,
		},
		"max-age over Expires": {
			[]string{
				"Cache-Control", "max-age=3600", "Date", "Fri, 02 Jan 2026 10:00:00 GMT", "Expires",
				"Fri, 02 Jan 2026 22:00:00 GMT",
			}, time.Hour,
		},
		"Expires 0":            {[]string{"Expires", "0"}, 5 * time.Minute},
		"overflow, twice over": {[]string{"Cache-Control", "max-age=99999999999999999999999"}, day},
		"aged elsewhere":       {[]string{"Cache-Control", "max-age=3600", "Age", "1800"}, 30 * time.Minute},
		"a negative Age":       {[]string{"Cache-Control", "max-age=3600", "Age", "-99999999999999999999"}, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, row.header...)
			w.get()
			w.now = w.now.Add(row.until - time.Second)
			w.get()
			w.wasAsked(1, "before its end")
			w.now = w.now.Add(2 * time.Second)
			w.get()
			w.wasAsked(2, "after it")
		})
	}
}

func TestNotKept(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*world){
		"no-store":        func(w *world) { w.says("Cache-Control", "no-store, max-age=3600") },
		"no-cache":        func(w *world) { w.says("Cache-Control", "no-cache, must-revalidate") },
		"Vary: *":         func(w *world) { w.says("Vary", "*") },
		"Vary: Accept, *": func(w *world) { w.says("Vary", "Accept, *") },
		"Vary twice":      func(w *world) { w.header["Vary"] = []string{"Accept", "Origin,* "} },
		"negative":        func(w *world) { w.says("Cache-Control", "max-age=-1") },
		"very negative":   func(w *world) { w.says("Cache-Control", "max-age=-99999999999999999999") },
		"not a number":    func(w *world) { w.says("Cache-Control", "max-age=soon") },
		"a fraction":      func(w *world) { w.says("Cache-Control", "max-age=1.5") },
		"no number":       func(w *world) { w.says("Cache-Control", "max-age") },
		"not valid":       func(w *world) { w.body = `{"a":` },
		"an error":        func(w *world) { w.status = 500 },
		"not there":       func(w *world) { w.status = 404 },
		"too long":        func(w *world) { w.body = `"` + strings.Repeat("a", 1<<20) + `"` },
		"partial":         func(w *world) { w.status = 206 },
		"another kind":    func(*world) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			change(w)
			for range 2 {
				tr := w.transport("op")
				tr.Keeps = func(context.Context) bool { return name != "another kind" }
				w.ask(tr, "https://op.example/x")
			}
			w.wasAsked(2, "twice")
		})
	}
}

// What goes on on this machine changes under one's hands: only what it says itself counts.
func TestLoopbackHasNoFloor(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"http://127.0.0.1:9000", "https://localhost", "http://[::1]:80"} {
		w := newWorld(t)
		w.ask(w.transport("op"), host+"/x")
		w.ask(w.transport("op"), host+"/x")
		w.wasAsked(2, host)
		w.says("Cache-Control", "max-age=60")
		w.ask(w.transport("op"), host+"/x")
		w.ask(w.transport("op"), host+"/x")
		w.wasAsked(3, host+" with max-age")
	}
}

func TestValidation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Cache-Control", "max-age=600", "ETag", `"v1"`)
	w.get()
	w.now = w.now.Add(time.Hour)
	body, header := w.get()
	w.wasAsked(2, "after its end")
	if body != `{"a":1}` || w.got.Get("If-None-Match") != `"v1"` || header.Get("Age") != "0" {
		t.Errorf("%q, asked with %q, Age %q", body, w.got.Get("If-None-Match"), header.Get("Age"))
	}
	w.now = w.now.Add(9 * time.Minute)
	_, header = w.get()
	w.wasAsked(2, "once it was validated")
	if header.Get("Age") != "540" || header.Get("Content-Type") != "application/json" || header.Get("Date") != "" {
		t.Errorf("header: %v", header)
	}
	w.now = w.now.Add(time.Hour)
	w.says("Cache-Control", "max-age=600", "ETag", `"v2"`)
	w.body = `{"a":2}`
	if body, _ := w.get(); body != `{"a":2}` {
		t.Errorf("after a change: %q", body)
	}

	w = newWorld(t, "Last-Modified", "Fri, 02 Jan 2026 10:00:00 GMT", "Cache-Control", "no-cache")
	w.get()
	w.get()
	if w.got.Get("If-Modified-Since") != "Fri, 02 Jan 2026 10:00:00 GMT" {
		t.Errorf("no-cache with Last-Modified: asked with %v", w.got)
	}
}

// A response that validates an entry, and must not be stored, ends it.
func TestValidatedButNotStorable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Cache-Control", "max-age=600", "ETag", `"v1"`)
	w.get()
	w.now = w.now.Add(time.Hour)
	w.says("Cache-Control", "max-age=-5", "ETag", `"v1"`)
	if body, _ := w.get(); body != `{"a":1}` {
		t.Errorf("%q", body)
	}
	w.says("Cache-Control", "max-age=600")
	w.get()
	w.wasAsked(3, "after it")
	if tag := w.got.Get("If-None-Match"); tag != "" {
		t.Errorf("asked with %s: the entry is still there", tag)
	}
}

// A kid that nobody knows makes one request a minute, whatever the number of processes.
func TestAskedAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Cache-Control", "max-age=3600")
	w.get()
	for minute := range int64(3) {
		w.body = fmt.Sprintf(`{"a":%d}`, minute)
		for range 5 {
			if body, _ := w.get("Cache-Control", "no-cache"); body != w.body {
				t.Errorf("%q", body)
			}
		}
		w.wasAsked(2+minute, "in one minute")
		w.now = w.now.Add(61 * time.Second)
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Cache-Control", "max-age=3600")
	w.ask(w.transport("a"), "https://op.example/x")
	w.ask(w.transport("b"), "https://op.example/x")
	w.ask(w.transport("a"), "https://op.example/y")
	w.wasAsked(3, "another scope or URL")
	// An entry that was put in another's place.
	from, to := w.transport("a").file("https://op.example/x"), w.transport("b").file("https://op.example/x")
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	w.ask(w.transport("b"), "https://op.example/x")
	w.wasAsked(4, "an entry of another scope")
	from, to = w.transport("a").file("https://op.example/y"), w.transport("a").file("https://op.example/z")
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	w.ask(w.transport("a"), "https://op.example/z")
	w.wasAsked(5, "an entry of another URL")
}

// A clock that was set back by more than a minute makes an entry look younger than it is.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Cache-Control", "max-age=3600")
	w.get()
	w.now = w.now.Add(-50 * time.Second)
	w.get()
	w.wasAsked(1, "set back by less than a minute")
	w.now = w.now.Add(-20 * time.Second)
	w.get()
	w.wasAsked(2, "set back by more than a minute")
}

func TestForget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Cache-Control", "max-age=3600")
	tr := w.transport("op")
	w.ask(tr, "https://op.example/x")
	tr.Forget()
	w.get()
	w.wasAsked(2, "after it was forgotten")
	again := w.transport("op")
	w.ask(again, "https://op.example/x")
	again.Forget() // also what was only used
	w.get()
	w.wasAsked(3, "after it was used and forgotten")
}

func TestWarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Cache-Control", "max-age=3600")
	w.ask(w.transport("op"), "https://op.example/x")
	if w.transport("op").Warm() {
		t.Error("warm with one entry")
	}
	w.ask(w.transport("op"), "https://op.example/y")
	if !w.transport("op").Warm() || w.transport("other").Warm() {
		t.Error("warm with two")
	}
	if w.now = w.now.Add(2 * time.Hour); w.transport("op").Warm() {
		t.Error("warm with two that are old")
	}
}

// Whatever is in the folder, the answer is what the provider says (H28).
func TestFolder(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, folder, file string){
		"empty":     func(t *testing.T, _, file string) { write(t, file, "") },
		"cut short": func(t *testing.T, _, file string) { write(t, file, `{"scope":"`) },
		"not ours":  func(t *testing.T, _, file string) { write(t, file, `{"url":"https://evil.example"}`) },
		"others can write": func(t *testing.T, _, file string) {
			if err := os.Chmod(file, 0o666); err != nil { //nolint:gosec // what is refused
				t.Fatal(err)
			}
		},
		"a folder": func(t *testing.T, _, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(file, 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"good for years": func(t *testing.T, _, file string) {
			e := read(file)
			if e == nil {
				t.Fatal("there is no entry")
			}
			e.Expires = e.Expires.AddDate(10, 0, 0)
			data, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			write(t, file, string(data))
		},
		"no folder": func(t *testing.T, folder, _ string) {
			if err := os.RemoveAll(folder); err != nil {
				t.Fatal(err)
			}
			write(t, folder, "a file where the folder should be")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "Cache-Control", "max-age=3600")
			w.get()
			spoil(t, w.folder, w.transport("op").file("https://op.example/x"))
			if body, _ := w.get(); body != `{"a":1}` {
				t.Errorf("%q", body)
			}
			w.wasAsked(2, name)
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Cache-Control", "max-age=3600")
	tr := w.transport("op")
	for i := range 205 {
		w.ask(tr, "https://op.example/"+strings.Repeat("x", i))
	}
	files, err := filepath.Glob(filepath.Join(w.folder, "*"))
	if err != nil || len(files) != 200 {
		t.Errorf("%d files, %v", len(files), err)
	}
}
