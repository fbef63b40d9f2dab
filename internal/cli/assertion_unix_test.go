//go:build unix

package cli

import (
	"strings"
	"testing"
	"time"
)

// A command prints the client assertion. It is run without a shell, knows none of our secrets, and does not
// hold anybody up.
func TestAssertionOfCommand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		command string // after the brackets
		code    int
		want    string // on standard error, if it is not sent
	}{
		"prints":        {"cat, $DIR/assertion.jwt", 0, ""},
		"is no shell":   {"echo, '$(cat $DIR/assertion.jwt)'", 2, "this is no client assertion"},
		"fails":         {"cat, $DIR/missing", 2, "exit status 1: cat: "},
		"is not there":  {"/no/such/program", 2, "no such file"},
		"prints much":   {"cat, /dev/zero", 2, "it prints more than"},
		"says too much": {"sh, -c, 'yes error >&2'", 2, "error error"},
		"does not end":  {"sleep, '1000'", 6, "the --timeout of 4s ran out"},
		"leaves others": {"sh, -c, 'sleep 3 & cat $DIR/assertion.jwt'", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, false, time.Now())
			defer s.Close()
			file := s.newFile("workload.yaml", s.filled("client_assertion: {command: ["+c.command+"]}\n"))
			code, stdout, stderr := s.plainly(asWorkload + "--timeout 4s -c " + file)
			if code != c.code || !strings.Contains(stderr, c.want) {
				t.Errorf("exit code %d, want %d and %q\n%s", code, c.code, c.want, stderr)
			}
			if sent := len(s.forms()) > 0; sent != (c.code == 0) {
				t.Errorf("sent: %t", sent)
			}
			if strings.Contains(stdout+stderr, s.env["ASSERTION"]) {
				t.Errorf("it is shown:\n%s%s", stdout, stderr)
			}
		})
	}
}
