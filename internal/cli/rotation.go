// Keeping a rotated refresh token: the file it came from is kept up to date.

package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oidc-client/oidc-client/internal/durable"
)

// A rotation writes a rotated refresh token back to the file that the old one
// came from.
type rotation struct {
	file     string
	unlock   func()               // nil if there is no file
	reserved *durable.Reservation // nil if there is no file, or it was used
	failed   error                // why the new token could not be written
}

// lockTimeout bounds the wait for another run that uses the same file.
const lockTimeout = 30 * time.Second

// keepRotated prepares the files before anything is sent: a token that cannot
// be written is not asked for, and of two runs with one file the second waits,
// and reads what the first has written.
func (p *program) keepRotated(ctx context.Context, flag string) (*rotation, error) {
	if p.options.output {
		for _, name := range []string{"access_token_resp.json", "id_token.json", "userinfo.json"} {
			probe, err := durable.ReserveNew(filepath.Join(p.options.outputDir, name))
			if err == nil {
				err = probe.Discard()
			}
			if err != nil {
				return nil, misconfigured("--output-dir: a result could not be written, so nothing was sent: %v", err)
			}
		}
	}
	file, ok := strings.CutPrefix(flag, "@")
	if !ok || file == "-" {
		return &rotation{}, nil
	}
	switch info, err := os.Stat(file); {
	case err != nil:
		return nil, usage("--refresh-token: %v", err)
	case !info.Mode().IsRegular():
		return nil, usage("--refresh-token @%s: not a regular file, which a new token could be written to; use - to read from a pipe", file)
	}
	waiting, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	unlock, err := durable.Lock(waiting, file)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, misconfigured("--refresh-token @%s: nothing was sent: %v", file, err)
	}
	reserved, err := durable.Reserve(file)
	if err != nil {
		unlock()
		return nil, misconfigured("--refresh-token @%s: a new refresh token could not be written to it, so nothing was sent: %v", file, err)
	}
	return &rotation{file: file, unlock: unlock, reserved: reserved}, nil
}

func (r *rotation) put(token string) {
	if r.reserved == nil || token == "" {
		return
	}
	reserved := r.reserved
	r.reserved = nil
	if err := reserved.Commit([]byte(token + "\n")); err != nil {
		r.failed = fmt.Errorf("the new refresh token could not be written to %s: %w", r.file, err)
	}
}

// end gives the file up, unchanged if no token came.
func (r *rotation) end() {
	if r.reserved != nil {
		_ = r.reserved.Discard() // a temporary file that stays behind holds nothing
	}
	if r.unlock != nil {
		r.unlock()
	}
}
