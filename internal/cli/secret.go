// Secret values: never in argv by need.

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// secret is the value of a secret flag: "-" is standard input, "@FILE" a file,
// "" the environment variable, and anything else the secret itself.
func (p *program) secret(ctx context.Context, flag, value, env string) (string, error) {
	var text string
	var err error
	switch {
	case value == "":
		text = p.env.Getenv(env)
	case value == "-" || value == "@-":
		text, err = p.readStdin(ctx, flag)
	case strings.HasPrefix(value, "@"):
		text, err = read(ctx, value[1:], func() ([]byte, error) { return readFile(value[1:]) })
	default:
		text = value
	}
	var waited *waitError
	if errors.As(err, &waited) {
		return "", err
	}
	if err != nil {
		return "", usage("--%s: %v", flag, err)
	}
	text = strings.TrimRight(text, "\r\n")
	p.redactor.Learn(text)
	return text, nil
}

// required is a secret that has to be there, and looks like a token or a word.
func (p *program) required(ctx context.Context, flag, value, env string) (string, error) {
	text, err := p.secret(ctx, flag, value, env)
	switch {
	case err != nil:
		return "", err
	case text == "" && value == "":
		return "", usage("--%s is missing (- reads standard input, @FILE a file; or set %s)", flag, env)
	case flag == "password":
		return text, nil
	}
	if err := checkToken(text); err != nil {
		return "", usage("--%s cannot be right: %v", flag, err)
	}
	return text, nil
}

// readStdin reads standard input, for one flag only.
func (p *program) readStdin(ctx context.Context, flag string) (string, error) {
	if p.stdinUsed != "" {
		return "", fmt.Errorf("--%s reads standard input already", p.stdinUsed)
	}
	p.stdinUsed = flag
	return read(ctx, "standard input", func() ([]byte, error) { return readBounded(p.env.Stdin) })
}

// read gives up reading when ctx ends: nobody may ever type anything, and a
// file may be a pipe that nobody writes to.
func read(ctx context.Context, what string, from func() ([]byte, error)) (string, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := from()
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return string(r.data), r.err
	case <-ctx.Done():
		return "", &waitError{what, context.Cause(ctx)}
	}
}

// checkToken says what is wrong with a token that a person pasted or a file
// held, before it is sent anywhere.
func checkToken(token string) error {
	switch {
	case token == "":
		return errors.New("it is empty")
	case strings.HasPrefix(strings.Join(strings.Fields(token), ""), `{"`):
		return errors.New("it is JSON, not a token by itself")
	}
	for _, r := range token {
		if r <= ' ' || r > '~' {
			return fmt.Errorf("it holds the character %U, which no token has", r)
		}
	}
	return nil
}
