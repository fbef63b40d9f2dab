// The real program at providers that we did not write: flows, times ways for the
// client to authenticate, times ways to bind tokens to it. What a cell does is in
// matrix_flows_test.go, what has to arrive at the provider in
// matrix_arrived_test.go.

package test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/oidc-client/oidc-client/internal/cli"
	"github.com/oidc-client/oidc-client/internal/run"
)

// A cell is a journey of one client.
type cell struct {
	Flow, Auth, Bound string
	try               func(*journey)
	waits             bool // for seconds, because the provider sets the pace

	outcome string // "" until it was run
}

// A stop ends a journey that cannot go on.
type stop struct{}

// run runs the cell.
func (c *cell) run(t *testing.T) {
	c.outcome = "FAILED" // if a helper ends the test
	j := &journey{t: t, cell: c, folder: t.TempDir(), jtis: map[string]bool{}}
	func() {
		defer func() {
			if e := recover(); e != nil && e != (stop{}) {
				panic(e)
			}
		}()
		c.try(j)
	}()
	if len(j.failures) > 0 {
		t.Error(strings.Join(j.failures, "\n"))
		return
	}
	c.outcome = "ok"
}

// runCells runs all cells, some at a time (or as many as there are processors), but
// those that wait all at once; then it shows what was run.
func runCells(t *testing.T, cells []*cell, atOnce ...int) {
	t.Helper()
	began := time.Now()
	t.Run("cells", func(t *testing.T) {
		var all sync.WaitGroup
		defer all.Wait()
		slots := make(chan struct{}, append(atOnce, runtime.GOMAXPROCS(0))[0])
		for _, c := range cells {
			all.Go(func() {
				if !c.waits {
					slots <- struct{}{}
					defer func() { <-slots }()
				}
				t.Run(strings.Join([]string{c.Flow, c.Auth, c.Bound}, "/"), c.run)
			})
		}
	})
	t.Logf("%d cells in %s\n%s", len(cells), time.Since(began).Round(time.Millisecond), table(cells))
	for _, c := range cells {
		if c.outcome == "" && !someOnly() {
			t.Errorf("%s, %s, %s was not run", c.Flow, c.Auth, c.Bound)
		}
	}
}

// someOnly says that somebody looks at a few cells.
func someOnly() bool { return strings.Contains(flag.Lookup("test.run").Value.String(), "/") }

// table shows the cells, a line for each flow.
func table(cells []*cell) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	last := ""
	for _, c := range cells {
		flow := c.Flow
		if flow == last {
			flow = ""
		}
		last = c.Flow
		outcome := c.outcome
		switch {
		case outcome == "" && someOnly():
			continue
		case outcome == "":
			outcome = "NOT RUN"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", flow, c.Auth, c.Bound, outcome)
	}
	_ = w.Flush() // to memory
	return b.String()
}

// A journey is what one client does with the program, one command after the other.
type journey struct {
	t        *testing.T
	cell     *cell
	folder   string
	config   string  // the configuration file
	browser  browser // what the program opens
	screen   *window // that, if it is the real one
	failures []string

	rp   *rawClient // at a provider with a log of what arrived, or nil
	seen int        // how much of the log was looked at
	jtis map[string]bool
	jwk  map[string]any // of the DPoP proofs

	port        string // of the redirect URI; "" means any
	ping, calls string // where the program listens for a ping, and for logout tokens
}

func (j *journey) errorf(format string, args ...any) {
	j.failures = append(j.failures, fmt.Sprintf(format, args...))
}

func (j *journey) fatalf(format string, args ...any) {
	j.errorf(format, args...)
	panic(stop{})
}

// write writes a file for a flag, and returns "@" and its path.
func (j *journey) write(name, text string) string {
	j.t.Helper()
	path := filepath.Join(j.folder, name)
	check(j.t, os.WriteFile(path, []byte(text), 0o600))
	return "@" + path
}

// A ran is one run of the program.
type ran struct {
	code   int
	args   []string
	stderr string
	document
	AccessToken        *verified `json:"access_token"`
	FrontIDToken       *verified `json:"authorization_id_token"`
	Introspection      map[string]any
	IntrospectionToken *verified `json:"introspection_token"`
	Registration       map[string]any
	Logouts            []struct{ Accepted bool }
	requests           []received // what arrived meanwhile
}

type verified struct{ Verified bool }

func (r *ran) text(name string) string {
	text, _ := r.TokenResponse[name].(string)
	return text
}

// outcome is what came of a rule the last time.
func (r *ran) outcome(id string) string {
	last := "absent"
	for _, c := range r.Checks {
		if c.ID == id {
			last = c.Outcome
		}
	}
	return last
}

func (r *ran) String() string {
	errors := ""
	if r.Error != nil {
		errors = fmt.Sprintf(" %+v", *r.Error)
	}
	return fmt.Sprintf("%s: exit %d%s\n%s", strings.Join(r.args, " "), r.code, errors, r.stderr)
}

// run runs a command with the journey's configuration file.
func (j *journey) run(stdin string, args ...string) *ran {
	j.t.Helper()
	return j.runWith(j.t.Context(), nil, io.Discard, stdin, append(args, "-c", j.config)...)
}

// runWith runs a command in an environment of its own. Whatever it says on standard
// error goes to said as well.
func (j *journey) runWith(parent context.Context, environment map[string]string, said io.Writer, stdin string,
	args ...string,
) *ran {
	j.t.Helper()
	ctx, cancel := context.WithTimeout(parent, 40*time.Second)
	defer cancel()
	var opening sync.WaitGroup
	var out, errs syncBuffer
	variables := map[string]string{"BROWSER": "browser"}
	maps.Copy(variables, environment)
	env := &run.Env{
		Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: io.MultiWriter(&errs, said), Now: time.Now,
		Getenv: func(name string) string { return variables[name] }, Terminal: func(io.Writer) bool { return false },
		Start: func(argv []string) (<-chan error, error) {
			opening.Go(func() {
				if _, err := j.browser.Open(ctx, argv[len(argv)-1]); err != nil && ctx.Err() == nil {
					fmt.Fprintf(&errs, "the browser: %v\n", err)
				}
			})
			return nil, nil
		},
	}
	r := &ran{args: args}
	r.code = cli.Main(ctx, env, append(args, "--format", "json", "--timeout", "30s"))
	opening.Wait() // the listener is closed, so that no page keeps it
	r.stderr = errs.String()
	if err := json.Unmarshal([]byte(out.String()), r); err != nil {
		j.fatalf("%s: not JSON: %v\n%s\n%s", args, err, out.String(), r.stderr)
	}
	j.look(r)
	return r
}

// look looks at what arrived at the provider during a run.
func (j *journey) look(r *ran) {
	if j.rp == nil {
		return
	}
	all := j.rp.provider.received(j.t, j.rp.ID, "")
	r.requests = all[min(j.seen, len(all)):]
	j.seen = len(all)
	if r.code == 0 {
		j.arrived(r)
	}
}

// must runs a command that has to end with 0.
func (j *journey) must(stdin string, args ...string) *ran {
	j.t.Helper()
	r := j.run(stdin, args...)
	if r.code != 0 {
		j.fatalf("%s\n%s", r, refusalsOf(r.requests))
	}
	return r
}

// refusalsOf is what the provider says of requests that it refused.
func refusalsOf(requests []received) string {
	var b bytes.Buffer
	for _, r := range requests {
		if r.Error != "" {
			fmt.Fprintf(&b, "%s %s at %s: %d %s\n%s\n", r.Method, r.Path, r.Listener, r.Status, r.Error, r.Body)
		}
	}
	return b.String()
}

// hold says that something has to be so after a run.
func (j *journey) hold(r *ran, what string, holds bool) {
	if !holds {
		j.errorf("%s: %s", strings.Join(r.args, " "), what)
	}
}
