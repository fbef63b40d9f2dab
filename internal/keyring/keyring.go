// Package keyring keeps the key of sealed sessions in the keyring of the operating
// system: Secret Service, Keychain, or Credential Manager. Only the key is there, 32
// bytes: some keyrings hold little more.
package keyring

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/zalando/go-keyring"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/session"
)

// A Keyring keeps the key of one store. It asks the system's keyring once.
type Keyring struct {
	Folder string // of the store, which the key belongs to

	mu  sync.Mutex
	key session.Key
}

const service = "oidc-client"

// Key implements [session.Keys]. A key that is made is read back before it counts: some keyrings
// forget without a word.
func (k *Keyring) Key(ctx context.Context, create bool) (session.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.key != nil {
		return k.key, nil
	}
	key, err := k.read(ctx)
	if errors.Is(err, keyring.ErrNotFound) && create {
		key, err = k.create(ctx)
	}
	if errors.Is(err, keyring.ErrNotFound) {
		err = errors.New("it does not have the key that the sessions here were sealed with")
	}
	if err != nil {
		return nil, err
	}
	k.key = key
	return key, nil
}

func (k *Keyring) account() string { return "sessions in " + k.Folder }

func (k *Keyring) read(ctx context.Context) (session.Key, error) {
	text, err := timely(ctx, func() (string, error) { return keyring.Get(service, k.account()) })
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != 32 {
		return nil, errors.New("what it has under our name is no key")
	}
	return key, nil
}

// create makes a key, once for all processes.
func (k *Keyring) create(ctx context.Context) (session.Key, error) {
	unlock, err := durable.Lock(ctx, filepath.Join(k.Folder, "keyring"), func() bool { return false })
	if err != nil {
		return nil, err
	}
	defer unlock()
	if key, err := k.read(ctx); err == nil {
		return key, nil // another process was first
	}
	text := base64.StdEncoding.EncodeToString(session.NewKey())
	_, err = timely(ctx, func() (string, error) { return "", keyring.Set(service, k.account(), text) })
	if err != nil {
		return nil, err
	}
	return k.read(ctx)
}

// timely bounds a question to the keyring, which waits for a person if it is locked.
func timely(ctx context.Context, ask func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit.Keyring,
		fmt.Errorf("no answer within %s; it may be locked", limit.Keyring))
	defer cancel()
	done := make(chan answer, 1)
	go func() {
		text, err := ask()
		done <- answer{text, err}
	}()
	select {
	case a := <-done:
		return a.text, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
