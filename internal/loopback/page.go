// The pages a browser ends on. Nothing on them is loaded from elsewhere, and
// nothing runs, but for the one script that reads what stands behind a #.

package loopback

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"sync"
)

// A Page says what became of a visit.
type Page struct {
	Title string      // in a few words
	Text  string      // in a sentence
	Lines [][2]string // names and values to compare with the terminal
	Bad   bool        // it did not work
}

//go:embed page.html
var pageFile string

// page is parsed when the first one is shown: a program that never shows one does
// not pay for it.
var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Parse(pageFile))
})

// fragmentMark is a parameter that fragmentScript adds to what it posts, and that the listener takes out: a
// provider that posts a form does not send it.
const fragmentMark = "oidc-client.fragment"

// fragmentScript posts what stands behind the # to where it came, which takes it
// out of the browser's history.
const fragmentScript = `(function () {
  var form = document.createElement("form");
  form.method = "post";
  function add(value, name) {
    var input = document.createElement("input");
    input.type = "hidden"; input.name = name; input.value = value;
    form.appendChild(input);
  }
  new URLSearchParams(location.hash.slice(1)).forEach(add);
  history.replaceState(null, "", location.pathname);
  if (form.children.length) { add("1", "` + fragmentMark + `"); document.body.appendChild(form); form.submit(); }
})();`

func show(w http.ResponseWriter, status int, p Page) {
	write(w, status,
		"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
		struct {
			Page
			Script template.JS
		}{p, ""})
}

// Stray is the page for what nobody waits for.
var Stray = Page{
	Title: "Nothing waits for this",
	Text:  "This page belongs to a program on this machine, which waits for something else.", Bad: true,
}

func stray(w http.ResponseWriter, status int) { show(w, status, Stray) }

// moment is the page for a response that comes behind the #.
var moment = Page{
	Title: "One moment", Text: "The response is being passed to the program. This needs JavaScript.",
}

// showFragment shows a page that passes on what stands behind the #, if anything does.
func showFragment(w http.ResponseWriter, status int, p Page) {
	sum := sha256.Sum256([]byte(fragmentScript))
	write(w, status,
		"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
			"'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'", struct {
			Page
			Script template.JS
		}{p, fragmentScript})
}

func write(w http.ResponseWriter, status int, policy string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = page().Execute(w, data) // a browser that went away is no error here
}
