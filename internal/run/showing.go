// Who is shown what a run comes to, and how far that went.

package run

import (
	"errors"
	"fmt"
	"sync"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/transcript"
)

// A showing is who is shown the record of a run, and how far they were.
type showing struct {
	views []transcript.View

	mu        sync.Mutex // of the record too
	explained bool       // the checks were shown
	err       error      // of the first view that failed
	rescue    func(cause error) error
}

// result shows a result. The caller holds the lock.
func (s *showing) result(result transcript.Result) {
	for _, view := range s.views {
		s.failed(view.Result(result))
	}
}

// checks shows what rules found. The caller holds the lock.
func (s *showing) checks(results check.Results) {
	for _, view := range s.views {
		s.failed(view.Checks(results))
	}
}

// failed keeps the first error of a view.
func (s *showing) failed(err error) {
	if s.err == nil {
		s.err = err
	}
}

// rescued is the error to report of a result that could not be shown.
func (s *showing) rescued(cause error) error {
	s.mu.Lock()
	rescue := s.rescue
	s.mu.Unlock()
	if rescue == nil {
		return cause
	}
	return rescue(cause)
}

// unshownError says why a document could not be shown.
func unshownError(err error) error {
	if _, ok := errors.AsType[*FilterError](err); ok {
		return err
	}
	return fmt.Errorf("writing to standard output: %w", err)
}
