//go:build unix

package durable

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A lock that works keeps a second descriptor out. One whose file was removed, or that the file
// system grants to everybody, does not.
func TestExcludes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if Excludes(path) {
		t.Error("nobody holds the lock, and it excludes")
	}
	unlock, err := Lock(context.Background(), path, func() bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	for range 2 {
		if !Excludes(path) {
			t.Error("the lock does not exclude")
		}
	}
	if err := os.Remove(filepath.Join(filepath.Dir(path), ".file.lock")); err != nil {
		t.Fatal(err)
	}
	if Excludes(path) {
		t.Error("the lock file was removed, and it excludes")
	}
}

// Only one is in Guarded at a time, without any lock.
func TestGuarded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	var inside, calls atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			err := Guarded(path, func() error {
				if inside.Add(1) != 1 {
					t.Error("two at a time")
				}
				time.Sleep(time.Millisecond)
				inside.Add(-1)
				calls.Add(1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if calls.Load() != 20 {
		t.Errorf("called %d times", calls.Load())
	}
	errOwn := errors.New("own")
	if err := Guarded(path, func() error { return errOwn }); !errors.Is(err, errOwn) {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(filepath.Join(filepath.Dir(path), ".file.guard")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the guard stays: %v", err)
	}
	if err := Guarded(filepath.Join(path, "no", "folder"), func() error { t.Error("called"); return nil }); err == nil {
		t.Error("no error where no guard can be made")
	}
}

// Where many take turns nobody gives up: only one process that stays for too long is in the way.
func TestGuardedInTurns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	guard := filepath.Join(filepath.Dir(path), ".file.guard")
	const turns, turn = 6, 500 * time.Millisecond // one after the other they take longer than anybody waits for one
	if err := os.WriteFile(guard, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		next := time.NewTicker(turn)
		defer next.Stop()
		for range turns {
			_ = os.Chtimes(guard, time.Time{}, <-next.C) // as if another process had made it anew
		}
		_ = os.Remove(guard)
	}()
	if err := Guarded(path, func() error { return nil }); err != nil {
		t.Error(err)
	}
}

// The guard of a process that was killed is told, and goes where a lock proves that the process
// has ended.
func TestGuardOfTheDead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	guard, lock := beside(path, "guard"), beside(path, "lock")
	write := func(name string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(name, then, then); err != nil {
			t.Fatal(err)
		}
	}
	write(guard, time.Hour)
	write(lock, time.Minute)
	Unguard(path) // it may be of a process with an older lock file
	var held *GuardError
	if err := Guarded(path, func() error { t.Error("called"); return nil }); !errors.As(err, &held) ||
		held.Path != guard {
		t.Errorf("%v", err)
	}
	write(lock, 2*time.Hour)
	Unguard(path)
	if err := Guarded(path, func() error { return nil }); err != nil {
		t.Error(err)
	}
	Unguard(path) // there is none
}
