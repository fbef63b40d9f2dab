//go:build unix

package test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// exposures are ways in which another user can change a file, and what is said of each. Only
// root can give a file away.
func exposures() map[string]struct {
	expose func(file string) error
	says   string
} {
	all := map[string]struct {
		expose func(file string) error
		says   string
	}{
		"a file of everybody": {
			func(file string) error { return os.Chmod(file, 0o666) }, "others can write to it (mode 0666)",
		},
		"a folder of everybody": {
			func(file string) error { return os.Chmod(filepath.Dir(file), 0o777) }, "others can write to the folder",
		},
	}
	if os.Geteuid() == 0 {
		all["another's file"] = struct {
			expose func(file string) error
			says   string
		}{func(file string) error { return os.Chown(file, 65534, 65534) }, "it belongs to another user"}
	}
	return all
}

// The CA, key and certificate files that a configuration names are refused if another user can
// change them, and the provider is not asked for anything. In a folder like /tmp they are fine.
func TestFilesOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	pem, err := s.keys["ES256"].PEM()
	check(t, err)
	for _, key := range []string{
		"ca_cert", "private_key", "tls_client_certificate", "tls_client_key", "decryption_key",
		"dpop_key",
	} {
		for name, way := range exposures() {
			folder := filepath.Join(s.folder, key, name)
			check(t, os.MkdirAll(folder, 0o700))
			file := filepath.Join(folder, "file.pem")
			check(t, os.WriteFile(file, pem, 0o600))
			check(t, way.expose(file))
			lines := []string{key + ": " + file}
			if key == "tls_client_key" {
				lines = append(lines, "tls_client_certificate: "+filepath.Join(s.folder, "ES256.pem"))
			}
			before := len(s.op.Recorded())
			code, out, errs := s.run("client-credentials", "-c", s.config("app", lines...), "--format", "json")
			if code != 2 || !strings.Contains(out, `"kind": "config"`) || !strings.Contains(out, way.says) ||
				!strings.Contains(out, key) || !strings.Contains(out, `"hint"`) {
				t.Errorf("%s, %s: exit %d\n%s\n%s", key, name, code, errs, out)
			}
			if n := len(s.op.Recorded()) - before; n > 0 {
				t.Errorf("%s, %s: the provider was asked %d times", key, name, n)
			}
		}
	}
	sticky := filepath.Join(s.folder, "sticky")
	check(t, os.Mkdir(sticky, 0o700))
	check(t, os.Chmod(sticky, 0o777|fs.ModeSticky))
	check(t, os.WriteFile(filepath.Join(sticky, "file.pem"), pem, 0o600))
	s.ok("client-credentials", "-c",
		s.config("app", "private_key: sticky/file.pem", "auth_method: client_secret_basic"))
}

// A configuration file that another user can change is warned of, and used.
func TestConfigurationOfOthersIsWarnedOf(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for name, way := range exposures() {
		folder := filepath.Join(s.folder, name)
		check(t, os.Mkdir(folder, 0o700))
		file := filepath.Join(folder, "config.yaml")
		check(t, os.Rename(s.config("app"), file))
		check(t, way.expose(file))
		code, _, errs := s.run("client-credentials", "-c", file)
		if code != 0 || !strings.Contains(errs, "WARN") ||
			!strings.Contains(errs, "decides where secrets are sent, but "+way.says) {
			t.Errorf("%s: exit %d\n%s", name, code, errs)
		}
	}
	for name, way := range exposures() {
		folder := filepath.Join(s.folder, name, "more")
		check(t, os.Mkdir(folder, 0o700))
		file := filepath.Join(folder, "file.json")
		check(t, os.WriteFile(file, []byte(`{"keys":[]}`), 0o600))
		check(t, way.expose(file))
		_, _, errs := s.run("jwt", "verify", "x", "--jwks", file, "--issuer", s.op.Issuer)
		if !strings.Contains(errs, "file.json decides which signatures are valid, but ") {
			t.Errorf("--jwks, %s: %s", name, errs)
		}
		_, _, errs = s.run("register", "read", "--registration", file)
		if !strings.Contains(errs, "file.json decides where secrets are sent, but ") {
			t.Errorf("--registration, %s: %s", name, errs)
		}
	}
	if code, _, errs := s.run("client-credentials", "-c", s.config("app")); code != 0 ||
		strings.Contains(errs, "WARN") {
		t.Errorf("exit %d\n%s", code, errs)
	}
}

// The files of a session are looked at again each time that it is refreshed.
func TestSessionFilesOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for name, way := range exposures() {
		folder := filepath.Join(s.folder, name)
		check(t, os.Mkdir(folder, 0o700))
		pem, err := s.keys["ES256"].PEM()
		check(t, err)
		file := filepath.Join(folder, "file.pem")
		check(t, os.WriteFile(file, pem, 0o600))
		s.ok("client-credentials", "-c", s.config("app", "auth_method: client_secret_basic"), "--pem-key", file,
			"--save", "work", "--replace")
		check(t, way.expose(file))
		before := len(s.op.Recorded())
		for _, args := range [][]string{{"sessions", "refresh", "work"}, {"sessions", "logout", "work"}} {
			if code, _, errs := s.run(args...); code != 2 || !strings.Contains(errs, way.says) ||
				!strings.Contains(errs, "nothing was sent") {
				t.Errorf("%s: %v: exit %d\n%s", name, args, code, errs)
			}
		}
		if n := len(s.op.Recorded()) - before; n > 0 {
			t.Errorf("%s: the provider was asked %d times", name, n)
		}
	}
}
