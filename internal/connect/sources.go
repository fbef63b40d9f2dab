// Where a configuration came from, and that of a session.

package connect

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/oidc-client/oidc-client/internal/config"
	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/limit"
	"github.com/oidc-client/oidc-client/internal/run"
)

// Sources are where a configuration came from: all it takes to read it again, from
// any folder and in any environment.
type Sources struct {
	Name        string              `json:"name,omitempty"` // of the file, absolute
	File        string              `json:"file,omitempty"` // as it was
	Live        bool                `json:"live,omitempty"` // the file itself counts while it is there and the user's
	Env         map[string]string   `json:"env,omitempty"`
	Flags       map[string][]string `json:"flags,omitempty"`
	SkipIDToken bool                `json:"skip_id_token_verification,omitempty"`
	KID         string              `json:"kid,omitempty"`
}

// Portable returns the sources as a session keeps them: with absolute paths, and
// without what is not of the configuration.
func (s Sources) Portable() Sources {
	flags := map[string][]string{}
	for name, values := range s.Flags {
		p, ok := config.Lookup(name)
		if !ok {
			continue
		}
		flags[name] = slices.Clone(values)
		for i, value := range values {
			if path, err := filepath.Abs(value); p.File && err == nil {
				flags[name][i] = path
			}
		}
	}
	s.Flags, s.Env = flags, maps.Clone(s.Env)
	for _, p := range config.Parameters() {
		name := p.Env()
		if value, given := s.Env[name]; given && p.File {
			if path, err := filepath.Abs(value); err == nil {
				s.Env[name] = path
			}
		}
	}
	info, err := os.Stat(s.Name)
	s.Live = err == nil && info.Mode().IsRegular() && s.File != "" && s.Name != StandardInput // nor a pipe
	if isDescriptor(s.Name) {
		s.Name = filepath.Base(s.Name)
	}
	// Paths in the file are beside it.
	if name, err := filepath.Abs(s.Name); err == nil {
		s.Name = name
	}
	return s
}

// with returns the sources with flags that outweigh those that were given before.
func (s Sources) with(flags map[string][]string) Sources {
	all := map[string][]string{}
	maps.Copy(all, s.Flags)
	maps.Copy(all, flags)
	s.Flags = all
	return s
}

// noting is a Getenv that notes what it gave.
func (s *Sources) noting(getenv func(string) string) func(string) string {
	s.Env = map[string]string{}
	return func(name string) string {
		value := getenv(name)
		if value != "" {
			s.Env[name] = value
		}
		return value
	}
}

// read reads the configuration of a session. warn is told why its file is ignored.
func (s Sources) read(ctx context.Context, warn func(format string, args ...any)) (*config.Config, error) {
	return config.Load(config.Sources{
		Name: s.Name, File: s.file(ctx, warn), Flags: s.Flags, Require: []string{"issuer", "client_id"},
		Getenv: func(name string) string { return s.Env[name] },
	})
}

// file is the file of the configuration as it is now, if nobody else can have changed it:
// nobody names it, and it says where the secrets go.
func (s Sources) file(ctx context.Context, warn func(format string, args ...any)) []byte {
	kept := []byte(s.File)
	if !s.Live {
		return kept
	}
	data, err := run.Await(ctx, s.Name, func() ([]byte, error) { return durable.Read(s.Name, limit.File) })
	var others *durable.OthersError
	if errors.As(err, &others) || err == nil {
		err = durable.Exposed(s.Name) // of a group's writing there is only a warning
	}
	switch {
	case errors.As(err, &others) && others.Group:
		warn("%s %s, but %v", s.Name, WhereSecretsGo, err)
		return data
	case errors.As(err, &others) && !bytes.Equal(data, kept):
		warn("%s was changed, and does not count: %v", s.Name, err)
	}
	if err != nil {
		return kept
	}
	return data
}
