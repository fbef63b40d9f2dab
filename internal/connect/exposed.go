// Files whose content decides whom secrets are sent to: who else can change them.

package connect

import (
	"errors"
	"maps"
	"slices"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
)

// checkFiles refuses the CA, key and certificate files that a configuration names if
// another user can change them. It warns if only a group can.
func checkFiles(r *run.Run, cfg *config.Config) error {
	files := cfg.Files()
	for _, key := range slices.Sorted(maps.Keys(files)) {
		err := durable.Exposed(Path(cfg, key, files[key]))
		var others *durable.OthersError
		switch {
		case errors.As(err, &others) && others.Group:
			r.Warn("%s: %s: %v", Origin(cfg, key), files[key], err)
		case err != nil:
			return failure.Config("%s: %s: %v; nothing was sent", Origin(cfg, key), files[key], err).
				Try("make the file, and every folder on the way to it, writable by you or root only; " +
					"a copy in a folder of your own will do")
		}
	}
	return nil
}

// What a file that the user names decides.
const (
	WhereSecretsGo = "decides where secrets are sent"
	WhatIsValid    = "decides which signatures are valid"
)

// WarnExposed warns if another user can change a file that the user names. decides
// says what depends on its content.
func WarnExposed(r *run.Run, file, decides string) {
	if err := durable.Exposed(file); err != nil {
		r.Warn("%s %s, but %v", file, decides, err)
	}
}
