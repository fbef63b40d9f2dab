// logout-receiver: OpenID Connect Back-Channel Logout 1.0 section 2.5 and
// Front-Channel Logout 1.0 section 2, for testing providers.

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/loopback"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// receiverOptions are the flags of logout-receiver.
type receiverOptions struct {
	client  clientFlags
	listen  string
	count   int
	idToken string
}

const (
	backchannelLogoutPath  = "/backchannel_logout"
	frontchannelLogoutPath = "/frontchannel_logout"
)

func logoutReceiverCommand(p *program) *cobra.Command {
	var o receiverOptions
	cmd := &cobra.Command{
		Use:   "logout-receiver",
		Short: "Receive and verify logout tokens, for testing a provider",
		Long: `Receive and verify logout tokens, for testing a provider

Listens for what a provider sends when a session ends: a logout token by POST
(` + backchannelLogoutPath + `), answered with 200 or 400 as its verification has it, or a
browser's GET with iss and sid (` + frontchannelLogoutPath + `). Each is shown with the rules
that it breaks. At a loopback address it answers requests whose Host header is that
address only: a tunnel in front of it has to set the header. It ends after --count of
them, with --timeout, or with Ctrl-C; the exit code is 5 if the last one was bad.`,
		Example: `  oidc-client logout-receiver -c config.yaml
  oidc-client logout-receiver -c config.yaml --listen 127.0.0.1:5557 --count 1 --id-token @id-token --timeout 1m`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return receiveLogouts(p.run, cmd, &o) },
	}
	o.client.add(cmd, judgeFlags)
	does(cmd, showsRequests, showsRules)
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:5557",
		"`address` to listen at; one that is not loopback lets anyone reach it")
	f.IntVar(&o.count, "count", 0, "end after this many; 0 goes on until Ctrl-C")
	f.StringVar(&o.idToken, "id-token", "",
		"ID Token of the session that is to end: its sub, sid and alg are compared (- reads standard input, @FILE a "+
			"file; or OIDC_ID_TOKEN)")
	return cmd
}

func receiveLogouts(r *run.Run, cmd *cobra.Command, o *receiverOptions) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	raw, err := r.Input.Token(ctx, "id-token", o.idToken, "OIDC_ID_TOKEN")
	if err != nil {
		return err
	}
	_, client, err := clientFor(ctx, r, cmd, &o.client, "jwks_uri")
	if err != nil {
		return err
	}
	expect, err := sessionOf(raw, client.Client)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return failure.Usage("--listen: %v", err)
	}
	receiver := &logoutReceiver{
		client: client.Client, expect: expect, logouts: make(chan logout),
		memory: memory{seen: map[string]bool{}}, strange: strangers(r),
	}
	receiver.expect.Seen = receiver.memory.has
	server := &http.Server{
		Handler:           receiver.refusals(loopback.OwnHost(listener, o.listen, receiver)),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second, MaxHeaderBytes: limit.Header,
		ErrorLog: log.New(io.Discard, "", 0), BaseContext: func(net.Listener) context.Context { return ctx },
	}
	go func() { _ = server.Serve(listener) }() // ends with Shutdown
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(late) // what it delivers is only a status
	}()
	r.Inform("logout tokens are taken at http://%s%s, front-channel calls at http://%s%s", listener.Addr(),
		backchannelLogoutPath, listener.Addr(), frontchannelLogoutPath)
	return showLogouts(ctx, r, receiver, o.count)
}

// sessionOfConfig is what an ID Token says of its session.
func sessionOf(raw string, client *oidc.Client) (oidc.LogoutExpectation, error) {
	var expect oidc.LogoutExpectation
	if raw == "" {
		return expect, nil
	}
	token, err := oidc.DecodeIDToken(raw, client.Policy.DecryptionKeys...)
	if err != nil {
		return expect, failure.Usage("--id-token: %v", err)
	}
	expect.Subject = token.Subject
	if doc, err := strictjson.Parse(token.JSON); err == nil {
		expect.SessionID, _ = doc.String("sid") // of another type there is none
	}
	if header, err := strictjson.Parse(token.Header); err == nil {
		expect.Algorithm, _ = header.String("alg")
	}
	return expect, nil
}

// A memory is of the jti of logout tokens that were good, as many as are bounded.
type memory struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (m *memory) has(jti string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen[jti]
}

func (m *memory) add(jti string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.seen) < limit.LogoutTokens {
		m.seen[jti] = true
	}
}

// A logout is one call of the provider.
type logout struct {
	channel string // back or front
	token   *oidc.LogoutToken
	iss     string
	sid     string
	checks  check.Results // of a call by the browser
	err     error
}

// size is about how much is kept of it.
func (l *logout) size() int {
	size := len(l.iss) + len(l.sid)
	if l.token != nil {
		size += 2 * len(l.token.JSON) // as it is shown, too
	}
	return size
}

// A logoutReceiver answers a provider's calls.
type logoutReceiver struct {
	client  *oidc.Client
	expect  oidc.LogoutExpectation
	logouts chan logout
	memory  memory
	strange func(what string) // is told of what came and is no logout
}

// strangers tells of what comes and is no logout, a few times: any page can make it come.
func strangers(r *run.Run) func(what string) {
	var told atomic.Int64
	return func(what string) {
		if told.Add(1) <= limit.Strange {
			r.Warn("%s", what)
		}
	}
}

// A statusWriter notes the status of a response.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// refusals tells of requests that are refused for where they go: a provider that was given another
// address gets nowhere, and says so nowhere.
func (r *logoutReceiver) refusals(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		seen := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(seen, req)
		refused := "refused " + transcript.Escape(fmt.Sprintf("%.10s %.100s", req.Method, req.URL.Path)) + ": "
		switch seen.status {
		case http.StatusNotFound, http.StatusMethodNotAllowed:
			r.strange(refused + "logout tokens are accepted by POST at " + backchannelLogoutPath + " (register it as " +
				"backchannel_logout_uri), front-channel calls by GET at " + frontchannelLogoutPath)
		case http.StatusMisdirectedRequest:
			r.strange(refused + transcript.Escape(fmt.Sprintf("its Host header is %.100s, which is not this listener; "+
				"a tunnel has to set the header, and --listen names another address", req.Host)))
		}
	})
}

// ServeHTTP answers as Back-Channel Logout section 2.8 has it: 200, or 400 with
// the reason; never to be cached.
func (r *logoutReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case req.URL.Path == backchannelLogoutPath && req.Method == http.MethodPost:
		r.backchannel(w, req)
	case req.URL.Path == frontchannelLogoutPath && req.Method == http.MethodGet:
		r.frontchannel(w, req)
	case req.URL.Path == backchannelLogoutPath || req.URL.Path == frontchannelLogoutPath:
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (r *logoutReceiver) backchannel(w http.ResponseWriter, req *http.Request) {
	raw, err := logoutToken(w, req)
	if err != nil {
		refuse(w, "invalid_request", err.Error())
		r.strange("refused a request to " + backchannelLogoutPath + " that is not a logout token: " + err.Error())
		return
	}
	token, err := r.client.VerifyLogoutToken(req.Context(), raw, r.expect)
	if err != nil {
		refuse(w, "invalid_request", "the logout token does not verify")
	} else {
		r.memory.add(token.ID)
		w.WriteHeader(http.StatusOK)
	}
	r.tell(req.Context(), logout{channel: "back", token: token, err: err})
}

// logoutToken reads the one parameter.
func logoutToken(w http.ResponseWriter, req *http.Request) (string, error) {
	mediaType, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return "", errors.New("not a form")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, limit.Form))
	if err != nil {
		return "", errors.New("too long")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["logout_token"]) != 1 {
		return "", errors.New("not one logout_token")
	}
	return form.Get("logout_token"), nil
}

func (r *logoutReceiver) frontchannel(w http.ResponseWriter, req *http.Request) {
	query := req.URL.Query()
	l := logout{channel: "front", iss: query.Get("iss"), sid: query.Get("sid")}
	if l.checks, l.err = r.client.VerifyFrontchannelLogout(query, r.expect); l.err != nil {
		w.WriteHeader(http.StatusBadRequest)
	} else {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "logged out\n") // a browser that went away is no error here
	}
	r.tell(req.Context(), l)
}

func (r *logoutReceiver) tell(ctx context.Context, l logout) {
	select {
	case r.logouts <- l:
	case <-ctx.Done():
	}
}

func refuse(w http.ResponseWriter, code, description string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": description}) // of literals
}

// showLogouts shows each call until there were enough. The error is that of the
// last one.
func showLogouts(ctx context.Context, r *run.Run, receiver *logoutReceiver, count int) (err error) {
	list, size := []strictjson.Ordered{}, 0
	defer func() { r.Note("logouts", list) }()
	for n := 0; count == 0 || n < count; n++ {
		select {
		case l := <-receiver.logouts:
			list, size = append(list, showLogout(r, l)), size+l.size()
			err = l.err
			if err != nil && n+1 != count {
				r.Report(ctx, err)
			}
		case <-ctx.Done():
			if count == 0 && (n > 0 || errors.Is(ctx.Err(), context.Canceled)) {
				return err // told to end
			}
			return &failure.WaitError{For: "a logout from the provider", Cause: context.Cause(ctx)}
		}
		if len(list) == limit.LogoutTokens || size > limit.LogoutSize {
			r.Warn("%d logouts, of %d bytes, are enough for one run", len(list), size)
			return err
		}
	}
	r.Explain()
	return err
}

// showLogout shows one call.
func showLogout(r *run.Run, l logout) strictjson.Ordered {
	var d strictjson.Ordered
	d.Add("channel", l.channel)
	d.Add("accepted", l.err == nil)
	if l.token != nil {
		r.Found(l.token.Checks)
		if l.token.JSON != nil {
			token := &transcript.Token{
				Header: l.token.Header, Encryption: l.token.Encryption, Claims: l.token.JSON,
				Verified: l.token.Verified,
			}
			d.Add("logout_token", token)
			r.Show(transcript.TokenClaims("", "Logout Token Claims", "LogoutTokenClaims", token))
		}
		return d
	}
	r.FoundBeside(l.checks)
	d.Add("iss", l.iss)
	d.Add("sid", l.sid)
	text := fmt.Sprintf("iss  %s\nsid  %s\n", transcript.Escape(l.iss), transcript.Escape(l.sid))
	r.Show(transcript.Result{Title: "Front-Channel Logout", Key: "FrontChannelLogout", Text: text})
	return d
}
