//go:build unix

package cli

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/oidc"
)

// What the agent tells one caller is not that another is gone.
func TestToldToOthers(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := told(ctx, run.New(quiet(), run.Options{}, "agent"),
		errors.Join(&oidc.TransportError{Endpoint: "token", Status: 503, Err: errors.New("HTTP status 503")},
			context.Canceled))
	var told *toldError
	if !errors.As(err, &told) || told.failure.Kind != failure.KindNetwork || told.failure.HTTPStatus != 503 {
		t.Errorf("%+v", told.failure)
	}
}

// A saying is output that can be waited for.
type saying struct {
	word string
	said chan struct{} // closed when the word was written
	once sync.Once
}

func (s *saying) Write(b []byte) (int, error) {
	if strings.Contains(string(b), s.word) {
		s.once.Do(func() { close(s.said) })
	}
	return len(b), nil
}

// runAgent runs an agent in the world of a provider, until the test ends.
func (p *publisher) runAgent(args ...string) {
	p.t.Helper()
	folder, err := os.MkdirTemp("", "agent") // the path of a socket is short
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = os.RemoveAll(folder) })
	p.env["OIDC_AGENT_SOCK"] = filepath.Join(folder, "agent.sock")
	env, listens := quiet(), &saying{word: "listens", said: make(chan struct{})}
	own := maps.Clone(p.env)
	env.Stderr, env.Getenv = listens, func(name string) string { return own[name] }
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() { ended <- Main(ctx, env, append([]string{"agent"}, args...)) }()
	p.t.Cleanup(func() { stop(); <-ended })
	select {
	case <-listens.said:
	case code := <-ended:
		p.t.Fatalf("the agent ended with %d", code)
	}
}

// An agent obeys its own --no-cache, and that of whoever asks it.
func TestAgentFollowsKeys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		agent, token []string
		want         int
	}{
		"the cache is used":         {nil, nil, 5},
		"--no-cache of the agent":   {[]string{"--no-cache"}, nil, 0},
		"--no-cache of who asks it": {nil, []string{"--no-cache"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPublisher(t)
			p.run("refresh-token", "--save", "work")
			for range 2 { // the second is within the minute: the tokens are withheld
				p.rotates("k1")
				p.run("sessions", "refresh", "work")
			}
			p.runAgent(c.agent...)
			if code, said := p.run(append([]string{"token", "work", "-d"}, c.token...)...); code != c.want ||
				strings.Contains(said, "jwks") {
				t.Errorf("exit code %d, want %d: %s", code, c.want, said)
			}
		})
	}
}
