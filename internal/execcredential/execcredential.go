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

	// V1 is the version of the API that a kubeconfig should name.
	V1 = group + "v1"

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

// A Request is what kubectl asks for.
type Request struct {
	Version    string // the apiVersion of the answer
	Unattended bool   // nobody can be asked: there is no terminal, or the interactiveMode is Never
}

// Read reads info, the value of [InfoVariable]. Without info the version is v1.
func Read(info string) (Request, error) {
	if info == "" {
		return Request{Version: V1}, nil
	}
	var asked struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Spec       struct {
			Interactive *bool `json:"interactive"`
		} `json:"spec"`
	}
	err := json.Unmarshal([]byte(info), &asked)
	if err != nil || asked.Kind != "" && asked.Kind != "ExecCredential" {
		return Request{}, errors.New(InfoVariable + " is not the JSON that kubectl gives")
	}
	if asked.APIVersion != V1 && asked.APIVersion != group+"v1beta1" {
		return Request{}, &VersionError{asked.APIVersion}
	}
	interactive := asked.Spec.Interactive
	return Request{Version: asked.APIVersion, Unattended: interactive != nil && !*interactive}, nil
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
