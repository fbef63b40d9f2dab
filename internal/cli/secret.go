// Secret values: never in argv by need.

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecret bounds what is read as a secret, in bytes.
const maxSecret = 1 << 20

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
		text, err = read(ctx, value[1:], func() (string, error) { return readSecretFile(value[1:]) })
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

// readStdin reads standard input, for one flag only.
func (p *program) readStdin(ctx context.Context, flag string) (string, error) {
	if p.stdinUsed != "" {
		return "", fmt.Errorf("--%s reads standard input already", p.stdinUsed)
	}
	p.stdinUsed = flag
	return read(ctx, "standard input", func() (string, error) { return readBounded(p.env.Stdin) })
}

// read gives up reading when ctx ends: nobody may ever type anything, and a
// file may be a pipe that nobody writes to.
func read(ctx context.Context, what string, from func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := from()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return "", &waitError{what, context.Cause(ctx)}
	}
}

func readSecretFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return readBounded(f)
}

func readBounded(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxSecret {
		return "", fmt.Errorf("more than %d bytes", maxSecret)
	}
	return string(data), nil
}

// checkToken says what is wrong with a token that a person pasted or a file
// held, before it is sent anywhere.
func checkToken(token string) error {
	switch {
	case token == "":
		return errors.New("it is empty")
	case token[0] == '{':
		return errors.New("it is JSON, not a token by itself")
	}
	for _, r := range token {
		if r <= ' ' || r > '~' {
			return fmt.Errorf("it holds the character %U, which no token has", r)
		}
	}
	return nil
}
