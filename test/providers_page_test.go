package test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// docs/providers.md can be followed as written: every configuration file is valid, every command
// line is one that the program takes, and names a file that the page shows.
func TestRecipes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/providers.md")
	check(t, err)
	folder := recipeFolder(t)
	env := map[string]string{
		"GOOGLE_CLIENT_SECRET": "a-secret", "GITHUB_CLIENT_SECRET": "a-secret", "AUTH0_CLIENT_SECRET": "a-secret",
		"COMPANY_CLIENT_SECRET": "a-secret", "HOME": folder,
	}
	shown := map[string]bool{"registered.yaml": true} // register create writes it
	blocks := regexp.MustCompile("(?s)```yaml\n# (\\S+)\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	for _, block := range blocks {
		name := block[1]
		if shown[name] {
			t.Errorf("%s is shown twice", name)
		}
		shown[name] = true
		file := filepath.Join(folder, name)
		text := strings.ReplaceAll(block[2], "/var/run/secrets/azure/tokens/", "") // here, it is in the folder
		check(t, os.WriteFile(file, []byte(text), 0o600))
		if code, _, errs := runProgramIn(env, []string{"config", "validate", file}, ""); code != 0 {
			t.Errorf("%s: exit %d\n%s", name, code, errs)
		}
	}
	if n := strings.Count(string(text), "```yaml\n"); len(shown)-1 != n || n < 20 {
		t.Errorf("%d YAML blocks, of which %d begin with a comment that names a file", n, len(shown)-1)
	}
	commands := regexp.MustCompile(`(?m)^\$ (.*)$`).FindAllStringSubmatch(string(text), -1)
	if len(commands) < 30 {
		t.Errorf("%d command lines", len(commands))
	}
	for _, line := range commands {
		command, _, _ := strings.Cut(line[1], " > ")
		args := strings.Fields(command)
		switch args[0] {
		case "umask":
			continue
		case "oidc-client":
		default:
			t.Errorf("%s: not a command line of the program", command)
			continue
		}
		if code, _, errs := runProgramIn(env, append(args[1:], "--help"), ""); code != 0 {
			t.Errorf("%s: exit %d\n%s", command, code, errs)
		}
		for i, arg := range args {
			if arg == "-c" && !shown[args[i+1]] {
				t.Errorf("%s: the page does not show %s", command, args[i+1])
			}
		}
	}
}

// recipeFolder returns a folder with the keys and the certificate that the recipes name.
func recipeFolder(t *testing.T) string {
	t.Helper()
	p := &npmProvider{t: t, folder: t.TempDir()}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	p.writeKey("key.pem", key)
	p.writeKey("ps256.pem", key)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	p.write("certificate.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	p.write("azure-identity-token", []byte("e30.e30.c2ln"))
	return p.folder
}
