// Package run is one run of a command: the world it runs in, its options, the
// record of what happens, who is shown it, and how it ends.
//
// A command is a function of a [Run]. It shows results ([Run.Show]), reports
// what was checked ([Run.Found]), tells people things ([Run.Inform],
// [Run.Warn]) and returns an error. What becomes of all that is the business of
// the run's views: text, JSON, a filter, a report are each one
// [transcript.View]. The run decides the exit code.
package run

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/call"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// Options are the flags that every command has.
type Options struct {
	Debug       int // 1 shows a line for each request, 2 headers and bodies too
	NoColor     bool
	Explain     transcript.Explanation // how much to show of the rules that were checked
	ShowSecrets bool                   // with Debug: as they are
	Output      bool                   // write result files
	OutputDir   string
	Format      string // text or json
	JQ          string // the expression of --jq, "" if there is none
	Timeout     time.Duration

	// Filter is JQ, compiled; nil if there is none. It goes with the format json.
	Filter *Filter

	// Reporting is what --report asks for.
	Reporting Reporting

	// Cache says whether cached metadata and keys are used: "true", "false", or ""
	// if this run does not say.
	Cache string
}

// JSON reports whether the result is to be one JSON document.
func (o Options) JSON() bool { return o.Format == "json" }

// NoCache reports whether this run ignores cached metadata and keys.
func (o Options) NoCache() bool { return o.Cache == "false" }

// A Run is one run of a command. Its record is written through its methods
// only; they may be called concurrently.
type Run struct {
	Env      *Env
	Options  Options
	Record   *transcript.Record
	Redactor *transcript.Redactor
	Recorder *transcript.Recorder
	Input    *Input

	console  *transcript.Text // standard error
	advisors []advisor
	common   *common
	shown    showing
}

// common is what all parts of a run have in common.
type common struct {
	tasks  sync.WaitGroup // what goes on beside the command
	values sync.Map       // by type
}

// An Advisor completes how an error is reported by what it knows of the run:
// which credentials were used, what was stored and where.
type Advisor func(err error, f *failure.Failure)

type advisor struct {
	topic  string
	advise Advisor
}

// New begins the run of a command.
func New(env *Env, o Options, command string) *Run {
	plain := o.NoColor || env.Plain()
	r := &Run{
		Env: env, Options: o, Redactor: transcript.NewRedactor(),
		Record: &transcript.Record{Command: command, Exchanges: &transcript.Log{}}, common: &common{},
		console: &transcript.Text{W: env.Stderr, Colour: !plain && env.Terminal(env.Stderr)},
	}
	r.Input = &Input{env: env, redactor: r.Redactor, warn: r.Warn}
	r.record()
	switch {
	case o.Debug > 1:
		r.Recorder.Show = r.console.Exchange
	case o.Debug == 1:
		r.Recorder.Show = r.console.ExchangeLine
	}
	r.shown.views = []transcript.View{viewOf(env, o, !plain, r.console)}
	return r
}

// viewOf is what shows a record on standard output. What was proved goes to the console.
func viewOf(env *Env, o Options, colour bool, console *transcript.Text) transcript.View {
	terminal := env.Terminal(env.Stdout)
	switch {
	case o.Filter != nil:
		return &filterView{filter: o.Filter, w: env.Stdout, terminal: terminal}
	case o.JSON():
		return &transcript.JSONView{W: env.Stdout}
	}
	out := &transcript.Text{W: env.Stdout, Colour: colour && terminal}
	return &transcript.TextView{Blocks: out, Plain: out, Explain: o.Explain, Notes: console}
}

// Plainly leaves standard output to results without a title, which another
// program reads. Blocks go to standard error.
func Plainly(r *Run) {
	for _, view := range r.shown.views {
		if text, ok := view.(*transcript.TextView); ok {
			text.Blocks, text.Notes = r.console, nil
		}
	}
}

// Quiet leaves results out of what people read: a session has them.
func Quiet(r *Run) {
	r.shown.mu.Lock()
	defer r.shown.mu.Unlock()
	for _, view := range r.shown.views {
		if text, ok := view.(*transcript.TextView); ok {
			text.Quiet = true
		}
	}
}

// record makes the recorder, which writes to the record's exchanges.
func (r *Run) record() {
	r.Recorder = &transcript.Recorder{
		Redactor: r.Redactor, Name: call.Endpoint, Now: r.Env.Now,
		Reveal: r.Options.ShowSecrets, Log: r.Record.Exchanges,
	}
}

// Again is a run of the same command with the same views and a record of its
// own: what happens in it is nothing of r's. It takes over r's recorder, which
// the HTTP client that is there already uses.
func (r *Run) Again() *Run {
	one := r.part(&transcript.Log{})
	one.shown.views, one.console = r.shown.views, r.console
	one.Recorder = r.Recorder
	one.Recorder.Into(one.Record.Exchanges)
	return one
}

// Aside is a run whose results are shown to nobody, and in which people are
// told things as in r. What it sends is among the exchanges of r.
func (r *Run) Aside() *Run {
	one := r.part(r.Record.Exchanges)
	one.console = r.console
	one.record()
	one.Recorder.Show = r.Recorder.Show
	return one
}

// Silent is a run that shows and records nothing at all, and knows no secrets of
// r's.
func (r *Run) Silent() *Run {
	one := r.part(nil)
	one.console = &transcript.Text{W: discard{}}
	one.Redactor = transcript.NewRedactor()
	one.record()
	unattended := *one.Env
	unattended.Password = nil
	one.Env = &unattended
	one.Input = &Input{env: one.Env, redactor: one.Redactor, warn: one.Warn}
	return one
}

// part is a run of the same command with nothing in it, and without a recorder.
func (r *Run) part(exchanges *transcript.Log) *Run {
	return &Run{
		Env: r.Env, Options: r.Options, Redactor: r.Redactor, Input: r.Input, common: r.common,
		advisors: slices.Clone(r.advisors),
		Record:   &transcript.Record{Command: r.Record.Command, Issuer: r.Record.Issuer, Exchanges: exchanges},
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// Bounded applies --timeout to a context.
func (r *Run) Bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.Options.Timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, r.Options.Timeout, &TimeoutError{r.Options.Timeout})
}

// A TimeoutError is --timeout's way of saying [context.DeadlineExceeded].
type TimeoutError struct{ After time.Duration }

// Error names the flag.
func (e *TimeoutError) Error() string { return fmt.Sprintf("the --timeout of %s ran out", e.After) }

// Is reports that it is a deadline that passed.
func (e *TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// Go runs something beside the command, which is waited for when the command
// ends: it has to end with the command's context.
func (r *Run) Go(task func()) { r.common.tasks.Go(task) }

// Shared returns the value of a type that all parts of a run have in common. create
// makes it when it is first asked for.
func Shared[T any](r *Run, create func() T) T {
	key := reflect.TypeFor[T]()
	if known, ok := r.common.values.Load(key); ok {
		return known.(T) //nolint:forcetypeassert // it is stored by its type
	}
	value, _ := r.common.values.LoadOrStore(key, create())
	return value.(T) //nolint:forcetypeassert // it is stored by its type
}

// Advise adds an advisor on a topic. It takes the place of the one before on the same
// topic; those on topics that were added later speak later.
func (r *Run) Advise(topic string, a Advisor) {
	i := slices.IndexFunc(r.advisors, func(known advisor) bool { return known.topic == topic })
	if i >= 0 {
		r.advisors[i].advise = a
		return
	}
	r.advisors = append(r.advisors, advisor{topic, a})
}

// Issuer says whose provider the run is about.
func (r *Run) Issuer(issuer string) {
	r.shown.mu.Lock()
	defer r.shown.mu.Unlock()
	r.Record.Issuer = issuer
}

// Show records a result and shows it.
func (r *Run) Show(result transcript.Result) {
	r.shown.mu.Lock()
	defer r.shown.mu.Unlock()
	r.Record.Add(result)
	r.shown.result(result)
}

// Note records a result for the document alone.
func (r *Run) Note(member string, value any) {
	r.shown.mu.Lock()
	defer r.shown.mu.Unlock()
	r.Record.Add(transcript.Result{Member: member, Value: value})
}

// Print shows a result that other programs read: a value in the document, and
// plain text for everybody else.
func (r *Run) Print(member string, value any, text string) {
	r.Show(transcript.Result{Member: member, Value: value, Text: text})
}

// PrintText is [Run.Print] for what has no place in the document.
func (r *Run) PrintText(text string) { r.Show(transcript.Result{Text: text}) }

// Unshown is why a result could not be shown, nil if all were.
func (r *Run) Unshown() error {
	r.shown.mu.Lock()
	defer r.shown.mu.Unlock()
	return r.shown.err
}

// IfUnshown says what to do if a result, which is nowhere else, could not be
// shown for a cause: rescue puts it elsewhere and returns the error to report.
func (r *Run) IfUnshown(rescue func(cause error) error) {
	r.shown.mu.Lock()
	defer r.shown.mu.Unlock()
	r.shown.rescue = rescue
}

// Found records what rules found. It warns of recommendations that were not
// followed, and of rules that were waived.
func (r *Run) Found(results check.Results) {
	r.found(results, func(check.Result) bool { return true })
}

// FoundAgain is [Run.Found] where the user has been warned of some rules before, and is not again.
func (r *Run) FoundAgain(results check.Results, rules ...string) {
	r.found(results, func(result check.Result) bool { return !slices.Contains(rules, result.ID) })
}

// FoundBeside is [Run.Found] for rules about something that was not asked for,
// such as the metadata on the way to a token: --explain shows which of their
// recommendations were not followed.
func (r *Run) FoundBeside(results check.Results) {
	r.found(results, func(check.Result) bool { return false })
}

// Adopt adds what rules found in a part of this run, which warned of it already.
func (r *Run) Adopt(part *Run) {
	r.shown.mu.Lock()
	defer r.shown.mu.Unlock()
	r.Record.Checks = append(r.Record.Checks, part.Record.Checks...)
}

// found records results. remarks reports whether to warn of a recommendation that was not followed.
func (r *Run) found(results check.Results, remarks func(check.Result) bool) {
	r.shown.mu.Lock()
	r.Record.Checks = append(r.Record.Checks, results...)
	r.shown.mu.Unlock()
	for _, result := range results {
		switch {
		case result.Waived && result.Held() && result.Outcome != check.NotApplicable && result.Level == check.Must:
			r.Warn("%s is waived, so that nothing counts as verified; it would have held", result.ID)
		case result.Held():
		case result.Waived:
			r.Warn("%s is waived: %s (%s)", result.ID, difference(result), result.Spec)
		case result.Level == check.Should && result.Outcome == check.Fail && remarks(result):
			r.Warn("%s is not kept: %s (rule: %s %s)", result.ID, difference(result), result.Text, result.Spec)
		}
	}
}

func difference(r check.Result) string {
	switch {
	case r.Want != "" && r.Got != "":
		return fmt.Sprintf("want %s, got %s", r.Want, r.Got)
	case r.Note != "":
		return r.Note
	}
	return string(r.Outcome)
}

// Explain shows every rule that was checked so far, once.
func (r *Run) Explain() {
	r.shown.mu.Lock()
	defer r.shown.mu.Unlock()
	if r.shown.explained || len(r.Record.Checks) == 0 {
		return
	}
	r.shown.explained = true
	redact(r.Redactor, r.Record.Checks)
	r.shown.checks(r.Record.Checks)
}

// redact takes secrets out of the evidence of rules, where a provider may have put them.
func redact(redactor *transcript.Redactor, results check.Results) {
	for i := range results {
		for _, text := range []*string{&results[i].Want, &results[i].Got, &results[i].Note} {
			*text = redactor.Text(*text)
		}
	}
}

// Warn tells people something on standard error that may be wrong.
func (r *Run) Warn(format string, args ...any) {
	r.console.Line(transcript.LevelWarn, r.Redactor.Text(fmt.Sprintf(format, args...)))
}

// Inform tells people something on standard error.
func (r *Run) Inform(format string, args ...any) {
	r.console.Line(transcript.LevelInfo, r.Redactor.Text(fmt.Sprintf(format, args...)))
}

// Debug tells people something on standard error if -d is given.
func (r *Run) Debug(format string, args ...any) {
	if r.Options.Debug > 0 {
		r.Inform(format, args...)
	}
}

// Console is standard error, for what is neither a line nor a result: a prompt,
// a code to type elsewhere, a count-down.
func (r *Run) Console() *transcript.Text { return r.console }

// Learn keeps secrets from being shown anywhere but in results.
func (r *Run) Learn(secrets ...string) { r.Redactor.Learn(secrets...) }

// Guard makes a request whose response comes one time only. Nothing that is
// shown meanwhile may keep it from being stored: a pager may be slow, or gone.
func Guard[T any](r *Run, request func() (T, error)) (T, error) {
	r.Shield()
	r.Recorder.Hold()
	defer r.Recorder.Release()
	return request()
}

// Shield keeps the end of a pager from ending the process.
func (r *Run) Shield() {
	if r.Env.Shield != nil {
		r.Env.Shield()
	}
}

// Hold keeps the process from ending, and what is shown from being in the way,
// until what it returns is called.
func (r *Run) Hold() (release func()) {
	r.Recorder.Hold()
	let := func() {}
	if r.Env.Hold != nil {
		let = r.Env.Hold()
	}
	return func() {
		let()
		r.Recorder.Release()
	}
}

// A Done ends a command that has said all there is to say.
type Done struct{ Code int }

// Error names the exit code.
func (e *Done) Error() string { return fmt.Sprintf("exit code %d", e.Code) }

// Finish shows how the command ended and returns the exit code. err is what the
// command returned.
func (r *Run) Finish(ctx context.Context, err error) int {
	r.common.tasks.Wait()
	unshown := r.Unshown()
	if unshown != nil {
		unshown = r.shown.rescued(unshown)
	}
	if err == nil {
		err = unshown
	}
	var done *Done
	if errors.As(err, &done) {
		return ended(r, done)
	}
	redact(r.Redactor, r.Record.Checks)
	r.Record.Seal()
	if err != nil {
		r.Explain() // also what was found before it
		r.Record.Failure = r.Failure(ctx, err)
	}
	for _, view := range r.shown.views {
		if ended := view.End(r.Record); ended != nil {
			unshown = r.shown.rescued(unshownError(ended))
		}
	}
	if err == nil && unshown != nil {
		err = unshown
		r.Record.Failure = r.Failure(ctx, err)
	}
	if told := reported(r, err); err == nil && told != nil {
		err = told
		r.Record.Failure = r.Failure(ctx, err)
	}
	if err == nil {
		return 0
	}
	r.Mention(r.Record.Failure, unshown)
	r.console.Failure(r.Record.Failure, r.Broken(err))
	return ExitCode(r.Record.Failure)
}

// Publish shows what there is as if the command had ended, for a command that
// goes on: whoever started it waits for its result.
func (r *Run) Publish() error {
	r.shown.mu.Lock()
	defer r.shown.mu.Unlock()
	for _, view := range r.shown.views {
		if err := view.End(r.Record); err != nil {
			return err
		}
	}
	r.Record.Results, r.Record.Issuer = nil, ""
	return nil
}

// Report shows how something ended that is not the whole command, such as one
// of several logins.
func (r *Run) Report(ctx context.Context, err error) *failure.Failure {
	f := r.Failure(ctx, err)
	r.console.Failure(f, r.Broken(err))
	return f
}

// Broken returns the rules that err is about, for the evidence under it.
func (r *Run) Broken(err error) check.Results {
	var broken *check.Error
	if !errors.As(err, &broken) {
		return nil
	}
	results := slices.DeleteFunc(slices.Clone(broken.Results), func(one check.Result) bool { return !one.Broken() })
	redact(r.Redactor, results)
	return results
}

// IDToken is an ID Token as the record has it.
func IDToken(t *oidc.IDToken) *transcript.Token {
	return &transcript.Token{Header: t.Header, Encryption: t.Encryption, Claims: t.JSON, Verified: t.Verified}
}
