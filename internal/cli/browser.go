// Opening the user's browser: RFC 8252 section 7 and 8.12. No shell sees a URL.

package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
)

// openBrowser opens a URL of the listener in the user's browser, unless that is
// not wanted, and reports whether it did. That it cannot be opened is no error by
// itself: the URL was shown.
func openBrowser(ctx context.Context, r *run.Run, o *browserOptions, target string) bool {
	if o.noBrowser {
		return false
	}
	err := openWith(ctx, r, o.command, target)
	if err != nil {
		r.Inform("the browser was not opened: %v", err)
	}
	return err == nil
}

func openWith(ctx context.Context, r *run.Run, command, target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("not a URL for a browser")
	}
	candidates, err := browsers(r, command)
	if err != nil {
		return err
	}
	if len(candidates) == 0 {
		return errors.New("there is no display; --browser names a command")
	}
	for _, argv := range candidates {
		var ended <-chan error
		if ended, err = r.Env.Start(withURL(argv, u.String())); err == nil {
			r.Go(func() { watchBrowser(ctx, r, argv[0], ended) })
			return nil
		}
	}
	return err
}

// withURL puts a URL where an argument has %s, or at the end.
func withURL(argv []string, target string) []string {
	argv = slices.Clone(argv)
	placed := false
	for i, arg := range argv[1:] {
		if strings.Contains(arg, "%s") {
			argv[i+1], placed = strings.ReplaceAll(arg, "%s", target), true
		}
	}
	if placed {
		return argv
	}
	return append(argv, target)
}

// watchBrowser tells, as long as the browser is waited for, that its command failed: it may
// have opened nothing.
func watchBrowser(ctx context.Context, r *run.Run, command string, ended <-chan error) {
	select {
	case err := <-ended:
		if err != nil && ctx.Err() == nil {
			r.Warn("the browser may not have opened: %s: %v; open the address above by hand", command, err)
		}
	case <-ctx.Done():
	}
}

// browsers are the commands to try, in their order: the one that was named, those
// of BROWSER, or those of the system.
func browsers(r *run.Run, command string) ([][]string, error) {
	if command != "" {
		return commands("--browser", []string{command})
	}
	if list := r.Env.Getenv("BROWSER"); list != "" {
		if named, err := commands("BROWSER", splitCommands(list)); len(named) > 0 || err != nil {
			return named, err
		}
	}
	switch runtime.GOOS {
	case "darwin":
		return [][]string{{"open"}}, nil
	case "windows":
		return [][]string{{"rundll32", "url.dll,FileProtocolHandler"}}, nil
	}
	switch {
	case r.Env.Getenv("WSL_DISTRO_NAME") != "":
		return [][]string{{"wslview"}, {"rundll32.exe", "url.dll,FileProtocolHandler"}, {"xdg-open"}}, nil
	case r.Env.Getenv("DISPLAY") != "", r.Env.Getenv("WAYLAND_DISPLAY") != "":
		return [][]string{{"xdg-open"}, {"sensible-browser"}}, nil
	}
	return nil, nil
}

// commands are texts as commands with their arguments.
func commands(from string, texts []string) ([][]string, error) {
	var list [][]string
	for _, text := range texts {
		if isFile(text) { // one program, whose path may have spaces: C:\Program Files
			list = append(list, []string{text})
			continue
		}
		words, closed := splitQuoted(text, func(c rune) bool { return c == ' ' || c == '\t' }, true)
		if !closed {
			return nil, errors.New("a quotation mark of " + from + " is not closed")
		}
		if len(words) > 0 {
			list = append(list, words)
		}
	}
	return list, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// splitCommands splits a list of commands as PATH is split, but not inside quotation marks. One
// program whose path has the separator is one command.
func splitCommands(list string) []string {
	if isFile(list) {
		return []string{list}
	}
	split, _ := splitQuoted(list, func(c rune) bool { return c == os.PathListSeparator }, false)
	return split
}

// splitQuoted splits a text at separators that are not between quotation marks, and reports whether
// each mark is closed. With unquote it takes the marks away, as a shell does, which never sees the text;
// nothing else means anything, but for a \ before a mark, a \ or a space where paths have none.
func splitQuoted(text string, separates func(rune) bool, unquote bool) (parts []string, closed bool) {
	var part strings.Builder
	var quote rune
	begun, escaped := false, false
	for i, c := range text {
		switch {
		case escaped:
			escaped = false
			part.WriteRune(c)
		case c == '\\' && quote != '\'' && escapes(text[i+1:]):
			escaped, begun = true, true
			if !unquote {
				part.WriteRune(c)
			}
		case quote == 0 && separates(c):
			if begun {
				parts = append(parts, part.String())
			}
			part.Reset()
			begun = false
		case c == quote || quote == 0 && (c == '"' || c == '\''):
			begun = true
			if quote == 0 {
				quote = c
			} else {
				quote = 0
			}
			if !unquote {
				part.WriteRune(c)
			}
		default:
			begun = true
			part.WriteRune(c)
		}
	}
	if begun {
		parts = append(parts, part.String())
	}
	return parts, quote == 0
}

// escapes reports whether a \ before rest takes the meaning of what follows. On Windows it separates
// folders.
func escapes(rest string) bool {
	return runtime.GOOS != "windows" && rest != "" && strings.ContainsRune(`"'\: `, rune(rest[0]))
}

// An unattendedError says that nobody can do what the browser is waited for.
type unattendedError struct {
	what   string // nobody can do, and why
	device bool   // the provider has a login on another device
}

func (e *unattendedError) Error() string { return "nobody can " + e.what }

// Failure implements [failure.Described].
func (e *unattendedError) Failure() failure.Failure {
	hint := "run it on a terminal, as with ssh -t or docker run -it; there the address can be opened on another machine"
	if e.device {
		hint += "\n`oidc-client device` logs in on another device"
	}
	hint += "\n--no-browser waits all the same, for a browser that is sent to the address by other means"
	return failure.Failure{Kind: failure.KindInteraction, Code: "unattended", Hint: hint}
}

// unattended is the error of a wait for the browser that nobody will end, nil if somebody may: the
// browser was opened, or is opened by other means, or there is a terminal that shows the address.
func unattended(r *run.Run, o *browserOptions, opened bool, what string, device bool) error {
	if opened || o.noBrowser || r.Env.Terminal(r.Env.Stderr) {
		return nil
	}
	return &unattendedError{what, device}
}

const nobodyLogsIn = "log in here: there is no display to open a browser on, no terminal, and no address on " +
	"standard input"

// adviseSSH says how a browser on the machine where somebody sits reaches the listener.
func adviseSSH(r *run.Run, start string, device bool) {
	if r.Env.Getenv("SSH_CONNECTION") == "" {
		return
	}
	u, err := url.Parse(start)
	if err != nil {
		return
	}
	text := fmt.Sprintf("over SSH: with `ssh -L %s:127.0.0.1:%s HOST` the first address works in the browser there",
		u.Port(), u.Port())
	if device {
		text += "; `oidc-client device` needs neither"
	}
	r.Inform("%s", text)
}
