// Where sessions are kept.

package cli

import (
	"context"
	"os"
	"slices"
	"sync"

	"github.com/oidc-client/oidc-client/internal/agent"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/keyring"
	"github.com/oidc-client/oidc-client/internal/place"
	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
)

// An agentAtHand is the agent whose memory may have sessions.
type agentAtHand struct {
	client *agent.Client
	warned sync.Once // that it does not respond
}

// agentOf returns the agent that has sessions of a folder in its memory, nil if there is none.
func agentOf(r *run.Run, folder string) *agentAtHand {
	return run.Shared(r, func() *agentAtHand {
		socket := place.Agent(r.Env.Getenv)
		if socket == "" || place.Trusted(socket) != nil {
			return nil
		}
		return &agentAtHand{client: &agent.Client{Socket: socket, Folder: folder}}
	})
}

// missing warns that the agent does not respond.
func missing(r *run.Run, at *agentAtHand, folder string) func(error) {
	return func(err error) {
		at.warned.Do(func() {
			r.Warn("%v: the sessions in %s are used, without those in its memory. If it was stopped (Ctrl-Z), fg or "+
				"kill -CONT lets it go on; otherwise end it and run `oidc-client agent` again", err, folder)
		})
	}
}

// keeper has the sessions: in the agent's memory, if there is an agent, and in files.
func keeper(r *run.Run) (session.Keeper, error) {
	files, err := sessionFiles(r)
	if err != nil {
		return nil, err
	}
	here := &renewal.Keeper{
		Store: files, File: files.Path, Now: r.Env.Now,
		Renew: func(ctx context.Context, name string, need session.Need) (*renewal.Outcome, error) {
			return renewHere(ctx, r, files, name, need)
		},
		Revoke: func(ctx context.Context, s *session.Session) error {
			client, err := sessionClient(ctx, r, s, nil)
			if err != nil {
				return err
			}
			return revokeSession(ctx, client, s)
		},
	}
	at := agentOf(r, files.Folder)
	if at == nil {
		return here, nil
	}
	return session.Pair{First: at.client, Second: here, Missing: missing(r, at, files.Folder)}, nil
}

// openStore is where new sessions are put, and those that this process can open are.
func openStore(r *run.Run) (session.Store, error) {
	files, err := sessionFiles(r)
	if err != nil {
		return nil, err
	}
	at := agentOf(r, files.Folder)
	if at == nil {
		return files, nil
	}
	return session.Both{First: agent.Store{Client: at.client}, Second: files, Missing: missing(r, at, files.Folder)},
		nil
}

// A locksWarning is the warning that locks do nothing, which is given once.
type locksWarning struct{ sync.Once }

// sessionFiles are the sessions in files.
func sessionFiles(r *run.Run) (*session.Files, error) {
	folder := place.Sessions(r.Env.Getenv)
	if folder == "" {
		return nil, failure.Config("there is no folder for sessions: neither OIDC_SESSIONS nor XDG_STATE_HOME nor " +
			"HOME is set").Try("OIDC_SESSIONS names one")
	}
	store := &session.Files{Folder: folder, Sealed: keyringWish(r) == "require", LocksFail: func() {
		run.Shared(r, func() *locksWarning { return &locksWarning{} }).Do(func() {
			r.Warn("file locks do nothing in %s, as on some network file systems. A refresh token is sent once all "+
				"the "+
				"same, but commands that run at the same time may ask for a login. OIDC_SESSIONS names another "+
				"folder, "+
				"on a local disk", folder)
		})
	}}
	switch {
	case keyringWish(r) == "off":
	case hasKeyring(r.Env.Getenv):
		store.Keys = &keyring.Keyring{Folder: folder}
	default:
		store.Keys = noKeyring{}
	}
	return store, nil
}

// storeFor is the store that a new session is asked to be in.
func storeFor(ctx context.Context, r *run.Run, o saveFlags) (session.Store, error) {
	if !o.memory {
		return newStore(ctx, r)
	}
	client, err := theAgent(r, place.Sessions(r.Env.Getenv))
	if err != nil {
		return nil, err
	}
	return agent.Store{Client: client}, nil
}

// newStore is the store for a new session: sealed if there is a keyring, which is found
// out now.
func newStore(ctx context.Context, r *run.Run) (*session.Files, error) {
	wish := keyringWish(r)
	if !slices.Contains([]string{"auto", "off", "require"}, wish) {
		return nil, failure.Config("OIDC_KEYRING is auto, off or require")
	}
	store, err := sessionFiles(r)
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
	r.Inform("the refresh token is stored unencrypted, in a file of %s that only you can read (mode 0600): %s",
		store.Folder, why)
	return store, nil
}

// noKeyring is the keyring of a machine without one: to look for one would start it.
type noKeyring struct{}

func (noKeyring) Key(context.Context, bool) (session.Key, error) { return nil, session.ErrNoKeyring }

// keyringWish is what OIDC_KEYRING asks for.
func keyringWish(r *run.Run) string {
	if wish := r.Env.Getenv("OIDC_KEYRING"); wish != "" {
		return wish
	}
	return "auto"
}
