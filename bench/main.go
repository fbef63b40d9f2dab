//go:build unix

// Command bench measures the programs from outside: start-up against a Go hello
// world, round trips of a cold refresh-token through a delaying proxy, its CPU
// and memory, sessions, and a stream of tokens. Everything stays on the loopback
// address.
//
//	make build && go run ./bench -binary bin/oidc-client
package main

import (
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/fakeop"
)

func main() {
	log.SetFlags(0)
	binary := flag.String("binary", "bin/oidc-client", "the program to measure")
	runs := flag.Int("n", 20, "counted runs of each command, after two that are not")
	tokens := flag.Int("tokens", 100_000, "tokens of each algorithm for jwt verify; 0 leaves it out")
	only := flag.String("only", "", "measure only this: start, refresh, sessions or verify")
	flag.Parse()
	path, err := filepath.Abs(*binary)
	if err != nil {
		log.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "oidc-client-bench-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	b := bench{binary: path, runs: *runs, folder: folder}
	err = nil
	for _, part := range []struct {
		name string
		run  func() error
	}{
		{"start", b.startUp},
		{"refresh", b.refreshes},
		{"sessions", b.sessions},
		{"verify", func() error { return b.verify(*tokens) }},
	} {
		if *only == "" && (part.name != "verify" || *tokens > 0) || *only == part.name {
			err = errors.Join(err, part.run())
		}
	}
	if err != nil {
		log.Print(err)
		os.Exit(1) //nolint:gocritic // the folder is temporary
	}
}

type bench struct {
	binary, folder string
	runs           int
}

func (b bench) refreshes() error {
	for _, h2 := range []bool{true, false} {
		for _, warm := range []bool{false, true} {
			if err := b.refresh(h2, warm); err != nil {
				return err
			}
		}
	}
	return nil
}

// A sample is the median of several runs.
type sample struct {
	wall, cpu time.Duration
}

// compare runs commands in turn, several times, so that whatever else the machine does
// falls on all of them.
func (b bench) compare(commands ...[]string) ([]sample, error) {
	walls, cpus := make([][]time.Duration, len(commands)), make([][]time.Duration, len(commands))
	for i := range b.runs + 2 {
		for n, command := range commands {
			//nolint:gosec,noctx // the program under measurement, bounded by its own --timeout
			cmd := exec.Command(command[0], command[1:]...)
			start := time.Now()
			out, err := cmd.CombinedOutput()
			wall := time.Since(start)
			if err != nil {
				return nil, fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out)
			}
			if i < 2 {
				continue
			}
			walls[n] = append(walls[n], wall)
			cpus[n] = append(cpus[n], cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		}
	}
	samples := make([]sample, len(commands))
	for n := range commands {
		samples[n] = sample{median(walls[n]), median(cpus[n])}
	}
	return samples, nil
}

func median[T int64 | time.Duration](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

func mb(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

// refresh measures refresh-token over TLS at several delays, cold or with metadata and keys
// in the cache.
func (b bench) refresh(h2, warm bool) error {
	name := map[bool]string{true: "HTTP/2", false: "HTTP/1.1"}[h2] +
		map[bool]string{true: ", metadata and keys cached"}[warm]
	op := fakeop.StartTLS(h2)
	defer op.Close()
	cached, err := os.MkdirTemp(b.folder, "cache-")
	if err != nil {
		return err
	}
	if err := os.Setenv("XDG_CACHE_HOME", cached); err != nil {
		return err
	}
	if warm {
		for _, path := range []string{"/.well-known/openid-configuration", "/jwks"} {
			op.Handlers[path] = func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", "max-age=3600")
				op.Answer(w, r)
			}
		}
	}
	ca := filepath.Join(b.folder, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: op.Certificate().Raw}),
		0o600); err != nil {
		return err
	}
	delays := []time.Duration{0, 20 * time.Millisecond, 100 * time.Millisecond}
	var walls []time.Duration
	for _, rtt := range delays {
		proxy, err := startProxy(op.Listener.Addr().String(), rtt)
		if err != nil {
			return err
		}
		issuer := "https://" + proxy.Addr().String()
		op.Lock()
		for member, value := range op.Metadata {
			if text, ok := value.(string); ok {
				op.Metadata[member] = issuer + text[strings.LastIndex(text, "/"):]
			}
		}
		op.Metadata["issuer"], op.Claims["iss"] = issuer, issuer
		op.Claims["exp"] = time.Now().Add(time.Hour).Unix()
		op.Unlock()
		command := []string{
			b.binary, "refresh-token", "--issuer", issuer, "--client-id", fakeop.ClientID,
			"--ca-cert", ca, "--refresh-token", fakeop.RefreshToken, "--timeout", "30s",
		}
		s, err := b.compare(command)
		rss, memoryErr := b.memory(command)
		_ = proxy.Close()
		if err := errors.Join(err, memoryErr); err != nil {
			return err
		}
		walls = append(walls, s[0].wall)
		fmt.Printf("refresh-token, TLS, %s, round trip %s: wall %s, CPU %s, %.1f MB\n", name, rtt, ms(s[0].wall),
			ms(s[0].cpu), mb(rss))
	}
	trips := float64(walls[len(walls)-1]-walls[0]) / float64(delays[len(delays)-1])
	fmt.Printf("refresh-token, TLS, %s: %.2f sequential round trips\n", name, trips)
	return nil
}

// startProxy forwards TCP to an address and delays it: each chunk by half the
// round trip each way, and the first of a connection by a whole one more, for
// the handshake of TCP.
func startProxy(to string, rtt time.Duration) (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed by the caller
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			accepted := time.Now()
			go func() {
				server, err := net.Dial("tcp", to) //nolint:noctx // loopback
				if err != nil {
					_ = client.Close()
					return
				}
				go delay(server, client, rtt/2, accepted.Add(rtt))
				delay(client, server, rtt/2, time.Time{})
			}()
		}
	}()
	return l, nil
}

// delay copies from src to dst, each chunk after d, and none before start has
// passed by d.
func delay(dst, src net.Conn, d time.Duration, start time.Time) {
	type chunk struct {
		data []byte
		due  time.Time
	}
	chunks := make(chan chunk, 1024)
	go func() {
		defer close(chunks)
		for {
			data := make([]byte, 64<<10)
			n, err := src.Read(data)
			if n > 0 {
				from := time.Now()
				if from.Before(start) {
					from = start
				}
				chunks <- chunk{data[:n], from.Add(d)}
			}
			if err != nil {
				return
			}
		}
	}()
	for c := range chunks {
		time.Sleep(time.Until(c.due))
		if _, err := dst.Write(c.data); err != nil {
			break
		}
	}
	_ = dst.Close()
	_, _ = io.Copy(io.Discard, src)
}
