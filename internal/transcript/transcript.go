// Package transcript holds what happened in one run of a command: what was
// asked, what came back, what was found. Text, JSON and every other form of
// output is a [View] of one [Record].
package transcript

// A Token is a JWT as it is shown.
type Token struct {
	Header     []byte // JSON as received
	Encryption []byte // the header of the encryption, JSON as received; nil if there was none
	Claims     []byte // JSON as received
	Verified   bool
}
