package run

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The HTTP client of a run goes on in the next one: what it sends then is in the record of that, and
// is held back while a token is in flight.
func TestAgainTakesTheRecorder(t *testing.T) {
	t.Parallel()
	op := httptest.NewServer(http.NotFoundHandler())
	defer op.Close()
	var stderr bytes.Buffer
	env := &Env{
		Stdout: io.Discard, Stderr: &stderr, Now: time.Now,
		Getenv: func(string) string { return "" }, Terminal: func(io.Writer) bool { return false },
	}
	first := New(env, Options{Debug: 2}, "test")
	first.Recorder.Base = op.Client().Transport
	client := &http.Client{Transport: first.Recorder}
	get := func(r *Run, path string) {
		_, err := Guard(r, func() (any, error) {
			res, err := client.Get(op.URL + path) //nolint:noctx // the test's own server
			if err != nil {
				return nil, err
			}
			err = res.Body.Close()
			if strings.Contains(stderr.String(), path) {
				t.Errorf("%s was shown before the token in it was kept", path)
			}
			return nil, err
		})
		if err != nil {
			t.Error(err)
		}
		if !strings.Contains(stderr.String(), path) {
			t.Errorf("%s was not shown afterwards", path)
		}
	}
	get(first, "/first")
	second := first.Again()
	get(second, "/second")
	aside := second.Aside()
	aside.Recorder.Base = op.Client().Transport
	client = &http.Client{Transport: aside.Recorder}
	get(aside, "/aside")
	silent := second.Silent()
	silent.Recorder.Base = op.Client().Transport
	client = &http.Client{Transport: silent.Recorder}
	if res, err := client.Get(op.URL + "/silent"); err != nil { //nolint:noctx // likewise
		t.Error(err)
	} else if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	for i, r := range []*Run{first, second, silent} {
		exchanges, _ := r.Record.Exchanges.All()
		var paths []string
		for _, e := range exchanges {
			paths = append(paths, strings.TrimPrefix(e.URL, op.URL))
		}
		if got, want := strings.Join(paths, " "), []string{"/first", "/second /aside", ""}[i]; got != want {
			t.Errorf("%d: %q, want %q", i, got, want)
		}
	}
	if strings.Contains(stderr.String(), "/silent") {
		t.Error("a silent run showed what it sent")
	}
}
