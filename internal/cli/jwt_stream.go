// jwt verify of a stream: one token a line, in parallel, in their order.

package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/oidc-client/oidc-client/internal/call"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// A verified is what came of one line. The token is not kept: what a batch holds while
// it waits for those before it is what memory and its collection cost.
type verified struct {
	line     int
	verified bool // by every rule, none of which was waived
	err      error
}

// verifyLines verifies the tokens of standard input, one a line. One alone is shown
// whole.
func verifyLines(ctx context.Context, r *run.Run, v verification) error {
	lines := readLines(ctx, r.Env.Stdin)
	ahead, err := lines.next(ctx)
	if err == nil && len(ahead) == 1 {
		var more []string
		more, err = lines.next(ctx)
		ahead = append(ahead, more...)
	}
	switch {
	case err != nil:
		return err
	case len(ahead) == 0:
		return failure.Usage("there is no token: standard input was empty")
	case len(ahead) == 1:
		return verifyOne(ctx, r, v, ahead[0])
	}
	ctx = call.WithTerse(ctx) // of a good token only that it is one is shown
	// A token leaves a few kilobytes behind and nothing else: collecting them so
	// often as a small heap asks for costs more than their room.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	document := r.DocumentWriter()
	report := &report{run: r, document: document, out: bufio.NewWriter(document), unjudged: v.unjudged}
	report.begin()
	return report.end(ctx, verifyParallel(ctx, lines, ahead, v.judge, report))
}

// A stream is the lines of a reader that are not empty, in batches.
type stream struct {
	batches chan []string
	err     error // why it ended early; set before batches is closed
}

// readLines reads on until ctx ends, or nobody takes a batch any more. One is the lines
// that are there already: handing them over one by one would cost more than reading
// them.
func readLines(ctx context.Context, r io.Reader) *stream {
	const most = 64 // lines of a batch
	s := &stream{batches: make(chan []string, 16)}
	go func() {
		defer close(s.batches)
		scanner := bufio.NewScanner(r)
		scanner.Buffer(make([]byte, 0, 64<<10), limit.Token+2)
		scanner.Split(wholeLines)
		for scanner.Scan() {
			for batch := range slices.Chunk(filledLines(scanner.Text()), most) {
				select {
				case s.batches <- batch:
				case <-ctx.Done():
					return
				}
			}
		}
		s.err = scanner.Err()
	}()
	return s
}

// wholeLines splits off all lines that are complete, and at the end what is left.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	end := bytes.LastIndexByte(data, '\n') + 1
	if atEOF {
		end = len(data)
	}
	if end == 0 {
		return 0, nil, nil
	}
	return end, data[:end], nil
}

// filledLines are the lines of a text that are not empty, without the space around.
func filledLines(text string) []string {
	lines := make([]string, 0, strings.Count(text, "\n")+1)
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// next is the next batch, nil at the end.
func (s *stream) next(ctx context.Context) ([]string, error) {
	select {
	case batch, more := <-s.batches:
		if !more && s.err != nil {
			return nil, failure.Usage("standard input: %v", s.err)
		}
		return batch, nil
	case <-ctx.Done():
		return nil, &failure.WaitError{For: "standard input", Cause: context.Cause(ctx)}
	}
}

// A job is a batch under way.
type job struct {
	tokens  []string
	first   int // the number of its first line
	results chan []verified
}

// verifyParallel judges on all processors, and reports in the order of the lines. So
// many batches are under way that no processor waits for the slowest, and no more.
func verifyParallel(ctx context.Context, lines *stream, ahead []string, judge judge, report *report) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	workers := runtime.GOMAXPROCS(0)
	jobs, order, ended := make(chan job, workers), make(chan job, 4*workers), make(chan error, 1)
	for range workers {
		go func() {
			for j := range jobs {
				j.results <- j.judge(ctx, judge)
			}
		}()
	}
	go func() {
		defer close(order)
		defer close(jobs)
		ended <- feed(ctx, lines, ahead, jobs, order)
	}()
	for j := range order {
		var results []verified
		select {
		case results = <-j.results:
		case <-ctx.Done():
			return &failure.WaitError{For: "standard input", Cause: context.Cause(ctx)}
		}
		for _, v := range results {
			if err := report.add(v); err != nil {
				cancel(err)
				return err
			}
		}
		if len(order) == 0 { // nothing more at the moment: what there is can be seen
			report.flush()
		}
	}
	return <-ended
}

// feed hands out the lines in batches.
func feed(ctx context.Context, lines *stream, ahead []string, jobs, order chan<- job) error {
	for next := 1; ; {
		tokens, err := ahead, error(nil)
		if ahead = nil; tokens == nil {
			tokens, err = lines.next(ctx)
		}
		if err != nil || tokens == nil {
			return err
		}
		j := job{tokens, next, make(chan []verified, 1)}
		next += len(tokens)
		select {
		case order <- j:
			jobs <- j
		case <-ctx.Done():
			return &failure.WaitError{For: "standard input", Cause: context.Cause(ctx)}
		}
	}
}

func (j job) judge(ctx context.Context, judge judge) []verified {
	results := make([]verified, len(j.tokens))
	for i, raw := range j.tokens {
		token, err := judge(ctx, raw)
		results[i] = verified{j.first + i, err == nil && token.Verified, err}
	}
	return results
}

// A report shows what came of a stream, as it comes.
type report struct {
	run        *run.Run
	document   io.Closer
	out        *bufio.Writer // to the document
	valid, bad int
	first      error  // that a token was bad
	unjudged   string // what was not judged of those that are valid
}

func (r *report) begin() {
	if r.run.Options.JSON() {
		head, _ := transcript.Compact(r.run.Record.Command) // a string
		fmt.Fprintf(r.out, "{\"schema\":%d,\"command\":%s,\"tokens\":[", transcript.Version, head)
	}
}

// flush shows what there is. That it cannot be shown comes out at the end.
func (r *report) flush() { _ = r.out.Flush() }

// add shows one result. A key that cannot be had ends the stream.
func (r *report) add(v verified) error {
	if withoutKeys(v.err) {
		return v.err
	}
	if v.err != nil {
		r.bad++
		r.first = cmp.Or(r.first, v.err)
	} else {
		r.valid++
	}
	if !r.run.Options.JSON() {
		return r.addText(v)
	}
	var d strictjson.Ordered
	d.Add("line", v.line)
	d.Add("verified", v.verified)
	if v.err != nil {
		d.Add("code", oidc.Reason(v.err))
		d.Add("message", r.run.Redactor.Text(v.err.Error()))
	}
	text, err := transcript.Compact(d)
	if err != nil {
		return err
	}
	separator := ",\n  "
	if r.valid+r.bad == 1 {
		separator = "\n  "
	}
	_, err = r.out.WriteString(separator + text)
	return err
}

// withoutKeys reports whether a token could not be judged because the keys cannot be had.
func withoutKeys(err error) bool {
	_, transport := errors.AsType[*oidc.TransportError](err)
	_, protocol := errors.AsType[*oidc.ProtocolError](err)
	return transport || protocol
}

func (r *report) addText(v verified) error {
	text := "valid"
	if v.err != nil {
		text = "bad    " + transcript.Escape(v.err.Error())
	}
	_, err := r.out.WriteString(strconv.Itoa(v.line) + "\t" + text + "\n")
	return err
}

// end says how many there were. The exit code is that of a broken rule if one token
// was bad.
func (r *report) end(ctx context.Context, err error) error {
	if err == nil && r.bad > 0 {
		err = fmt.Errorf("%d of %d tokens are bad: %w", r.bad, r.valid+r.bad, r.first)
	}
	var told *failure.Failure
	if err != nil {
		told = r.run.Failure(ctx, err)
		told.Headline = ""
	}
	if r.run.Options.JSON() {
		var d strictjson.Ordered
		d.Add("valid", r.valid)
		d.Add("bad", r.bad)
		tail, _ := transcript.Compact(d) // of two numbers
		fmt.Fprintf(r.out, "\n],\"summary\":%s", tail)
		if told != nil {
			text, _ := transcript.Compact(told) // of strings and a number
			fmt.Fprintf(r.out, ",\"error\":%s", text)
		}
		_, _ = io.WriteString(r.out, "}\n") // what fails shows when it is flushed
	}
	unshown := r.close()
	if _, ok := errors.AsType[*run.FilterError](unshown); ok {
		told = r.withFilter(ctx, told, unshown)
	} else if unshown != nil {
		return fmt.Errorf("writing to standard output: %w", unshown)
	}
	if told == nil {
		r.run.Inform("%d tokens are valid%s", r.valid, r.unjudged)
		return &run.Done{Code: 0}
	}
	r.run.Console().Failure(told, nil)
	return &run.Done{Code: run.ExitCode(told)}
}

// close shows the rest.
func (r *report) close() error {
	if err := r.out.Flush(); err != nil {
		return err
	}
	return r.document.Close()
}

// withFilter adds to how a stream failed that --jq failed on its document. It is told here: --jq
// would fail on the document of the error, too.
func (r *report) withFilter(ctx context.Context, told *failure.Failure, err error) *failure.Failure {
	if told == nil {
		return r.run.Failure(ctx, err)
	}
	r.run.Mention(told, err)
	return told
}
