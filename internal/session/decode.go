// Reading a session, whichever version of the program stored it.

package session

import (
	"encoding/json"
	"errors"
	"hash/fnv"
)

// Decode reads a session as it is stored. One of schema 1 becomes one of this schema. The error is
// a [*LaterError] if it is of a later schema.
func Decode(data []byte) (*Session, error) {
	var s struct {
		Session

		Attempt *Claim `json:"attempt"` // of schema 1
	}
	err := json.Unmarshal(data, &s)
	if err != nil {
		var later struct {
			Schema int `json:"schema"`
		}
		if json.Unmarshal(data, &later) != nil {
			return nil, err
		}
		s.Schema = later.Schema
	}
	switch {
	case s.Schema > Schema:
		return nil, &LaterError{s.Schema}
	case err != nil:
		return nil, err
	case s.Schema < 1:
		return nil, errors.New("it has no schema")
	case s.Schema == 1:
		s.Schema, s.Serial, s.Claim = Schema, unnumbered(data), s.Attempt
	}
	return &s.Session, nil
}

// unnumbered stands for the serial of a session that has none: an earlier version of the program
// may write it again. It is below those of all others.
func unnumbered(data []byte) int64 {
	h := fnv.New64a()
	_, _ = h.Write(data)
	return -1 - int64(h.Sum64()>>2) //nolint:gosec // 62 bits
}
