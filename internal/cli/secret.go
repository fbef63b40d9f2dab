// Secret values: never in argv by need.

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/wire"
)

// secret is the secret that a flag names, as [program.input] reads it, without the byte order
// mark and the line breaks that others put around it. No other control character can be in one.
func (p *program) secret(ctx context.Context, flag, value, env string) (string, error) {
	text, err := p.input(ctx, flag, value, env)
	if err != nil {
		return "", err
	}
	if text, err = wire.Secret(text); err != nil {
		return "", usage("--%s cannot be right: %v", flag, err)
	}
	p.redactor.Learn(text)
	if strings.TrimSpace(text) != text {
		p.warn("--%s begins or ends with a space, which is sent as part of it", flag)
	}
	return text, nil
}

// input is the value of a flag that need not be in argv: "-" is standard input, "@FILE" a file,
// "" the environment variable, and anything else the value itself.
func (p *program) input(ctx context.Context, flag, value, env string) (string, error) {
	data := []byte(value)
	var err error
	switch {
	case value == "":
		data = []byte(p.env.Getenv(env))
	case value == "-" || value == "@-":
		data, err = p.readStdin(ctx, flag)
	case strings.HasPrefix(value, "@"):
		data, err = readFile(ctx, value[1:])
	default:
		if info, err := os.Stat(value); err == nil && info.Mode().IsRegular() && !slices.Contains([]string{"client-secret", "password"}, flag) { // it may be meant all the same
			p.likeFlag, p.likeFile = flag, value
			return value, nil // what a file is called is no secret, and it has to be told
		}
	}
	if err != nil {
		return "", usage("--%s: %w", flag, err)
	}
	text := strings.TrimRight(string(data), "\r\n")
	p.redactor.Learn(text)
	return text, nil
}

// required is a secret that has to be there, and looks like a token or a word.
func (p *program) required(ctx context.Context, flag, value, env string) (string, error) {
	get := p.optional
	if flag == "password" {
		get = p.secret
	}
	text, err := get(ctx, flag, value, env)
	if err == nil && text == "" && value == "" {
		return "", usage("--%s is missing (- reads standard input, @FILE a file; or set %s)", flag, env)
	}
	return text, err
}

// optional is a secret that looks like a token or a word, if it is there.
func (p *program) optional(ctx context.Context, flag, value, env string) (string, error) {
	text, err := p.secret(ctx, flag, value, env)
	if err != nil || text == "" && value == "" {
		return "", err
	}
	if err := checkToken(text); err != nil {
		return "", usage("--%s cannot be right: %v", flag, err)
	}
	return text, nil
}

// readStdin reads standard input, for one flag only.
func (p *program) readStdin(ctx context.Context, flag string) ([]byte, error) {
	if p.stdinUsed != "" {
		return nil, fmt.Errorf("--%s reads standard input already", p.stdinUsed)
	}
	p.stdinUsed = flag
	return read(ctx, "standard input", func() ([]byte, error) { return readBounded(p.env.Stdin) })
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
	if c, odd := wire.Odd(token); odd {
		return fmt.Errorf("it contains the character %U, which no token has", c)
	}
	return nil
}
