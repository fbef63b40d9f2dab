// The report as one page of HTML: it needs no script, no other file, and no network.

package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the template and the style sheet
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

//go:embed page.html
var pageTemplate string

//go:embed page.css
var pageStyle string

// pages is the template of the page. It is parsed when the first report is written, so that a run
// without a report does not pay for it.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"safe": transcript.EscapeLines, "line": transcript.Escape, "words": words, "mark": mark, "advice": advice,
		"bytes": func(text string) int { return len(text) },
	}).Parse(pageTemplate))
})

// A pageData is what the template of the page is filled with.
type pageData struct {
	*Story
	Style       template.CSS
	Policy      string
	Line        string // the command line
	When        string
	Data        json.RawMessage
	Diagram     Sequence
	Fall        Waterfall
	Groups      []Table
	First       *check.Result // the first broken rule
	FirstStep   int
	PageCurls   []string // a curl command for each step, "" if it cannot be sent again
	PageReasons []string // why not
}

// page renders a story as HTML.
func page(s *Story) ([]byte, error) {
	sum := sha256.Sum256([]byte(pageStyle))
	data := pageData{
		Story: s, Style: template.CSS(pageStyle), //nolint:gosec // our own style sheet
		Policy: "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src 'sha256-" +
			base64.StdEncoding.EncodeToString(sum[:]) + "'",
		Line:    "oidc-client " + strings.Join(quotedArguments(s.Arguments), " "),
		When:    s.Ended.UTC().Format("2 January 2006, 15:04:05") + " UTC",
		Data:    json.RawMessage(s.Document),
		Diagram: s.Sequence(), Fall: s.Waterfall(), Groups: s.Tables(),
	}
	if broken := s.Broken(); len(broken) > 0 {
		data.First, data.FirstStep = &broken[0], s.judged(broken[0].ID)
	}
	w := &scripter{variables: map[string]*variable{}}
	for i := range s.Steps {
		why := unrepeatable(&s.Steps[i])
		command := ""
		if why == "" {
			command = strings.TrimSpace(w.command(&s.Steps[i]))
		}
		data.PageCurls, data.PageReasons = append(data.PageCurls, command), append(data.PageReasons, why)
	}
	var b bytes.Buffer
	if err := pages().Execute(&b, data); err != nil {
		return nil, fmt.Errorf("rendering the page: %w", err)
	}
	return b.Bytes(), nil
}

// words is the name of a table, an endpoint or an outcome in words.
func words(name string) string {
	switch name {
	case "jwks":
		return "keys (JWKS)"
	case "id_token":
		return "ID Token"
	case "userinfo":
		return "UserInfo"
	case "":
		return "request"
	}
	return strings.ReplaceAll(name, "_", " ")
}

// mark is the outcome of a rule in a word.
func mark(r check.Result) string {
	switch {
	case r.Waived && !r.Held():
		return "waived"
	case r.Outcome == check.Fail && r.Level != check.Must:
		return "not followed"
	case r.Outcome == check.Fail:
		return "failed"
	case r.Outcome == check.Pass:
		return "passed"
	case r.Outcome == check.NotApplicable:
		return "not applicable"
	}
	return "not judged"
}

// advice is a hint as a list of sentences.
func advice(hint string) []string {
	var list []string
	for line := range strings.Lines(hint) {
		list = append(list, strings.TrimSpace(line))
	}
	return list
}

// Took is how long the exchanges took, all together.
func (s *Story) Took() string {
	var end time.Duration
	for i := range s.Steps {
		end = max(end, s.Steps[i].Offset+s.Steps[i].Duration)
	}
	return milliseconds(end)
}

// Counts says how many rules had which outcome.
func (s *Story) Counts() string {
	count := map[string]int{}
	for _, r := range s.Checks {
		count[mark(r)]++
	}
	var list []string
	for _, outcome := range []string{"passed", "failed", "not followed", "waived", "not judged", "not applicable"} {
		if n := count[outcome]; n > 0 {
			list = append(list, fmt.Sprintf("%d %s", n, outcome))
		}
	}
	return strings.Join(list, ", ")
}
