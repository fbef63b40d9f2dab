//go:build unix

// Start-up: what commands that print something at hand take, against the hello world that Go is
// taught with.

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/session"
)

// hello builds the hello world.
func (b bench) hello() (string, error) {
	return b.build("hello", "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello, world\") }\n")
}

// small is oidc-token, which is beside the program.
func (b bench) small() string { return filepath.Join(filepath.Dir(b.binary), "oidc-token") }

// startUp runs the commands in turn, so that whatever else the machine does falls on all of them.
// It is an error if one takes more times as long as hello than it may.
func (b bench) startUp() error {
	store := &session.Files{Folder: filepath.Join(b.folder, "start")}
	if err := os.Setenv("OIDC_SESSIONS", store.Folder); err != nil {
		return err
	}
	s := kept("mine", "https://op.example", time.Hour)
	s.Tokens.IDToken, s.Tokens.IDTokenExpires = s.Tokens.AccessToken, s.Tokens.Expires
	if err := session.Save(store, s); err != nil {
		return err
	}
	hello, err := b.hello()
	if err != nil {
		return err
	}
	b.runs *= 5
	return b.times([]string{hello}, []limited{
		{[]string{b.small(), "mine"}, 1.5},
		{[]string{b.small(), "helper", "kubernetes", "mine"}, 1.5},
		{[]string{b.binary, "version"}, 3},
		{[]string{b.binary, "token", "mine"}, 0},
	})
}

// A limited command takes most times as long as hello. 0 sets no limit.
type limited struct {
	command []string
	most    float64
}

// times compares commands with a floor.
func (b bench) times(floor []string, commands []limited) error {
	all := [][]string{floor}
	for _, c := range commands {
		all = append(all, c.command)
	}
	samples, err := b.compare(all...)
	if err != nil {
		return err
	}
	fmt.Printf("start-up, %d runs of each in turn%s: hello %s\n", b.runs, load(), ms(samples[0].wall))
	var slow []string
	for i, c := range commands {
		s := samples[i+1]
		ratio := float64(s.wall) / float64(samples[0].wall)
		name := filepath.Base(c.command[0]) + " " + strings.Join(c.command[1:], " ")
		rss, err := b.memory(c.command)
		if err != nil {
			return err
		}
		fmt.Printf("  %s: %s, %.2f times, %.1f MB\n", name, ms(s.wall), ratio, mb(rss))
		if c.most > 0 && ratio > c.most {
			slow = append(slow, fmt.Sprintf("%s takes more than %.1f times as long as hello", name, c.most))
		}
	}
	if len(slow) > 0 {
		return fmt.Errorf("%s", strings.Join(slow, "; "))
	}
	return nil
}

// load says how busy the machine is, if it tells.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	minute, _, ok := strings.Cut(string(text), " ")
	if err != nil || !ok {
		return ""
	}
	return ", load average " + minute
}
