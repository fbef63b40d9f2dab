package cli

import (
	"strings"
	"testing"
	"time"
)

// A QR code is drawn where the locale can show its blocks, and nowhere else.
func TestQRCodeNeedsItsCharacters(t *testing.T) {
	t.Parallel()
	for locale, want := range map[string]bool{"en_US.UTF-8": true, "C": false} {
		s := newStage(t, false, time.Now())
		s.person = true
		s.env["LANG"] = locale
		got := s.run("device "+asClient, "")
		if strings.Contains(got, "█") != want || !strings.Contains(got, "https://op.example/device") {
			t.Errorf("%s:\n%s", locale, got)
		}
		s.Close()
	}
}
