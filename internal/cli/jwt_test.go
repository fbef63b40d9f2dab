package cli

import (
	"strings"
	"testing"
	"time"
)

// A token is read as people paste it: with the header that it came from, line breaks, a byte order mark.
func TestPastedToken(t *testing.T) {
	t.Parallel()
	s := newStage(t, false, time.Now().Truncate(time.Second))
	defer s.Close()
	for _, before := range []string{"", "Bearer ", "Authorization: Bearer ", "authorization: bearer ", "\uFEFF", "DPoP "} {
		got := s.run("jwt decode", before+"$ID\r\n")
		if !strings.HasPrefix(got, "exit code 0\n") || !strings.Contains(got, `"iss"`) {
			t.Errorf("%q: %s", before, got)
		}
	}
	if got := s.run("jwt decode", "Bearer"); !strings.HasPrefix(got, "exit code 2\n") {
		t.Errorf("a scheme alone: %s", got)
	}
}
