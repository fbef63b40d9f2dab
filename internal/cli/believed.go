// Files whose content decides whom secrets are sent to: who else can change them.

package cli

import (
	"errors"
	"maps"
	"slices"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/failure"
)

// checkFiles refuses the CA, key and certificate files that a configuration names if another
// user can change them. It warns if only a group can.
func (p *program) checkFiles(cfg *config.Config) error {
	files := cfg.Files()
	for _, key := range slices.Sorted(maps.Keys(files)) {
		err := durable.Exposed(path(cfg, key, files[key]))
		var others *durable.OthersError
		switch {
		case errors.As(err, &others) && others.Group:
			p.Warn("%s: %s: %v", origin(cfg, key), files[key], err)
		case err != nil:
			return failure.Config("%s: %s: %v; nothing was sent", origin(cfg, key), files[key], err).
				Try("make the file, and every folder on the way to it, writable by you or root only; a copy in a folder of your own will do")
		}
	}
	return nil
}

// What a file that the user names decides.
const (
	whereSecretsGo = "decides where secrets are sent"
	whatIsValid    = "decides which signatures are valid"
)

// checkNamed warns if another user can change a file that the user names. decides says what hangs
// on its content.
func (p *program) checkNamed(file, decides string) {
	if err := durable.Exposed(file); err != nil {
		p.Warn("%s %s, but %v", file, decides, err)
	}
}
