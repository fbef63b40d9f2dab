// The pages that a person sees. Nothing on them runs or is loaded from elsewhere.

package provider

import (
	"embed"
	"errors"
	"html/template"
	"net/http"
	"strings"
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

// A message is a page that says what became of something.
type message struct {
	Title, Text string
	Lines       [][2]string // names and values
	Bad         bool        // it did not work
}

// deviceForm asks for the code of a device. If one came that no device waits with, it says so.
func deviceForm(w http.ResponseWriter, r *http.Request) error {
	code := r.URL.Query().Get("user_code")
	return show(w, http.StatusOK, "device", struct {
		Code    string
		Unknown bool
	}{code, code != ""})
}

// showDeviceDone shows the code of the device that is connected now.
func (l loginPage) showDeviceDone(w http.ResponseWriter, r *http.Request) error {
	done := message{Title: "The device is connected", Text: "You can go back to it."}
	if code := l.store.userCode(r.PathValue("callback"), r.URL.Query().Get("user_code")); code != "" {
		done.Lines = [][2]string{{"code", code}}
	}
	return show(w, http.StatusOK, "message", done)
}

// An errorPage is what somebody sees whose request failed.
type errorPage struct{ *Provider }

// render shows a failure that cannot go back to the client. A page is no challenge to
// authenticate the client, so its status is 400 where the library says 401 or 403.
func (p errorPage) render(w http.ResponseWriter, r *http.Request, err error) error {
	status := http.StatusInternalServerError
	refusal := goidc.Error{}
	switch {
	case errors.As(err, &refusal) && refusal.StatusCode() < http.StatusInternalServerError,
		errors.Is(err, goidc.ErrNotFound):
		status = http.StatusBadRequest
	}
	return show(w, status, "message", p.message(r, err))
}

// message says what a developer has to change.
func (p errorPage) message(r *http.Request, err error) message {
	refusal := goidc.Error{}
	errors.As(err, &refusal)
	id, uri := r.FormValue("client_id"), r.FormValue("redirect_uri")
	client := p.clients.find(id)
	switch {
	case refusal.Code == goidc.ErrorCodeAccessDenied:
		return message{Title: "You said no", Text: "Nothing was allowed. You can close this page.", Bad: true}
	case strings.HasPrefix(r.URL.Path, "/authorize") && client == nil && r.PathValue("callback") == "":
		page := message{
			Title: "There is no such client", Bad: true,
			Text:  "The client_id of the request is not registered here. The start page lists those that are.",
			Lines: [][2]string{{"client_id", id}, {"start page", p.Issuer + "/"}},
		}
		if id == "" {
			page.Text = "The request has no client_id."
		}
		return page
	case client != nil && strings.Contains(err.Error(), "redirect_uri"):
		return message{
			Title: "The redirect URI is not registered", Bad: true,
			Text: "The redirect_uri of the request has to be one that the client is registered with, character for " +
				"character. Of the loopback address, one without a port stands for all ports.",
			Lines: [][2]string{
				{"client_id", id}, {"redirect_uri", uri}, {"registered", strings.Join(client.RedirectURIs, " ")},
			},
		}
	}
	return message{Title: "This did not work", Text: err.Error(), Bad: true}
}

// show writes a page.
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
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	return pages().ExecuteTemplate(w, name, data)
}
