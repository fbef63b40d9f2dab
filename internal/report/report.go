// Package report renders the record of a run for people who were not there: as one page of HTML, a
// HAR, a Mermaid sequence diagram, or a script of curl commands.
//
// A [Story] is what all forms show: it is taken from the record once, without secrets, and does not
// change. Each form is a function of it, in a file of its own. A report never holds a token or a secret
// that works, whatever the run was told to show.
package report

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/failure"
)

// A Form is a kind of report. Its name is the ending of its files.
type Form string

// The forms of reports.
const (
	HTML    Form = ".html" // one self-contained page
	HAR     Form = ".har"  // HTTP Archive 1.2
	Mermaid Form = ".mmd"  // a sequence diagram
	Curl    Form = ".sh"   // a shell script
)

// renderers are the function of each form.
var renderers = map[Form]func(*Story) ([]byte, error){HTML: page, HAR: archive, Mermaid: diagram, Curl: script}

// Forms are the endings that a report may have, sorted.
func Forms() []string {
	var list []string
	for form := range maps.Keys(renderers) {
		list = append(list, string(form))
	}
	slices.Sort(list)
	return list
}

// FormOf returns the form of the report at a path, by its ending. The error is for who chose it.
func FormOf(path string) (Form, error) {
	form := Form(strings.ToLower(filepath.Ext(path)))
	if renderers[form] == nil {
		return "", failure.Usage("--report %s: the ending says what to write; it is one of %s", path,
			strings.Join(Forms(), ", "))
	}
	return form, nil
}

// Render returns the story in a form.
func (f Form) Render(s *Story) ([]byte, error) { return renderers[f](s) }
