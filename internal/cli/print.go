// What is printed by itself, without a block around it.

package cli

import (
	"io"

	"github.com/oidc-client/oidc-client/internal/transcript"
)

// printLine writes text and a line break. Whatever the text is, and whoever wrote it, it cannot
// steer a terminal.
func printLine(w io.Writer, text string) error {
	_, err := io.WriteString(w, transcript.EscapeLines(text)+"\n")
	return err
}
