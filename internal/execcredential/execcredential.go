// Package execcredential writes what client-go credential plugins print:
// client.authentication.k8s.io/v1.
package execcredential

import (
	"encoding/json"
	"errors"
	"time"
)

const (
	group = "client.authentication.k8s.io/"

	// InfoVariable is the variable in which kubectl says what it asks for.
	InfoVariable = "KUBERNETES_EXEC_INFO"
)

// A document is an ExecCredential, as far as it is needed.
type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Status     status `json:"status"`
}

type status struct {
	Token      string    `json:"token"`
	Expiration time.Time `json:"expirationTimestamp,omitzero"`
}

// Version is the apiVersion that info, the value of [InfoVariable], asks for.
// Without info it is v1.
func Version(info string) (string, error) {
	if info == "" {
		return group + "v1", nil
	}
	var asked document
	if err := json.Unmarshal([]byte(info), &asked); err != nil {
		return "", errors.New(InfoVariable + " is not the JSON that kubectl gives")
	}
	if asked.APIVersion != group+"v1" && asked.APIVersion != group+"v1beta1" {
		return "", &VersionError{asked.APIVersion}
	}
	return asked.APIVersion, nil
}

// A VersionError says that kubectl asks for a version that is not known.
type VersionError struct{ Asked string }

// Error names the versions that are known.
func (e *VersionError) Error() string {
	asked := []byte(e.Asked)
	quoted, _ := json.Marshal(string(asked[:min(len(asked), 80)])) // a string
	return InfoVariable + " asks for the apiVersion " + string(quoted) + "; " + group + "v1 and " + group +
		"v1beta1 are known"
}

// Marshal returns the document on one line. expires is when kubectl should ask
// again; zero means that nobody knows.
func Marshal(version, token string, expires time.Time) ([]byte, error) {
	data, err := json.Marshal(document{version, "ExecCredential", status{token, expires}})
	return append(data, '\n'), err
}
