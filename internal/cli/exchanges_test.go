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
		if e.Endpoint != transcript.AuthorizationResponse &&
			(e.Duration <= 0 || e.Timing.Wait <= 0 || e.Address == "") {
			t.Errorf("%s: %+v", e.Endpoint, e)
		}
	}
	returned := slices.Index(endpoints, transcript.AuthorizationResponse)
	if dropped != 0 || returned < 1 || slices.Index(endpoints, "discovery") > returned ||
		slices.Index(endpoints, "token") < returned || slices.Index(endpoints, "userinfo") < returned {
		t.Fatalf("%v", endpoints)
	}
	if e := exchanges[returned]; !strings.Contains(e.URL, "/auth/callback?code=[secret ") || e.Method != "GET" {
		t.Errorf("%+v", e)
	}
	if !strings.Contains(exchanges[returned].Reveal().URL.RawQuery, "code=c&") {
		t.Error("the code is not revealed")
	}
}
