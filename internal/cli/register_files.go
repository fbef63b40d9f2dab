// The files of a registration: a configuration of the client, and what the
// registration is managed with.

package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oidc-client/oidc-client/internal/connect"
	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
	"github.com/oidc-client/oidc-client/internal/strictjson"
	"github.com/oidc-client/oidc-client/internal/wire"
	"github.com/oidc-client/oidc-client/oidc"
)

// readRegistration reads the file of a registration.
func readRegistration(ctx context.Context, r *run.Run, file string) (oidc.Registration, error) {
	var known oidc.Registration
	if file == "" {
		return known, failure.Usage("--registration is missing: the file that register create wrote")
	}
	data, err := r.Input.ReadFile(ctx, file)
	if err != nil {
		return known, failure.Usage("--registration: %w", err)
	}
	connect.WarnExposed(r, file, connect.WhereSecretsGo)
	doc, err := strictjson.Parse(data)
	if err != nil {
		return known, failure.Usage("--registration: %v", err)
	}
	for name, to := range map[string]*string{
		"client_id": &known.ClientID, "client_secret": &known.ClientSecret,
		"registration_access_token": &known.AccessToken, "registration_client_uri": &known.URI,
	} {
		if *to, err = doc.String(name); err != nil {
			return known, failure.Usage("--registration: %v", err)
		}
	}
	known.JSON = doc.Raw
	r.Learn(known.ClientSecret, known.AccessToken)
	if known.URI == "" || known.AccessToken == "" || !wire.SecureURL(known.URI) {
		return known,
			failure.Usage("--registration: %s has no registration_client_uri and registration_access_token: the "+
				"provider does not let it be managed", file)
	}
	if err := run.CheckToken(known.AccessToken); err != nil {
		return known, failure.Usage("--registration: %s: registration_access_token cannot be right: %v", file, err)
	}
	return known, nil
}

// registrationFile is what the file of a registration holds: the answer, and what
// it left out because it stays the same.
func registrationFile(r *oidc.Registration) ([]byte, error) {
	doc, err := strictjson.Parse(r.JSON)
	if err != nil {
		return nil, err
	}
	own := []struct{ name, value string }{
		{"client_id", r.ClientID},
		{"client_secret", r.ClientSecret},
		{"registration_access_token", r.AccessToken},
		{"registration_client_uri", r.URI},
	}
	var o strictjson.Ordered
	for _, m := range own {
		if m.value != "" {
			o.Add(m.name, m.value)
		}
	}
	for _, m := range doc.Members {
		if !slices.ContainsFunc(own, func(o struct{ name, value string }) bool { return o.name == m.Name }) {
			o.Add(m.Name, m.Value)
		}
	}
	data, err := o.MarshalJSON()
	return append(data, '\n'), err
}

// writeRegistration writes a registration to its file, and returns the files that
// have it.
func writeRegistration(file string, reserved *durable.Reservation, r *oidc.Registration) ([]string, error) {
	data, err := registrationFile(r)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", file, err), reserved.Discard())
	}
	if err := reserved.Commit(data); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return []string{file}, nil
}

// registrationUnshown says where a registration is that could not be shown, for a
// cause. One that no file has is saved in a new one: its secrets came this one time.
func registrationUnshown(r *oidc.Registration, files []string, cause error) error {
	if len(files) == 0 {
		file, err := saveRegistration(r)
		if err != nil {
			lost := fmt.Errorf("it could neither be shown (%w) nor written to a file (%w)", cause, err)
			return fmt.Errorf("the client %s is registered at the provider, but what came with it is lost: %w; have "+
				"the client deleted there, and register another", r.ClientID, lost)
		}
		files = []string{file}
	}
	return fmt.Errorf("the client %s is registered at the provider, but could not be shown (%w); it is in %s",
		r.ClientID, cause, strings.Join(files, " and "))
}

// saveRegistration writes a registration to a new file of this folder, or else of
// that of temporary files.
func saveRegistration(r *oidc.Registration) (file string, err error) {
	data, err := registrationFile(r)
	if err != nil {
		return "", err
	}
	for _, folder := range []string{".", os.TempDir()} {
		file = filepath.Join(folder, "registration-"+rand.Text()+".json")
		if err = durable.WriteFile(file, data); err == nil {
			return file, nil
		}
	}
	return "", err
}

// registrationFiles are the two files of a new registration, reserved before
// anything is sent.
type registrationFiles struct {
	name                 string // of the configuration, "" if no file is wanted
	config, registration *durable.Reservation
}

// registrationSuffix is what follows the name of a client's configuration file in that
// of its registration.
const registrationSuffix = ".registration.json"

func (f *registrationFiles) registrationName() string { return f.name + registrationSuffix }

// configOf names the configuration file of the client that a file has the registration
// of. It is not written to: it may have been changed by hand, or be another's.
func configOf(registration string) string {
	file, beside := strings.CutSuffix(registration, registrationSuffix)
	if _, err := os.Stat(file); !beside || err != nil {
		return "the client's configuration"
	}
	return file
}

// reserve prepares the files. Without any, standard output has the only copy.
func (o *registerOptions) reserve(stdout io.Writer) (*registrationFiles, error) {
	switch {
	case o.out == "" && run.Nowhere(stdout):
		return nil, failure.Usage("--out is missing: standard output is closed or the null device, and what comes " +
			"with the registration comes one time only")
	case o.out == "":
		return &registrationFiles{}, nil
	}
	files := &registrationFiles{name: o.out}
	for _, file := range []struct {
		name string
		to   **durable.Reservation
	}{{o.out, &files.config}, {files.registrationName(), &files.registration}} {
		name, to := file.name, file.to
		if _, err := os.Lstat(name); err == nil && !o.force {
			files.discard()
			return nil, failure.Usage("%s is there already; --force replaces it", name)
		}
		reserved, err := durable.ReserveNew(name)
		if err != nil {
			files.discard()
			return nil, failure.Config("--out: the registration could not be written, so nothing was sent: %v", err)
		}
		*to = reserved
	}
	return files, nil
}

func (f *registrationFiles) discard() {
	for _, r := range []*durable.Reservation{f.config, f.registration} {
		if r != nil {
			_ = r.Discard() // a temporary file that stays behind holds nothing
		}
	}
}

// commit writes both files, the configuration as text, and returns those that have the registration.
func (f *registrationFiles) commit(text []byte, r *oidc.Registration) ([]string, error) {
	if f.config == nil {
		return nil, nil
	}
	written, err := writeRegistration(f.registrationName(), f.registration, r)
	configErr := f.config.Commit(text)
	f.config, f.registration = nil, nil
	switch {
	case configErr == nil:
		return written, err
	case err == nil:
		return written, fmt.Errorf("%s: %w", f.name, configErr)
	}
	return nil, fmt.Errorf("%w, nor to %s: %w", err, f.name, configErr)
}

// absolute is a path that another folder's file can name, "" for none.
func absolute(file string) string {
	if file == "" {
		return ""
	}
	full, err := filepath.Abs(file)
	if err != nil {
		return file
	}
	return full
}

// tell says what the files are for, and what is missing in the configuration.
func (f *registrationFiles) tell(r *run.Run, registered *oidc.Registration, draft *configDraft) {
	r.Inform("%s is the configuration of the client", f.name)
	if registered.URI != "" && registered.AccessToken != "" {
		r.Inform("%s is for register read, update and delete", f.registrationName())
	} else {
		r.Inform("%s is the registration; the provider does not let the client read, update or delete it",
			f.registrationName())
	}
	for _, remark := range draft.remarks {
		r.Inform("%s: %s", f.name, remark)
	}
	for _, warning := range draft.warnings {
		r.Warn("%s: %s", f.name, warning)
	}
}
