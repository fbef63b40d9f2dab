// Opening the user's browser: RFC 8252 section 7 and 8.12. No shell sees a URL.

package cli

import (
	"context"
	"errors"
	"net/url"
	"os"
	"runtime"
	"strings"

	"github.com/oidc-client/oidc-client/internal/run"
)

// openBrowser opens a URL of the listener in the user's browser, unless that is
// not wanted. That it cannot be opened is no error: the URL was shown.
func openBrowser(ctx context.Context, r *run.Run, o *browserOptions, target string) {
	if o.noBrowser {
		return
	}
	if err := openWith(ctx, r, o.command, target); err != nil {
		r.Inform("the browser was not opened: %v", err)
	}
}

func openWith(ctx context.Context, r *run.Run, command, target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("not a URL for a browser")
	}
	candidates := browsers(r, command)
	if len(candidates) == 0 {
		return errors.New("there is no display; --browser names a command")
	}
	for _, argv := range candidates {
		var ended <-chan error
		if ended, err = r.Env.Start(append(argv, u.String())); err == nil {
			r.Go(func() { watchBrowser(ctx, r, argv[0], ended) })
			return nil
		}
	}
	return err
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

// browsers are the commands to try, in their order: the one that was named, that
// of BROWSER, or those of the system.
func browsers(r *run.Run, command string) [][]string {
	if command == "" {
		command = r.Env.Getenv("BROWSER")
	}
	if info, err := os.Stat(command); err == nil && info.Mode().IsRegular() {
		return [][]string{{command}} // one program, whose path may have spaces: C:\Program Files
	}
	if argv := strings.Fields(strings.ReplaceAll(command, "%s", "")); len(argv) > 0 {
		return [][]string{argv}
	}
	switch runtime.GOOS {
	case "darwin":
		return [][]string{{"open"}}
	case "windows":
		return [][]string{{"rundll32", "url.dll,FileProtocolHandler"}}
	}
	switch {
	case r.Env.Getenv("WSL_DISTRO_NAME") != "":
		return [][]string{{"wslview"}, {"rundll32.exe", "url.dll,FileProtocolHandler"}, {"xdg-open"}}
	case r.Env.Getenv("DISPLAY") != "", r.Env.Getenv("WAYLAND_DISPLAY") != "":
		return [][]string{{"xdg-open"}, {"sensible-browser"}}
	}
	return nil
}
