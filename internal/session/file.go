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
	s, err := Decode(data)
	if err == nil && (s.Name != name || s.Grant.Issuer == "" || (s.Secret == nil) == (s.Sealed == nil)) {
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
	const pause = 10 * time.Millisecond
	for {
		s, err := f.read(name)
		if err != nil || time.Since(s.refreshBegan()).Abs() > limit.ClaimSettled {
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
func (f *Files) Delete(name string, serial int64) error {
	if err := CheckName(name); err != nil {
		return err
	}
	path := f.Path(name)
	remove := func() error { return durable.Remove(path) }
	if serial != Any {
		remove = func() error {
			return durable.Guarded(path, func() error {
				stored, err := f.serial(name)
				if err == nil && stored != 0 && stored != serial {
					err = ErrChanged
				}
				if err != nil {
					return err
				}
				return durable.Remove(path)
			})
		}
	}
	if err := remove(); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return ErrNoSession
}

// A fileReservation is a session's file about to be written.
type fileReservation struct {
	files *Files
	key   Key // nil if new secrets are not sealed
	file  *durable.Reservation
}

func (r *fileReservation) Commit(s *Session, less ...*Session) error {
	if err := r.unlockKey(s); err != nil {
		return errors.Join(err, r.file.Discard())
	}
	began := false
	write := func() error {
		began = true
		return r.commit(s, less)
	}
	err := durable.Guarded(r.files.Path(s.Name), write)
	if urgent := len(less) > 0 || s.Serial == Any; urgent && !began {
		return write() // new tokens are nowhere else: a guard that cannot be made does not lose them
	}
	if !began {
		err = errors.Join(err, r.file.Discard())
	}
	return err
}

// unlockKey gets the key of a session that was sealed before, if new ones are not.
func (r *fileReservation) unlockKey(s *Session) error {
	if r.key != nil || s.Secret == nil || s.Sealed == nil {
		return nil
	}
	var err error
	if r.key, err = r.files.Keys.Key(context.Background(), false); err != nil {
		return &SealError{err}
	}
	return nil
}

// commit stores the first of s and less that can be, if what is stored is still what was read.
func (r *fileReservation) commit(s *Session, less []*Session) error {
	stored, err := r.files.serial(s.Name)
	if s.Serial == Any {
		err = nil // what cannot be read is replaced
	}
	if err == nil && !admits(s.Serial, stored) {
		err = ErrChanged
	}
	if err != nil {
		return errors.Join(err, r.file.Discard())
	}
	next := successor(stored)
	var versions [][]byte
	var tooLong error
	for _, version := range append([]*Session{s}, less...) {
		data, err := r.encode(version, next)
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
	if which >= 0 {
		s.Serial = next
	}
	if err = cmp.Or(err, tooLong); which >= 0 && err != nil {
		return &PartError{err}
	}
	return err
}

// serial is that of a session as its file has it, whatever is remembered of it; 0 if there is none.
func (f *Files) serial(name string) (int64, error) {
	s, err := f.read(name)
	switch {
	case errors.Is(err, ErrNoSession):
		return 0, nil
	case err != nil:
		return 0, err
	}
	return s.Serial, nil
}

// encode is the session as it is written. A secret that was not opened stays as it is.
func (r *fileReservation) encode(s *Session, serial int64) ([]byte, error) {
	out := *s
	out.Schema, out.Serial = Schema, serial
	if s.Secret != nil && r.key != nil {
		sealed, err := r.key.seal(s)
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
