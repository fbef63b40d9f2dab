//go:build linux

// The size of a process is told in other units elsewhere.

package test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/internal/provider/fault"
)

// H01 to H05, H12, J13: whatever a provider sends, the program stays small. The
// bound is three times what a good run takes.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	const most = 48 << 10 // KiB
	folder := t.TempDir()
	binary, measure := filepath.Join(folder, "oidc-client"), filepath.Join(folder, "maxrss")
	printed(t, "..", "go", "build", "-o", binary, ".")
	printed(t, ".", "go", "build", "-o", measure, "./maxrss")
	for _, f := range fault.Faults() {
		if f.By != "" || !heavy(f.Name) {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			s := newStage(t, f)
			check(t, s.op.Misbehave(f.Name))
			out := printed(t, ".", measure, binary, "refresh-token", "-c", s.config, "--refresh-token", "@"+s.token,
				"--timeout", "30s", "-dd")
			if _, shown := s.op.Quiet(); !shown {
				t.Error("the fault was not come to")
			}
			kib, err := strconv.Atoi(strings.TrimSpace(out))
			check(t, err)
			if kib > most || kib < 4<<10 {
				t.Errorf("%d KiB", kib)
			}
		})
	}
}

// heavy are the faults that try to make the program hold much.
func heavy(name string) bool {
	for _, part := range []string{
		"endless", "bomb", "too-long", "header-huge", "cookies", "informational", "-deep",
		"-many", "dots", "-long", "zip",
	} {
		if strings.HasSuffix(name, part) {
			return true
		}
	}
	return false
}
