package fault

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// ask sends a request, and returns the HTTP status of the response.
func ask(t *testing.T, method, address, mediaType string, body []byte, change func(*http.Request)) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", mediaType)
	if change != nil {
		change(r)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

func TestRecorded(t *testing.T) {
	t.Parallel()
	op := start(t, func(o *Options) { o.Auto, o.Record, o.Registration = true, true, true })
	form := url.Values{"client_id": {"public"}, "grant_type": {"x"}, "resource": {"a", "b"}}.Encode()
	ask(t, http.MethodGet, op.Issuer+"/authorize?"+authorization("public").Encode(), "", nil, nil)
	ask(t, http.MethodPost, op.Issuer+"/token", "application/x-www-form-urlencoded", []byte(form),
		func(r *http.Request) { r.Header.Set("DPoP", "proof") })
	ask(t, http.MethodPost, op.Issuer+"/register", "application/json", []byte(`{"a":1}`), nil)
	ask(t, http.MethodGet, op.Issuer+"/elsewhere", "", nil, nil)
	var got []string
	for _, r := range op.Recorded() {
		got = append(got,
			fmt.Sprint(r.Endpoint, " ", r.Method, " ", r.Value("response_type"), r.Value("grant_type"),
				r.Form["resource"], r.Header.Get("DPoP"), string(r.Body)))
	}
	want := []string{
		"authorization GET code[]", "token POST x[a b]proof", `registration POST []{"a":1}`,
		"/elsewhere GET []",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for range maxRecorded {
		op.record.add(Recorded{})
	}
	if n := len(op.Recorded()); n != maxRecorded {
		t.Errorf("%d are kept", n)
	}
	if off := start(t, nil); len(off.Recorded()) != 0 {
		t.Error("kept without being asked to")
	}
}

// What is too long to keep goes on to the provider, which rejects it.
func TestRecordedIsBounded(t *testing.T) {
	t.Parallel()
	op := start(t, func(o *Options) { o.Record, o.Registration = true, true })
	long := []byte(`{"a":"` + strings.Repeat("x", maxBody) + `"}`)
	if status := ask(t, http.MethodPost, op.Issuer+"/register", "application/json", long, nil); status/100 != 4 {
		t.Errorf("HTTP status %d", status)
	}
	if kept := op.Recorded()[0].Body; len(kept) != maxBody {
		t.Errorf("%d bytes are kept", len(kept))
	}
}
