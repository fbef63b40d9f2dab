// Who else can change a file.

package durable

// An OthersError reports that another user can change a file, so that its content may not be
// what its user put there.
type OthersError struct {
	// Group says that only members of a group are known to be able to.
	Group bool
	Err   error
}

func (e *OthersError) Error() string { return e.Err.Error() }

func (e *OthersError) Unwrap() error { return e.Err }
