// What is printed by itself, without a block around it.

package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/oidc-client/oidc-client/internal/transcript"
)

// printLine writes text and a line break. Whatever the text is, and whoever wrote it, it cannot
// steer a terminal.
func printLine(w io.Writer, text string) error {
	_, err := io.WriteString(w, transcript.EscapeLines(text)+"\n")
	return err
}

// shortList returns the first of the names, and how many more there are.
func shortList(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
