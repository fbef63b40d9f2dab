// Package transcript holds what happened in one run of a command: what was
// asked, what came back, what was found. Text, JSON and the exit code are views
// of one [Run].
package transcript

import (
	"time"

	"github.com/oidc-client/oidc-client/check"
	"github.com/oidc-client/oidc-client/internal/strictjson"
)

// A Run is the record of one command.
type Run struct {
	Command string
	Issuer  string

	TokenResponse []byte    // as received, nil if none came
	ExpiresAt     time.Time // of the access token, zero if it is not known
	IDToken       *Token
	AccessToken   *Token // only if it is a JWT and was asked for
	RefreshToken  *Token // likewise
	UserInfo      []byte // claims, JSON as received

	// Members are the results of commands that ask for something else, in
	// order. They become members of the JSON document.
	Members strictjson.Ordered

	Checks  check.Results
	Failure *Failure // nil if all went well
}

// A Token is a JWT as it is shown.
type Token struct {
	Header     []byte // JSON as received
	Encryption []byte // the header of the encryption, JSON as received; nil if there was none
	Claims     []byte // JSON as received
	Verified   bool
}

// A Kind is the class of a failure. The exit code follows from it.
type Kind string

// The kinds of failures.
const (
	Usage        Kind = "usage"
	Config       Kind = "config"
	Provider     Kind = "provider"
	Protocol     Kind = "protocol"
	Network      Kind = "network"
	Verification Kind = "verification"
	Interaction  Kind = "interaction"
	Internal     Kind = "internal"
)

// A Failure is why a command did not do what it was asked to.
type Failure struct {
	Kind        Kind   `json:"kind"`
	Code        string `json:"code,omitempty"` // the provider's error code, or the id of the broken rule
	Message     string `json:"message"`
	Headline    string `json:"-"`                     // for people, where the evidence stands below; "" means Message
	Description string `json:"description,omitempty"` // the provider's error_description
	Hint        string `json:"hint,omitempty"`
	HTTPStatus  int    `json:"http_status,omitempty"`
	Endpoint    string `json:"endpoint,omitempty"`
}
