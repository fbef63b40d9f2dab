// Keeping a rotated refresh token: the file it came from is kept up to date.

package keep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/renewal"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/wire"
	"github.com/oidc-client/oidc-client/oidc"
)

// A File is the file that a refresh token came from, which the new one is written back
// to.
type File struct {
	name     string
	written  bool                 // the file has the new token
	reserved *durable.Reservation // nil if it was used
	failed   error                // why the new token could not be written
	note     *noteKeeper
	outcome  string // what became of the token in the file, for the hint; "" if it was not sent
}

// OpenFile prepares the file of a refresh token before anything is sent: a token that
// cannot be written is not asked for, and of two runs with one file the second waits,
// and reads what the first has written. retry is whether a token that may be spent is
// sent all the same.
func OpenFile(ctx context.Context, r *run.Run, file string, retry bool) (*File, error) {
	if err := inspect(r, file); err != nil {
		return nil, err
	}
	const advice = "the folder of the file has to be writable: " +
		"the new token is written there, then put in the old one's place"
	tooLong := fmt.Errorf("it took longer than %s", limit.FileLock)
	waiting, cancel := context.WithTimeoutCause(ctx, limit.FileLock, tooLong)
	defer cancel()
	tell := sync.OnceFunc(func() { r.Inform("waiting for another run that uses %s", file) })
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
	return &File{name: file, reserved: reserved, note: &noteKeeper{file: file, lock: lock, retry: retry}}, nil
}

// TokenFile is the file that the value of --refresh-token names, if it names one. A pipe is none: it is
// read like standard input, since no new token can be written back to it.
func TokenFile(flag string) (file string, ok bool) {
	file, ok = strings.CutPrefix(flag, "@")
	info, err := os.Stat(file)
	return file, ok && file != "-" && (err != nil || info.Mode()&fs.ModeNamedPipe == 0)
}

// inspect looks at the file of a refresh token before it is used.
func inspect(r *run.Run, file string) error {
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
		r.Warn("%s can be read by others (mode %04o); chmod 600 makes it private", file, mode)
	}
	if durable.HardLinked(file) {
		r.Warn("%s has a second name (a hard link), and only this name gets the new refresh token: the other keeps "+
			"the old token, which is spent then, and has a lock of its own. A symbolic link is safe", file)
	}
	return nil
}

// put writes the new token to the file, whatever its characters are: if they cannot be those of a
// token, the next run says so instead of sending the old one, which is spent.
func (f *File) put(env *run.Env, token string) {
	if f.reserved == nil || wire.Trim(token) == "" {
		return
	}
	reserved := f.reserved
	f.reserved = nil
	if err := reserved.Commit([]byte(token + "\n")); err != nil {
		f.failed = fmt.Errorf("the new refresh token could not be written to %s: %w", f.name, err)
		if !errors.As(err, new(*durable.BesideError)) {
			file := [][]byte{[]byte(token + "\n")}
			f.failed = keepElsewhere(
				env, fallback{"the new refresh token", "oidc-client-refresh-token-*", file, token}, f.failed)
		}
		return
	}
	f.written = true
}

// Settle says in the note what became of the token in the file, when the request is over: tokens
// and err are what came of it, and text returns an error without secrets. It returns what the user
// has to be warned of.
func (f *File) Settle(tokens *oidc.Tokens, err error, text func(error) string) error {
	doubt, why := f.doubt(tokens, err), ""
	if doubt != nil {
		why = text(doubt)
	}
	noted, warning := f.note.settle(why)
	switch {
	case !noted:
	case doubt != nil:
		const what = "%s notes that the refresh token in %s may be spent: it is sent again only with --retry"
		f.outcome = fmt.Sprintf(what, f.note.lock.Name(), f.name)
	case tokens == nil:
		f.outcome = unspent(f.name, err)
	}
	return warning
}

// doubt is why the token in the file may be spent after it was sent, nil if it is not.
func (f *File) doubt(tokens *oidc.Tokens, err error) error {
	switch {
	case f.failed != nil:
		return f.failed
	case f.written:
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

// Close gives the file up, unchanged if no token came.
func (f *File) Close() {
	if f.reserved != nil {
		_ = f.reserved.Discard() // a temporary file that stays behind holds nothing
	}
	f.note.lock.Release()
}

// Check returns an error if the token of the file must not be sent, since an earlier run
// may have spent it.
func (f *File) Check(token string, now time.Time) error { return f.note.check(token, now) }

// Sending notes that the token may be spent, right before it leaves.
func (f *File) Sending() error { return f.note.sending() }
