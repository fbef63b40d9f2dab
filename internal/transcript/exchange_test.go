package transcript

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// recording returns a client whose exchanges go to a log.
func recording(base *http.Client, log *Log) *http.Client {
	return &http.Client{Transport: &Recorder{
		Base: base.Transport, Redactor: NewRedactor(), Name: func(context.Context) string { return "token" },
		Now: time.Now, Log: log,
	}}
}

// post sends a refresh token and reads the response.
func post(t *testing.T, client *http.Client, to string) {
	t.Helper()
	res, err := client.PostForm(to, url.Values{"refresh_token": {"canary-refresh-token"}})
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Error(err)
	}
}

// The log says how long each part took, and whether the connection was open already.
func TestTimings(t *testing.T) {
	t.Parallel()
	const pause = 20 * time.Millisecond
	op := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(pause) // what is measured
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"canary-access-token"`)
		_ = http.NewResponseController(w).Flush()
		time.Sleep(pause)
		_, _ = io.WriteString(w, `}`)
	}))
	defer op.Close()
	log := &Log{}
	client := recording(op.Client(), log)
	post(t, client, op.URL)
	post(t, client, op.URL)
	exchanges, dropped := log.All()
	if len(exchanges) != 2 || dropped != 0 {
		t.Fatalf("%d exchanges, %d dropped", len(exchanges), dropped)
	}
	for i, e := range exchanges {
		parts := e.Timing
		established := parts.Connect > 0 && parts.TLS > 0
		if e.Reused != (i == 1) || established != (i == 0) || e.Cached {
			t.Errorf("%d: reused %v, cached %v, %+v", i, e.Reused, e.Cached, parts)
		}
		sum := parts.DNS + parts.Connect + parts.TLS + parts.Send + parts.Wait + parts.Body
		first := parts.Send + parts.Wait // the request may be noted as sent while the server pauses already
		if first < pause || first+parts.Body < 2*pause || parts.Body == 0 || sum > e.Duration || e.Start.IsZero() {
			t.Errorf("%d: %+v of %s", i, parts, e.Duration)
		}
		if e.Address != op.Listener.Addr().String() || e.Protocol != "HTTP/1.1" || e.Status != "200 OK" {
			t.Errorf("%d: %q %q %q", i, e.Address, e.Protocol, e.Status)
		}
	}
}

// A response that nothing was sent for came from a cache.
func TestCachedExchange(t *testing.T) {
	t.Parallel()
	log := &Log{}
	post(t, recording(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{Status: "200 OK", Header: http.Header{"Age": {"5"}}, Body: http.NoBody}, nil
	})}, log), "https://op.example/")
	exchanges, _ := log.All()
	if len(exchanges) != 1 || !exchanges[0].Cached || exchanges[0].Address != "" || exchanges[0].Timing != (Timing{}) {
		t.Errorf("%+v", exchanges[0])
	}
}

// What an exchange exports holds no secret, whoever prints it. Only Reveal has them.
func TestExchangeHoldsNoSecret(t *testing.T) {
	t.Parallel()
	op := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Echo", r.FormValue("refresh_token"))
		_, _ = io.WriteString(w, `{"access_token":"canary-access-token"}`)
	}))
	defer op.Close()
	log := &Log{}
	post(t, recording(op.Client(), log), op.URL+"/?code=canary-code-of-some-length")
	parameters := url.Values{"code": {"canary-code-of-some-length"}, "state": {"s"}}
	redirect := "http://127.0.0.1:5556/auth/callback?tenant=a"
	recorder := &Recorder{Redactor: NewRedactor(), Log: log}
	for _, via := range []string{ViaQuery, ViaFormPost, ViaFragment} {
		recorder.Browsed(BrowserRequest{AuthorizationResponse, via, redirect, parameters, time.Now()})
	}
	exchanges, _ := log.All()
	if len(exchanges) != 4 {
		t.Fatal(len(exchanges))
	}
	for _, e := range exchanges {
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		printed := []string{string(data), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", *e), fmt.Sprint(exchanges)}
		for _, text := range printed {
			if strings.Contains(text, "canary") {
				t.Errorf("a secret is in %s", text)
			}
		}
		plain := e.Reveal()
		if text := plain.URL.String() + string(plain.Body); !strings.Contains(text, "canary-code") {
			t.Errorf("the secret is not revealed in %s", text)
		}
	}
	if plain := exchanges[0].Reveal(); string(plain.Body) != "refresh_token=canary-refresh-token" ||
		!strings.Contains(string(plain.ResponseBody), "canary-access-token") ||
		plain.ResponseHeader.Get("X-Echo") == "" {
		t.Errorf("%+v", plain)
	}
	query, form, fragment := exchanges[1], exchanges[2], exchanges[3]
	if query.Endpoint != AuthorizationResponse || !strings.Contains(query.URL, "?code=[secret ") ||
		!strings.Contains(query.URL, "tenant=a") || !strings.Contains(query.URL, "state=s") || query.Body != "" {
		t.Errorf("%+v", query)
	}
	if form.URL != redirect || !strings.HasPrefix(form.Body, "code=[secret ") ||
		!strings.HasSuffix(form.Body, "\nstate=s") {
		t.Errorf("%+v", form)
	}
	if !strings.HasPrefix(fragment.URL, redirect+"#code=[secret ") || fragment.Via != ViaFragment || !fragment.Browser {
		t.Errorf("%+v", fragment)
	}
}

// The log is bounded by number and by size, keeps what is newest, and returns it by time.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	log, start := &Log{}, time.Now()
	var adding sync.WaitGroup
	for i := range limit.Exchanges + 10 {
		adding.Go(func() {
			log.Add(&Exchange{Method: fmt.Sprint(i), Start: start.Add(time.Duration(i))})
			if i%100 == 0 {
				_, _ = log.All()
			}
		})
	}
	adding.Wait()
	exchanges, dropped := log.All()
	if len(exchanges) != limit.Exchanges || dropped != 10 {
		t.Errorf("%d exchanges, %d dropped", len(exchanges), dropped)
	}
	for i, e := range exchanges[1:] {
		if !e.Start.After(exchanges[i].Start) {
			t.Errorf("%d is before %d", i+1, i)
		}
	}
	large := strings.Repeat("x", limit.ExchangesSize/4)
	for range 5 {
		log.Add(&Exchange{ResponseBody: large})
	}
	if exchanges, _ = log.All(); len(exchanges) != 4 {
		t.Errorf("%d exchanges of a quarter each", len(exchanges))
	}
	log.Add(&Exchange{Method: "last", plain: &Plain{ResponseBody: []byte(large + large + large + large + large)}})
	if exchanges, _ = log.All(); len(exchanges) != 1 || exchanges[0].Method != "last" {
		t.Errorf("%d exchanges beside one that is too large", len(exchanges))
	}
	(*Log)(nil).Add(exchanges[0])
	if exchanges, _ = (*Log)(nil).All(); exchanges != nil {
		t.Error("a nil log holds something")
	}
}
