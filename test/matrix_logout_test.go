// Logging out: by the program through the browser, and by npm oidc-provider over
// the back channel, with the program as who is told.

package test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestMatrixLogout(t *testing.T) {
	t.Parallel()
	s := startEverything(t)
	var cells []*cell
	for _, flow := range []struct {
		name string
		try  func(*journey, *everything)
	}{
		{"end-session", (*journey).endSession},
		{"back-channel logout", (*journey).backChannel},
		{"back-channel logout of another session", (*journey).otherBackChannel},
	} {
		for _, w := range common {
			c := &cell{Flow: flow.name, Auth: w.auth, Bound: w.bound, try: func(j *journey) {
				j.calls = freeAddress(j.t)
				j.port = strings.TrimPrefix(freeAddress(j.t), "127.0.0.1:")
				f := matrixFlow{client: metadata{
					// prompt=none is nothing for a native client, says the provider
					"application_type":                    "web",
					"redirect_uris":                       []string{"http://127.0.0.1:" + j.port + "/auth/callback"},
					"post_logout_redirect_uris":           []string{"http://127.0.0.1:" + j.port + "/logout/callback"},
					"backchannel_logout_uri":              "http://" + j.calls + "/backchannel_logout",
					"backchannel_logout_session_required": true,
				}}
				f.start(j, s, w)
				flow.try(j, s)
			}}
			cells = append(cells, c)
		}
	}
	runCells(t, cells)
}

// endSession logs in and out. The provider forgets the session: prompt=none works
// before and not after.
func (j *journey) endSession(*everything) {
	login := j.logIn()
	again := j.logIn("--prompt", "none")
	hint := j.write("hint", login.text("id_token"))
	out := j.must("", "end-session", "-p", j.port, "--token", hint)
	j.hold(out, "the state came back: "+out.outcome("end_session.state"), out.outcome("end_session.state") == "pass")
	for _, r := range out.to("/session/end") {
		form := r.form()
		j.hold(out, fmt.Sprintf("what was asked for: %v", form),
			form.Get("id_token_hint") == login.text("id_token") && len(form.Get("state")) > 20 &&
				form.Get("client_id") == j.rp.ID &&
				strings.HasSuffix(form.Get("post_logout_redirect_uri"), "/logout/callback"))
	}
	j.hold(out, "one request", len(out.to("/session/end")) == 1)
	j.hold(again, "one session", again.IDToken.Claims["sid"] == login.IDToken.Claims["sid"])
	after := j.run("", "client", "-p", j.port, "--prompt", "none")
	j.hold(after, fmt.Sprintf("exit %d %+v", after.code, after.Error),
		after.code == 6 && after.Error != nil && after.Error.Code == "login_required")
}

// backChannel has the provider tell of a logout.
func (j *journey) backChannel(*everything) {
	login := j.logIn()
	told := j.toldOf(login, login)
	j.hold(told, fmt.Sprintf("exit %d %+v\n%s", told.code, told.Error, told.stderr),
		told.code == 0 && len(told.Logouts) == 1 && told.Logouts[0].Accepted)
	for _, rule := range []string{
		"logout_token.signature", "logout_token.iss", "logout_token.aud",
		"logout_token.events", "logout_token.sub", "logout_token.sid", "logout_token.jti",
	} {
		j.hold(told, rule+": "+told.outcome(rule), told.outcome(rule) == "pass")
	}
}

// otherBackChannel tells who waits for the end of bob's session of the end of
// alice's.
func (j *journey) otherBackChannel(s *everything) {
	alice := j.browser
	j.browser = s.browser("bob")
	bobs := j.logIn()
	j.browser = alice
	told := j.toldOf(j.logIn(), bobs)
	j.hold(told, fmt.Sprintf("exit %d %+v", told.code, told.Error),
		told.code == 5 && len(told.Logouts) == 1 && !told.Logouts[0].Accepted)
	j.hold(told, "sub: "+told.outcome("logout_token.sub"),
		told.outcome("logout_token.sub") == "fail" && told.outcome("logout_token.signature") == "pass")
}

// toldOf ends the session of a login, while logout-receiver waits for the end of
// that of another one.
func (j *journey) toldOf(login, awaited *ran) *ran {
	ready := &announcement{text: "logout tokens are taken at", heard: make(chan struct{})}
	receiver := &journey{t: j.t, cell: j.cell, folder: j.folder, config: j.config}
	told := make(chan *ran, 1)
	expected := j.write("expected", awaited.text("id_token"))
	go func() {
		defer close(told)
		defer func() { _ = recover() }() // its failures say more
		told <- receiver.runWith(j.t.Context(), nil, ready, "", "logout-receiver", "-c", j.config, "--listen", j.calls,
			"--count", "1", "--id-token", expected)
	}()
	select {
	case <-ready.heard:
	case <-time.After(10 * time.Second):
		j.errorf("logout-receiver does not listen")
	}
	j.must("", "end-session", "-p", j.port, "--token", j.write("hint", login.text("id_token")))
	r := <-told
	j.failures = append(j.failures, receiver.failures...)
	if r == nil {
		j.fatalf("logout-receiver gave nothing")
	}
	return r
}

// An announcement waits for the program to say something.
type announcement struct {
	text  string
	heard chan struct{}
	said  strings.Builder
	done  bool
}

func (a *announcement) Write(p []byte) (int, error) {
	a.said.Write(p)
	if !a.done && strings.Contains(a.said.String(), a.text) {
		a.done = true
		close(a.heard)
	}
	return len(p), nil
}
