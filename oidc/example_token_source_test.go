package oidc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/oidc-client/oidc-client/oidc"
	"github.com/oidc-client/oidc-client/optest"
)

// A tokenFile keeps the tokens of one login in a file.
type tokenFile string

// storedTokens are what has to be kept.
type storedTokens struct {
	AccessToken  string
	TokenType    string
	RefreshToken string
	IDToken      string
	ExpiresAt    time.Time
}

// load reads the tokens of the file.
func (f tokenFile) load() (*oidc.Tokens, error) {
	data, err := os.ReadFile(string(f))
	if err != nil {
		return nil, err
	}
	var s storedTokens
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, err
	}
	return &oidc.Tokens{
		AccessToken: s.AccessToken, TokenType: s.TokenType, RefreshToken: s.RefreshToken, IssuedIDToken: s.IDToken,
		ExpiresAt: s.ExpiresAt,
	}, nil
}

// store replaces the file at once, so that it is whole whenever the process ends. What it
// writes is on the disk when it returns: the refresh token before no longer works.
func (f tokenFile) store(t *oidc.Tokens) error {
	data, err := json.Marshal(storedTokens{t.AccessToken, t.TokenType, t.RefreshToken, t.IssuedIDToken, t.ExpiresAt})
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(string(f)), "tokens") // with the mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // fails once it is renamed
	if _, err := next.Write(data); err != nil {
		return err
	}
	if err := next.Sync(); err != nil {
		return err
	}
	if err := next.Close(); err != nil {
		return err
	}
	return os.Rename(next.Name(), string(f))
}

// Have valid tokens at any time: a source refreshes them, and stores the new ones before
// anybody uses them.
func ExampleTokenSource() {
	t := newExample() // in a test: the *testing.T
	defer t.end()
	op := optest.Start(t, optest.Client{ID: "cli"})
	ctx := context.Background()

	// The file of a login some time ago.
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer os.RemoveAll(folder)
	file := tokenFile(filepath.Join(folder, "tokens.json"))
	first := op.RefreshToken("cli", "alice")
	if err := file.store(&oidc.Tokens{RefreshToken: first, ExpiresAt: time.Now()}); err != nil {
		t.Fatalf("%v", err)
	}

	tokens, err := file.load()
	if err != nil {
		t.Fatalf("%v", err)
	}
	client := &oidc.LazyClient{Issuer: op.Issuer, New: func(p *oidc.Provider) (*oidc.Client, error) {
		return &oidc.Client{Provider: p, ID: "cli"}, nil
	}}
	source := &oidc.TokenSource{Client: client.Client, Tokens: tokens, Store: file.store}

	for range 3 {
		if tokens, err = source.Token(ctx); err != nil {
			t.Fatalf("%v", err)
		}
	}
	stored, err := file.load()
	if err != nil {
		t.Fatalf("%v", err)
	}
	fmt.Println("requests:", len(op.Requests("token")))
	fmt.Println("rotated and stored:", stored.RefreshToken == tokens.RefreshToken && stored.RefreshToken != first)
	// Output:
	// requests: 1
	// rotated and stored: true
}
