// Keeping a rotated refresh token: the file it came from is kept up to date.

package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// A rotation writes a rotated refresh token back to the file that the old one
// came from.
type rotation struct {
	file     string
	written  bool                 // the file has the new token
	unlock   func()               // nil if there is no file
	reserved *durable.Reservation // nil if there is no file, or it was used
	failed   error                // why the new token could not be written
}

// keepRotated prepares the files before anything is sent: a token that cannot
// be written is not asked for, and of two runs with one file the second waits,
// and reads what the first has written.
func (p *program) keepRotated(ctx context.Context, flag string) (*rotation, error) {
	if err := p.probeOutput(); err != nil {
		return nil, err
	}
	file, ok := strings.CutPrefix(flag, "@")
	if !ok || file == "-" {
		return &rotation{}, nil
	}
	if err := p.inspect(file); err != nil {
		return nil, err
	}
	const advice = "the folder of the file has to be writable: the new token is written there, then put in the old one's place"
	waiting, cancel := context.WithTimeoutCause(ctx, limit.FileLock, fmt.Errorf("it took longer than %s", limit.FileLock))
	defer cancel()
	tell := sync.OnceFunc(func() { p.inform("waiting for another run that uses %s", file) })
	unlock, err := durable.Lock(waiting, file, func() bool { tell(); return false })
	switch {
	case err != nil && waiting.Err() != nil:
		return nil, &waitError{"another run that uses " + file, err}
	case err != nil:
		return nil, misconfigured("--refresh-token @%s: nothing was sent: %v", file, err).try(advice)
	}
	reserved, err := durable.Reserve(file)
	if err != nil {
		unlock()
		return nil, misconfigured("--refresh-token @%s: a new refresh token could not be written to it, so nothing was sent: %v", file, err).try(advice)
	}
	return &rotation{file: file, unlock: unlock, reserved: reserved}, nil
}

// probeOutput makes sure that the result files can be written, if they are
// asked for.
func (p *program) probeOutput() error {
	if !p.options.output {
		return nil
	}
	for _, name := range []string{"access_token_resp.json", "id_token.json", "userinfo.json", "access_token.json", "refresh_token.json"} {
		probe, err := durable.ReserveNew(filepath.Join(p.options.outputDir, name))
		if err == nil {
			err = probe.Discard()
		}
		if err != nil {
			return misconfigured("--output-dir: a result could not be written, so nothing was sent: %v", err).
				try("--output-dir has to be a folder that can be written to")
		}
	}
	return nil
}

// inspect looks at the file of a refresh token before it is used.
func (p *program) inspect(file string) error {
	if file == "" {
		return usage("--refresh-token @: the name of the file is missing")
	}
	info, err := os.Stat(file)
	if err != nil {
		return usage("--refresh-token: %v", err)
	}
	if !info.Mode().IsRegular() {
		return usage("--refresh-token @%s: not a regular file, which a new token could be written to; use - to read from a pipe", file)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		p.warn("%s can be read by others (mode %04o); chmod 600 makes it private", file, mode)
	}
	return nil
}

// put writes the new token to the file, whatever its characters are: if they cannot be those of a
// token, the next run says so instead of sending the old one, which is spent.
func (r *rotation) put(token string) {
	if r.reserved == nil || wire.Trim(token) == "" {
		return
	}
	reserved := r.reserved
	r.reserved = nil
	if err := reserved.Commit([]byte(token + "\n")); err != nil {
		r.failed = fmt.Errorf("the new refresh token could not be written to %s: %w", r.file, err)
		return
	}
	r.written = true
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
