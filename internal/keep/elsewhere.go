// The last resort: what could not be stored where it belongs is kept somewhere else, which is
// named. A refresh token that was just issued is the only one that works.

package keep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/session"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

// A fallback says what to keep of something that could not be stored.
type fallback struct {
	what     string   // for people, such as "session work"
	pattern  string   // of its file's name, as for os.CreateTemp
	versions [][]byte // what is written to the file: the first for which there is room
	token    string   // the refresh token in it, "" if there is none
}

// A fallbackError says that something could not be stored where it belongs, and where it is instead.
type fallbackError struct {
	cause error
	where string // for people, "" if it is nowhere
	file  string // that has it, "" if none has
}

func (e *fallbackError) Error() string {
	if e.where == "" {
		return e.cause.Error()
	}
	return e.cause.Error() + "; " + e.where
}

func (e *fallbackError) Unwrap() error { return e.cause }

// undo removes the file, once what is in it was stored after all.
func (e *fallbackError) undo() {
	if e.file != "" {
		_ = os.Remove(e.file) // a copy that stays behind is no loss
	}
}

// keepElsewhere keeps something that could not be stored for a cause: in a file in the folder of temporary
// files, or else, if that is possible at all, by showing its refresh token on the terminal, or else
// on standard error.
func keepElsewhere(env *run.Env, f fallback, cause error) *fallbackError {
	file, doubt := f.write()
	switch {
	case file != "" && doubt != nil:
		where := fmt.Sprintf("what came is in %s, but may not survive a crash of the machine (%v)", file, doubt)
		return &fallbackError{cause, where, file}
	case file != "":
		return &fallbackError{cause, "what came is in " + file, file}
	case f.token == "":
		return &fallbackError{cause: cause}
	}
	cause = fmt.Errorf("%w; nor could it be written to a temporary file: %w", cause, doubt)
	text := fmt.Sprintf("oidc-client: %s could not be stored anywhere.", f.what) +
		" Keep this refresh token: it replaces the one before.\n" + transcript.Escape(f.token) + "\n"
	if onConsole(env, text) == nil {
		return &fallbackError{cause: cause, where: "the new refresh token was shown on the terminal"}
	}
	_, err := io.WriteString(env.Stderr, text)
	if err == nil && run.Nowhere(env.Stderr) {
		err = errors.New("standard error is closed or the null device")
	}
	if err != nil {
		cause = fmt.Errorf("%w; nor could it be shown: %w; the new refresh token is lost", cause, err)
		return &fallbackError{cause: cause}
	}
	return &fallbackError{cause: cause, where: "the new refresh token was shown on standard error"}
}

// onConsole writes a text to the terminal of the process, wherever its output goes.
func onConsole(env *run.Env, text string) error {
	if env.Console == nil {
		return os.ErrNotExist
	}
	console, err := env.Console()
	if err != nil {
		return err
	}
	defer console.Close()
	_, err = io.WriteString(console, text)
	return err
}

// write writes a new temporary file, mode 0600, and returns its name, "" if there is none.
// Beside a name the error says why the file may not survive a crash.
func (f fallback) write() (name string, err error) {
	file, err := os.CreateTemp("", f.pattern)
	if err != nil {
		return "", err
	}
	for _, data := range f.versions {
		if _, err = file.WriteAt(data, 0); err == nil {
			err = file.Truncate(int64(len(data)))
		}
		if err != nil {
			continue
		}
		doubt := file.Sync()
		if closeErr := file.Close(); doubt == nil {
			doubt = closeErr
		}
		return file.Name(), doubt
	}
	_ = file.Close() // it goes
	_ = os.Remove(file.Name())
	return "", err
}

// Elsewhere keeps a session that could not be stored for a cause. lost says where it is
// now, undo forgets it there.
func Elsewhere(env *run.Env, s *session.Session, cause error) (undo func(), lost error) {
	e := keepSession(env, s, cause)
	return e.undo, e
}

// keepSession keeps a session that could not be stored.
func keepSession(env *run.Env, s *session.Session, cause error) *fallbackError {
	f := fallback{what: "session " + s.Name, pattern: "oidc-client-session-" + s.Name + "-*.json"}
	if s.Secret != nil {
		f.token = s.Secret.RefreshToken
	}
	for _, version := range []any{s, map[string]string{"refresh_token": f.token}} {
		if data, err := json.Marshal(version); err == nil {
			f.versions = append(f.versions, data)
		}
	}
	return keepElsewhere(env, f, fmt.Errorf("session %s could not be kept: %w", s.Name, cause))
}
