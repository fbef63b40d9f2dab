package cli

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

// The record of a run has its HTTP exchanges without -d too, the authorization response among them,
// and no secrets in them.
func TestExchangesInTheRecord(t *testing.T) {
	t.Parallel()
	s := newStage(t, true, time.Now())
	defer s.Close()
	var stderr bytes.Buffer
	env := quiet()
	env.Stderr, env.Start = &stderr, s.browse
	env.Getenv = func(name string) string { return s.env[name] }
	p := newProgram(env, run.Options{})
	args := strings.Fields(s.filled("client " + asClient + "--ca-cert $DIR/ca.pem --port 0"))
	root := p.root(args)
	root.SetArgs(args)
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err, stderr.String())
	}
	exchanges, dropped := p.run.Record.Exchanges.All()
	var endpoints []string
	for _, e := range exchanges {
		endpoints = append(endpoints, e.Endpoint)
		text := fmt.Sprintf("%+v", e)
		for _, secret := range []string{stageSecret, fakeop.RefreshToken, "the-access-token", "code=c&"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: the secret %s is in %s", e.Endpoint, secret, text)
			}
		}
		if !e.Browser &&
			(e.Duration <= 0 || e.Timing.Send+e.Timing.Wait+e.Timing.Body <= 0 || e.Address == "") {
			t.Errorf("%s: %+v", e.Endpoint, e)
		}
	}
	returned := slices.Index(endpoints, transcript.AuthorizationResponse)
	left := slices.Index(endpoints, transcript.AuthorizationRequest)
	if dropped != 0 || left < 1 || returned < left || slices.Index(endpoints, "discovery") > left ||
		slices.Index(endpoints, "token") < returned || slices.Index(endpoints, "userinfo") < returned {
		t.Fatalf("%v", endpoints)
	}
	if e := exchanges[left]; !e.Browser || e.Via != "" || !strings.Contains(e.URL, "response_type=code") ||
		!strings.Contains(e.URL, "code_challenge=") {
		t.Errorf("%+v", e)
	}
	if e := exchanges[returned]; e.Via != transcript.ViaQuery || !strings.Contains(e.URL, "/auth/callback?code=[secret ") || e.Method != "GET" {
		t.Errorf("%+v", e)
	}
	if !strings.Contains(exchanges[returned].Reveal().URL.RawQuery, "code=c&") {
		t.Error("the code is not revealed")
	}
}

// -d shows the authorization request and the response, before the code is redeemed, without secrets.
func TestDebugShowsTheBrowsersRequests(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now())
	defer s.Close()
	seen := s.run("client -d "+asClient+"--port 0", "")
	at := -1
	for _, want := range []string{
		"authorization request, sent by the browser: GET http://", "authorization response (query): GET http://",
		"token: POST",
	} {
		next := strings.Index(seen, want)
		if next <= at {
			t.Errorf("%q is not there, or too early:\n%s", want, seen)
		}
		at = next
	}
	if strings.Contains(seen, "code=c&") {
		t.Error(seen)
	}
	seen = s.run("end-session -d --issuer $OP --client-id app --token $ID -p 0", "")
	for _, want := range []string{
		"end_session request, sent by the browser: GET ", "id_token_hint=", "end_session response (query): GET http://",
	} {
		if !strings.Contains(seen, want) {
			t.Errorf("%q is not there:\n%s", want, seen)
		}
	}
}
