package roundtrip

import (
	"errors"
	"fmt"
	"net/url"
	"testing"
)

// Whether net/http finds the end of a connection before or after it sent a request is chance. The
// error is the same.
func TestPlainNamesNoFunction(t *testing.T) {
	t.Parallel()
	cause := errors.New("remote error: tls: certificate required")
	for _, err := range []error{cause, fmt.Errorf("readLoopPeekFailLocked: %w", cause)} {
		got := plain(&url.Error{Op: "Get", URL: "https://op.example/?code=secret", Err: err})
		if got.Error() != cause.Error() {
			t.Errorf("%v", got)
		}
	}
}
