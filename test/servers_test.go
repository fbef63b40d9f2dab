// Servers of other people that run beside the tests: once for all tests of a
// run, as processes that end when their standard input does.

package test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// A shared value is made by the first test that wants it.
type shared[T any] struct {
	once  sync.Once
	value *T
}

// get starts the value, or returns the one that is there. What may be missing on
// a machine has to be looked for before: a skip here would be a failure of the
// next test.
func (s *shared[T]) get(t *testing.T, start func(*testing.T) *T) *T {
	t.Helper()
	s.once.Do(func() { s.value = start(t) })
	if s.value == nil {
		t.Fatal("it could not be started; the first test that wanted it says why")
	}
	return s.value
}

// atEnd is what to do when all tests have ended.
var atEnd struct {
	sync.Mutex
	list []func()
}

// whenAllEnds has something done when all tests have ended, the last first.
func whenAllEnds(f func()) {
	atEnd.Lock()
	defer atEnd.Unlock()
	atEnd.list = append(atEnd.list, f)
}

// endings are tests with what is to be done after them.
type endings struct{ *testing.M }

func (e endings) Run() int {
	code := e.M.Run()
	for i := len(atEnd.list) - 1; i >= 0; i-- {
		atEnd.list[i]()
	}
	return code
}

// sharedFolder is a folder until all tests have ended.
func sharedFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "oidc-client-test-")
	check(t, err)
	whenAllEnds(func() { _ = os.RemoveAll(folder) })
	return folder
}

// A syncBuffer is what a process says, while it is still saying it.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer // not embedded: its ReadFrom would pass the lock by
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// startServer runs a program until all tests have ended. It is told something on its standard
// input, and answers with one line of JSON when it is ready. Who does not answer is
// started again, so that no test waits for ever.
func startServer(t *testing.T, told string, answer any, argv ...string) *syncBuffer {
	t.Helper()
	var said *syncBuffer
	var err error
	for range 3 {
		if said, err = tryServer(t, told, answer, argv...); err == nil {
			return said
		}
	}
	t.Fatalf("%s did not start: %v\n%s", argv[0], err, said.String())
	return nil
}

// tryServer is startServer, once.
func tryServer(t *testing.T, told string, answer any, argv ...string) (*syncBuffer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	said := &syncBuffer{}
	cmd.Stderr = said
	stdin, err := cmd.StdinPipe()
	check(t, err)
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	_, err = io.WriteString(stdin, told)
	var line []byte
	if err == nil {
		late := time.AfterFunc(15*time.Second, cancel)
		line, err = bufio.NewReader(stdout).ReadBytes('\n')
		late.Stop()
	}
	if err == nil {
		err = json.Unmarshal(line, answer)
	}
	if err != nil {
		cancel()
		_ = cmd.Wait() // it was killed
		return said, err
	}
	whenAllEnds(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
		cancel()
	})
	return said, nil
}

// saidOnFailure shows what a server said since then, if the test fails.
func saidOnFailure(t *testing.T, name string, said *syncBuffer) {
	t.Helper()
	before := len(said.String())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s said meanwhile:\n%s", name, said.String()[before:])
		}
	})
}

// nodeProgram is Node.js, with an npm package that is needed.
func nodeProgram(t *testing.T, npm string) string {
	t.Helper()
	node := "node"
	if own := os.Getenv("NODE"); own != "" {
		node = own
	}
	_, err := exec.LookPath(node)
	needed(t, "Node.js", err)
	_, err = os.Stat("interop/node_modules/" + npm)
	needed(t, "npm "+npm, err)
	return node
}

// built is a program that install-tools has built into .cache.
func built(t *testing.T, name string) string {
	t.Helper()
	path := "../.cache/" + name
	_, err := os.Stat(path)
	needed(t, fmt.Sprintf("%s (.cache/%[1]s)", name), err)
	return path
}
