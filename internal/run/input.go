// Secret values: never in argv by need.

package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/transcript"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// An Input is what the user gives a command besides its flags: standard input,
// which one flag only can read, files and variables that hold secrets.
type Input struct {
	env      *Env
	redactor *transcript.Redactor
	warn     func(format string, args ...any)

	mu      sync.Mutex
	reader  string            // the flag that reads standard input, "" if none does
	stdin   []byte            // what it read, nil if it has not
	pipes   map[string][]byte // what was read of files that can be read once only
	typed   map[string]string // passwords of files, by name
	suspect struct{ flag, file string }
}

// Secret is the secret that a flag names, as [Input.Text] reads it, without the
// byte order mark and the line breaks that others put around it. No other
// control character can be in one.
func (i *Input) Secret(ctx context.Context, flag, value, env string) (string, error) {
	text, err := i.Text(ctx, flag, value, env)
	if err != nil {
		return "", err
	}
	if text, err = wire.Secret(text); err != nil {
		return "", failure.Usage("--%s cannot be right: %v", flag, err)
	}
	i.redactor.Learn(text)
	if strings.TrimSpace(text) != text {
		i.warn("--%s begins or ends with a space, which is sent as part of it", flag)
	}
	return text, nil
}

// Text is the value of a flag that need not be in argv: "-" is standard input,
// "@FILE" a file, "" the environment variable, and anything else the value
// itself.
func (i *Input) Text(ctx context.Context, flag, value, env string) (string, error) {
	data := []byte(value)
	var err error
	switch {
	case value == "":
		data = []byte(i.env.Getenv(env))
	case value == "-" || value == "@-":
		data, err = i.Stdin(ctx, flag)
	case strings.HasPrefix(value, "@"):
		data, err = i.ReadFile(ctx, value[1:])
	default:
		if i.namesFile(flag, value) {
			return value, nil // the name of a file is no secret, and it has to be told
		}
	}
	if err != nil {
		return "", failure.Usage("--%s: %w", flag, err)
	}
	text := strings.TrimRight(string(data), "\r\n")
	i.redactor.Learn(text)
	return text, nil
}

// namesFile reports whether a value is the name of a file: the user probably
// forgot the @ before it. A password may be any word.
func (i *Input) namesFile(flag, value string) bool {
	info, err := os.Stat(value)
	if err != nil || !info.Mode().IsRegular() || slices.Contains([]string{"client-secret", "password"}, flag) {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.suspect.flag, i.suspect.file = flag, value
	return true
}

// advise says that a file may have been meant.
func (i *Input) advise() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.suspect.file == "" {
		return ""
	}
	return fmt.Sprintf("there is a file of that name: `--%s @%s` is what is in it", i.suspect.flag, i.suspect.file)
}

// Token is a secret that looks like a token, if it is given at all.
func (i *Input) Token(ctx context.Context, flag, value, env string) (string, error) {
	text, err := i.Secret(ctx, flag, value, env)
	if err != nil || text == "" && value == "" {
		return "", err
	}
	if err := CheckToken(text); err != nil {
		return "", failure.Usage("--%s cannot be right: %v", flag, err)
	}
	return text, nil
}

// Required is a secret that has to be there, read by [Input.Secret] or
// [Input.Token].
func Required(
	ctx context.Context, get func(ctx context.Context, flag, value, env string) (string, error),
	flag, value, env string,
) (string, error) {
	text, err := get(ctx, flag, value, env)
	if err == nil && text == "" && value == "" {
		return "", failure.Usage("--%s is missing (- reads standard input, @FILE a file; or set %s)", flag, env)
	}
	return text, err
}

// ReadFile is the function of that name, but that a pipe is read only once: whoever asks again
// gets what was read.
func (i *Input) ReadFile(ctx context.Context, path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil || info.Mode().IsRegular() {
		return ReadFile(ctx, path)
	}
	i.mu.Lock()
	data, known := i.pipes[path]
	i.mu.Unlock()
	if known {
		return data, nil
	}
	if data, err = ReadFile(ctx, path); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.pipes == nil {
		i.pipes = map[string][]byte{}
	}
	i.pipes[path] = data
	return data, nil
}

// Stdin reads standard input, for one flag only. A flag that asks again gets what was read.
func (i *Input) Stdin(ctx context.Context, flag string) ([]byte, error) {
	i.mu.Lock()
	reader, data := i.reader, i.stdin
	if reader == "" {
		i.reader = flag
	}
	i.mu.Unlock()
	switch {
	case reader == flag && data != nil:
		return data, nil
	case reader != "":
		return nil, fmt.Errorf("--%s reads standard input already", reader)
	}
	data, err := Await(ctx, "standard input", func() ([]byte, error) { return ReadBounded(i.env.Stdin) })
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stdin = data
	return data, err
}

// Free reports whether no flag reads standard input.
func (i *Input) Free() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.reader == "" && i.env.Stdin != nil
}

// CheckToken says what is wrong with a token that a person pasted or a file
// held, before it is sent anywhere.
func CheckToken(token string) error {
	switch {
	case token == "":
		return errors.New("it is empty")
	case strings.HasPrefix(strings.Join(strings.Fields(token), ""), `{"`):
		return errors.New("it is JSON, not a token by itself")
	}
	if c, odd := wire.Odd(token); odd {
		return fmt.Errorf("it contains the character %U, which no token has", c)
	}
	return nil
}
