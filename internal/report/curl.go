// The report as a shell script: every request as a curl command, with its secrets as variables.
//
// A command reads its arguments from standard input ("curl --config -"), so that no secret is an
// argument that other users of the machine could see.

package report

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

// secret is a tag in a redacted text, with the readable parts of a JWT before it.
var secret = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.)?\[secret [0-9a-f]+\]`)
})

// tag is the part of a match of secret that identifies it.
func tag(match string) string { return match[strings.IndexByte(match, '['):] }

// A variable stands for a secret in a script.
type variable struct {
	name  string
	from  string // where its value comes from, for people
	given bool   // the user sets it; else a response of the script does
}

// A scripter writes a script. It knows the variables by the tags of their secrets.
type scripter struct {
	variables map[string]*variable
	order     []*variable
}

// script renders the steps as a script.
func script(s *Story) ([]byte, error) {
	w := &scripter{variables: map[string]*variable{}}
	var commands strings.Builder
	for i := range s.Steps {
		w.step(&commands, &s.Steps[i], s.Steps[i+1:])
	}
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	comment(&b, "The requests of oidc-client "+strings.Join(quotedArguments(s.Arguments), " "))
	comment(&b, "at "+s.Ended.UTC().Format("2006-01-02 15:04:05")+" UTC, as curl commands.")
	if len(w.order) > 0 {
		comment(&b, "It holds no secrets: set these variables first.")
	}
	comment(&b, "CURL_OPTIONS holds further options, such as --cacert ca.pem.")
	b.WriteString("set -eu\n")
	for _, v := range w.order {
		if v.given {
			fmt.Fprintf(&b, ": \"${%s:?%s}\"\n", v.name, shellSafe(v.from))
		}
	}
	b.WriteString("\n" + helpers + commands.String())
	return []byte(b.String()), nil
}

// helpers are the functions of every script.
const helpers = `# escape writes a value as it stands between quotation marks in a configuration of curl.
escape() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; }

# member finds a member of the last response.
member() { printf '%s' "$response" | jq -r --arg name "$1" '.[$name]'; }
`

// step writes the command of one exchange. later are the steps after it.
func (w *scripter) step(b *strings.Builder, step *Step, later []Step) {
	b.WriteString("\n")
	comment(b, fmt.Sprintf("%d. %s: %s", step.Number, step.Request, orNothing(step.Response)))
	switch why := unrepeatable(step); {
	case why != "":
		comment(b, "Not repeated: "+why)
	default:
		b.WriteString(w.command(step))
		w.capture(b, step, later)
	}
}

func orNothing(response string) string {
	if response == "" {
		return "no response is shown"
	}
	return response
}

// unrepeatable says why a request cannot be sent again, "" if it can.
func unrepeatable(step *Step) string {
	switch {
	case step.From != Client:
		return "the browser sent it."
	case step.Cached:
		return "the response came from the cache, and nothing was sent."
	case step.Address == "":
		return "it was never sent."
	case headerOf(step.Header, "DPoP") != "":
		return "it holds a DPoP proof, which is made for one request (RFC 9449 section 4.2)."
	}
	for _, once := range []struct{ name, why string }{
		{"code", "it holds an authorization code, which works once (RFC 6749 section 4.1.2)."},
		{"client_assertion", "it holds a client assertion, which works once (RFC 7523 section 3)."},
		{"device_code", "it asks whether a person has confirmed the device code."},
		{"auth_req_id", "it asks whether a person has confirmed the request."},
	} {
		if parameter(step.Form, once.name) != "" {
			return once.why
		}
	}
	return ""
}

// command is the curl command of a step, which stores the response in a variable and prints it.
func (w *scripter) command(step *Step) string {
	var b strings.Builder
	b.WriteString("response=$(curl --silent --show-error --max-time 30 ${CURL_OPTIONS:-} --config - <<REQUEST\n")
	option := func(name, prefix, value, where string) {
		fmt.Fprintf(&b, "%s = \"%s%s\"\n", name, literal(prefix), w.value(value, step, where))
	}
	base, _, _ := strings.Cut(addressOf(step.Exchange), "?")
	query := step.Query
	switch {
	case len(query) > 0 && step.Method == http.MethodGet:
		b.WriteString("get\n")
	case len(query) > 0:
		base, query = addressOf(step.Exchange), nil
	}
	fmt.Fprintf(&b, "url = \"%s\"\n", literal(base))
	if step.Method != http.MethodGet && (step.Method != http.MethodPost || step.Form == nil && step.Body == "") {
		fmt.Fprintf(&b, "request = \"%s\"\n", literal(step.Method))
	}
	for _, line := range step.Header {
		name, value, _ := strings.Cut(line, ": ")
		if !slices.Contains(ownHeaders, strings.ToLower(name)) {
			option("header", name+": ", value, headerPlace(value))
		}
	}
	for _, p := range slices.Concat(query, step.Form) {
		if transcript.Escape(p.Value) == p.Value {
			option("data-urlencode", url.QueryEscape(p.Name)+"=", p.Value, p.Name)
		} else { // it would not be safe to look at
			option("data", url.QueryEscape(p.Name)+"="+url.QueryEscape(p.Value), "", p.Name)
		}
	}
	if step.Form == nil && step.Body != "" {
		option("data-raw", "", step.Body, "body")
	}
	b.WriteString("REQUEST\n)\nprintf '%s\\n' \"$response\"\n")
	return b.String()
}

// ownHeaders are those that curl sends by itself.
var ownHeaders = []string{"content-length", "accept-encoding", "host", "connection"}

// headerPlace names the secret in a header by its scheme.
func headerPlace(value string) string {
	switch scheme, _, _ := strings.Cut(value, " "); strings.ToLower(scheme) {
	case "basic":
		return "basic_credentials"
	case "bearer", "dpop":
		return "access_token"
	}
	return "header"
}

// value is a redacted text as it stands between quotation marks in the here-document of a command:
// secrets are variables.
func (w *scripter) value(text string, step *Step, where string) string {
	var b strings.Builder
	for text != "" {
		at := secret().FindStringIndex(text)
		if at == nil {
			break
		}
		b.WriteString(literal(text[:at[0]]))
		fmt.Fprintf(&b, `$(escape "$%s")`, w.variable(tag(text[at[0]:at[1]]), step, where).name)
		text = text[at[1]:]
	}
	return b.String() + literal(text)
}

// variable is the variable of a secret. One that is met in a request first is the user's to set.
func (w *scripter) variable(tag string, step *Step, where string) *variable {
	if v := w.variables[tag]; v != nil {
		return v
	}
	from := fmt.Sprintf("the %s of request %d", strings.ReplaceAll(where, "_", " "), step.Number)
	if where == "basic_credentials" {
		from = "base64 of client_id:client_secret, each form-urlencoded"
	}
	return w.add(tag, where, from, true)
}

func (w *scripter) add(tag, name, from string, given bool) *variable {
	name = strings.Map(variableLetter, strings.ToUpper(name))
	taken := func(name string) bool {
		return slices.ContainsFunc(w.order, func(v *variable) bool { return v.name == name })
	}
	unique := name
	for n := 2; taken(unique); n++ {
		unique = fmt.Sprintf("%s_%d", name, n)
	}
	v := &variable{unique, from, given}
	w.variables[tag], w.order = v, append(w.order, v)
	return v
}

// variableLetter is a character of the name of a variable.
func variableLetter(r rune) rune {
	if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return '_'
}

// capture writes commands that take the secrets from a response which later requests hold.
func (w *scripter) capture(b *strings.Builder, step *Step, later []Step) {
	response, err := strictjson.Parse([]byte(step.ResponseBody))
	if err != nil {
		return
	}
	for _, m := range response.Members {
		text, _ := strictjson.Text(m.Value)
		match := secret().FindString(text)
		if match == "" || match != text || w.variables[tag(match)] != nil || !usedIn(later, tag(match)) {
			continue
		}
		v := w.add(tag(match), m.Name, "", false)
		fmt.Fprintf(b, "%s=$(member '%s')\n", v.name, strings.ReplaceAll(m.Name, "'", `'\''`))
	}
}

// usedIn reports whether a request that the script repeats holds a secret.
func usedIn(steps []Step, tag string) bool {
	for i := range steps {
		if unrepeatable(&steps[i]) != "" {
			continue
		}
		texts := slices.Clone(steps[i].Header)
		for _, p := range slices.Concat(steps[i].Query, steps[i].Form) {
			texts = append(texts, p.Value)
		}
		if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, tag) }) {
			return true
		}
	}
	return false
}

// literal is text between quotation marks of curl's configuration in a here-document. What could steer
// a terminal is escaped: only a hostile provider makes the program send that.
func literal(text string) string {
	text = transcript.EscapeLines(text)
	text = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(text)
	return strings.NewReplacer(`\`, `\\`, "$", `\$`, "`", "\\`").Replace(text)
}

// comment writes a line that does nothing.
func comment(b *strings.Builder, text string) { b.WriteString("# " + transcript.Escape(text) + "\n") }

// shellSafe is text without what means something between braces in quotation marks.
func shellSafe(text string) string {
	return strings.NewReplacer("\\", "", "$", "", "`", "", `"`, "", "}", "").Replace(transcript.Escape(text))
}

// quotedArguments are arguments as they are typed in a shell.
func quotedArguments(arguments []string) []string {
	list := make([]string, len(arguments))
	for i, argument := range arguments {
		list[i] = argument
		if argument == "" || strings.ContainsFunc(argument, func(r rune) bool { return !plainInShell(r) }) {
			list[i] = "'" + strings.ReplaceAll(argument, "'", `'\''`) + "'"
		}
	}
	return list
}

// plainInShell reports whether a character needs no quotation marks.
func plainInShell(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@=,+", r)
}
