// agent: sessions at hand for whatever asks.

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidc-client/oidc-client/internal/agent"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/place"
	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

func agentCommand(p *program) *cobra.Command {
	var socket string
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Keep sessions fresh, and at hand for token",
		Long: `Keep sessions fresh, and at hand for token

Renews sessions before they end, and hands their tokens out over a UNIX socket (a
named pipe on Windows) to processes of the same user: token, exec and the helpers use
it if it is there. While a provider is down it serves what is still valid, and asks
again with growing pauses. The refresh tokens never leave it. It runs until it is
interrupted, or told to by "agent stop".

A session that was made with --in-memory is with the agent only, and ends with it.

The socket is OIDC_AGENT_SOCK, or oidc-client/agent.sock in XDG_RUNTIME_DIR, or one
beside the sessions; the pipe is OIDC_AGENT_SOCK, or one named after the folder of the
sessions. GET /health and /metrics (Prometheus) are served there too.`,
		Example: `  oidc-client agent &
  curl --unix-socket "$XDG_RUNTIME_DIR/oidc-client/agent.sock" http://agent/metrics
  oidc-client agent stop`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := p.run.Bounded(cmd.Context())
			defer cancel()
			return runAgent(ctx, p.run, socket)
		},
	}
	cmd.Flags().StringVar(&socket, "socket", "", "`path` of the socket, or name of the pipe")
	addNoCache(cmd)
	cmd.AddCommand(agentStatusCommand(p), agentStopCommand(p))
	return cmd
}

func runAgent(ctx context.Context, r *run.Run, socket string) error {
	if err := agent.HideMemory(); err != nil {
		r.Warn("other processes of this user can read the memory of the agent: %v", err)
	}
	store, err := sessionFiles(r)
	if err != nil {
		return err
	}
	store.Remember = true
	if socket == "" {
		socket = place.Agent(r.Env.Getenv)
	}
	listener, err := agent.Listen(ctx, socket)
	if err != nil {
		return failure.Config("the agent cannot listen on %s: %v", socket,
			err).Try("`oidc-client agent status` asks the agent that is running; --socket or OIDC_AGENT_SOCK names " +
			"another place")
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var telling sync.Mutex
	locksFail := store.LocksFail
	store.LocksFail = func() {
		telling.Lock()
		defer telling.Unlock()
		locksFail()
	}
	memory := &session.Memory{}
	both := session.Both{First: memory, Second: store}
	a := agent.New(agent.Options{
		Store: both, Folder: place.FolderID(store.Folder), Memory: memory, Now: r.Env.Now,
		Renew:   renewFor(r, both),
		LogOut:  func(ctx context.Context, s *session.Session) error { return logOutFor(ctx, r, s) },
		Explain: func(ctx context.Context, err error) []byte { return explainFor(ctx, r, err) },
		Changed: (&session.Watch{Folder: store.Folder}).Changed,
		Tell: func(ok bool, format string, args ...any) {
			telling.Lock()
			defer telling.Unlock()
			if ok {
				r.Inform(format, args...)
			} else {
				r.Warn(format, args...)
			}
		},
	})
	r.Inform("the agent listens on %s", socket)
	return serveAgent(ctx, a, listener, stop)
}

// serveAgent serves until ctx ends, and lets renewals that are under way come to their
// end.
func serveAgent(ctx context.Context, a *agent.Agent, listener *agent.Listener, stop func()) error {
	server := &http.Server{
		Handler: a.Handler(stop), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: log.New(&bytes.Buffer{}, "", 0), // what clients do wrong is told to them
	}
	kept := make(chan struct{})
	ctx, end := context.WithCancel(ctx)
	go func() { a.Keep(ctx); close(kept) }()
	err := a.Serve(ctx, server, listener)
	if err != nil {
		err = failure.Config("the agent ends: %v", err)
	}
	end()
	ending, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if shut := server.Shutdown(ending); err == nil {
		err = shut
	}
	select {
	case <-kept:
	case <-ending.Done():
	}
	return err
}

// renewFor renews sessions for the agent, each in a run of its own.
func renewFor(r *run.Run,
	store session.Store,
) func(context.Context, string, session.Need) (*renewal.Outcome, error) {
	return func(ctx context.Context, name string, need session.Need) (*renewal.Outcome, error) {
		one := r.Silent()
		if need.NoCache {
			one.Options.Cache = "false"
		}
		out, err := renewHere(ctx, one, store, name, need)
		out.Behind = told(ctx, one, out.Behind)
		return out, told(ctx, one, err)
	}
}

// A toldError is an error as the run tells it that it is of: others do not know which
// secrets it may repeat.
type toldError struct {
	failure *failure.Failure
	err     error
}

func (e *toldError) Error() string { return e.failure.Message }

func (e *toldError) Unwrap() error { return e.err }

// told is err, nil if it is, for other runs than this one: that who asked is gone is nothing to
// them.
func told(ctx context.Context, r *run.Run, err error) error {
	if err == nil {
		return nil
	}
	return &toldError{r.Failure(context.WithoutCancel(ctx), err), err}
}

// logOutFor revokes the tokens of a session for the agent.
func logOutFor(ctx context.Context, r *run.Run, s *session.Session) error {
	one := r.Silent()
	client, err := sessionClient(ctx, one, s, nil)
	if err == nil {
		err = revokeSession(ctx, client, s)
	}
	return told(ctx, one, err)
}

// explainFor is an error as the program tells it, as JSON.
func explainFor(ctx context.Context, r *run.Run, err error) []byte {
	one := r.Silent()
	var told *toldError
	if errors.As(err, &told) {
		one.Record.Failure = told.failure
	} else {
		one.Record.Failure = one.Failure(ctx, err)
	}
	var b bytes.Buffer
	if err := (&transcript.JSONView{W: &b}).End(one.Record); err != nil {
		return nil
	}
	return b.Bytes()
}

func agentStatusCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Ask the agent how it is",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return agentStatus(p.run, cmd) },
	}
}

func agentStatus(r *run.Run, cmd *cobra.Command) error {
	ctx, cancel := r.Bounded(cmd.Context())
	defer cancel()
	client, err := theAgent(r, "")
	if err != nil {
		return err
	}
	body, well, err := client.Health(ctx)
	if err != nil {
		return err
	}
	r.Note("socket", client.Socket)
	r.Inform("the agent listens on %s", client.Socket)
	r.Show(transcript.JSONResult("agent", "Agent", "Agent", body))
	if !well {
		r.Warn("a session cannot be renewed; `oidc-client sessions list` shows which")
	}
	return nil
}

func agentStopCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "Tell the agent to end",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := p.run.Bounded(cmd.Context())
			defer cancel()
			client, err := theAgent(p.run, "")
			if err == nil {
				err = client.Stop(ctx)
			}
			if err == nil {
				p.run.Note("stopped", true)
				p.run.Inform("the agent ends")
			}
			return err
		},
	}
}

// theAgent is the agent that has to be there, with the sessions of a folder; "" is any.
func theAgent(r *run.Run, folder string) (*agent.Client, error) {
	socket := place.Agent(r.Env.Getenv)
	if err := place.Trusted(socket); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("no agent listens on %s", socket)
		}
		return nil, failure.Config("%v", err).Try("`oidc-client agent` runs one; OIDC_AGENT_SOCK says where")
	}
	return &agent.Client{Socket: socket, Folder: folder}, nil
}
