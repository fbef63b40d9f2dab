package run

import (
	"runtime"
	"testing"
)

// The locale says which characters a terminal shows, as for other programs.
func TestBlocks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		all, ctype, lang string
		want             bool
	}{
		{"", "", "en_US.UTF-8", true},
		{"", "", "de_DE.utf8", true},
		{"", "", "de_DE.ISO-8859-1", false},
		{"", "", "C", false},
		{"", "", "", false},
		{"C", "", "en_US.UTF-8", false},
		{"", "C.UTF-8", "C", true},
		{"en_US.UTF-8", "C", "C", true},
	} {
		env := &Env{Getenv: func(name string) string {
			return map[string]string{"LC_ALL": c.all, "LC_CTYPE": c.ctype, "LANG": c.lang}[name]
		}}
		if got := env.Blocks(); got != c.want && runtime.GOOS != "windows" {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
