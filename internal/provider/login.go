// The pages a user sees, and logging in with and without them.

package provider

import (
	"embed"
	"errors"
	"html/template"
	"net/http"
	"sync"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

//go:embed pages.html
var pageFiles embed.FS

// pages are parsed when the first one is shown: a program that never shows one
// does not pay for them.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(pageFiles, "pages.html"))
})

// A loginPage is where users log in.
type loginPage struct{ *Provider }

// login logs the user of a session in: at once if the provider is automatic,
// else by a form. Device logins use the same form.
func (l loginPage) login(w http.ResponseWriter, r *http.Request, session *goidc.AuthnSession,
	_ *goidc.Client,
) (goidc.Status, error) {
	if session.Status != goidc.StatusPending {
		return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeInvalidRequest, "this login has ended")
	}
	if has(string(session.Prompt), "none") && session.Prompt != goidc.PromptTypeNone {
		return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeInvalidRequest, "prompt has none and something else")
	}
	if l.options.Auto {
		return l.loginAutomatically(session)
	}
	if session.Prompt == goidc.PromptTypeNone {
		return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeLoginRequired, "nobody is logged in")
	}
	form := struct{ Action, Client, Hint, Error string }{
		"/authorize/" + session.ID, session.ClientID,
		session.LoginHint, "",
	}
	if session.DeviceCode != "" {
		form.Action = "/device/" + session.ID
	}
	// The authorization request itself may be a POST: only a path with the
	// session's id is the form.
	if r.Method == http.MethodPost && r.PathValue("callback") != "" {
		if r.PostFormValue("deny") != "" {
			return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeAccessDenied, "the user said no")
		}
		if l.users.rightPassword(r) {
			return l.finish(session, l.users[r.PostFormValue("username")])
		}
		form.Hint, form.Error = r.PostFormValue("username"), "Wrong user name or password."
	}
	if err := show(w, http.StatusOK, "login", form); err != nil {
		return goidc.StatusFailure, err
	}
	return goidc.StatusPending, nil
}

func (l loginPage) loginAutomatically(session *goidc.AuthnSession) (goidc.Status, error) {
	name := session.LoginHint
	if name == "" && len(l.options.Users) > 0 {
		name = l.options.Users[0].Name
	}
	u, ok := l.users[name]
	if !ok {
		return goidc.StatusFailure, goidc.NewError(goidc.ErrorCodeAccessDenied, "there is no such user")
	}
	return l.finish(session, u)
}

func showDevicePage(w http.ResponseWriter, r *http.Request) error {
	return show(w, http.StatusOK, "device", r.URL.Query().Get("user_code"))
}

func showDeviceDone(w http.ResponseWriter, _ *http.Request) error {
	return show(w, http.StatusOK, "message", "Done. You can go back to your device.")
}

// renderError shows a failure that cannot go back to the client.
func renderError(w http.ResponseWriter, _ *http.Request, err error) error {
	status := http.StatusInternalServerError
	refusal := goidc.Error{}
	switch {
	case errors.As(err, &refusal):
		status = refusal.StatusCode()
	case errors.Is(err, goidc.ErrNotFound):
		status = http.StatusBadRequest
	}
	return show(w, status, "message", "This did not work: "+err.Error())
}

// show writes a page. Nothing on it runs or is loaded from elsewhere.
func show(w http.ResponseWriter, status int, name string, data any) error {
	return showWith(w, status, name, data, "")
}

// showWith is show with more in the Content-Security-Policy.
func showWith(w http.ResponseWriter, status int, name string, data any, policy string) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"+policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	return pages().ExecuteTemplate(w, name, data)
}
