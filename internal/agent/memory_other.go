//go:build !linux

package agent

// HideMemory does nothing: this system has no such call, or restricts it by default.
func HideMemory() error { return nil }
