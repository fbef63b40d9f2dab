package agent

import (
	"context"
	"errors"
)

// ErrRunning says that there is an agent already.
var ErrRunning = errors.New("an agent is running already")

// Listen does nothing on Windows.
func Listen(context.Context, string) (*Listener, error) {
	return nil, errors.New("there is no agent on Windows, where a socket does not tell who is at its other end")
}
