// The world as the program sees it: tests build their own.

package run

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/term"
)

// An Env is the world as the program sees it. Nothing else reads the
// environment, the clock or the standard streams.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Environ        func() []string
	Now            func() time.Time
	Proxy          func(*http.Request) (*url.URL, error)
	Terminal       func(io.Writer) bool           // reports whether a writer is a terminal
	Console        func() (io.WriteCloser, error) // opens the terminal of the process; nil means there is none

	// Password asks at the terminal for a password, which is not echoed. Its error is
	// ErrNoTerminal if nobody can be asked. nil means so, too.
	Password func(ctx context.Context, prompt string) (string, error)

	Build Build

	// Shield keeps the end of a pager from ending the process: a write that fails
	// is an error instead. nil does nothing.
	Shield func()

	// Hold keeps signals from ending the process until what it returns is called.
	// nil does nothing.
	Hold func() (release func())

	// Become replaces the process by a command: its path, its argv, its
	// environment. It only returns if that cannot be done.
	Become func(program string, argv, environ []string) error

	// Start starts a program of the user's and does not wait for it. The channel
	// tells how it ended, and is nil if that is not known.
	Start func(argv []string) (<-chan error, error)
}

// System is the real world.
func System(b Build) *Env {
	return &Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Environ: os.Environ, Now: time.Now, Proxy: http.ProxyFromEnvironment, Build: b,
		Terminal: isTerminal, Console: openConsole, Password: askPassword, Shield: shield, Hold: hold, Become: become,
		Start: start,
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Plain reports whether the output is to be without colors whatever it goes to.
func (e *Env) Plain() bool {
	return e.Getenv("NO_COLOR") != "" || e.Getenv("TERM") == "dumb" ||
		runtime.GOOS == "windows" && e.Getenv("WT_SESSION") == "" // an old console shows escapes as they are
}

// Blocks reports whether the terminal can show characters that are not ASCII, such as blocks. As for
// other programs, the locale says so: LC_ALL, LC_CTYPE or LANG, the first that is set.
func (e *Env) Blocks() bool {
	locale := strings.ToLower(cmp.Or(e.Getenv("LC_ALL"), e.Getenv("LC_CTYPE"), e.Getenv("LANG")))
	return runtime.GOOS == "windows" || strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
}

// A Build says what the linker stamped. Empty fields are read from the build
// information of the Go toolchain.
type Build struct{ Version, Commit, Date string }

// Name is the version alone, as in the User-Agent.
func (b Build) Name() string {
	if b.Version != "" {
		return b.Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "dev"
	}
	return info.Main.Version
}

// Complete fills what the linker did not stamp from what the Go toolchain
// recorded.
func (b Build) Complete() Build {
	if b.Version != "" && b.Commit != "" && b.Date != "" {
		return b
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision" && b.Commit == "":
				b.Commit = s.Value
			case s.Key == "vcs.time" && b.Date == "":
				b.Date = s.Value
			}
		}
	}
	b.Version = b.Name()
	for _, field := range []*string{&b.Commit, &b.Date} {
		if *field == "" {
			*field = "unknown"
		}
	}
	return b
}
