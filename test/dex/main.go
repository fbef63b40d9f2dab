// Dex is an OpenID Provider in Go, independent of ours, for interoperability
// tests: the server of github.com/dexidp/dex with everything in memory.
//
// Its standard input is a line of JSON, its settings; on its standard output it
// answers with another, {"issuer": URL}, when it listens, on a loopback address.
// It ends when its standard input does, and after ten minutes at the latest.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"
)

// A settings says what the provider knows.
type settings struct {
	Web       string            // dex's own folder of pages
	Users     map[string]string // email: password
	Clients   []storage.Client
	Approve   bool // ask the user for consent
	Responses []string
}

func main() {
	stdin := bufio.NewReader(os.Stdin)
	if err := run(stdin); err != nil {
		log.Fatal(err)
	}
	go func() {
		time.Sleep(10 * time.Minute)
		os.Exit(3)
	}()
	_, _ = io.Copy(io.Discard, stdin)
}

// run starts the provider.
func run(stdin *bufio.Reader) error {
	line, err := stdin.ReadBytes('\n')
	if err != nil {
		return err
	}
	var s settings
	if err := json.Unmarshal(line, &s); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := "http://" + listener.Addr().String() + "/dex"
	handler, err := s.server(issuer)
	if err != nil {
		return err
	}
	go func() { log.Fatal((&http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}).Serve(listener)) }()
	_, err = fmt.Printf("{\"issuer\":%q}\n", issuer)
	return err
}

// server is dex.
func (s settings) server(issuer string) (http.Handler, error) {
	logger := logrus.New()
	logger.SetOutput(os.Stderr)
	store := storage.WithStaticClients(memory.New(logger), s.Clients)
	var users []storage.Password
	for email, password := range s.Users {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost+6) // dex wants at least 10
		if err != nil {
			return nil, err
		}
		users = append(users, storage.Password{Email: email, Username: email, UserID: "id of " + email, Hash: hash})
	}
	store = storage.WithStaticPasswords(store, users, logger)
	store = storage.WithStaticConnectors(store,
		[]storage.Connector{{ID: server.LocalConnector, Type: server.LocalConnector, Name: "Email"}})
	return server.NewServer(context.Background(), server.Config{
		Issuer: issuer, Storage: store, Logger: logger, Web: server.WebConfig{Dir: s.Web},
		SupportedResponseTypes: s.Responses, SkipApprovalScreen: !s.Approve,
		PrometheusRegistry: prometheus.NewRegistry(),
	})
}
