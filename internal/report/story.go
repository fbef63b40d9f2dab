// The story of a run: what every form of report shows.

package report

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

// About is what a report says of a run that is not in its record.
type About struct {
	Purpose       string   // what the command does, as its help says
	Arguments     []string // the command line, without the program
	Configuration []string // the settings that were used, one a line, without secrets
	Version       string
	Ended         time.Time
}

// A Story is a run as a report shows it. Nothing in it is a secret.
type Story struct {
	About
	Command  string
	Issuer   string
	Failure  *failure.Failure
	Checks   check.Results
	Steps    []Step
	Dropped  int // exchanges that came first and are not there any more
	Tokens   []Token
	Document string // the JSON document
}

// Tell returns the story of a record.
func Tell(record *transcript.Record, redactor *transcript.Redactor, about About) *Story {
	s := &Story{
		About: about, Command: record.Command, Issuer: redactor.Text(record.Issuer), Failure: record.Failure,
		Checks: slices.Clone(record.Checks),
	}
	s.Arguments = slices.Clone(about.Arguments)
	for i, argument := range s.Arguments {
		s.Arguments[i] = redactor.Text(argument)
	}
	for i := range s.Checks {
		for _, text := range []*string{&s.Checks[i].Want, &s.Checks[i].Got, &s.Checks[i].Note} {
			*text = redactor.Text(*text)
		}
	}
	exchanges, dropped := record.Exchanges.All()
	s.Steps, s.Dropped = steps(exchanges), dropped
	s.Tokens = tokens(record, redactor, s.Steps)
	s.Document = document(record, redactor)
	s.blame()
	return s
}

// document is the JSON document of a record, without its secrets.
func document(record *transcript.Record, redactor *transcript.Redactor) string {
	safe := *record
	safe.Results = nil
	for _, result := range record.Results {
		if result.Member == "" {
			continue
		}
		value, err := strictjson.Encode(result.Value)
		if err != nil {
			continue // the document cannot have it either, and the command says so
		}
		safe.Results = append(safe.Results, transcript.Result{
			Member: result.Member, Value: json.RawMessage(redacted(result, value, redactor)),
		})
	}
	compact, err := safe.Document()
	if err != nil {
		return "{}"
	}
	return redactor.Text(transcript.Indent(compact))
}

// redacted is the value of a result without its secrets. What a member holds decides about it only if
// the member is a string: the claims of an ID Token are no secret.
func redacted(result transcript.Result, value []byte, redactor *transcript.Redactor) []byte {
	if _, ok := result.Value.(*transcript.Token); ok {
		return value
	}
	wrapper, err := strictjson.Ordered{{Name: result.Member, Value: json.RawMessage(value)}}.MarshalJSON()
	if err != nil {
		return []byte("null")
	}
	if strings.HasPrefix(string(value), "{") {
		return []byte(redactor.Document(value))
	}
	safe, err := strictjson.Parse([]byte(redactor.Document(wrapper)))
	if err != nil {
		return []byte("null")
	}
	raw, _ := safe.Get(result.Member)
	return raw
}

// Verdict says in one sentence what became of the run.
func (s *Story) Verdict() string {
	switch {
	case s.Failure != nil && s.Failure.Headline != "":
		return "It failed: " + s.Failure.Headline + "."
	case s.Failure != nil:
		return "It failed: " + s.Failure.Message
	case len(s.Checks) == 0:
		return "Done. There was nothing to verify."
	case s.Checks.Verified():
		return "Done. Every rule that applies passed."
	}
	return "Done, but not everything was verified."
}

// Broken are the rules that were broken.
func (s *Story) Broken() check.Results {
	return slices.DeleteFunc(slices.Clone(s.Checks), func(r check.Result) bool { return !r.Broken() })
}

// A Table is the rules about one thing, such as the ID Token.
type Table struct {
	Name          string
	Step          int // the number of the exchange that the rules judge, 0 if that is not known
	Rules         check.Results
	NotApplicable check.Results
}

// Tables are the rules that were checked, by what they are about.
func (s *Story) Tables() []Table {
	var tables []Table
	for _, r := range s.Checks {
		name, _, _ := strings.Cut(r.ID, ".")
		i := slices.IndexFunc(tables, func(t Table) bool { return t.Name == name })
		if i < 0 {
			i = len(tables)
			tables = append(tables, Table{Name: name, Step: s.judged(r.ID)})
		}
		if r.Outcome == check.NotApplicable {
			tables[i].NotApplicable = append(tables[i].NotApplicable, r)
		} else {
			tables[i].Rules = append(tables[i].Rules, r)
		}
	}
	return tables
}

// judgedAt are the endpoints whose exchanges the rules of a table judge, if the table has another name
// than its endpoint.
var judgedAt = map[string][]string{
	"id_token":              {"token", transcript.AuthorizationResponse},
	"access_token":          {"token", transcript.AuthorizationResponse, "resource"},
	"token_response":        {"token"},
	"refresh":               {"token"},
	"refresh_token":         {"token"},
	"hybrid":                {transcript.AuthorizationResponse},
	"jarm":                  {transcript.AuthorizationResponse},
	"pushed_authorization":  {"pushed_authorization_request"},
	"protected_resource":    {"protected_resource_metadata"},
	"introspection_token":   {"introspection"},
	"introspection_jwt":     {"introspection"},
	"authorization_details": {"token"},
}

// judged is the number of the last exchange that a rule judges, 0 if there is none.
func (s *Story) judged(rule string) int {
	table, _, _ := strings.Cut(rule, ".")
	endpoints := judgedAt[table]
	if endpoints == nil {
		endpoints = []string{table}
	}
	for _, endpoint := range endpoints {
		for i, step := range slices.Backward(s.Steps) {
			if step.Endpoint == endpoint {
				return i + 1
			}
		}
	}
	return 0
}

// blame marks the steps that went wrong, and the one that a broken rule judges.
func (s *Story) blame() {
	for _, r := range s.Broken() {
		if n := s.judged(r.ID); n > 0 && s.Steps[n-1].Fault == "" {
			s.Steps[n-1].Fault = "breaks the rule " + r.ID
		}
	}
	if s.Failure == nil {
		return
	}
	for i, step := range slices.Backward(s.Steps) {
		if step.Fault == "" && step.Endpoint == s.Failure.Endpoint && step.Endpoint != "" {
			s.Steps[i].Fault = "failed"
		}
		if step.Endpoint == s.Failure.Endpoint {
			return
		}
	}
}
