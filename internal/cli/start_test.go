package cli

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/oidc-client/oidc-client/internal/run"
)

func quiet() *run.Env {
	return &run.Env{
		Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Now: time.Now,
		Getenv: func(string) string { return "" }, Terminal: func(io.Writer) bool { return false },
	}
}

// BenchmarkStart is what a command costs before it does anything.
func BenchmarkStart(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if code := Main(context.Background(), quiet(), []string{"version"}); code != 0 {
			b.Fatal(code)
		}
	}
}
