package failure_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/oidc-client/oidc-client/internal/failure"
)

func TestOf(t *testing.T) {
	t.Parallel()
	wait := &failure.WaitError{For: "standard input", Cause: context.DeadlineExceeded}
	for name, test := range map[string]struct {
		err  error
		want failure.Failure
		ok   bool
	}{
		"none":  {errors.New("x"), failure.Failure{}, false},
		"usage": {failure.Usage("--x: %w", errors.New("y")), failure.Failure{Kind: failure.KindUsage}, true},
		"advice": {
			failure.Config("no file").Try("name one"),
			failure.Failure{Kind: failure.KindConfig, Hint: "name one"},
			true,
		},
		"wrapped":   {fmt.Errorf("outside: %w", failure.Usage("x")), failure.Failure{Kind: failure.KindUsage}, true},
		"outermost": {failure.Config("a: %w", failure.Usage("x")), failure.Failure{Kind: failure.KindConfig}, true},
		"wait":      {failure.Usage("--x: %w", wait), failure.Failure{Kind: failure.KindInteraction}, true},
	} {
		got, ok := failure.Of(test.err)
		if got != test.want || ok != test.ok {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
	if err := failure.Usage("--x: %w", wait); !errors.Is(err, context.DeadlineExceeded) {
		t.Error("the cause is lost")
	}
}
