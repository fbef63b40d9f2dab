// The store in files: one a session, 0600, in a folder of the user's, 0700.

package session

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/limit"
)

// Files is a store in a folder. The secrets of new sessions are sealed if Sealing is
// set.
type Files struct {
	Folder  string
	Sealing bool
	Keys    Keys // of sealed secrets

	// Sealed refuses to open a secret that is not sealed.
	Sealed bool

	// Remember keeps sessions in memory, for as long as their files are as they were.
	Remember bool

	// LocksFail, if set, is called once if locks do nothing in the folder.
	LocksFail func()

	// Locks replaces the locks of the file system. excludes says that a lock keeps others out.
	// Tests set it.
	Locks func(ctx context.Context, path string, waiting func() bool) (unlock func(), excludes bool, err error)

	mu     sync.Mutex
	memory map[string]memory
	failed bool // locks do nothing, and that was told
}

// A memory is a session as a file had it.
type memory struct {
	file    os.FileInfo
	session *Session
}

// Keys is where the key of sealed secrets is.
type Keys interface {
	// Key returns the key. If there is none, one is made if create is set.
	Key(ctx context.Context, create bool) (Key, error)
}

const extension = ".json"

// Path is the file of a session.
func (f *Files) Path(name string) string { return filepath.Join(f.Folder, name+extension) }

// Names implements [Store].
func (f *Files) Names() ([]string, error) {
	entries, err := os.ReadDir(f.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), extension); ok && CheckName(name) == nil {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list, err
}

// Load implements [Store].
func (f *Files) Load(name string) (*Session, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if !f.Remember {
		return f.read(name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	file, err := os.Stat(f.Path(name))
	if known := f.memory[name]; err == nil && known.file != nil && same(known.file, file) {
		s := *known.session
		return &s, nil
	}
	s, err := f.read(name)
	delete(f.memory, name)
	if err == nil && file != nil {
		if f.memory == nil {
			f.memory = map[string]memory{}
		}
		kept := *s
		f.memory[name] = memory{file, &kept}
	}
	return s, err
}

// read reads the file of a session, which only its user can have written.
func (f *Files) read(name string) (*Session, error) {
	path := f.Path(name)
	data, err := durable.Read(path, limit.Session)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoSession
	}
	if err != nil {
		return nil, &BrokenError{path, err}
	}
	s := &Session{}
	err = json.Unmarshal(data, s)
	switch {
	case err != nil:
	case s.Schema > Schema:
		err = fmt.Errorf("it is of a later version of the program (schema %d)", s.Schema)
	case s.Schema < 1 || s.Name != name || s.Grant.Issuer == "" || (s.Secret == nil) == (s.Sealed == nil):
		err = errors.New("something is missing in it, or it is another session's")
	}
	if err != nil {
		return nil, &BrokenError{path, err}
	}
	return s, nil
}

// Open implements [Store].
func (f *Files) Open(ctx context.Context, s *Session) error {
	switch {
	case s.Secret != nil && f.Sealed:
		return &SealError{fmt.Errorf("what renews session %s is not encrypted", s.Name)}
	case s.Secret != nil:
		return nil
	}
	if f.Keys == nil {
		return &SealError{errors.New("this session was sealed with a key in the keyring, which is switched off")}
	}
	key, err := f.Keys.Key(ctx, false)
	if err != nil {
		return &SealError{err}
	}
	s.Secret, err = key.unseal(s)
	var seal *SealError
	if err != nil && !errors.As(err, &seal) {
		err = &BrokenError{f.Path(s.Name), err}
	}
	return err
}

// Lock implements [Store]. The lock is a file beside the session.
func (f *Files) Lock(ctx context.Context, name string, waiting func() bool) (func(), error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if err := f.prepare(); err != nil {
		return nil, err
	}
	lock := f.Locks
	if lock == nil {
		lock = lockFile
	}
	unlock, excludes, err := lock(ctx, f.Path(name), waiting)
	if unlock == nil {
		return nil, err
	}
	durable.Sweep(f.Path(name), durable.Leftover)
	if excludes {
		durable.Unguard(f.Path(name))
		return unlock, nil
	}
	f.tellLocksFail()
	if free, err := f.awaitRefresh(ctx, name, waiting); !free {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// lockFile locks by a file beside the session's, and finds out whether that does anything.
func lockFile(ctx context.Context, path string, waiting func() bool) (unlock func(), excludes bool, err error) {
	unlock, err = durable.Lock(ctx, path, waiting)
	return unlock, unlock != nil && durable.Excludes(path), err
}

func (f *Files) tellLocksFail() {
	f.mu.Lock()
	first := !f.failed
	f.failed = true
	f.mu.Unlock()
	if first && f.LocksFail != nil {
		f.LocksFail()
	}
}

// awaitRefresh waits, where locks do nothing, while another process may be refreshing the session.
// It reports whether that is over.
func (f *Files) awaitRefresh(ctx context.Context, name string, waiting func() bool) (bool, error) {
	const most, pause = 20 * time.Second, 10 * time.Millisecond
	for {
		s, err := f.read(name)
		if err != nil || time.Since(s.refreshBegan()).Abs() > most {
			return true, nil //nolint:nilerr // who asked reads it, and is told
		}
		if waiting() {
			return false, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// IfUnchanged implements [Store].
func (f *Files) IfUnchanged(s *Session, write func() error) error {
	if err := CheckName(s.Name); err != nil {
		return err
	}
	if err := f.prepare(); err != nil {
		return err
	}
	return durable.Guarded(f.Path(s.Name), func() error {
		now, err := f.read(s.Name) // the file, whatever is remembered of it
		return ifUnchanged(s, now, err, write)
	})
}

// prepare makes the folder, which only its owner may enter.
func (f *Files) prepare() error {
	if err := os.MkdirAll(f.Folder, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(f.Folder)
	if err == nil {
		err = durable.Ours(info)
	}
	if err != nil {
		return fmt.Errorf("the folder %s: %w", f.Folder, err)
	}
	return nil
}

// Reserve implements [Store].
func (f *Files) Reserve(name string) (Reservation, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if err := f.prepare(); err != nil {
		return nil, err
	}
	r := &fileReservation{files: f}
	var err error
	if f.Sealing {
		if r.key, err = f.Keys.Key(context.Background(), true); err != nil {
			return nil, &SealError{err}
		}
	}
	r.file, err = durable.ReservePrivate(f.Path(name)) // symbolic links are followed: who made one means it
	return r, err
}

// Delete implements [Store].
func (f *Files) Delete(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	err := durable.Remove(f.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoSession
	}
	return err
}

// A fileReservation is a session's file about to be written.
type fileReservation struct {
	files *Files
	key   Key // nil if new secrets are not sealed
	file  *durable.Reservation
}

func (r *fileReservation) Commit(s *Session, less ...*Session) error {
	var versions [][]byte
	var tooLong error
	for _, version := range append([]*Session{s}, less...) {
		data, err := r.encode(version)
		switch {
		case err != nil:
			return errors.Join(err, r.file.Discard())
		case len(data) > limit.Session: // nobody would read it again
			tooLong = fmt.Errorf("session %s is longer than %d bytes", s.Name, limit.Session)
		default:
			versions = append(versions, data)
		}
	}
	if len(versions) == 0 {
		return errors.Join(tooLong, r.file.Discard())
	}
	which, err := r.file.CommitFirst(versions...)
	if err = cmp.Or(err, tooLong); which >= 0 && err != nil {
		return &PartError{err}
	}
	return err
}

// encode is the session as it is written. A secret that was not opened stays as it is.
func (r *fileReservation) encode(s *Session) ([]byte, error) {
	out := *s
	if s.Secret != nil && (r.key != nil || s.Sealed != nil) {
		key := r.key
		if key == nil {
			var err error
			if key, err = r.files.Keys.Key(context.Background(), false); err != nil {
				return nil, &SealError{err}
			}
		}
		sealed, err := key.seal(s)
		if err != nil {
			return nil, err
		}
		out.Secret, out.Sealed = nil, sealed
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // tokens may be of such characters, and would take six times the room
	err := e.Encode(&out)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (r *fileReservation) Discard() error { return r.file.Discard() }
