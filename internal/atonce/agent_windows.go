package atonce

import "errors"

// fromAgent has nobody to ask: there is no agent on Windows.
func (q Question) fromAgent(func(string) string) bool { return false }

// Trusted says that there is no agent on Windows.
func Trusted(string) error {
	return errors.New("there is no agent on Windows, where a socket does not tell who is at its other end")
}
