// The file of users, clients, lifetimes and keys.

package provider

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// ReadFile reads options from YAML. The files it names are beside folder, and
// read by read.
func ReadFile(data []byte, folder string, read func(path string) ([]byte, error)) (Options, error) {
	var f struct {
		Users                []User        `yaml:"users"`
		Clients              []Client      `yaml:"clients"`
		Auto                 bool          `yaml:"auto"`
		JWTAccessTokens      bool          `yaml:"jwt_access_tokens"`
		AccessTokenLifetime  time.Duration `yaml:"access_token_lifetime"`
		IDTokenLifetime      time.Duration `yaml:"id_token_lifetime"`
		RefreshTokenLifetime time.Duration `yaml:"refresh_token_lifetime"`
		SigningKey           string        `yaml:"signing_key"`
		PollInterval         time.Duration `yaml:"poll_interval"`
		ApproveAfter         time.Duration `yaml:"approve_after"`
		Password             bool          `yaml:"password"`
		SAML                 bool          `yaml:"saml"`
		DPoPNonces           bool          `yaml:"dpop_nonces"`
		Registration         bool          `yaml:"registration"`
		RegistrationToken    string        `yaml:"registration_token"`
		FAPI2                string        `yaml:"fapi2"`
		PKCEOptional         bool          `yaml:"pkce_optional"`
		NoSilentLogin        bool          `yaml:"no_silent_login"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return Options{},
			errors.New(strings.NewReplacer(" in type provider.User", " of a user", " in type provider.member",
				" of a client", "yaml: unmarshal errors:\n  ", "").Replace(err.Error()))
	}
	o := Options{
		Users: f.Users, Clients: f.Clients, Auto: f.Auto, JWTAccessTokens: f.JWTAccessTokens,
		AccessTokenLifetime: f.AccessTokenLifetime, IDTokenLifetime: f.IDTokenLifetime,
		RefreshTokenLifetime: f.RefreshTokenLifetime,
		PollInterval:         f.PollInterval, ApproveAfter: f.ApproveAfter, Password: f.Password, SAML: f.SAML,
		DPoPNonces:   f.DPoPNonces,
		Registration: f.Registration, RegistrationToken: f.RegistrationToken, FAPI2: f.FAPI2,
		PKCEOptional: f.PKCEOptional, NoSilentLogin: f.NoSilentLogin,
	}
	if f.SigningKey == "" {
		return o, nil
	}
	if !filepath.IsAbs(f.SigningKey) {
		f.SigningKey = filepath.Join(folder, f.SigningKey)
	}
	var err error
	o.SigningKey, err = read(f.SigningKey)
	return o, err
}
