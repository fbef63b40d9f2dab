package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oidc-client/oidc-client/oidc"
)

// What could not be written is named, and what could be is counted on: the files that
// hold a registration decide whether it has to be saved elsewhere.
func TestRegistrationNotWritten(t *testing.T) {
	t.Parallel()
	registered := &oidc.Registration{
		ClientID: "c1", ClientSecret: "canary",
		JSON: []byte(`{"client_id":"c1","client_secret":"canary"}`),
	}
	for name, c := range map[string]struct {
		spoil func(*registrationFiles) error
		want  []string // in the error
		files int
	}{
		"both are": {func(*registrationFiles) error { return nil }, nil, 1},
		"no registration": {
			func(f *registrationFiles) error { return f.registration.Discard() },
			[]string{"c.yaml.registration.json: "},
			0,
		},
		"no configuration": {func(f *registrationFiles) error { return f.config.Discard() }, []string{"c.yaml: "}, 1},
		"neither": {
			func(f *registrationFiles) error { f.discard(); return nil },
			[]string{"c.yaml.registration.json: ", ", nor to ", "c.yaml: "},
			0,
		},
	} {
		o := registerOptions{out: filepath.Join(t.TempDir(), "c.yaml")}
		files, err := o.reserve(io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.spoil(files); err != nil {
			t.Fatal(err)
		}
		written, err := files.commit([]byte("issuer: x\n"), registered)
		if len(written) != c.files || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, %v", name, written, err)
		}
		for _, text := range c.want {
			if !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if c.files > 0 {
			if data, err := os.ReadFile(o.out + ".registration.json"); err != nil ||
				!strings.Contains(string(data), "canary") {
				t.Errorf("%s: %s, %v", name, data, err)
			}
		}
	}
}
