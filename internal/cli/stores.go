// Where sessions are kept.

package cli

import (
	"context"
	"os"
	"slices"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/keyring"
	"github.com/oidc-client/oidc-client/internal/place"
	"github.com/oidc-client/oidc-client/internal/session"
)

// store is where sessions are: in the agent's memory, if there is one, and in files.
func (p *program) store() (session.Store, error) {
	files, err := p.files()
	if err != nil {
		return nil, err
	}
	if p.agent == nil {
		p.agent = newAgentClient(place.Agent(p.Env.Getenv), files.Folder)
	}
	if p.agent == nil {
		return files, nil
	}
	missing := func(err error) {
		p.agent.warned.Do(func() {
			p.Warn("%v: the sessions in %s are used, without those in its memory. If it was stopped (Ctrl-Z), fg or kill -CONT lets it go on; otherwise end it and run `oidc-client agent` again", err, files.Folder)
		})
	}
	return session.Both{First: agentStore{p.agent}, Second: files, Missing: missing}, nil
}

// agentOf returns the agent that has a part of a store, nil if there is none.
func agentOf(store session.Store) *agentClient {
	if both, ok := store.(session.Both); ok {
		if first, ok := both.First.(agentStore); ok {
			return first.client
		}
	}
	return nil
}

// inAgent is the agent's store, if a session is there.
func inAgent(store session.Store, name string) (agentStore, bool) {
	both, ok := store.(session.Both)
	if !ok {
		return agentStore{}, false
	}
	if _, err := both.First.Load(name); err != nil {
		return agentStore{}, false
	}
	there, ok := both.First.(agentStore)
	return there, ok
}

// files are the sessions in files.
func (p *program) files() (*session.Files, error) {
	folder := place.Sessions(p.Env.Getenv)
	if folder == "" {
		return nil, failure.Config("there is no folder for sessions: neither OIDC_SESSIONS nor XDG_STATE_HOME nor HOME is set").Try("OIDC_SESSIONS names one")
	}
	store := &session.Files{Folder: folder, Sealed: p.keyringWish() == "require", LocksFail: func() {
		p.locksFail.Do(func() {
			p.Warn("file locks do nothing in %s, as on some network file systems. A refresh token is sent once all the same, but commands that run at the same time may ask for a login. OIDC_SESSIONS names another folder, on a local disk", folder)
		})
	}}
	switch {
	case p.keyringWish() == "off":
	case hasKeyring(p.Env.Getenv):
		store.Keys = &keyring.Keyring{Folder: folder}
	default:
		store.Keys = noKeyring{}
	}
	return store, nil
}

// storeFor is the store that a new session is asked to be in.
func (p *program) storeFor(ctx context.Context, o saveFlags) (session.Store, error) {
	if !o.memory {
		return p.newStore(ctx)
	}
	client, err := p.theAgent(place.Sessions(p.Env.Getenv))
	if err != nil {
		return nil, err
	}
	return agentStore{client}, nil
}

// newStore is the store for a new session: sealed if there is a keyring, which is found
// out now.
func (p *program) newStore(ctx context.Context) (*session.Files, error) {
	wish := p.keyringWish()
	if !slices.Contains([]string{"auto", "off", "require"}, wish) {
		return nil, failure.Config("OIDC_KEYRING is auto, off or require")
	}
	store, err := p.files()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(store.Folder, 0o700); err != nil {
		return nil, failure.Config("--save: %v", err).Try("OIDC_SESSIONS names another folder for sessions")
	}
	why := "OIDC_KEYRING is off"
	if wish != "off" {
		_, err := store.Keys.Key(ctx, true)
		if err == nil {
			store.Sealing = true
			return store, nil
		}
		if wish == "require" {
			return nil, &session.SealError{Err: err}
		}
		why = (&session.SealError{Err: err}).Error()
	}
	p.Inform("what renews the session is kept unencrypted, in a file of %s that only you can read (0600): %s", store.Folder, why)
	return store, nil
}

// noKeyring is the keyring of a machine without one: to look for one would start it.
type noKeyring struct{}

func (noKeyring) Key(context.Context, bool) (session.Key, error) { return nil, session.ErrNoKeyring }

// keyringWish is what OIDC_KEYRING asks for.
func (p *program) keyringWish() string {
	if wish := p.Env.Getenv("OIDC_KEYRING"); wish != "" {
		return wish
	}
	return "auto"
}
