// Passwords of files: from the environment, or from the person at the terminal.

package run

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/wire"
)

// ErrNoTerminal reports that there is nobody to ask: standard input or standard error is no terminal.
var ErrNoTerminal = errors.New("there is no terminal to ask for the password")

// Password returns the password of a file: the value of a variable, or what the person at the
// terminal types. The error is [ErrNoTerminal] if there is neither.
func (i *Input) Password(ctx context.Context, variable, file string) (string, error) {
	text, err := wire.Secret(i.env.Getenv(variable))
	if err != nil {
		return "", failure.Usage("%s cannot be right: %v", variable, err)
	}
	if text == "" {
		text, err = i.ask(ctx, file)
	}
	i.redactor.Learn(text)
	return text, err
}

// ask asks for the password of a file, once.
func (i *Input) ask(ctx context.Context, file string) (string, error) {
	i.mu.Lock()
	text := i.typed[file]
	i.mu.Unlock()
	switch {
	case text != "":
		return text, nil
	case i.env.Password == nil || !i.Free():
		return "", ErrNoTerminal
	}
	text, err := i.env.Password(ctx, "Password of "+file+": ")
	if err != nil {
		return "", err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.typed == nil {
		i.typed = map[string]string{}
	}
	i.typed[file] = text
	return text, nil
}

// askPassword asks at the terminal, which shows nothing of what is typed, also if the wait ends early.
func askPassword(ctx context.Context, prompt string) (string, error) {
	terminal := int(os.Stdin.Fd())
	state, err := term.GetState(terminal)
	if err != nil || !isTerminal(os.Stderr) {
		return "", ErrNoTerminal
	}
	defer func() {
		_ = term.Restore(terminal, state) // a terminal that is gone needs nothing
		fmt.Fprintln(os.Stderr)
	}()
	fmt.Fprint(os.Stderr, prompt)
	text, err := Await(ctx, "the password", func() ([]byte, error) { return term.ReadPassword(terminal) })
	return string(text), err
}
