package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/run"
)

// An error names a few sessions, not all of them.
func TestListsAreShort(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 100_000 {
		names = append(names, fmt.Sprintf("session-%d", i))
	}
	text := (&noSessionError{"session-x", names}).Error()
	if !strings.Contains(text, "session-7 and 99992 more; did you mean session-0?") || len(text) > 250 {
		t.Errorf("%.300s", text)
	}
	if got := run.ShortList(names[:8]); got != strings.Join(names[:8], ", ") {
		t.Errorf("%s", got)
	}
}
