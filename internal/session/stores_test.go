package session_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/internal/session/storetest"
)

// A keyring that is never locked.
type keyring struct{ key session.Key }

func (k keyring) Key(context.Context, bool) (session.Key, error) { return k.key, nil }

// Every store keeps what [session.Store] promises, also where locks do nothing.
func TestStores(t *testing.T) {
	t.Parallel()
	folder := func(t *testing.T) string { return filepath.Join(t.TempDir(), "sessions") }
	for name, open := range map[string]func(*testing.T) session.Store{
		"memory": func(*testing.T) session.Store { return &session.Memory{} },
		"files":  func(t *testing.T) session.Store { return &session.Files{Folder: folder(t)} },
		"files that are remembered": func(t *testing.T) session.Store {
			return &session.Files{Folder: folder(t), Remember: true}
		},
		"sealed files": func(t *testing.T) session.Store {
			return &session.Files{Folder: folder(t), Sealing: true, Keys: keyring{session.NewKey()}}
		},
		"two stores": func(t *testing.T) session.Store {
			return session.Both{First: &session.Memory{}, Second: &session.Files{Folder: folder(t)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, open)
		})
	}
}
