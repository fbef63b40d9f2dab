// The agent's interface: HTTP over a UNIX socket.
//
//	GET    /sessions/NAME/access_token   or id_token: text/plain if that is accepted, else JSON;
//	                                     ?scope=, resource= and audience= want one for just that,
//	                                     Not-Token names one that will not do, ?retry=true as below
//	GET    /health
//	GET    /metrics                      Prometheus, in text form
//	POST   /stop
//
// and for sessions that are in its memory only:
//
//	GET    /sessions                     their names
//	GET    /sessions/NAME                without what renews it
//	PUT    /sessions/NAME
//	DELETE /sessions/NAME
//	POST   /sessions/NAME/refresh        renews it, whether it is fresh or not; ?retry=true also what may be spent
//	POST   /sessions/NAME/logout         revokes its tokens, then forgets it
//
// An ID Token that was not verified comes with the field Token-Unverified, which says why.
//
// Cache-Control: only-if-cached (RFC 9111 section 5.2.1.7) asks for nothing that is not at
// hand. Sessions-Folder says which folder's sessions are meant. A PUT is conditional: the serial of
// the session is that of the one which is there, 0 if none must be; the response says in
// Session-Serial which one it was given. An error is a JSON document with a member error, as the
// program's own.

package agent

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/place"
	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/session"
)

// UnverifiedHeader is the header that says why the ID Token in a response is not verified.
const UnverifiedHeader = "Token-Unverified"

// Handler serves the agent's interface. stop is called when somebody asks the agent to
// end.
func (a *Agent) Handler(stop func()) http.Handler {
	mux := a.handlers(stop)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if meant := r.Header[place.FolderHeader]; len(meant) > 0 && meant[0] != a.Folder {
			http.Error(w, "this agent has the sessions of another folder", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (a *Agent) handlers(stop func()) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sessions/{name}/{kind}", a.serveToken)
	mux.HandleFunc("GET /sessions", a.serveSessions)
	mux.HandleFunc("GET /sessions/{name}", a.serveSession)
	mux.HandleFunc("PUT /sessions/{name}", a.servePut)
	mux.HandleFunc("DELETE /sessions/{name}", a.serveDelete)
	mux.HandleFunc("POST /sessions/{name}/refresh", a.serveRefresh)
	mux.HandleFunc("POST /sessions/{name}/logout", a.serveLogout)
	mux.HandleFunc("GET /health", a.serveHealth)
	mux.HandleFunc("GET /metrics", a.serveMetrics)
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		stop()
	})
	return mux
}

func (a *Agent) serveToken(w http.ResponseWriter, r *http.Request) {
	need := wanted(r)
	need.IDToken, need.Target, need.Not = r.PathValue("kind") == "id_token", target(r), r.Header.Get(notHeader)
	if kind := r.PathValue("kind"); kind != "access_token" && kind != "id_token" {
		http.NotFound(w, r)
		return
	}
	if text := r.FormValue("valid_for"); text != "" {
		var err error
		if need.For, err = time.ParseDuration(text); err != nil || need.For < 0 {
			http.Error(w, "valid_for is not a duration", http.StatusBadRequest)
			return
		}
	}
	out, err := a.token(r.Context(), r.PathValue("name"), need, r.Header.Get("Cache-Control") == "only-if-cached")
	a.metrics.asked(err)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	answer(w, r, out, need)
}

// target is the part of the grant that a request wants a token for.
func target(r *http.Request) session.Target {
	query := r.URL.Query()
	return session.Target{
		Scopes: strings.Fields(query.Get("scope")), Resources: query["resource"], Audiences: query["audience"],
	}
}

// wanted is how a request wants a session renewed.
func wanted(r *http.Request) session.Need {
	return session.Need{Retry: r.FormValue("retry") == "true", NoCache: r.FormValue("no_cache") == "true"}
}

// answer hands a token out.
func answer(w http.ResponseWriter, r *http.Request, out *renewal.Outcome, need session.Need) {
	h := w.Header()
	h["Cache-Control"] = []string{"no-store"}
	scheme := out.TokenType
	if need.IDToken {
		scheme = "Bearer"
	}
	h["Token-Type"] = []string{scheme}
	why := out.Session.Unverified
	if why != "" && need.IDToken {
		h[UnverifiedHeader] = []string{why}
	}
	if r.Header.Get("Accept") == "text/plain" {
		h["Content-Type"] = []string{"text/plain"}
		h["Content-Length"] = []string{strconv.Itoa(len(out.Token) + 1)}
		_, _ = io.WriteString(w, out.Token+"\n") //nolint:gosec // text/plain, over a socket; who asked may be gone
		return
	}
	doc := tokenDocument{
		Session: out.Session.Name, Issuer: out.Session.Grant.Issuer, TokenType: scheme, Expires: out.Expires.UTC(),
	}
	if !need.Target.IsZero() {
		doc.Target = &need.Target
	}
	if out.Behind != nil {
		doc.Warning = out.Behind.Error()
	}
	if out.Tokens != nil {
		doc.Narrowed = out.Session.Narrowed
	}
	if doc.AccessToken = out.Token; need.IDToken {
		doc.AccessToken, doc.IDToken, doc.Unverified = "", out.Token, why
	}
	writeJSON(w, http.StatusOK, doc)
}

// refuse says why there is no token.
func (a *Agent) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadGateway
	switch {
	case errors.Is(err, session.ErrNoSession):
		status = http.StatusNotFound
	case errors.Is(err, errNotAtHand):
		status = http.StatusGatewayTimeout // RFC 9111 section 5.2.1.7
	case errors.Is(err, session.ErrChanged):
		status = http.StatusPreconditionFailed
	case errors.As(err, new(*renewal.LoginError)) || tooMuch(err):
		status = http.StatusConflict
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if status != http.StatusNotFound && status != http.StatusGatewayTimeout {
		_, _ = w.Write(a.Explain(r.Context(), err))
	}
}

func writeJSON(w http.ResponseWriter, status int, doc any) {
	data, err := json.Marshal(doc)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}

// serveHealth says whether the agent does what it is for: 200, or 503 if a session cannot be
// renewed.
func (a *Agent) serveHealth(w http.ResponseWriter, _ *http.Request) {
	counts := a.count()
	status, word := http.StatusOK, "ok"
	if counts.failing > 0 {
		status, word = http.StatusServiceUnavailable, "failing"
	}
	states := map[string]int{}
	for state, n := range counts.states {
		states[strings.ReplaceAll(string(state), " ", "_")] = n
	}
	writeJSON(w, status, map[string]any{
		"status": word, "sessions": states, "failing": counts.failing,
		"uptime_seconds": int64(a.Now().Sub(a.started).Seconds()),
	})
}
