// jwt verify of a stream: one token a line, in parallel, in their order.

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/oidc"
)

// A verified is what came of one line.
type verified struct {
	line  int
	token *oidc.JWT
	err   error
}

// verifyLines verifies the tokens of standard input, one a line. One alone is shown
// whole.
func (p *program) verifyLines(ctx context.Context, judge judge) error {
	scanner := bufio.NewScanner(p.env.Stdin)
	scanner.Buffer(make([]byte, 0, 64<<10), limit.Token+2)
	first, err := nextLine(ctx, scanner)
	if err != nil {
		return err
	}
	second, err := nextLine(ctx, scanner)
	switch {
	case first == "":
		return usage("there is no token: standard input was empty")
	case err == nil && second == "":
		return p.verifyOne(ctx, judge, first)
	case err != nil:
		return err
	}
	// A token leaves a few kilobytes behind and nothing else: collecting them so
	// often as a small heap asks for costs more than their room.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	report := &report{p: p, out: bufio.NewWriter(p.env.Stdout)}
	report.begin()
	err = parallel(ctx, lines(scanner, first, second), judge, report.add)
	if readErr := scanner.Err(); err == nil && readErr != nil {
		err = usage("standard input: %v", readErr)
	}
	return report.end(ctx, err)
}

// nextLine is the next line that is not empty, "" at the end. It gives up when ctx
// ends: nobody may ever type one.
func nextLine(ctx context.Context, scanner *bufio.Scanner) (string, error) {
	return read(ctx, "standard input", func() ([]byte, error) {
		for scanner.Scan() {
			if line := strings.TrimSpace(scanner.Text()); line != "" {
				return []byte(line), nil
			}
		}
		return nil, scanner.Err()
	})
}

// lines are the tokens of a stream, of which two were read ahead.
func lines(scanner *bufio.Scanner, ahead ...string) func() (string, bool) {
	return func() (string, bool) {
		if len(ahead) > 0 {
			line := ahead[0]
			ahead = ahead[1:]
			return line, true
		}
		for scanner.Scan() {
			if line := strings.TrimSpace(scanner.Text()); line != "" {
				return line, true
			}
		}
		return "", false
	}
}

// parallel judges the tokens of next on all processors, and hands what came of them
// to done in their order. So many are under way at a time that none waits for the
// slowest, and no more.
func parallel(ctx context.Context, next func() (string, bool), judge judge, done func(verified) error) error {
	const batch = 64
	type job struct {
		tokens  []string
		first   int
		results chan []verified
	}
	workers := runtime.GOMAXPROCS(0)
	jobs, order := make(chan job, workers), make(chan job, 4*workers)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range workers {
		go func() {
			for j := range jobs {
				results := make([]verified, len(j.tokens))
				for i, raw := range j.tokens {
					token, err := judge(ctx, raw)
					results[i] = verified{j.first + i, token, err}
				}
				j.results <- results
			}
		}()
	}
	go func() {
		defer close(order)
		defer close(jobs)
		for line := 1; ; {
			j := job{first: line, results: make(chan []verified, 1)}
			for len(j.tokens) < batch {
				raw, ok := next()
				if !ok {
					break
				}
				j.tokens = append(j.tokens, raw)
			}
			if len(j.tokens) == 0 {
				return
			}
			line += len(j.tokens)
			select {
			case order <- j:
				jobs <- j
			case <-ctx.Done():
				return
			}
		}
	}()
	for j := range order {
		for _, v := range <-j.results {
			if err := done(v); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	return context.Cause(ctx)
}

// A report shows what came of a stream, as it comes.
type report struct {
	p          *program
	out        *bufio.Writer
	valid, bad int
	first      error // that a token was bad
}

func (r *report) begin() {
	if r.p.options.json() {
		head, _ := transcript.Compact(r.p.run.Command) // a string
		fmt.Fprintf(r.out, "{\"schema\":%d,\"command\":%s,\"tokens\":[", transcript.Version, head)
	}
}

// add shows one result. A key that cannot be had ends the stream.
func (r *report) add(v verified) error {
	var transport *oidc.TransportError
	var protocol *oidc.ProtocolError
	if errors.As(v.err, &transport) || errors.As(v.err, &protocol) {
		return v.err
	}
	if v.err != nil {
		r.bad++
		if r.first == nil {
			r.first = v.err
		}
	} else {
		r.valid++
	}
	if !r.p.options.json() {
		return r.addText(v)
	}
	var d strictjson.Ordered
	d.Add("line", v.line)
	d.Add("verified", v.err == nil && v.token.Verified)
	if v.err != nil {
		d.Add("code", oidc.Reason(v.err))
		d.Add("message", r.p.redactor.Text(v.err.Error()))
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

func (r *report) addText(v verified) error {
	text := "valid"
	if v.err != nil {
		text = "bad    " + transcript.Escape(v.err.Error())
	}
	_, err := fmt.Fprintf(r.out, "%d\t%s\n", v.line, text)
	return err
}

// end says how many there were. The exit code is that of a broken rule if one token
// was bad.
func (r *report) end(ctx context.Context, err error) error {
	if err == nil && r.bad > 0 {
		err = fmt.Errorf("%d of %d tokens are bad: %w", r.bad, r.valid+r.bad, r.first)
	}
	var failure *transcript.Failure
	if err != nil {
		failure = r.p.failure(ctx, err)
		failure.Headline = ""
	}
	if r.p.options.json() {
		var d strictjson.Ordered
		d.Add("valid", r.valid)
		d.Add("bad", r.bad)
		tail, _ := transcript.Compact(d) // of two numbers
		fmt.Fprintf(r.out, "\n],\"summary\":%s", tail)
		if failure != nil {
			text, _ := transcript.Compact(failure) // of strings and a number
			fmt.Fprintf(r.out, ",\"error\":%s", text)
		}
		_, _ = io.WriteString(r.out, "}\n") // what fails shows when it is flushed
	}
	if flushErr := r.out.Flush(); flushErr != nil {
		return fmt.Errorf("writing to standard output: %w", flushErr)
	}
	if failure == nil {
		r.p.inform("%d tokens are valid", r.valid)
		return &doneError{0}
	}
	r.p.err.Failure(failure, nil)
	return &doneError{exitCode(failure)}
}
