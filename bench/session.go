//go:build unix

// Sessions: a token from the agent against hello, many processes at a session that has expired, and
// the agent under many callers.

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/session"
)

func (b bench) sessions() error {
	store := &session.Files{Folder: filepath.Join(b.folder, "sessions")}
	socket := filepath.Join(b.folder, "agent", "agent.sock")
	for name, value := range map[string]string{
		"OIDC_SESSIONS": store.Folder, "OIDC_AGENT_SOCK": socket,
		"OIDC_KEYRING": "off",
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	if err := session.Save(store, kept("mine", "https://op.example", time.Hour)); err != nil {
		return err
	}
	return errors.Join(b.tokens(socket), b.crowd(store), b.agentMemory(store, socket))
}

// kept is a session whose tokens end after a time.
func kept(name, issuer string, left time.Duration) *session.Session {
	now := time.Now()
	client, _ := json.Marshal(map[string]any{"flags": map[string][]string{
		"issuer":    {issuer},
		"client-id": {fakeop.ClientID},
	}})
	return &session.Session{
		Schema: session.Schema, Name: name, Generation: 1, Received: now.Add(-time.Minute), Renewable: true,
		Grant:  session.Grant{Issuer: issuer, ClientID: fakeop.ClientID, Scopes: []string{"openid"}},
		Tokens: session.Tokens{AccessToken: strings.Repeat("a", 600), TokenType: "Bearer", Expires: now.Add(left)},
		Secret: &session.Secret{RefreshToken: fakeop.RefreshToken, Client: client},
	}
}

// tokens compares tokens from the agent with hello, and has many ask the agent.
func (b bench) tokens(socket string) error {
	b.runs *= 5
	hello, err := b.hello()
	if err != nil {
		return err
	}
	_, stop, err := b.agent(socket)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Print("from the agent: ")
	err = b.times([]string{hello},
		[]limited{{[]string{b.small(), "mine"}, 1.5}, {[]string{b.binary, "token", "mine"}, 0}})
	return errors.Join(err, callers(socket))
}

// agent starts the agent and waits until it answers.
func (b bench) agent(socket string) (*exec.Cmd, func(), error) {
	cmd := exec.Command(b.binary, "agent") //nolint:gosec,noctx // the program under measurement, stopped below
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	stop := func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}
	for range 500 {
		if conn, err := net.Dial("unix", socket); err == nil { //nolint:noctx // a socket of ours
			return cmd, stop, conn.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	return nil, nil, fmt.Errorf("the agent does not listen")
}

// callers has 1,000 callers at a time ask the agent, each over its own connection.
func callers(socket string) error {
	const crowd, each = 1000, 20
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: crowd,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	took := make([]time.Duration, crowd*each)
	var failed error
	var mu sync.Mutex
	var all sync.WaitGroup
	start := time.Now()
	for i := range crowd {
		all.Go(func() {
			for j := range each {
				began := time.Now()
				//nolint:noctx // bounded by the run
				answer, err := client.Get("http://agent/sessions/mine/access_token")
				if err == nil {
					_, err = bufio.NewReader(answer.Body).ReadString('\n')
					_ = answer.Body.Close()
				}
				took[i*each+j] = time.Since(began)
				if err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	wall := time.Since(start)
	half := median(took) // sorts
	fmt.Printf("agent, %d callers at a time: %.0f tokens a second, median %s, 99 in 100 below %s, at most %s\n", crowd,
		float64(len(took))/wall.Seconds(), ms(half), ms(took[len(took)*99/100]), ms(took[len(took)-1]))
	return failed
}

// crowd has 100 processes ask for a token of one session that has expired.
func (b bench) crowd(store *session.Files) error {
	op := fakeop.Start()
	defer op.Close()
	const processes, rounds = 100, 5
	var walls []time.Duration
	for range rounds {
		if err := session.Save(store, kept("crowd", op.URL, -time.Second)); err != nil {
			return err
		}
		var all sync.WaitGroup
		failed := make(chan error, processes)
		start := time.Now()
		for range processes {
			all.Go(func() {
				//nolint:gosec,noctx // the program under measurement
				out, err := exec.Command(b.binary, "token", "crowd").CombinedOutput()
				if err != nil {
					failed <- fmt.Errorf("%w: %s", err, out)
				}
			})
		}
		all.Wait()
		walls = append(walls, time.Since(start))
		select {
		case err := <-failed:
			return err
		default:
		}
	}
	fmt.Printf("%d processes, one expired session: %s, %.1f refreshes\n", processes, ms(median(walls)),
		float64(op.Asked("/token"))/rounds)
	return nil
}

// agentMemory measures what the agent takes for 10,000 sessions.
func (b bench) agentMemory(store *session.Files, socket string) error {
	const many = 10_000
	var rss [2]int64
	for i := range rss {
		cmd, stop, err := b.agent(socket)
		if err != nil {
			return err
		}
		//nolint:gosec,noctx // makes it read all of them
		_, err = exec.Command(b.binary, "agent", "status").CombinedOutput()
		if err == nil {
			rss[i], err = resident(cmd.Process.Pid)
		}
		stop()
		if err != nil {
			return err
		}
		if i == 0 {
			for n := range many {
				s := kept(fmt.Sprintf("s%d", n), "https://op.example", time.Hour)
				data, err := json.Marshal(s)
				if err == nil {
					err = os.WriteFile(store.Path(s.Name), data, 0o600)
				}
				if err != nil {
					return err
				}
			}
		}
	}
	fmt.Printf("agent, %d sessions: %d MB more than with one, %.1f KB each\n", many, (rss[1]-rss[0])>>20,
		float64(rss[1]-rss[0])/many/1024)
	return nil
}

// resident is the memory of a process, in bytes.
func resident(pid int) (int64, error) {
	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output() //nolint:gosec,noctx // a number
	if err != nil {
		return 0, err
	}
	kb, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return kb << 10, err
}
