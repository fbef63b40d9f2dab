// Keeping a rotated refresh token: the file it came from is kept up to date.

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/wire"
	"github.com/oidc-client/oidc-client/oidc"
)

// A rotation writes a rotated refresh token back to the file that the old one
// came from. Without a file it does nothing.
type rotation struct {
	file     string
	written  bool                 // the file has the new token
	reserved *durable.Reservation // nil if there is no file, or it was used
	failed   error                // why the new token could not be written
	note     *noteKeeper          // nil if there is no file
	outcome  string               // what became of the token in the file, for the hint; "" if it was not sent
}

// keepRotated prepares the files before anything is sent: a token that cannot
// be written is not asked for, and of two runs with one file the second waits,
// and reads what the first has written.
func (p *program) keepRotated(ctx context.Context, o *refreshOptions) (*rotation, error) {
	if err := p.probeOutput(); err != nil {
		return nil, err
	}
	file, ok := tokenFile(o.refreshToken)
	if !ok {
		return &rotation{}, nil
	}
	if err := p.inspect(file); err != nil {
		return nil, err
	}
	const advice = "the folder of the file has to be writable: " +
		"the new token is written there, then put in the old one's place"
	tooLong := fmt.Errorf("it took longer than %s", limit.FileLock)
	waiting, cancel := context.WithTimeoutCause(ctx, limit.FileLock, tooLong)
	defer cancel()
	tell := sync.OnceFunc(func() { p.Inform("waiting for another run that uses %s", file) })
	lock, err := durable.Hold(waiting, file, func() bool { tell(); return false })
	switch {
	case err != nil && waiting.Err() != nil:
		return nil, &failure.WaitError{For: "another run that uses " + file, Cause: err}
	case err != nil:
		return nil, failure.Config("--refresh-token @%s: nothing was sent: %v", file, err).Try(advice)
	}
	durable.Sweep(file, durable.Leftover)
	reserved, err := durable.Reserve(file)
	if err != nil {
		lock.Release()
		const what = "--refresh-token @%s: a new refresh token could not be written to it, so nothing was sent: %v"
		return nil, failure.Config(what, file, err).Try(advice)
	}
	return &rotation{file: file, reserved: reserved, note: &noteKeeper{file: file, lock: lock, retry: o.retry}}, nil
}

// tokenFile is the file that the value of --refresh-token names, if it names one.
func tokenFile(flag string) (file string, ok bool) {
	file, ok = strings.CutPrefix(flag, "@")
	return file, ok && file != "-"
}

// resultFiles are the files that -o writes.
var resultFiles = []string{
	"access_token_resp.json", "id_token.json", "userinfo.json", "access_token.json", "refresh_token.json",
}

// probeOutput makes sure that the result files can be written, if they are
// asked for.
func (p *program) probeOutput() error {
	if !p.Options.Output {
		return nil
	}
	for _, name := range resultFiles {
		path := filepath.Join(p.Options.OutputDir, name)
		durable.Sweep(path, durable.Leftover)
		probe, err := durable.ReserveNew(path)
		if err == nil {
			err = probe.Discard()
		}
		if err != nil {
			return failure.Config("--output-dir: a result could not be written, so nothing was sent: %v", err).
				Try("--output-dir has to be a folder that can be written to")
		}
	}
	return nil
}

// inspect looks at the file of a refresh token before it is used.
func (p *program) inspect(file string) error {
	if file == "" {
		return failure.Usage("--refresh-token @: the name of the file is missing")
	}
	info, err := os.Stat(file)
	if err != nil {
		return failure.Usage("--refresh-token: %v", err)
	}
	if !info.Mode().IsRegular() {
		const what = "not a regular file, which a new token could be written to; use - to read from a pipe"
		return failure.Usage("--refresh-token @%s: %s", file, what)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		p.Warn("%s can be read by others (mode %04o); chmod 600 makes it private", file, mode)
	}
	if durable.HardLinked(file) {
		p.Warn("%s has a second name (a hard link), and only this name gets the new refresh token: the other keeps "+
			"the old token, which is spent then, and has a lock of its own. A symbolic link is safe", file)
	}
	return nil
}

// put writes the new token to the file, whatever its characters are: if they cannot be those of a
// token, the next run says so instead of sending the old one, which is spent.
func (r *rotation) put(env *run.Env, token string) {
	if r.reserved == nil || wire.Trim(token) == "" {
		return
	}
	reserved := r.reserved
	r.reserved = nil
	if err := reserved.Commit([]byte(token + "\n")); err != nil {
		r.failed = fmt.Errorf("the new refresh token could not be written to %s: %w", r.file, err)
		if !errors.As(err, new(*durable.BesideError)) {
			file := [][]byte{[]byte(token + "\n")}
			r.failed = keepElsewhere(env, fallback{"the new refresh token", "oidc-client-refresh-token-*", file, token}, r.failed)
		}
		return
	}
	r.written = true
}

// settle says in the note what became of the token in the file, when the request is over: tokens
// and err are what came of it, and text returns an error without secrets. It returns what the user
// has to be warned of.
func (r *rotation) settle(tokens *oidc.Tokens, err error, text func(error) string) error {
	if r.note == nil {
		return nil
	}
	doubt, why := r.doubt(tokens, err), ""
	if doubt != nil {
		why = text(doubt)
	}
	noted, warning := r.note.settle(why)
	switch {
	case !noted:
	case doubt != nil:
		const what = "%s notes that the refresh token in %s may be spent: it is sent again only with --retry"
		r.outcome = fmt.Sprintf(what, r.note.lock.Name(), r.file)
	case tokens == nil:
		r.outcome = unspent(r.file, err)
	}
	return warning
}

// doubt is why the token in the file may be spent after it was sent, nil if it is not.
func (r *rotation) doubt(tokens *oidc.Tokens, err error) error {
	switch {
	case r.failed != nil:
		return r.failed
	case r.written:
		return nil
	case tokens != nil && !oidc.MayBeSpent(err):
		return nil // a whole response without a new refresh token: the provider keeps the old one valid
	case err != nil && renewal.MayBeSpent(err):
		return err
	}
	return nil
}

// unspent says what holds of the refresh token in a file after the provider left no doubt that it
// gave no tokens for it: err is what it said.
func unspent(file string, err error) string {
	var refusal *oidc.Error
	var transport *oidc.TransportError
	switch {
	case errors.As(err, &refusal) && refusal.Code == "invalid_grant":
		return file + " is unchanged: write the refresh token of a new login to it"
	case errors.As(err, &refusal):
		return "the request was refused, so the refresh token in " + file + " was not used: " +
			"it can be sent again once this is solved"
	case errors.As(err, &transport) && transport.Sent:
		return "the provider did not process the request: the refresh token in " + file + " can be sent again"
	}
	return ""
}

// end gives the file up, unchanged if no token came.
func (r *rotation) end() {
	if r.reserved != nil {
		_ = r.reserved.Discard() // a temporary file that stays behind holds nothing
	}
	if r.note != nil {
		r.note.lock.Release()
	}
}
