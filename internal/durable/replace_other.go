//go:build !windows

package durable

import "os"

func open(path string) (*os.File, error) { return os.Open(path) }

func rename(temp, path string) error { return os.Rename(temp, path) }

// busy reports whether an error may go away by itself. Here files that are open are replaced and
// removed like others.
func busy(error) bool { return false }
